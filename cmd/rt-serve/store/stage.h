/* SPDX-License-Identifier: MIT */
#ifndef RT_STAGE_H
#define RT_STAGE_H

/*
 * Between append and publishing: the events of a batch get their topics, ids and seqs, which are
 * taken back if the commit fails. The hybrid logical clock is here: an id is the time in
 * microseconds, pushed past the last one, so a clock that is set back never makes one smaller.
 */
#include "store/window.h"

struct stage {
	struct window *window;
	uint64_t last;		/* the last id given */
	void (*forgot)(void *arg, const struct topic *t);	/* may be NULL */
	void *arg;
};

/**
 * Under the window's lock: give the events of (b) their places; those that would make a topic too
 * many are refused. 0, or -1 without memory and nothing given.
 */
int stage_batch(struct stage *s, struct batch *b, uint64_t now_us);

/** Write the envelopes of a staged batch. Needs no lock. */
void stage_commit(struct batch *b, uint64_t now_us);

/** Under the lock: take the places back. (last) is s->last from before. */
void stage_undo(struct stage *s, struct batch *b, uint64_t last);

/** Under the lock: publish the events [from, to) of a staged batch. */
void stage_publish(struct window *w, const struct batch *b, size_t from, size_t to);

#endif
