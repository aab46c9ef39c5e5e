/* SPDX-License-Identifier: MIT */
#ifndef RT_LOOP_H
#define RT_LOOP_H

/*
 * One event loop, one thread. A turn: callbacks of libev, then the turn hooks of the layer above
 * (which hand on what was committed), then one flush: every dirty connection is written once, and
 * what has ended is freed. Nothing is written, closed or freed in between.
 */
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "net/arena.h"

struct conn;
struct loop;

/** A message from another thread; embedded in what it is about. */
struct loop_msg {
	struct loop_msg *next;
	void (*run)(struct loop *l, struct loop_msg *m);
};

/** A coarse timer (10 ms), O(1) to arm and cancel, nothing while it waits. */
struct loop_timer {
	struct loop_timer *next, **prev;	/* in a slot of the wheel; prev == NULL: not armed */
	uint64_t due_ms;
	void (*fire)(struct loop *l, struct loop_timer *t);
};

/** Called once this turn, before the flush; embedded in its owner. */
struct loop_deferred {
	struct loop_deferred *next;
	bool queued;
	void (*run)(struct loop *l, struct loop_deferred *d);
};

struct loop_stats {
	uint64_t turns, flushes, writes, bytes_out, bytes_in, stalls;
	uint64_t ring_sends;		/* of the writes, by io_uring */
	uint64_t closed[16];	/* by enum conn_end */
};

/** A loop, number (index) of the server's, on no thread yet. NULL without memory or descriptors. */
struct loop *loop_new(unsigned index);
void loop_free(struct loop *l);

/**
 * After all of them have run, before the first is freed: deliver what is still in their mail. A
 * message may go on from loop to loop, so none of them can be missing yet.
 */
void loops_settle(struct loop *const *loops, unsigned n);

/**
 * Run until loop_stop; then every connection that is left is closed (CONN_DRAIN) and its layers are
 * told. loop_free does the same for what arrived later; no listener may use the loop by then.
 */
void loop_run(struct loop *l);

/**
 * Before loop_run: send with io_uring, where it can be had (see ring.h), when many connections are
 * written to in a turn.
 */
void loop_use_ring(struct loop *l, bool use);

/** Any thread: make loop_run return. */
void loop_stop(struct loop *l);

/** Any thread: (m)->run is called on the thread of (l), once. Until then (m) must stay. */
void loop_post(struct loop *l, struct loop_msg *m);

/** Any thread, also signal-safe: the loop calls its hook soon. Many calls are one wake-up. */
void loop_wake(struct loop *l);

/** The number it was made with, and what it is made of; (ev), (arena) and (stats) are its thread's. */
unsigned loop_index(const struct loop *l);
struct ev_loop *loop_ev(struct loop *l);
struct arena *loop_arena(struct loop *l);
struct loop_stats *loop_stats(struct loop *l);

/** For the layer above: its per-loop state. */
void loop_set_user(struct loop *l, void *user);
void *loop_user(const struct loop *l);

/**
 * Called in every turn before the flush; returning true asks for another turn at once.
 */
void loop_set_hook(struct loop *l, bool (*hook)(struct loop *l));

/** Monotonic milliseconds of this turn (cheap), and Unix milliseconds. */
uint64_t loop_now_ms(const struct loop *l);
uint64_t loop_unix_ms(const struct loop *l);

/**
 * A timer of (l)'s thread: (fire) runs once, up to 10 ms late, unless it is set anew or cancelled before.
 * Cancel it before its owner is freed.
 */
void loop_timer_init(struct loop_timer *t, void (*fire)(struct loop *l, struct loop_timer *t));
void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t after_ms);
void loop_timer_cancel(struct loop *l, struct loop_timer *t);
static inline bool loop_timer_armed(const struct loop_timer *t) { return t->prev != NULL; }

/** Have (d)->run called in this turn, before the flush; once, however often it is asked for. */
void loop_defer(struct loop *l, struct loop_deferred *d);

/** Not any more: before its owner is freed. */
void loop_undefer(struct loop *l, struct loop_deferred *d);

#endif
