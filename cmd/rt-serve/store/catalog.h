/* SPDX-License-Identifier: MIT */
#ifndef RT_CATALOG_H
#define RT_CATALOG_H

/*
 * The topics that a store knows: what is retained of each, and which of its events are in memory.
 * A topic that retention emptied stays as a tombstone, so that its seq goes on, until room is
 * needed for another one. Part of the window and guarded by its lock; only the store's one
 * writer changes it, and so may look things up without the lock.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/event.h"
#include "store/retention.h"

enum catalog_list {
	CATALOG_NEWEST,		/* every topic that ever had an event; the last written one first */
	CATALOG_DROPPED,	/* every topic that lost an event; the last one first */
	CATALOG_EMPTY,		/* tombstones; the last emptied one first */
	CATALOG_DUE,		/* the writer has to tidy up: see retention */
	CATALOG_LISTS,
};

struct topic {
	struct topic *hash_next, *id_next;
	struct topic *next[CATALOG_LISTS], *prev[CATALOG_LISTS];
	uint64_t hash;		/* hash_bytes of the name */
	uint64_t id;		/* names it in chunk rows; never used again */
	uint64_t seq;		/* of the newest event */
	uint64_t newest;	/* order of the newest event, retained or not; 0: none ever */
	uint64_t dropped;	/* order of the newest event that retention dropped; 0: none */
	uint64_t drop_gen;	/* when that was, see window */
	uint64_t evicted;	/* order of the newest event that is only on disk; 0: none */
	uint64_t oldest;	/* no retained event has a smaller order */
	uint64_t events, bytes;	/* retained; see event_weight */
	const struct retention_rule *rule;
	struct event **ring;	/* the events in memory, in order; cap is a power of two */
	uint32_t head, n, cap;
	uint32_t staged;	/* events that have a seq but are not published, */
	uint64_t staged_bytes;	/* and their weight */
	uint32_t index;		/* in catalog.all */
	uint8_t lists;		/* bit mask of enum catalog_list */
	bool saved;		/* the file has a row for it */
	uint32_t builder;	/* the writer's: 1 + index of its chunk in the commit being made */
	uint8_t name_len;
	char name[];
};

struct catalog {
	struct topic **by_hash, **by_id;	/* chained; (buckets) each, a power of two */
	struct topic **all;
	size_t n, cap, buckets;
	struct topic *first[CATALOG_LISTS], *last[CATALOG_LISTS];
};

/** What an event counts against byte limits of its topic, in memory and on disk alike. */
static inline uint64_t event_weight(const struct event *e)
{
	return 16u + e->type_len + e->key_len + e->from_len + e->data_len;
}

static inline struct str topic_name(const struct topic *t)
{
	return (struct str){t->name, t->name_len};
}

/** Free the topics. Their events are the window's. */
void catalog_fini(struct catalog *c);

/** The topic, or NULL. (hash) is hash_bytes of (name). */
struct topic *catalog_find(const struct catalog *c, struct str name, uint64_t hash);
struct topic *catalog_find_name(const struct catalog *c, struct str name);
struct topic *catalog_by_id(const struct catalog *c, uint64_t id);

/** Add a topic that is not there yet. NULL without memory. */
struct topic *catalog_add(struct catalog *c, struct str name, uint64_t hash, uint64_t id);

/** Remove and free (t). */
void catalog_remove(struct catalog *c, struct topic *t);

/** Put (t) at the front of (list), wherever it was; take it off. */
void catalog_to_front(struct catalog *c, struct topic *t, enum catalog_list list);
void catalog_unlist(struct catalog *c, struct topic *t, enum catalog_list list);

static inline bool topic_is_on(const struct topic *t, enum catalog_list list)
{
	return (t->lists & 1u << list) != 0;
}

/** Make room for (n) more events in memory. 0, or -1 without memory. */
int topic_reserve(struct topic *t, uint32_t n);

/** Append; there is room. */
void topic_push(struct topic *t, struct event *e);

/** Forget the oldest event in memory; there is one. */
void topic_pop(struct topic *t);

static inline struct event *topic_at(const struct topic *t, uint32_t i)
{
	return t->ring[(t->head + i) & (t->cap - 1)];
}

/** How many of the events in memory have an order <= (order). */
uint32_t topic_upto(const struct topic *t, uint64_t order);

#endif
