/* SPDX-License-Identifier: MIT */
#ifndef RT_HTTP_H
#define RT_HTTP_H

/*
 * HTTP as the layer above sees it, whatever version is on the wire: an exchange is one request and
 * its answer. HTTP/1.1 (RFC 9112) now; HTTP/2 streams will be exchanges too.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/conn.h"
#include "str.h"

struct exchange;

struct http_field {
	struct str name, value;		/* name in any case when sending, lower case when received */
};

/** A request head. Dies when the request() callback returns: copy what is needed later. */
struct http_request {
	struct str method, target;	/* as sent */
	struct str path, query;		/* of the target, still percent-encoded; query.p NULL: no '?' */
	const struct http_field *fields;
	unsigned nfields;
	bool http10;
	bool upgrade_websocket;		/* a correct RFC 6455 handshake up to here */
	bool has_body;
	int64_t content_length;		/* -1: chunked or none */
};

/**
 * Value of a field by lower-case name; several are joined by the first only. p == NULL: absent. Here,
 * so that the length of the name is known when it is compiled: most requests have few of those that
 * are asked for.
 */
static inline struct str http_field(const struct http_request *r, const char *name)
{
	struct str wanted = str_of(name);

	for (unsigned i = 0; i < r->nfields; i++)
		if (str_eq(r->fields[i].name, wanted))
			return r->fields[i].value;
	return STR_NULL;
}

/** How often the field occurs. */
unsigned http_field_count(const struct http_request *r, const char *name);

/** What the layer above does with an exchange; the exchange's (user) is its state. */
struct exchange_ops {
	/** A piece of the request's body. May be NULL if a body is not expected (it is discarded). */
	void (*body)(struct exchange *x, const uint8_t *p, size_t n);
	void (*body_end)(struct exchange *x);
	/** The peer closed its sending side while the answer is still open (ends a long poll). May be NULL:
	 *  then the answer goes on (half-close: `curl` and `nc -N` may do so). */
	void (*peer_eof)(struct exchange *x);
	/**
	 * The exchange is over, for whatever reason, before or after a complete answer; free the state.
	 * Called once, between two requests of a connection or at the end of a turn after the hooks and
	 * before the flush, never from within another call. Until then the exchange takes calls and
	 * ignores them; afterwards it is gone.
	 */
	void (*closed)(struct exchange *x, enum conn_end why);
	/** See exchange_alarm. May be NULL if that is never called. */
	void (*alarm)(struct exchange *x);
};

/** The table of functions that the layer above gives to a listener. */
struct http_handler {
	/** A complete head. Must set the ops with exchange_accept, or answer at once, or both. */
	void (*request)(struct exchange *x, const struct http_request *r, void *arg);
	/** May this request start while earlier ones on its connection are unanswered? */
	bool (*may_overlap)(const struct http_request *r, void *arg);
	/** A request that never became one: for the access log and counters. May be NULL. */
	void (*malformed)(struct conn *c, unsigned status, const char *why, void *arg);
	/** Body of the error answer that net itself gives (400, 408, 413, 414, 431, 501, 505): appended
	 *  problem+json by the layer above. Content type in *type. */
	size_t (*problem)(unsigned status, const char *why, char *dst, size_t cap, const char **type);
	/** The exchange is over, after its closed(); a WebSocket's is over with the 101. For the access
	 *  log: exchange_note, _status and _bytes are still there. May be NULL. */
	void (*finished)(struct exchange *x, enum conn_end why, void *arg);
	void *arg;
};

/** One pointer for the handler itself, kept until finished(); NULL at first. (arg) is the handler's. */
void exchange_set_note(struct exchange *x, void *note);
void *exchange_note(const struct exchange *x);

/** The reason phrase of a status, "Not Found"; never NULL. */
const char *http_reason(unsigned status);

void exchange_accept(struct exchange *x, const struct exchange_ops *ops, void *user);
void *exchange_user(const struct exchange *x);
struct conn *exchange_conn(const struct exchange *x);
struct loop *exchange_loop(const struct exchange *x);

/**
 * Stop and go on delivering the body (backpressure: the socket is not read meanwhile). A client that
 * waits for 100 Continue gets it after request(), unless the body is paused or an answer is made.
 */
void exchange_pause(struct exchange *x, bool pause);

/**
 * Call alarm() in (after_ms), within 10 ms, unless the answer is complete by then. There is one at a
 * time: a later call moves it. It shares the timer of the connection, so that a quiet stream has one.
 */
void exchange_alarm(struct exchange *x, uint64_t after_ms);

/**
 * Whole answer with its length. HEAD is handled here. (body) is copied. Answers leave in order of
 * the requests.
 */
void exchange_respond(struct exchange *x, unsigned status, const struct http_field *fields,
	unsigned nfields, struct str body);

/** Begin an answer of unknown length. Adds Date, Transfer-Encoding or Connection as needed. */
void exchange_begin(struct exchange *x, unsigned status, const struct http_field *fields, unsigned nfields);

/** Must stream bytes carry chunk framing (HTTP/1.1), or go raw (HTTP/1.0; later HTTP/2)? */
bool exchange_chunked(const struct exchange *x);

/** After exchange_begin: queue bytes that carry the framing already; as conn_queue. */
bool exchange_queue(struct exchange *x, struct slice s, struct conn_owner *owner);

/** After exchange_begin: private bytes, framed here, never dropped. 0 or -1. */
int exchange_write(struct exchange *x, struct str bytes);

/** End of a streamed answer. The connection goes on to its next request. */
void exchange_end(struct exchange *x);

/** Close the connection after this answer ("Connection: close"). Before respond or begin. */
void exchange_close_after(struct exchange *x);

/** Break it off: the peer sees a truncated answer. */
void exchange_abort(struct exchange *x, enum conn_end why);

/** Status and body bytes sent so far, for the access log. */
unsigned exchange_status(const struct exchange *x);
uint64_t exchange_bytes(const struct exchange *x);

/** Length of chunk framing for (n) bytes of content, and writing its head; the tail is "\r\n". */
#define HTTP_CHUNK_HEAD_MAX 10
size_t http_chunk_head(uint8_t dst[HTTP_CHUNK_HEAD_MAX], size_t n);

#endif
