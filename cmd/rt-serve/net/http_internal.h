/* SPDX-License-Identifier: MIT */
#ifndef RT_HTTP_INTERNAL_H
#define RT_HTTP_INTERNAL_H

/*
 * An exchange as the files of net/ see it. The oldest unanswered one of a connection writes to it
 * directly; those behind it put their answers into (held) until it is their turn.
 *
 * closed() is called between two requests of a connection or from the end of a turn, before the flush,
 * once for each exchange: never from within a call of the layer above. Until then an exchange that
 * is over takes calls and ignores them.
 */
#include "buf.h"
#include "net/conn_internal.h"
#include "net/http.h"

#define HELD_MAX (16 << 20)	/* answers that wait for their turn, per exchange */

/** Bytes of an answer that are not to be written yet. */
struct held {
	struct buf bytes;	/* if the exchange is (keyed): Sec-WebSocket-Key, before there is an answer */
	uint64_t sent;		/* as in struct exchange */
};

/** One of each open request: no byte is there that is not needed while nothing happens. */
struct exchange {
	struct conn *conn;
	struct exchange *next;		/* of the connection, in order; later on the loop's list (over) */
	const struct exchange_ops *ops;
	void *user;
	void *note;			/* the handler's, until finished() */
	union {
		struct held *held;	/* if (holds) */
		uint64_t sent;		/* content bytes of the answer */
	};
	uint32_t alarm_ms;		/* as loop_time; if (alarmed) */
	unsigned status : 10;
	unsigned why : 4;		/* enum conn_end */
	bool http10 : 1;
	bool head_only : 1;		/* HEAD */
	bool keep_alive : 1;		/* the client may send another request */
	bool overlaps : 1;		/* later requests may start before this one is answered */
	bool continues : 1;		/* the client waits for 100 Continue */
	bool paused : 1;		/* the body is not wanted now */
	bool begun : 1;			/* the answer's head is made */
	bool empty : 1;			/* the answer has no content, whatever is written */
	bool chunked : 1;
	bool complete : 1;		/* the answer is */
	bool close : 1;			/* the connection ends after the answer */
	bool eof_told : 1;
	bool over : 1;
	bool keyed : 1;
	bool holds : 1;
	bool alarmed : 1;
};

/** Call closed() of all that are over, and free them. Not within a call of the layer above. */
void exchange_reap_over(struct loop *l);

/** A new exchange behind the others of (c). NULL without memory: the connection ends. */
struct exchange *exchange_new(struct conn *c);

/** Wire bytes of the answer, in its turn. 0 or -1. */
int exchange_out(struct exchange *x, const void *p, size_t n);

/** Keep a WebSocket handshake's key until it is accepted. 0 or -1. */
int exchange_keep_key(struct exchange *x, struct str key);

/** Take (x), the only one of its connection, out of it: it has become something else. */
void exchange_convert(struct exchange *x);

/** When the first alarm of (c)'s exchanges goes off, UINT64_MAX: never; and let one that is due go off. */
uint64_t exchange_alarm_at(const struct conn *c);
void exchange_run_alarm(struct conn *c);

/** HTTP/1.1's part: see http1.c. */
int http1_head(struct exchange *x, unsigned status, const struct http_field *fields, unsigned nfields,
	int64_t length);
bool http1_body_unfinished(const struct exchange *x);
int http1_add_field(struct buf *b, struct http_field f);

/** Does (r) ask for a WebSocket? 0: no; 1: yes, correctly; 400 or 426: not correctly. */
int websocket_check(const struct http_request *r);

/** Is (token) in the comma-separated (list)? */
bool http_list_has(struct str list, const char *token);

/** Is it in that of any field called (name)? */
static inline bool http_has_token(const struct http_request *r, const char *name, const char *token)
{
	struct str wanted = str_of(name);

	for (unsigned i = 0; i < r->nfields; i++)
		if (str_eq(r->fields[i].name, wanted) && http_list_has(r->fields[i].value, token))
			return true;
	return false;
}

/** "Sun, 06 Nov 1994 08:49:37 GMT", made once a second; HTTP_DATE_LEN characters. */
#define HTTP_DATE_LEN 29
const char *http_date(struct loop *l);

#endif
