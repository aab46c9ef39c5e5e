/* SPDX-License-Identifier: MIT */
#ifndef RT_SOURCES_H
#define RT_SOURCES_H

/*
 * The topics that a read merges: those of its filters that have something for it. Found anew each time
 * the window's lock is taken, and of no use after it. All but sources_list are called under the lock.
 */
#include <stdbool.h>
#include <stdint.h>

#include "store/filter.h"
#include "store/rows.h"
#include "store/window.h"

#define SOURCES_MAX ROWS_TOPICS_MAX	/* more are not merged, but found by scanning */

struct source {
	struct topic *topic;
	uint32_t at, end;	/* events still to come; backwards they are taken from the end */
};

struct sources {
	struct source s[SOURCES_MAX];
	unsigned n;
	bool many;		/* too many to list, or to tell: scan */
};

/** Find those with retained events after the order (after). */
void sources_find(struct sources *out, const struct window *w, const struct filters *f,
	uint64_t after);

/** The newest order of theirs after (after) that only the disk has; 0 if memory has all. */
uint64_t sources_on_disk(const struct sources *s, const struct window *w, uint64_t after);

/** Keep those that have something in memory with an order in (after, before), and order them. */
void sources_order(struct sources *s, uint64_t after, uint64_t before, bool back);

/** The next event of all, or backwards the last, of those ordered; there must be one (n > 0). */
struct event *sources_top(const struct sources *s, bool back);

/** Go on behind it. */
void sources_next(struct sources *s, bool back);

/**
 * For the disk: the wanted topics that have events after (after), at most ROWS_TOPICS_MAX. False
 * if there are more, or too many to tell: then all rows have to be looked at. Takes the lock.
 */
bool sources_list(struct window *w, const struct filters *f, uint64_t after, struct rows_topic *out,
	unsigned *n);
void sources_copy_topic(struct rows_topic *out, const struct topic *t);

#endif
