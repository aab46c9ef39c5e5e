/* SPDX-License-Identifier: MIT */
#ifndef RT_SEEK_H
#define RT_SEEK_H

/*
 * A read in progress, in terms of orders. First it may go backwards, for READ_LAST to find where
 * it begins and for READ_LATEST to find everything; then forwards, to fill a page. The window does
 * its part of either at once; when older events are needed that only a disk has, the store fetches
 * them in a thread of its own and comes back.
 */
#include <stdbool.h>
#include <stdint.h>

#include "store/latest.h"
#include "store/window.h"

enum seek_phase { SEEK_NEW, SEEK_LAST, SEEK_LATEST, SEEK_FORWARD };

struct seek {
	enum seek_phase phase;
	uint64_t start;		/* the order it began at */
	uint64_t after;		/* forwards: all wanted events up to here are in the page */
	uint64_t before;	/* backwards: all from here on were visited */
	uint64_t upto;		/* forwards, on disk: the newest order to be fetched from there */
	uint64_t left;		/* backwards: events still wanted */
	size_t bytes;		/* of the page */
	bool want_gaps;		/* tell what was dropped after (start) */
	enum { SEEK_IN_LOG, SEEK_AHEAD, SEEK_RESTARTED } where;	/* the cursor it came with */
	uint64_t known;		/* drops up to this generation were announced */
	uint64_t told;		/* and damage that begins up to this order */
	uint64_t gen;		/* generation of drops when it began; then when it was settled */
	uint64_t end_pos;	/* SEEK_LATEST: tail position when it began */
	struct latest latest;
};

enum seek_result {
	SEEK_DONE,	/* the results are in the read */
	SEEK_DISK,	/* events in (after, upto], or backwards from (before), are needed */
};

/** Before the first window_seek of a read; seek_fini after the last, whatever came of it. */
void seek_init(struct seek *k);
void seek_fini(struct seek *k);

/** Go on as far as memory reaches. */
enum seek_result window_seek(struct window *w, struct read *r, struct seek *k);

/** What seek_take and seek_visit say. */
enum seek_verdict { SEEK_MORE, SEEK_ENOUGH, SEEK_NOMEM };

/** Forwards: put (e) into the page. SEEK_ENOUGH: there is no room, it was not taken. */
enum seek_verdict seek_take(struct read *r, struct seek *k, struct event *e);

/** Backwards: look at (e). SEEK_ENOUGH: no older ones are wanted. */
enum seek_verdict seek_visit(struct read *r, struct seek *k, struct event *e);

/**
 * Backwards, when all was visited that is wanted or there is. True: the results are in the read;
 * false: seek on, forwards now.
 */
bool seek_turn(struct window *w, struct read *r, struct seek *k);

/** The page ends here, before the end of the log: write the results. */
void seek_page(struct window *w, struct read *r, struct seek *k);

/** End the read with an error and no results. */
void seek_fail(struct read *r, enum store_status status);

#endif
