/* SPDX-License-Identifier: MIT */
#ifndef RT_BENCH_CONN_H
#define RT_BENCH_CONN_H

/*
 * A connection of a subscriber or a publisher: connects, reads, takes HTTP and WebSocket framing off, and
 * hands up what is in it, in place. At rest it holds no buffer: all of a thread read into one, and only
 * what is incomplete is kept until the rest is there.
 */
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "str.h"
#include "wire/answer.h"
#include "wire/frame.h"
#include "wire/target.h"

struct worker;
struct conn;

enum conn_end {
	CONN_CONNECT,		/* could not be made; errno says why */
	CONN_CLOSED,		/* the peer closed it */
	CONN_BROKEN,		/* reading or writing failed; errno says why */
	CONN_PROTOCOL,		/* what came is no HTTP or no WebSocket */
	CONN_TOO_LONG,		/* an event, head, body or frame is longer than --max-event */
};

/*
 * Each may close the connection, but not open it anew: what was read of the old one may still be at hand.
 * Times are of when the bytes were read; strings die when the call returns, but what was in
 * none of them is there until after() returns.
 */
struct conn_ops {
	void (*connected)(struct conn *c);
	/** The head of an answer; after a 101 messages follow. */
	void (*head)(struct conn *c, struct str head, uint64_t now);
	/** Bytes of a body: returns how many are done with; the rest is given again, with what follows. */
	size_t (*data)(struct conn *c, struct str data, uint64_t now);
	/** The end of the answer, with what was not done with. */
	void (*end)(struct conn *c, struct str rest, uint64_t now);
	/** A message of a WebSocket; pings are answered already. (opcode) is of its first frame. */
	void (*message)(struct conn *c, unsigned opcode, struct str data, uint64_t now);
	/**
	 * A frame or a chunk begins the (n) bytes at (p). If it and what is in it are known, and done with by
	 * that: its length; else 0, and it is taken apart. NULL: none is.
	 */
	size_t (*known)(struct conn *c, const char *p, size_t n, uint64_t now);
	/** What data() or message() was just given is all that is in (wire), which known() would be given. */
	void (*framed)(struct conn *c, struct str wire);
	/** All that one read of (n) bytes brought has been handed up. The connection may be closed. */
	void (*after)(struct conn *c, size_t n, uint64_t now);
	/** After conn_want_write: it can be written to. */
	void (*writable)(struct conn *c);
	/** It has ended, though nobody wanted it. It is closed already. */
	void (*lost)(struct conn *c, enum conn_end how);
};

struct conn {
	ev_io io;
	struct worker *w;
	const struct conn_ops *ops;
	char *rest;		/* what is incomplete, nrest bytes; NULL if there are none */
	uint32_t nrest, rest_cap;
	uint32_t nunframed;	/* so many of them have no framing any more */
	struct answer answer;
	int fd;			/* -1: closed */
	uint8_t opcode;		/* of the message that nunframed belongs to */
	bool connecting, upgraded, in_message, paused;
};

/** Make it closed. */
void conn_init(struct conn *c, struct worker *w, const struct conn_ops *ops);

/** Begin to connect to (t); connected() or lost() follow, the latter perhaps at once. */
void conn_open(struct conn *c, const struct target *t);

/** Close it, if it is not; nothing is called any more. */
void conn_close(struct conn *c);

/** What came is longer than --max-event: it is lost(). */
void conn_refuse(struct conn *c);

/** Write what has to fit at once, as a request does. Otherwise the connection is lost(): false. */
bool conn_write(struct conn *c, struct str s);

/** Call writable() as soon as it can be written to; or no more. */
void conn_want_write(struct conn *c, bool want);

/** Stop reading, or go on. */
void conn_pause(struct conn *c, bool pause);

static inline bool conn_is_open(const struct conn *c)
{
	return c->fd >= 0;
}

#endif
