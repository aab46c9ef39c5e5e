/* SPDX-License-Identifier: MIT */
#ifndef RT_POLL_POLL_H
#define RT_POLL_POLL_H

/*
 * What is asked, two ways: topics of an rt-serve, page by page behind a cursor, or a web resource
 * that has changed or not. Each run prints what is new, then saves where it stands.
 */
#include "config.h"
#include "fetch.h"
#include "output.h"
#include "state.h"

struct poll {
	const struct config *c;
	struct fetch *fetch;
	struct state *state;
	struct output out;
	uint64_t printed;	/* events, over all runs */
};

#define POLL_NEW 0		/* a run printed something */
#define POLL_NOTHING 1		/* EXIT_NOTHING: it did not */

/** One run: POLL_NEW, POLL_NOTHING, FETCH_STOPPED, or the exit status (reported). */
int topics_poll(struct poll *p);
int resource_poll(struct poll *p);

/**
 * Put the header line "NAME: " value (in quotes if (quoted)) into (b), for fetch_get. NULL if the
 * value cannot be a header's, which only a state file that was tampered with has; or no memory.
 */
const char *poll_header(struct buf *b, const char *name, const char *value, bool quoted);

/** The state file has what no run has written: says so, returns the exit status. */
int poll_bad_state(const struct poll *p);

/** Write out what was gathered, then save the state. 0, or the exit status (reported). */
int poll_commit(struct poll *p);

/** Remember (value), or that there is none, also if it cannot be kept. 0, or the exit status. */
int poll_remember(struct poll *p, const char *name, const char *value);

#endif
