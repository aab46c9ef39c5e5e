/* SPDX-License-Identifier: MIT */
#ifndef RT_CONFLATE_H
#define RT_CONFLATE_H

/*
 * What a gathering subscription holds between two ticks: all events, or the newest of each topic
 * and key, in the order in which they came (of one that was replaced: its newest). At rest it is
 * this struct and nothing else.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/table.h"
#include "store/event.h"

struct conflate_item {
	struct table_node node;		/* by topic and key, if only the newest are kept */
	struct conflate_item *next, *prev;
	struct event *event;		/* one reference */
};

struct conflate {
	bool newest;
	char *reached;			/* the subscription's: cursor of what was read into it */
	uint64_t max;			/* events */
	size_t n, bytes;
	struct conflate_item *first, *last;
	struct table keys;
};

/** At most (max) events; (newest): one of each topic and key. NULL without memory. */
struct conflate *conflate_new(bool newest, uint64_t max);
void conflate_free(struct conflate *c);

/** Take in (e), with a reference of its own. 0, or -1 without memory. */
int conflate_add(struct conflate *c, struct event *e);

/** Is it time to hand on early? */
bool conflate_full(const struct conflate *c);

/** Take out the oldest; the caller frees it. NULL if there is none. */
struct conflate_item *conflate_shift(struct conflate *c);

/** Drop the reference and the memory. */
void conflate_item_free(struct conflate_item *item);

/** Drop all, and (reached). */
void conflate_clear(struct conflate *c);

#endif
