/* SPDX-License-Identifier: MIT */
#ifndef RT_LATEST_H
#define RT_LATEST_H

/*
 * The newest event per topic and key, gathered from the newest event backwards into the results
 * of a read.
 */
#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

struct latest {
	struct latest_slot {
		uint64_t hash;
		uint32_t at;	/* 1 + index in the read's events; 0: free */
	} *slots;
	uint32_t cap;		/* a power of two */
};

/** Nothing is gathered yet; allocates nothing. */
void latest_init(struct latest *l);
void latest_fini(struct latest *l);

/**
 * Add (e) to the events of (r) unless its key is there. Returns 1, or 0 when the read has all the
 * events it may have and this would have been one more (r->truncated is set), or -1 without memory.
 */
int latest_add(struct latest *l, struct read *r, struct event *e);

/** All are in: put the events in the order of their ids. */
void latest_finish(struct read *r);

#endif
