/* SPDX-License-Identifier: MIT */
#ifndef RT_FEED_H
#define RT_FEED_H

/*
 * A feed: one subscription whose events are queued, encoded once for all, on one connection. The
 * streams, the WebSocket of a topic and each subscription of /ws embed one. Kept small: a quiet
 * subscriber is hardly more than this.
 */
#include "api/encode.h"
#include "api/opening.h"

enum feed_state {
	FEED_IDLE,
	FEED_PROBING,	/* was the event of until= seen already? */
	FEED_PROBED,	/* no: feed_subscribe is due */
	FEED_PAST,	/* yes: there is nothing left to be sent */
	FEED_STARTING,
	FEED_OPEN,
	FEED_OVER,	/* the event of until= is queued */
	FEED_BROKEN,	/* no memory, or the store cannot be read any more */
};

struct feed;

struct feed_ops {
	/** As conn_queue, with &f->owner. */
	bool (*queue)(struct feed *f, struct slice s);
	/** Send a gap record, privately. */
	void (*gap)(struct feed *f, struct str record);
	/** It begins at (cursor); or (st) is not STORE_OK and it has ended. May free the feed then. */
	void (*started)(struct feed *f, enum store_status st, struct str cursor);
	/** Look at f->state in a later turn: it is PROBED, PAST, OVER or BROKEN. */
	void (*look)(struct feed *f);
	struct conn *(*conn)(const struct feed *f);
	/** Has a connection of its own: it may get several events before others get theirs. */
	bool alone;
};

struct feed {
	struct subscription sub;
	struct conn_owner owner;
	const struct feed_ops *ops;
	struct opening *opening;	/* NULL once it is not needed any more */
	uint8_t state;			/* enum feed_state */
	uint8_t form;			/* enum form */
	bool chunked;
	bool slow;			/* stalled since the last look; --slow close */
	uint32_t end_s;			/* monotonic seconds at which --max-stream ends it; 0: never */
};

/**
 * Prepare (f), zeroed, to send in (form). Takes (o). Nothing is called before feed_subscribe.
 */
void feed_init(struct feed *f, const struct feed_ops *ops, struct opening *o, enum form form);

/**
 * Subscribe, after a probe if it has to be known whether until= was seen already. started() or
 * look() follow, maybe before this returns. 0, or -1 without memory (nothing is called).
 */
int feed_subscribe(struct feed *f);

/** It runs: keep what is needed of the opening, join presence, begin the ticks. */
void feed_opened(struct feed *f, const char *transport, uint64_t nth);

/** Unsubscribe and forget. No callback follows. Does nothing a second time. */
void feed_fini(struct feed *f);

/** Cursor where the client stands after all that was sent, into (dst). Empty on failure. */
struct str feed_cursor(struct feed *f, char dst[CURSOR_MAX]);

/** Topics, state and lag of a subscription for /connections, as JSON members. */
void feed_describe(struct api *a, const struct subscription *sub, struct buf *b);

/** When --max-stream ends what begins now, for end_s. */
uint32_t feed_end_s(struct api *a, const void *who);

/** Milliseconds until the next heartbeat, or until end_s if that is sooner. */
uint64_t feed_next_ms(struct api *a, uint32_t end_s);

/** Has the time of end_s come? */
bool feed_is_due(struct api *a, uint32_t end_s);

/** --slow close: was (f) stalled for a whole heartbeat? Call it with each. */
bool feed_too_slow(struct feed *f);

static inline struct api *feed_api(const struct feed *f)
{
	return loop_user(conn_loop(f->ops->conn(f)));
}

#endif
