/* SPDX-License-Identifier: MIT */
#ifndef RT_TOPICS_H
#define RT_TOPICS_H

/*
 * The index of one loop: from the topic of an event to the subscriptions that want it. Those with
 * the same list of filters form a group, which is what the index holds: plain names in a hash
 * table, patterns in a trie with a node per level. Finding costs one look-up for the name and one
 * for each pattern prefix that matches; what does not match is never touched.
 *
 * Memory is taken when a subscription joins only, so that becoming live or lagging cannot fail.
 */
#include <stdbool.h>
#include <stdint.h>

#include "hub/table.h"
#include "store/event.h"
#include "store/filter.h"

struct subscription;
struct topics;
struct topic_node;

/** One filter of a group in the list of a name or pattern. */
struct topic_link {
	struct topic_link *next, **pprev;
	struct topic_node *node;
	struct group *group;
};

/** The subscriptions of this hub with equal filters. */
struct group {
	struct table_node node;		/* by content */
	struct filters *filters;	/* one reference for all of them */
	struct subscription *live;	/* those fed by the tail; the hub's */
	unsigned nlive;
	unsigned nsingle;		/* of them that want events one by one */
	uint16_t run_first, run_last, nrun;	/* its events of this turn: hub/run.c */
	unsigned members;		/* in any state */
	uint64_t seen;			/* the search that found it last */
	struct topic_link links[];	/* one per filter */
};

/** NULL without memory. */
struct topics *topics_new(void);

/** No group may have members. */
void topics_free(struct topics *t);

/** The group of (f), with one more member. NULL without memory. */
struct group *topics_join(struct topics *t, struct filters *f);

/** One member less; the last one frees the group. */
void topics_leave(struct topics *t, struct group *g);

/** Give up the reference to (f) for one to the equal filters of a group, if there is one. */
struct filters *topics_share(const struct topics *t, struct filters *f);

/** Call (found) once for each group that wants (topic), whose hash_bytes is (hash). */
void topics_match(struct topics *t, struct str topic, uint64_t hash,
	void (*found)(void *arg, struct group *g), void *arg);

/** Call (each) for every group. It must not join or leave. */
void topics_each(struct topics *t, void (*each)(void *arg, struct group *g), void *arg);

/** Nodes and links that searches have looked at so far: what they cost. */
uint64_t topics_steps(const struct topics *t);

#endif
