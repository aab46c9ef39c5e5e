/* SPDX-License-Identifier: MIT */
#include "load/limit.h"

/* A thread that has less than this left cannot keep up with peaks. */
#define BUSY_MOST 0.85

/* A thread that waits longer for a processor than this is late by itself. */
#define WAITED_MOST 0.25

/* Shorter times tell nothing. */
#define SPAN_LEAST_NS UINT64_C(300000000)

#define LATENESS_LEAST_NS UINT64_C(1000000)
#define LATENESS_PART 10	/* of the p99 latency */

struct load {
	double busiest, waited;
};

static struct load load_of(const struct session *s)
{
	struct load l = {0};

	for (unsigned i = 0; i < s->b.nworkers; i++) {
		const struct thread_mark *from = &s->begin[i], *to = &s->end[i];
		double span = (double)(to->at_ns - from->at_ns);
		double busy, waited;

		if (to->at_ns < from->at_ns + SPAN_LEAST_NS)
			continue;
		busy = (double)(to->busy_ns - from->busy_ns) / span;
		waited = (double)(to->waited_ns - from->waited_ns) / span;
		if (busy > l.busiest)
			l.busiest = busy;
		if (waited > l.waited)
			l.waited = waited;
	}
	return l;
}

/* Sent so late that latency is partly rt-bench's own. Without a schedule nothing is late. */
static bool is_late(const struct session *s)
{
	const struct result *r = s->r;
	uint64_t late = histogram_percentile(&r->pub.lateness, 99);
	uint64_t most = histogram_percentile(&r->all.latency, 99) / LATENESS_PART;

	if (most < LATENESS_LEAST_NS)
		most = LATENESS_LEAST_NS;
	return s->b.c->rate > 0 && late > most;
}

void limit_judge(const struct session *s, struct result *r)
{
	struct load l = load_of(s);

	r->own_busiest = l.busiest > 1 ? 1 : l.busiest;
	if (l.busiest > BUSY_MOST)
		r->limit = "a thread of rt-bench was busy for more than 85 % of the time: more --threads, or fewer "
			"subscribers, would show what the server can do";
	else if (is_late(s))
		r->limit = "rt-bench itself sent late: its own lateness is a part of the latency";
	else if (l.waited > WAITED_MOST)
		r->limit = "a thread of rt-bench waited for a processor for more than a quarter of the time: others, or "
			"the server, need this machine, too";
}

const char *limit_connecting(const struct session *s)
{
	if (load_of(s).busiest <= BUSY_MOST)
		return NULL;
	return "rt-bench was busy with connecting: connect times are partly its own";
}
