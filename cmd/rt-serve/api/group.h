/* SPDX-License-Identifier: MIT */
#ifndef RT_GROUP_H
#define RT_GROUP_H

/*
 * A group: the lines of a publisher that go to the store as one batch, in order, those that were
 * refused before among them, so that answers keep the order of the lines.
 */
#include "api/api.h"

struct group_line {
	uint64_t number;	/* of the line, from 1 */
	const char *error;	/* static text; NULL: an event */
};

struct group {
	struct batch batch;	/* events: those of the lines without an error, in order */
	struct loop_msg msg;
	struct loop *loop;
	void (*done)(struct group *g);	/* once, on (loop)'s thread; then the owner frees it */
	void *owner;
	struct group_line *lines;
	uint32_t nlines, caplines, capevents;
	bool finished_inline;
};

/** NULL without memory. */
struct group *group_new(struct loop *l, void (*done)(struct group *g), void *owner);
void group_free(struct group *g);

/** Add an event, whose reference it takes over in any case. 0, or -1 without memory. */
int group_add(struct group *g, uint64_t line, struct event *e);
int group_add_error(struct group *g, uint64_t line, const char *why);

/**
 * Hand it to the store. done() may run before this returns (a store that answers at once saves
 * the way through the loop's mailbox).
 */
void group_append(struct group *g, struct store *s);

/** A sentence on a batch that was not stored, and its HTTP status. */
const char *group_failure(enum store_status st, unsigned *status);

#endif
