/* SPDX-License-Identifier: MIT */
#ifndef RT_STORE_H
#define RT_STORE_H

/*
 * A store: the only source of truth. Everything else in the server is a view of it.
 *
 *   append  hands a batch over; it is answered later, with the ids, once it is held
 *   read    a page of events after a cursor; from memory at once, else later
 *   tail    what was just committed, in one order, from memory; every loop follows it
 *
 * A cursor is text that only a store makes and understands, at most CURSOR_MAX bytes.
 *
 * Threads: every function may be called from any thread. Callbacks run on whichever thread
 * finished the work (also on the caller's, before the call returns) and may only hand the result
 * over to the loop it belongs to. Order of events after a commit: the tail moves, watchers are
 * woken, then the batch is done; so nobody who was acknowledged can miss his own event.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "store/event.h"
#include "store/filter.h"

#define CURSOR_MAX 1024

struct store;

/** What an acknowledgement is worth. */
enum store_ack { STORE_ACK_MEMORY, STORE_ACK_WRITTEN, STORE_ACK_SYNCED, STORE_ACK_REPLICATED };
const char *store_ack_name(enum store_ack a);

/* --- append --------------------------------------------------------------------------------- */

enum store_status {
	STORE_OK,
	STORE_REPLAYED,		/* this key was used before with the same body: see (answer) */
	STORE_KEY_CONFLICT,	/* this key was used before with another body */
	STORE_FULL,		/* no room on the disk */
	STORE_FAILED,		/* an I/O error; it is in the log */
	STORE_CLOSED,		/* shutting down */
	STORE_BAD_CURSOR,	/* read: not a cursor */
	STORE_TOO_MANY,		/* a READ_LATEST was truncated: told by the hub, not by stores */
	STORE_NOMEM,
};

/** The key of a request that may be repeated. All text is plain; the hash is of the body. */
struct batch_key {
	struct str path, principal, key;
	uint8_t hash[32];
};

/**
 * Events that are committed in one transaction, in this order. The caller owns the memory and
 * must not touch it between append and done.
 */
struct batch {
	struct event **events;	/* a reference each; the batch's owner drops them */
	size_t n, bytes;	/* bytes: sum of e->size */
	const struct batch_key *key;	/* NULL: no key */
	/**
	 * With a key: write the answer that is kept and given again on a retry. Runs inside the
	 * transaction, once the events have their ids; must not call the store. 0, or -1 without memory.
	 */
	int (*write_answer)(struct batch *b, struct buf *answer);
	void (*done)(struct batch *b);	/* once */
	/* results */
	enum store_status status;
	enum store_ack ack;
	struct buf answer;	/* with a key and STORE_OK or STORE_REPLAYED; the caller buf_fini()s it */
	struct batch *next;	/* the store's */
};

/** Hand (b) over. n == 0 is fine (a keyed request without a good line). */
void store_append(struct store *s, struct batch *b);

/** Bytes handed over and not done yet: publishers stop reading above a limit. */
size_t store_queued(const struct store *s);

/* --- read ----------------------------------------------------------------------------------- */

enum read_from {
	READ_CURSOR,	/* after (position), a cursor */
	READ_ALL,	/* from the oldest event */
	READ_NOW,	/* nothing but what comes */
	READ_ID,	/* after the event id (position) */
	READ_TIME,	/* from (time_us) on */
	READ_LAST,	/* the newest (last) matching events */
	READ_LATEST,	/* the newest event per topic and key; then from now */
};

/** Events that a subscriber will not get. Text belongs to the read. */
struct gap {
	struct str topic;		/* the filter they belong to */
	struct str after, until;	/* cursors; until.p == NULL: not known */
	const char *reason;		/* "retention", "ahead", "store", "restart", "slow", "damaged" */
};

struct read {
	/* what is wanted */
	struct filters *filters;	/* the read's own reference */
	enum read_from from;
	char *position;		/* malloc'd or NULL; the read's own */
	/**
	 * Which gaps were announced already: text that only the store makes. NULL at first; every
	 * read brings it up to date, and whoever goes on with another read moves it over.
	 */
	char *gap_known;	/* malloc'd or NULL; the read's own */
	uint64_t time_us;
	uint64_t last;
	unsigned max_events;	/* at least 1; READ_LATEST: an upper bound, see (truncated) */
	size_t max_bytes;	/* of envelopes; one event is given in any case */
	void (*done)(struct read *r);
	void *arg;		/* the caller's */
	/* results */
	enum store_status status;	/* STORE_OK, _BAD_CURSOR, _FAILED, _NOMEM, _CLOSED */
	struct event **events;	/* in delivery order, a reference each */
	size_t n, cap;
	struct gap *gaps;	/* to be announced before the events; one per filter and reason at most */
	size_t ngaps;
	char *start;		/* cursor this read began at, after gaps of "ahead", resolved */
	char *end;		/* cursor after this page: the next read's position */
	bool at_end;		/* nothing more for these filters up to tail position (end_pos) */
	bool truncated;		/* READ_LATEST: there were more keys than max_events */
	uint64_t end_pos;
	struct read *next;	/* the store's */
};

/** A new read for (f) (takes its own reference), everything else zero. NULL without memory. */
struct read *read_new(struct filters *f);

/** Free the read with all its results; drops event references. (NULL) is fine. */
void read_free(struct read *r);

/** Forget the results, to use it again from r->end on (READ_CURSOR). */
void read_next(struct read *r);

/**
 * Read. True: finished, results are in (r) (done is not called). False: done will be called once,
 * and until then (r) must stay. A page may be empty without being at_end: read on.
 * Never waits for a disk on the calling thread.
 */
bool store_read(struct store *s, struct read *r);

/**
 * Is there, as far as memory tells, nothing for (f) after the cursor (position): no event and no gap?
 * Then *pos is the tail position up to which that holds. False: perhaps there is something; read.
 */
bool store_is_quiet(struct store *s, const struct filters *f, struct str position, uint64_t *pos);

/* --- tail ----------------------------------------------------------------------------------- */

/** Newest position; only grows. One atomic load. */
uint64_t store_tail_pos(const struct store *s);

/**
 * Up to (max) events after position (after), in order, a reference each, ephemeral ones included.
 * Returns how many, at most store_tail_pos; or -1 if memory no longer holds the first of them:
 * then whoever followed has to read from his last cursor.
 */
int store_tail(struct store *s, uint64_t after, struct event **out, size_t max);

/**
 * The newest position and the cursor of a subscriber who has had everything up to it (malloc'd;
 * NULL without memory), both from one moment.
 */
char *store_tail_cursor(struct store *s, uint64_t *pos);

/** Call (wake) on whichever thread moved the tail. At most STORE_WATCHERS; before any traffic. */
#define STORE_WATCHERS 256
void store_watch(struct store *s, void (*wake)(void *arg), void *arg);

/* --- cursors -------------------------------------------------------------------------------- */

/** Identity of the store's contents, 16 hexadecimal digits; another file, another identity. */
const char *store_identity(const struct store *s);

/**
 * Does all that this store holds come after (text), a valid cursor of another one that was here
 * before it? Only a store in memory, which begins anew with each start, says so: then a subscriber
 * who comes back later than the first new events still gets them.
 */
bool store_began_after(const struct store *s, struct str text);

/** Is (text) something this store could have made? Syntax only. */
bool store_cursor_valid(const struct store *s, struct str text);

/** -1, 0, 1: which of two valid cursors stands earlier; vectors that differ both ways: -2. */
int store_cursor_compare(const struct store *s, struct str a, struct str b);

/* --- topics and figures ---------------------------------------------------------------------- */

struct topic_info {
	struct str name;
	uint64_t events, bytes;		/* retained */
	uint64_t seq;			/* of its newest event */
	char id[EVENT_ID_MAX + 1];	/* of its newest event; "" */
	uint64_t time_ms;		/* of its newest event */
};

/**
 * Call (fn) for up to (max) topics that hold events, in bytewise order after (after) and matching
 * (pattern, p == NULL: any), until it returns false. A consistent copy is made first.
 */
void store_topics(struct store *s, struct str after, struct str pattern, size_t max,
	bool (*fn)(void *arg, const struct topic_info *t), void *arg);

struct store_stats {
	uint64_t events, bytes, topics;		/* retained */
	uint64_t memory_bytes;			/* held in memory */
	uint64_t appended, commits, failed, expired, replayed;	/* since start */
	uint64_t commit_us_sum, commit_us_max;
	uint64_t disk_bytes, wal_bytes;
	uint64_t damaged;		/* pieces of the log found damaged since start, up to 1000 */
};
void store_stats(struct store *s, struct store_stats *out);

/* --- life ------------------------------------------------------------------------------------ */

enum store_sync { STORE_SYNC_NONE, STORE_SYNC_NORMAL, STORE_SYNC_FULL };

/** How long events of matching topics are kept; the first rule that matches counts; 0: no limit. */
struct retention_rule {
	struct str pattern;
	uint64_t age_ms, events, bytes;	/* per topic */
};

struct store_config {
	const char *path;		/* "memory:" or the path of an SQLite file */
	enum store_sync sync;
	uint64_t memory_bytes;		/* newest events kept in memory */
	uint64_t max_bytes, max_age_ms;	/* retention over all topics; 0: no limit */
	const struct retention_rule *rules;
	unsigned nrules;
	uint64_t max_topics;
	uint64_t key_ms;		/* how long Idempotency-Keys are kept, */
	uint64_t max_keys;		/* and how many of them; 0: no limit */
	uint64_t (*now_us)(void);	/* NULL: the real clock; tests set it back */
};

/**
 * Open the store that (c->path) names. NULL and a sentence in (why) if it cannot be used:
 * damaged, made by another version, held by another server, no permission, no room.
 */
struct store *store_open(const struct store_config *c, struct buf *why);

/** Take over new retention and limits; path, sync and memory stay. 0, or -1 without memory. */
int store_reconfigure(struct store *s, const struct store_config *c);

/** Stop taking batches; answer all that were handed over; wait for threads; free. */
void store_close(struct store *s);

/* --- for stores: what each implements ------------------------------------------------------- */

/** Put an announcement into the results; after and until are copied. 0, or -1 without memory. */
int read_add_gap(struct read *r, struct str topic, struct str after, struct str until,
	const char *reason);

/** Put an event into the results of (r): takes a reference of its own. 0, or -1 without memory. */
int read_add_event(struct read *r, struct event *e);

/** Open one of the two embedded stores, as store_open. */
struct store *memory_store_open(const struct store_config *c, struct buf *why);
struct store *sqlite_store_open(const struct store_config *c, struct buf *why);

struct store_ops {
	void (*append)(struct store *s, struct batch *b);
	size_t (*queued)(const struct store *s);
	bool (*read)(struct store *s, struct read *r);
	bool (*is_quiet)(struct store *s, const struct filters *f, struct str position,
		uint64_t *pos);		/* NULL: never known */
	uint64_t (*tail_pos)(const struct store *s);
	int (*tail)(struct store *s, uint64_t after, struct event **out, size_t max);
	char *(*tail_cursor)(struct store *s, uint64_t *pos);
	void (*watch)(struct store *s, void (*wake)(void *arg), void *arg);
	const char *(*identity)(const struct store *s);
	bool (*began_after)(const struct store *s, struct str text);	/* NULL: never */
	bool (*cursor_valid)(const struct store *s, struct str text);
	int (*cursor_compare)(const struct store *s, struct str a, struct str b);
	void (*topics)(struct store *s, struct str after, struct str pattern, size_t max,
		bool (*fn)(void *arg, const struct topic_info *t), void *arg);
	void (*stats)(struct store *s, struct store_stats *out);
	int (*reconfigure)(struct store *s, const struct store_config *c);
	void (*close)(struct store *s);
};

/** First member of every store's own struct. */
struct store {
	const struct store_ops *ops;
};

#endif
