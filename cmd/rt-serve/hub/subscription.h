/* SPDX-License-Identifier: MIT */
#ifndef RT_SUBSCRIPTION_H
#define RT_SUBSCRIPTION_H

/*
 * A subscription is a cursor, not a queue. It is live (fed by the tail as events are committed)
 * or lagging (its transport is full, or it is still catching up: it reads pages after its cursor
 * whenever the transport takes more). It never holds more than one page at a time.
 */
#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

struct hub;
struct subscription;

/** Events for all subscriptions of a group, in order. */
struct event_run {
	struct event *const *events;
	size_t first, n;	/* those in [first, n) are for this one, which has the others */
	uint64_t number;	/* of this run, by which an owner knows what it has encoded for it */
};

/**
 * What the owner is told, always on the hub's thread. None of these may end the subscription or
 * call back into the hub, except where it says so.
 */
struct subscription_ops {
	/**
	 * Once, before anything else: the cursor it starts at; or (status) other than STORE_OK, which
	 * ends it (the owner may free it within). Gaps follow through gap().
	 */
	void (*started)(struct subscription *s, enum store_status status, struct str cursor);
	/** An announcement that comes before the next event. False: transport full (asked again). */
	bool (*gap)(struct subscription *s, const struct gap *g);
	/**
	 * The next event. True: taken. False: the transport is full, and the same event will come again
	 * after hub_ready. An ephemeral event that is refused is dropped.
	 */
	bool (*event)(struct subscription *s, struct event *e);
	/**
	 * Several events at once, none of them ephemeral: as if event() were called with each. Up to
	 * which of them it has all; not up to (n): the transport is full. NULL: it wants them singly.
	 */
	size_t (*events)(struct subscription *s, const struct event_run *run);
	/**
	 * It has everything up to the end of the log: called each time it changes from catching up to
	 * live, and after started() if there was nothing. May call hub_unsubscribe. May be NULL.
	 */
	void (*live)(struct subscription *s);
	/**
	 * Later than started(): the store cannot be read any more, or there was no memory to keep its
	 * place. That ends it (the owner may free it within). NULL: started() is told instead.
	 */
	void (*failed)(struct subscription *s, enum store_status status);
};

enum subscription_state {
	SUBSCRIPTION_IDLE,	/* not subscribed */
	SUBSCRIPTION_READING,	/* a page is being read */
	SUBSCRIPTION_FULL,	/* lagging; the transport takes nothing now */
	SUBSCRIPTION_QUEUED,	/* lagging; waits for its share of a turn to go on */
	SUBSCRIPTION_LIVE,
};

enum subscription_slow {
	SLOW_KEEP,	/* lose nothing until retention passes the cursor */
	SLOW_NEWEST,	/* skip to the newest, with a gap record */
};

/**
 * Embedded in its owner. All members are the hub's. Kept small: most are live, and there are many.
 */
struct subscription {
	const struct subscription_ops *ops;
	struct group *group;		/* its place in the index, with its filters: topics.h */
	struct subscription *next, **pprev;	/* in its group while live, else in a list of the hub */
	uint64_t pos;			/* nothing up to this tail position is due any more */
	/**
	 * Lagging: where it stands, before the page if there is one. Live: NULL, it stands where the
	 * hub does; or it is ahead of the hub, or before the first event that was gathered.
	 */
	char *cursor;
	struct behind *behind;		/* lagging: what it needs to catch up. Live: NULL */
	struct conflate *gather;	/* with every= or batch= */
	struct past *past;		/* what was handed on since the last turn, rewind.c */
	uint32_t turn;			/* the turn in which it stopped being live */
	uint8_t state;			/* enum subscription_state */
	uint8_t slow;			/* enum subscription_slow */
	uint8_t failed;			/* enum store_status: it ends as soon as that is safe */
	bool begun : 1;			/* started() was called */
	bool hold : 1;			/* not ready for its first event yet */
	bool fell : 1;			/* SLOW_NEWEST: it was live, and goes on at the newest */
	bool held : 1;			/* its page is one of those that may be dropped */
};

#endif
