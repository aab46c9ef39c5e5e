/* SPDX-License-Identifier: MIT */
#ifndef RT_TALLY_H
#define RT_TALLY_H

/*
 * What a thread counts in an interval. It has two of them: while it fills one, run.c adds the other to
 * the result, so that nobody waits and no event is counted under a lock.
 */
#include <stdbool.h>
#include <stdint.h>

#include "figures/histogram.h"
#include "figures/result.h"

struct tally {
	/* NULL: nobody of it here; who subscribes, and the verdict, are not in it */
	struct result_group *groups[TRANSPORTS];
	/* of publishers; the fields are those of struct result_publishers */
	uint64_t sent, acked, refused, unsure, unsent, bytes;
	uint64_t misnamed;		/* acknowledged, but as something else than subscribers were told */
	uint64_t named, unnamed;	/* acknowledged with an id and a seq, and without */
	uint64_t stranded;	/* attempts to connect that failed for want of something on this side */
	struct histogram ack, lateness;
	/* how it stands at the end of the interval */
	uint64_t last_delivery_ns;	/* 0: none in it */
	/* the same, but for what slow subscribers got when publishing was over; how much that was */
	uint64_t last_prompt_ns, caught_up;
	uint64_t last_sent_ns;		/* 0: none in it */
	uint64_t lost;			/* of all subscribers so far, as far as holes tell */
	uint64_t connected;		/* subscribers */
	uint64_t thread_ns;		/* CPU time of the thread so far */
	uint64_t waited_ns;		/* how long it could have run, and had no processor */
	uint64_t turns;			/* how often it got one */
};

/** Make it empty, with groups for those transports that have a number in (mix). 0, or -1 without memory. */
int tally_init(struct tally *t, const uint64_t mix[TRANSPORTS]);
void tally_fini(struct tally *t);

/** Make it empty again. */
void tally_reset(struct tally *t);

/**
 * Add (from) to (to), which has at least the same groups. What says how it stands is added too, but of
 * the last of something the later is kept.
 */
void tally_add(struct tally *to, const struct tally *from);

#endif
