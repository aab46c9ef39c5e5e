/* SPDX-License-Identifier: MIT */
#ifndef RT_BENCH_SESSION_H
#define RT_BENCH_SESSION_H

/*
 * A run from the outside of its threads: what they were told, what they have counted so far, and what it says
 * about the server and about rt-bench itself.
 */
#include <stdbool.h>
#include <stdint.h>

#include "figures/result.h"
#include "figures/tally.h"
#include "load/bench.h"
#include "load/subscriber.h"
#include "load/worker.h"

/** How a thread stood, at some point. */
struct thread_mark {
	uint64_t at_ns, busy_ns, waited_ns, turns;
};

struct session {
	struct bench b;
	struct result *r;
	struct tally sum;	/* all that was collected */
	struct tally now;	/* the interval that was collected last */
	unsigned intervals_cap;
	bool progress;		/* a line on the terminal */

	uint64_t publish_end_ns;	/* the last event was published and answered */

	/* at the last collection */
	uint64_t collected_ns;
	uint64_t server_cpu_ns, own_cpu_ns;
	/* when publishing began, so that what was before does not count */
	uint64_t server_cpu_start, own_cpu_start;
	/* of each thread */
	struct thread_mark *begin, *end;
};

/** Give (order) to all threads, and wait until it is done. */
void session_order(struct session *s, unsigned order);

/** Sum up how the threads stand. */
uint32_t session_ready(const struct session *s);
uint32_t session_gave_up(const struct session *s);
uint32_t session_publishers_ready(const struct session *s);
uint32_t session_publishers_done(const struct session *s);
uint64_t session_progress(const struct session *s);	/* grows while something happens */
bool session_complete(struct session *s);

/** Add what was counted since the last time to the sum. */
void session_collect(struct session *s);

/** The same, as an interval of the result; shows it, if there is a progress line. */
void session_interval(struct session *s);

/** What the server has used so far; zeros without --pid. */
void session_server(const struct session *s, uint64_t *cpu_ns, uint64_t *pss_bytes);

/** Remember how the threads stand now, in s->begin or s->end. */
void session_mark(const struct session *s, struct thread_mark *marks);

/** Say how far connecting is, if there is a progress line; take the line away. */
void session_show_connecting(struct session *s);
void session_hide(struct session *s);

/** Fill the result in, once the threads have stopped. (complete): nothing was missing at the end. */
void session_sum(struct session *s, bool complete);

#endif
