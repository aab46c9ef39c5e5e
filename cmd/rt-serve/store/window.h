/* SPDX-License-Identifier: MIT */
#ifndef RT_WINDOW_H
#define RT_WINDOW_H

/*
 * The newest events in memory, once, in commit order, in one budget of bytes; and the catalog of
 * topics. The embedded stores share it: for the memory store it is all there is, for SQLite it is
 * what needs no disk. One lock guards all of it; one writer changes it.
 *
 * Each event has a position in the tail, 1, 2, 3, …, ephemeral ones included. Reads go by the
 * order (the id as a number). An event leaves in one of two ways:
 *
 *   dropped   by retention: nobody can read it any more; its topic remembers the newest such order
 *   evicted   from memory only, when the store is backed by a disk
 *
 * A dropped event stays in its place until it is WINDOW_GRACE positions old, for those who follow
 * the tail; then the place becomes a hole. Every drop has a generation, so that readers can be told
 * what is missing exactly once.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/catalog.h"
#include "store/retention.h"
#include "store/store.h"

#define WINDOW_GRACE 8192

struct window_place {
	struct event *event;	/* a reference; NULL: a hole */
	uint64_t order;		/* stays when the event has gone; never decreases */
};

struct window_watcher {
	void (*wake)(void *arg);
	void *arg;
};

struct window {
	pthread_mutex_t lock;
	_Atomic uint64_t tail;		/* the newest position */
	struct window_place *ring;	/* position p is at p & (cap - 1) */
	size_t cap;
	size_t reserved;		/* places promised to staged events */
	uint64_t first;			/* the oldest position in memory; tail + 1 if none */
	size_t bytes, budget;
	bool backed;			/* what is evicted is still on disk */
	uint64_t begin;			/* nothing was ever stored up to this order */
	uint64_t last;			/* order of the newest event, or begin */
	uint64_t evicted;		/* the newest order that is only on disk */
	uint64_t floor;			/* no retained event has an order up to this */
	uint64_t drop_gen;		/* counts drops */
	uint64_t dropped_max;		/* the newest order that was dropped in any topic */
	uint64_t forgotten, forgotten_gen;	/* the same for topics that were forgotten */
	size_t dropped_recent;		/* dropped events that still have their place */
	struct catalog catalog;
	uint64_t max_topics, next_id;
	struct retention retention;
	uint64_t events, weight;	/* retained, over all topics */
	uint64_t expired;		/* events dropped since start */
	size_t rule_scan;		/* where window_expire goes on in catalog.all */
	struct window_watcher watchers[STORE_WATCHERS];
	unsigned nwatchers;
};

/** 0, or -1 without memory. */
int window_init(struct window *w, const struct store_config *c, bool backed, uint64_t begin);
void window_fini(struct window *w);

static inline void window_lock(struct window *w)
{
	pthread_mutex_lock(&w->lock);
}

static inline void window_unlock(struct window *w)
{
	pthread_mutex_unlock(&w->lock);
}

/* --- for the writer, under the lock ----------------------------------------------------------- */

/**
 * The topic for a new event, made if there is none; an old tombstone is forgotten for it if that
 * is needed (forgot(arg, t) is told before it goes). NULL: *refusal says it is one topic too
 * many, or is EVENT_ACCEPTED when there is no memory.
 */
struct topic *window_topic(struct window *w, const struct event *e, uint8_t *refusal,
	void (*forgot)(void *arg, const struct topic *t), void *arg);

/** Make room for (n) more events, besides those reserved before. 0, or -1 without memory. */
int window_reserve(struct window *w, size_t n);

/** Reserved room that is not needed. Publishing an event uses up one. */
void window_unreserve(struct window *w, size_t n);

/**
 * Publish (e), which gets a reference and a position: (t) is its topic, NULL for an ephemeral
 * one. The room was reserved. Evicts what is too much for the budget.
 */
void window_push(struct window *w, struct topic *t, struct event *e);

/** Take in an event that is stored already, in order: as window_push, but nothing is counted. */
void window_load(struct window *w, struct topic *t, struct event *e);

/**
 * Drop the oldest retained events of (t), whose order is at most (upto), the newest of them:
 * (events) with (bytes) in all.
 */
void window_drop(struct window *w, struct topic *t, uint64_t upto, uint64_t events, uint64_t bytes);

/** Drop what a rule allows no more, if the oldest events are in memory; else (t) becomes due. */
void window_trim(struct window *w, struct topic *t, uint64_t now_us);

/**
 * Trim topics with an age rule, at most (max) of them; goes on where it stopped the last time.
 * True when it came around.
 */
bool window_expire(struct window *w, uint64_t now_us, size_t max);

/** Take a topic that has neither events nor staged ones as a tombstone. */
void window_entomb(struct window *w, struct topic *t);

/** From now on keep what (fresh) says, whose content becomes the window's. Takes the lock. */
void window_take_over(struct window *w, struct retention *fresh, uint64_t max_topics);

/* --- for everybody ---------------------------------------------------------------------------- */

/** Call all watchers. Without the lock: they may read. */
void window_wake(const struct window *w);
/** As store_watch, store_tail and store_tail_cursor (store.h); they take the lock. */
void window_watch(struct window *w, void (*wake)(void *arg), void *arg);
int window_tail(struct window *w, uint64_t after, struct event **out, size_t max);
char *window_tail_cursor(struct window *w, uint64_t *pos);

/** The newest position. With or without the lock. */
static inline uint64_t window_tail_pos(const struct window *w)
{
	return atomic_load_explicit(&w->tail, memory_order_acquire);
}

#endif
