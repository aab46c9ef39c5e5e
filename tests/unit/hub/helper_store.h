/* SPDX-License-Identifier: MIT */
#ifndef RT_TEST_HELPER_STORE_H
#define RT_TEST_HELPER_STORE_H

/*
 * A store that does what a test says: reads that come back when told, memory of the tail as small
 * as wanted, retention at will, and one or two ordering domains (by the first letter of the
 * topic), whose cursors are "A.B". Not for threads.
 */
#include "store/store.h"

struct script {
	struct store base;
	unsigned domains;
	struct event **log;		/* position = index + 1 */
	uint64_t n, cap;
	uint64_t *indexes;		/* of each event within its domain; 0: ephemeral */
	uint64_t count[2];		/* stored events of each domain */
	uint64_t dropped;		/* retention: events at positions up to this are gone */
	uint64_t window;		/* positions that the tail remembers; 0: all */
	bool later;			/* reads wait for script_finish */
	enum store_status fails;	/* reads end like that */
	struct read *pending, **pending_end;
	void (*wake)(void *arg);
	void *wake_arg;
	uint64_t reads;
};

struct script *script_new(unsigned domains);

/** Nothing may be pending. */
void script_free(struct script *s);

/** Commit an event; (key) may be NULL. It belongs to the store. */
struct event *script_publish(struct script *s, const char *topic, const char *key, bool ephemeral);

/** Finish up to (max) pending reads, in order. Their results are from when they were asked for. */
unsigned script_finish(struct script *s, unsigned max);

/** Is this stored event after the cursor? */
bool script_after(const struct script *s, uint64_t pos, const char *cursor);

#endif
