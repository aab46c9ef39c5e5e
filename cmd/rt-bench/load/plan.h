/* SPDX-License-Identifier: MIT */
#ifndef RT_PLAN_H
#define RT_PLAN_H

/*
 * What a publisher sends, to which topic, and when: event k is due at start + k / rate, whatever happens.
 * With several publishers each has its share of the rate, as its topics have of all topics.
 */
#include <stdbool.h>
#include <stdint.h>

#include "load/bench.h"

struct plan {
	uint32_t first, step, ntopics;	/* its topics: first, first + step, ... */
	double *cumulative;		/* --zipf: the sum of the weights so far; NULL: each in turn */
	uint64_t *published;		/* by topic: how many so far */
	double interval_ns;		/* between two events; 0: no schedule */
	double phase_ns;		/* the first is due so long after the start */
	uint64_t count;			/* of events, UINT64_MAX: no limit */
	uint64_t next;			/* how manieth comes next, from 0 */
	uint32_t topic;			/* index of its topic */
	uint64_t random;
};

/** The plan of (publisher). 0, or -1 without memory. */
int plan_init(struct plan *p, const struct bench *b, uint32_t publisher);
void plan_fini(struct plan *p);

/**
 * When the next event is due; without a schedule (now), once it has begun. UINT64_MAX: there is
 * none any more.
 */
uint64_t plan_due(const struct plan *p, const struct bench *b, uint64_t now);

/** How many events were due by (now) and have not been published; without a schedule, of --count. */
uint64_t plan_unsent(const struct plan *p, const struct bench *b, uint64_t now);

/** The next event has been published; *n gets its number in its stream. */
void plan_advance(struct plan *p, uint64_t *n);

/** The number of the (i)th topic of the plan. */
static inline uint32_t plan_topic(const struct plan *p, uint32_t i)
{
	return p->first + i * p->step;
}

#endif
