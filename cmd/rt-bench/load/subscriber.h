/* SPDX-License-Identifier: MIT */
#ifndef RT_SUBSCRIBER_H
#define RT_SUBSCRIBER_H

/*
 * One who listens: keeps a connection, comes back where it stood when that ends, and judges what it gets.
 * How it asks and what is an event is up to its transport, a table of functions.
 */
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "figures/result.h"
#include "judge/judge.h"
#include "load/conn.h"
#include "str.h"

struct subscriber;

/* As of struct conn_ops; heads of answers that refuse are not handed on, nor their bodies. */
struct subscribe_ops {
	/** It is connected: send the question. */
	void (*ask)(struct subscriber *s);
	void (*head)(struct subscriber *s, struct str head, uint64_t now);
	size_t (*data)(struct subscriber *s, struct str data, uint64_t now);
	/** NULL: streams do not end. */
	void (*end)(struct subscriber *s, struct str rest, uint64_t now);
	void (*message)(struct subscriber *s, unsigned opcode, struct str data, uint64_t now);
	/** Its timer fired while it was live; NULL: it sets none. */
	void (*timer)(struct subscriber *s);
	/** It has ended: may that be? Then it will connect again when it has a question. NULL: it may not. */
	bool (*may_end)(struct subscriber *s);
};

extern const struct subscribe_ops subscribe_sse, subscribe_ws, subscribe_ndjson;
extern const struct subscribe_ops subscribe_poll;	/* long polls, too */

enum subscriber_state {
	SUBSCRIBER_IDLE,	/* has not begun */
	SUBSCRIBER_OPENING,	/* connects, or waits until it is live; the timer limits that */
	SUBSCRIBER_WAITING,	/* to connect again, by the timer */
	SUBSCRIBER_LIVE,	/* what is published from now on has to come */
	SUBSCRIBER_GAVE_UP,	/* never got there */
};

struct subscriber {
	struct conn conn;
	ev_timer timer;
	const struct subscribe_ops *ops;
	struct ledger *ledger;
	char *cursor;			/* where it stands; of polls of other servers: fields that say it */
	uint64_t began_ns;		/* to connect */
	uint64_t left_ns;		/* when its last connection ended; 0: it is back, or has never been */
	uint64_t counts_from_ns;	/* what was due before does not count in latency */
	uint64_t next_ns;		/* of polls: next question; 0: not asked yet */
	uint32_t ngathered;		/* of polls: events of this answer so far */
	uint32_t number;
	uint32_t first_topic;
	uint16_t ncursor, cursor_cap;
	uint8_t state, transport, tries;
	bool answered;			/* on this connection */
	bool refused;			/* this answer, so that its body says why */
	bool asked;			/* of polls: the answer is on its way */
	bool was_ready;
	bool away;			/* it wanted to end the connection */
	bool stranded;			/* it cannot come back, for want of something on this side */
	bool slow;
	bool suspect;
};

/** Make number (number), which begins by itself never. 0, or -1 without memory. */
int subscriber_init(struct subscriber *s, struct worker *w, uint32_t number, enum transport t);
void subscriber_fini(struct subscriber *s);

/** Connect. */
void subscriber_start(struct subscriber *s);

/** End the connection, and come back as the configuration says. Nothing if it is not live. */
void subscriber_leave(struct subscriber *s, uint64_t now);

/** Its connection has ended, though nobody wanted it, and there is no new one. */
bool subscriber_is_gone(const struct subscriber *s);

/** Stop reading, or go on. */
void subscriber_stall(struct subscriber *s, bool stall);

/* --- for transports --------------------------------------------------------------------------- */

/** It is live from (now) on: its cursor is known, or will not be. */
void subscriber_ready(struct subscriber *s, uint64_t now);

/** The timer of a live one, in (ns); no timer. */
void subscriber_timer(struct subscriber *s, uint64_t ns);
void subscriber_stop_timer(struct subscriber *s);

/** Connect again to ask, though it is live. */
void subscriber_reopen(struct subscriber *s);

/** The connection took too long. */
void subscriber_late(struct subscriber *s);

/**
 * The server sends what it should not: complain, and treat it as a broken connection. Of one that was live
 * it counts as corrupt, too: it comes back and misses nothing, so that nothing else would tell.
 */
void subscriber_malformed(struct subscriber *s, const char *what);

/** Where it stands, for a question; p == NULL: not known. */
struct str subscriber_cursor(const struct subscriber *s);

/** Keep where it stands. */
void subscriber_set_cursor(struct subscriber *s, struct str cursor);

/** The fields of its group in the current tally. */
struct result_group *subscriber_group(const struct subscriber *s);

#endif
