/* SPDX-License-Identifier: MIT */
#ifndef RT_HUB_H
#define RT_HUB_H

/*
 * The hub: from the tail of the store to the subscriptions of one loop. It knows no socket and no
 * HTTP. There is one hub per loop, used on its thread alone; all follow the same store.
 *
 * The seam between catching up and live: a read that reached the end of the log says up to which
 * tail position it is complete; from then on the tail feeds the subscription, and positions up to
 * that one are skipped. Both come from one lock of the store, so nothing falls between.
 */
#include <stdbool.h>
#include <stdint.h>

#include "hub/subscription.h"

struct hub;

/** What the hub needs of its surroundings. */
struct hub_host {
	/** A read has finished on another thread: get hub_read_done(h, r) called on the hub's own. */
	void (*read_done)(void *arg, struct hub *h, struct read *r);
	/** The tail has moved: get hub_turn called soon on the hub's thread. Any thread. */
	void (*wake)(void *arg);
	void *arg;
};

struct hub_config {
	unsigned turn_events;	/* at most this many events per hub_turn; default 512 */
	unsigned page_events;	/* per read of a lagging subscription; default 256 */
	size_t page_bytes;	/* default 64 KiB */
	uint64_t gather_events;	/* most events or keys a gathering subscription holds; default 10,000 */
};

struct hub_stats {
	uint64_t subscriptions, live, lagging;	/* now */
	uint64_t events, deliveries;		/* since start */
	uint64_t lagged;			/* times a live one became full */
	uint64_t overruns;			/* times the tail was lost, with all live ones */
	uint64_t ephemeral_dropped;		/* per subscription that would have got it */
	uint64_t gaps;				/* announced */
};

/** A hub on (s). Registers with store_watch: before any traffic. NULL without memory. */
struct hub *hub_new(struct store *s, const struct hub_config *c, const struct hub_host *host);

/**
 * All subscriptions must have ended; reads in flight are waited for by store_close before this.
 * Frees those that were not given to hub_read_done: the host forgets them.
 */
void hub_free(struct hub *h);

/**
 * The list of (n) >= 1 checked names or patterns, shared with the subscriptions of this hub that
 * ask for the same: a reference for the caller. NULL without memory.
 */
struct filters *hub_filters(struct hub *h, const struct str *items, unsigned n);

/** Where a subscription begins: as struct read has it. Text is borrowed. */
struct hub_start {
	enum read_from from;
	struct str position;		/* cursor or id */
	struct str store;		/* identity the cursor came with; p == NULL: not told */
	uint64_t time_us, last;
	unsigned latest_max;		/* READ_LATEST: more than that end it with STORE_TOO_MANY */
};

struct hub_options {
	enum subscription_slow slow;
	uint64_t every_ms;	/* > 0: conflate, the newest of each topic and key a tick */
	uint64_t batch_ms;	/* > 0: gather, everything a tick */
	bool hold;		/* start as if full: wait for hub_ready before the first event */
};

/**
 * Subscribe (sub), zeroed or ended before, to (f) (takes its own reference). started() comes
 * before this returns or later. 0, or -1 without memory (and nothing is called).
 */
int hub_subscribe(struct hub *h, struct subscription *sub, const struct subscription_ops *ops,
	struct filters *f, const struct hub_start *start, const struct hub_options *o);

/**
 * Would a subscription to (f) find nothing between (start) and now, neither event nor gap? False: it
 * might. Whoever only asks whether something has come needs none then.
 */
bool hub_is_quiet(struct hub *h, const struct filters *f, const struct hub_start *start);

/** End it: no callback runs afterwards, (sub) may be freed. Not subscribed: does nothing. */
void hub_unsubscribe(struct hub *h, struct subscription *sub);

/**
 * The transport takes more: goes on delivering pages, a few at once and the rest in later turns.
 * Callbacks run within. What went before is settled: hub_rewind reaches back to here only. While
 * the subscription is not full this does nothing.
 */
void hub_ready(struct hub *h, struct subscription *sub);

/**
 * The transport took less than what event() was told: of all that (sub) was handed since the flush
 * before, only what came up to and including (last) went out, nothing if NULL. The rest will
 * come again after hub_ready. Call it in the flush that follows hub_turn, before (sub) is handed
 * anything else.
 */
void hub_rewind(struct hub *h, struct subscription *sub, const struct event *last);

/**
 * One turn: hand on what was committed since, bounded. True: there is more, call again soon.
 * The host calls it once in a turn of its loop, after everything else that hands on events, and
 * then flushes. What was handed on in that time, and the cursors before it, are held until the
 * next hub_turn (see hub_rewind).
 */
bool hub_turn(struct hub *h);

/** A tick of a gathering subscription (every=, batch=): hands on what it gathered. */
void hub_tick(struct hub *h, struct subscription *sub);

/** A read that finished elsewhere, now on the hub's thread: takes it over. Callbacks run within. */
void hub_read_done(struct hub *h, struct read *r);

/**
 * Cursor at which (sub) stands now, after all that was taken: appended to (b); nothing before
 * started(). 0 or -1 as buf_add.
 */
int hub_cursor(struct hub *h, const struct subscription *sub, struct buf *b);

/** What (sub) is subscribed to; NULL: nothing. */
const struct filters *hub_subscribed(const struct subscription *sub);

/** How far behind: tail positions not handed on yet; 0 while live. An estimate. */
uint64_t hub_lag(struct hub *h, const struct subscription *sub);

void hub_stats(const struct hub *h, struct hub_stats *out);

#endif
