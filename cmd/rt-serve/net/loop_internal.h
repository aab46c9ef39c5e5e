/* SPDX-License-Identifier: MIT */
#ifndef RT_LOOP_INTERNAL_H
#define RT_LOOP_INTERNAL_H

/*
 * A loop as the files of net/ see it: its lists of connections and the pools that lend buffers
 * and parsers to those that are not at rest.
 */
#include <stdatomic.h>
#include <sys/uio.h>

#include "buf.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/timer.h"

struct exchange;
struct flush;
struct input;
struct output;
struct ws_reader;

#define LOOP_IOVS 1024		/* IOV_MAX of Linux */

#define LOOP_SCRATCH (1 << 20)	/* an answer's head cannot be longer */

/** Memory lent out and taken back: (n) are here, (lent) are in use. */
struct pool {
	void *free;
	unsigned n, lent;
};

struct loop {
	struct ev_loop *ev;
	ev_check check;		/* first in a turn: the clock */
	ev_prepare prepare;	/* last: everything else */
	ev_async async;
	ev_timer timer;		/* for the wheel */
	ev_idle idle;		/* active: do not block */
	uint64_t timer_ms;	/* what (timer) is set to */

	_Atomic(struct loop_msg *) mail;	/* newest first */
	atomic_bool woken, stopped;

	unsigned index;
	void *user;
	bool (*hook)(struct loop *l);
	bool hook_due;		/* it is still to come in this turn */
	struct loop_deferred *deferred, **deferred_tail;
	unsigned ndeferred;
	uint64_t now_ms, unix_ms;
	struct wheel wheel;
	struct loop_stats stats;

	struct arena arena;	/* shared encodings */
	struct arena private;	/* conn_write */

	struct conn *conns;	/* all of them */
	struct conn *dirty;	/* to be written at the end of this turn */
	struct conn *early;	/* to be looked at when the next turn begins: writable, or drained */
	struct conn *closing;	/* their layers are still to be told */
	struct conn *dead;	/* to be freed after the flush */
	struct exchange *over;	/* answered or broken off: closed() is still to be called */
	struct exchange **over_tail;
	uint64_t nconns_ever;
	unsigned nrefused;	/* connections that only get their 503 */

	struct pool inputs, outputs, readers;
	struct loop_timer outputs_timer;	/* gives spare ones back */
	unsigned outputs_least;		/* so few were there since it was set */
	struct iovec iov[LOOP_IOVS];
	bool ring_wanted;
	struct flush *flush;	/* sends of a turn in one call: flush.c; NULL: one by one */
	struct http_field *fields;	/* of the head being parsed */
	unsigned capfields;
	struct buf scratch;		/* heads and frames are put together here */
	char date[32];			/* for the Date field, of (date_s) */
	uint64_t date_s;
	struct accepting *accepting;	/* on the loop that accepts: see listener.c */
};

/**
 * A time of the loop of which only the lower half was kept, because there is one in each connection:
 * it is no further than 24 days from now, which no limit allows (config.c).
 */
static inline uint64_t loop_time(const struct loop *l, uint32_t low_ms)
{
	return l->now_ms + (uint64_t)(int64_t)(int32_t)(low_ms - (uint32_t)l->now_ms);
}

/* conn.c, called by a turn in this order. */
void conn_run_early(struct loop *l);
void conn_reap(struct loop *l);
void conn_flush_dirty(struct loop *l);
void conn_flush_fini(struct loop *l);
void conn_free_dead(struct loop *l);
bool conn_work_left(const struct loop *l);
void conn_close_all(struct loop *l);

/* Set the pools up; empty them, when the last connection is gone. */
void conn_pools_init(struct loop *l);
void conn_pools_free(struct loop *l);
void websocket_pool_free(struct loop *l);

#endif
