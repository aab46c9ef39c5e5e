/* SPDX-License-Identifier: MIT */
#ifndef RT_CONN_INTERNAL_H
#define RT_CONN_INTERNAL_H

/*
 * A connection as the files of net/ see it. At rest it is this struct and what its protocol keeps
 * (an exchange, a WebSocket): in and out are lent by the loop's pools while they are in use.
 */
#include <ev.h>
#include <llhttp.h>
#include <stdatomic.h>

#include "net/conn.h"
#include "net/http1_guard.h"
#include "net/loop_internal.h"

struct websocket;

#define INPUT_SIZE 16384	/* larger only for a request head */
#define INPUT_TURN 65536	/* bytes read from a connection in one callback */
#define OUTPUT_COPY 16384	/* a rest up to this is copied, so that it pins no block */
#define OUTPUT_STALLED 65536	/* behind a stall so much may wait before input is read no more */
#define LINGER_MS 2000
#define REFUSED_HEAD_MS 2000	/* for the request of a connection that is refused */

/** Input that is incomplete or may not be looked at yet. */
struct input {
	struct input *next;		/* in the pool */
	uint8_t *p;
	uint32_t off, len, cap;		/* unread: [off, len) */
	uint64_t since_ms;		/* first byte of a head; last progress of a body */
	struct loop_deferred again;	/* look at the bytes that are here, though no new ones came */
	struct conn *conn;

	/* HTTP/1.1 */
	enum { INPUT_HEAD, INPUT_BODY } state;
	struct http1_scan scan;		/* of an incomplete head */
	struct exchange *x;		/* whose body it is; NULL: to be discarded */
	bool waits;			/* this head may not overlap with what is unanswered */
	bool chunked, busy;
	uint64_t rest;			/* of a body with a length */
	struct http1_chunked framing;
	llhttp_t parser;
};

/** Bytes to be written. */
struct piece {
	struct block *block;
	struct conn_owner *owner;	/* NULL: nobody wants to know */
	uint32_t off, len;
	bool held;			/* has a reference of its own to the block */
	bool fixed;			/* not dropped by a stall */
};

struct output {
	struct output *next;		/* in the pool */
	struct piece *pieces;		/* &one, until there are more */
	unsigned n, cap;
	size_t bytes;			/* of all pieces */
	size_t turn_bytes;		/* queued by owners since the last flush */
	struct conn_owner *waiting;	/* for drained(): a ring, this is its last */
	unsigned nwaiting;
	bool stalled;
	bool drained;			/* a stall is over, or input waits for room: see conn_drained */
	struct piece one;		/* what a turn brings a subscriber is one run of bytes */
};

/** What speaks on a connection. All but input may be NULL. */
struct proto {
	const char *name;
	/** Bytes came to c->in, or it is to be looked at again: consume what can be. */
	void (*input)(struct conn *c);
	/** The peer closed its side; nothing more comes. */
	void (*eof)(struct conn *c);
	/** Output has room again. */
	void (*drained)(struct conn *c);
	/** Is there a reason not to read now? (Beyond a full buffer and stalled output.) */
	bool (*paused)(const struct conn *c);
	/** The earliest time something must have happened, UINT64_MAX: none; and that it has not. */
	uint64_t (*deadline)(const struct conn *c);
	void (*expired)(struct conn *c);
	/** The layer above wants a call then, UINT64_MAX: none; and that it is time. */
	uint64_t (*alarm_at)(const struct conn *c);
	void (*alarm)(struct conn *c);
	/** Is an answer open, so that the peer's life has to be watched? */
	bool (*open)(const struct conn *c);
	/** Each heartbeat while open, when TCP has acknowledged everything. */
	void (*heartbeat)(struct conn *c);
	/** It is over: tell the layer above and free what belongs to the protocol. */
	void (*closed)(struct conn *c, enum conn_end why);
};

/** What the connections of a listener share; one reference each. */
struct conn_env {
	atomic_uint refs;
	const struct conn_limits *limits;
	const struct http_handler *handler;
	const struct transport *transport;
	const struct proto *proto;		/* the first one */
	bool (*trusted)(void *arg, const struct sockaddr *peer);
	void *arg;
	struct accepting *accepting;		/* where connections are counted; NULL: nowhere */
};

void conn_env_unref(struct conn_env *env);
void accepting_unref(struct accepting *a);

struct peer {
	uint8_t addr[16];
	uint16_t port;
	uint8_t family;		/* AF_INET, AF_INET6 or AF_UNIX */
};

/* What an event for all touches comes first: it is done for each of them, and few are in the cache. */
struct conn {
	ev_io io;				/* its (data) is the transport's state */
	struct loop *loop;
	struct conn_env *env;
	struct output *out;
	struct conn *flush_next;		/* on the dirty or early list, if linked */
	uint64_t bytes_out;
	uint32_t active_ms;			/* begin of what deadlines count from; as loop_time */
	uint8_t why;				/* enum conn_end */
	uint8_t silent;				/* heartbeats in a row without a sign of life */
	bool linked : 1;			/* flush_next is in use */
	bool closing : 1, told : 1;
	bool ending : 1;			/* to be closed once all output is out */
	bool lingering : 1;			/* it is out, and we wait for the peer to close */
	bool eof : 1;
	bool fresh : 1;				/* no request yet */
	bool sent : 1;				/* bytes may be unacknowledged */
	bool limited : 1;			/* counted in max_connections */
	bool counted : 1;			/* counted for the address of (peer) */
	bool refused : 1;			/* one too many: its first request gets 503 */
	union {
		struct exchange *exchanges;	/* unanswered, oldest first */
		struct websocket *ws;
	};
	const struct proto *proto;
	struct input *in;
	union {
		struct loop_msg msg;		/* on its way to its loop */
		struct loop_timer timer;
		struct conn *closing_next;	/* on the closing or dead list */
	};
	struct conn *next, **prev;		/* of the loop */
	uint64_t id, since_ms, bytes_in;
	uint32_t beat_ms;			/* last look at the peer's life; as loop_time */
	struct peer peer;
};

extern const struct proto http1_proto, websocket_proto, proxy_proto;

/** A connection for (fd); NULL without memory. It is not on a loop yet. */
struct conn *conn_new(struct conn_env *env, int fd, const struct peer *peer);

/** Begin to read, on (l)'s thread. */
void conn_start(struct conn *c, struct loop *l);

/** Start and stop watchers as the state of (c) asks for. Nobody else does. */
void conn_update(struct conn *c);

/** The state changed: see that the timer fires when the next deadline is due. */
void conn_deadline(struct conn *c);

/** Look at the input that is here again, later in this turn. */
void conn_input_later(struct conn *c);

/** Let the input buffer grow to hold at least (n) bytes. 0 or -1. */
int input_grow(struct input *in, uint32_t n);

/** Put (c) on the dirty or early list of its loop; nothing moves it from one to the other. */
void conn_link(struct conn *c, struct conn **list);

/** Everything is written and the connection is ending: shut it down, and linger. */
void conn_shut(struct conn *c);

void output_give(struct loop *l, struct output *o);
void output_pool_init(struct loop *l);
void output_pool_free(struct loop *l);

/** Pieces queued so far go out whatever happens, though the socket stalls. */
void conn_fix_output(struct conn *c);

/** (owner) is told drained() when there is room again. */
void conn_wait(struct conn *c, struct conn_owner *owner);

/** Is so much output waiting that no more input should be turned into answers? */
bool conn_congested(const struct conn *c);

/** For the calls of c->env->transport. */
static inline void *conn_transport(const struct conn *c)
{
	return c->io.data;
}

/** Not alive any more: closing, or only flushing its last bytes. */
static inline bool conn_over(const struct conn *c)
{
	return c->closing || c->ending;
}

/** Add a finished exchange to those whose closed() is called soon: see exchange_ops. */
void exchange_retire(struct exchange *x, enum conn_end why);

/** In closed() of a protocol and the like: call the layer above and free. */
void exchange_reap(struct exchange *x);
struct exchange *exchange_next_over(struct loop *l);

/* listener.c: (c) counts for its address, unless that has too many; and does so no longer. */
bool conn_count_address(struct conn *c);
void conn_uncount(struct conn *c);

/**
 * There are too many connections. The first request on this one is still read, so that its answer
 * suits who asks; but if that is so for many, they get 503 without being heard.
 */
void conn_refuse(struct conn *c);

/** Answer 503 without waiting for a request, and close. */
void conn_refuse_unheard(struct conn *c);

/** How long the head of a request may take. */
uint64_t conn_head_ms(const struct conn *c);

struct tcp_info;
/**
 * Has TCP made no progress for two heartbeats though it tried? Dead: data is unacknowledged, was
 * sent again, and no ACK came; or window probes go unanswered. A closed window whose probes are
 * answered is a slow reader, not a dead one.
 */
bool conn_is_dead(const struct tcp_info *ti, uint64_t heartbeat_ms);

void peer_from_sockaddr(struct peer *p, const struct sockaddr *sa);
void peer_to_sockaddr(const struct peer *p, struct sockaddr_storage *ss);

#endif
