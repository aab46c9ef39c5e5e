/* SPDX-License-Identifier: MIT */
#ifndef RT_CONN_H
#define RT_CONN_H

/*
 * A connection: a socket on one loop, what is still to be written to it, and the protocol that
 * speaks on it. At rest it holds no buffer and no parser. conn_close is its only ending.
 *
 * Output is a list of pieces: slices of shared blocks, or private bytes. They are written in the
 * loop's flush with one writev. If the socket does not take all of them, the piece in flight is
 * kept up to the end of its message, everything behind it is handed back to its owners (see
 * conn_owner_ops), and nothing more is taken until the rest is out.
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "net/loop.h"
#include "net/transport.h"
#include "str.h"

struct conn;

/** Why a connection ended; counted per loop. */
enum conn_end {
	CONN_EOF,		/* the peer closed */
	CONN_RESET,		/* the peer reset, or a write failed */
	CONN_DONE,		/* we were done with it */
	CONN_PROTOCOL,		/* the peer broke the protocol; it was told */
	CONN_TIMEOUT_HEAD,	/* no complete request head in time */
	CONN_TIMEOUT_BODY,	/* no complete body in time */
	CONN_TIMEOUT_IDLE,	/* kept alive for long enough */
	CONN_DEAD,		/* no TCP progress for two heartbeats */
	CONN_SLOW,		/* --slow close, or answers that nobody reads */
	CONN_NOMEM,
	CONN_DRAIN,		/* the server is going down */
	CONN_REFUSED,		/* over a limit, at accept */
	CONN_MAX_AGE,		/* --max-stream */
};

const char *conn_end_name(enum conn_end e);

struct conn_limits {
	unsigned max_connections;	/* on all loops together */
	unsigned max_per_address;	/* 0: no limit */
	uint32_t max_head;		/* bytes of a request line and header fields */
	unsigned max_fields;
	uint64_t head_ms, body_ms;	/* body_ms: without any progress of the body */
	uint64_t idle_ms;		/* keep-alive */
	uint64_t heartbeat_ms;		/* silence of TCP over two of these is death */
	unsigned max_pipelined;		/* 64 */
	size_t max_output;		/* bytes queued per connection and turn, 256 KiB */
	uint32_t max_message;		/* WebSocket message, unpacked */
};

struct conn_owner;

/** Whoever queues shared slices. */
struct conn_owner_ops {
	/**
	 * Of what (owner) queued, only messages up to and including the one known as (last) went out or
	 * will; the others were dropped. last == NULL: none of what was queued in this turn.
	 * Nothing more is taken until drained().
	 */
	void (*stalled)(struct conn_owner *o, void *last);
	/** Everything is out after a stall: there is room again. */
	void (*drained)(struct conn_owner *o);
};

/** A queue entry belongs to one of these; embedded in its owner (a stream, a WebSocket session). */
struct conn_owner {
	const struct conn_owner_ops *ops;
	struct conn_owner *next;	/* the connection's; NULL: it does not wait for drained() */
};

/**
 * Queue the slice, by reference. False: the connection is full or stalled; nothing was taken, and
 * (owner) will be told drained(). Marks the connection dirty; writes nothing now.
 */
bool conn_queue(struct conn *c, struct slice s, struct conn_owner *owner);

/**
 * Queue private bytes (copied), whole, in order with the rest: never dropped by a stall. For
 * control frames, heads and answers. 0, or -1 without memory (the connection then ends).
 */
int conn_write(struct conn *c, const void *p, size_t n);

/** Forget (o) before it is freed; pieces it queued still go out. */
void conn_forget_owner(struct conn *c, struct conn_owner *o);

/** The only ending: stops everything now, frees in this turn's flush. Pending output is dropped. */
void conn_close(struct conn *c, enum conn_end why);

/** Close once all output is out, reading nothing more (lingering a little so that it arrives). */
void conn_close_after_flush(struct conn *c, enum conn_end why);

struct loop *conn_loop(const struct conn *c);
bool conn_stalled(const struct conn *c);
size_t conn_pending(const struct conn *c);

struct conn_info {
	uint64_t id;			/* of the connection, never given twice */
	uint64_t since_ms;		/* Unix */
	uint64_t bytes_in, bytes_out;
	char peer[64];			/* "127.0.0.1:5555", "[::1]:5555", "unix" */
	char address[48];		/* without the port; what limits count */
	uint32_t unacked, rtt_us;	/* TCP_INFO, only if asked for */
};
void conn_info(const struct conn *c, bool tcp_info, struct conn_info *out);

/** Is it one too many? Then its only request is to be refused with 503; it closes after the answer. */
bool conn_is_refused(const struct conn *c);

#endif
