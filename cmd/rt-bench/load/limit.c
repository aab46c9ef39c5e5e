/* SPDX-License-Identifier: MIT */
#include "load/limit.h"

/* A thread that has less than this left cannot keep up with peaks. */
#define BUSY_MOST 0.85

/* A thread that waits longer for a processor than this is late by itself. */
#define WAITED_MOST 0.25

/* Shorter times tell nothing. */
#define SPAN_LEAST_NS UINT64_C(300000000)

/*
 * Sent late: a tenth of all, or a hundredth by more, and that was most of their latency. A hiccup of the
 * scheduler, of which each machine has some, is a part of the figures (and printed beside them), but not what
 * they are made of: a hundredth has to be so many.
 */
#define LATE_P90_LEAST_NS UINT64_C(1000000)
#define LATE_P99_LEAST_NS UINT64_C(10000000)
#define LATE_P99_SENT 1000
#define LATE_PART 2

/* Waited for a processor, each time it woke up: half of the median latency. */
#define TURN_LEAST_NS 500000.0
#define TURN_PART 2

struct load {
	double busiest, waited;
	double turn_ns;		/* waited before each time slice, on average */
};

static void higher(double *v, double than)
{
	if (than > *v)
		*v = than;
}

static struct load load_of(const struct session *s, uint64_t least_ns)
{
	struct load l = {0};

	for (unsigned i = 0; i < s->b.nworkers; i++) {
		const struct thread_mark *from = &s->begin[i], *to = &s->end[i];
		double span = (double)(to->at_ns - from->at_ns);
		double waited = (double)(to->waited_ns - from->waited_ns);

		if (to->at_ns <= from->at_ns || to->at_ns < from->at_ns + least_ns)
			continue;
		higher(&l.busiest, (double)(to->busy_ns - from->busy_ns) / span);
		higher(&l.waited, waited / span);
		if (to->turns > from->turns)
			higher(&l.turn_ns, waited / (double)(to->turns - from->turns));
	}
	return l;
}

static bool late_by(const struct result *r, double percent, uint64_t least_ns)
{
	uint64_t late = histogram_percentile(&r->pub.lateness, percent);
	const struct histogram *latency = r->all.latency.count > 0 ? &r->all.latency : &r->pub.ack;

	return late > least_ns && late > histogram_percentile(latency, percent) / LATE_PART;
}

/* Sent so late that latency is largely rt-bench's own. Without a schedule nothing is late. */
static bool is_late(const struct session *s)
{
	return s->b.c->rate > 0 && (late_by(s->r, 90, LATE_P90_LEAST_NS) ||
		(s->r->pub.lateness.count >= LATE_P99_SENT && late_by(s->r, 99, LATE_P99_LEAST_NS)));
}

/* Whatever it received, it saw late. */
static bool is_starved(const struct result *r, const struct load *l)
{
	uint64_t median = histogram_percentile(&r->all.latency, 50);

	return r->all.latency.count > 0 && l->turn_ns > TURN_LEAST_NS &&
		l->turn_ns > (double)(median / TURN_PART);
}

void limit_judge(const struct session *s, struct result *r)
{
	struct load l = load_of(s, 0);

	r->own_busiest = l.busiest > 1 ? 1 : l.busiest;
	l = load_of(s, SPAN_LEAST_NS);
	if (r->stranded > 0)
		r->limit = "it had no descriptors, ports or memory left to connect with, so that its "
			"subscribers missed events, or got them late; see ulimit -n, or use fewer "
			"--subscribers or less --churn";
	else if (l.busiest > BUSY_MOST)
		r->limit = "one of its threads was busy for more than 85 % of the time, "
			"so the server may be better than these figures; "
			"give it more --threads, or fewer --subscribers";
	else if (is_late(s))
		r->limit = "it sent events late, which is much of their latency here; "
			"give it a processor of its own, or a lower --rate";
	else if (l.waited > WAITED_MOST || is_starved(r, &l))
		r->limit = "it had to wait for a processor, as the server or others need this "
			"machine, too, which is much of the latency here; give it a processor of its own";
}

const char *limit_connecting(const struct session *s)
{
	if (load_of(s, SPAN_LEAST_NS).busiest <= BUSY_MOST)
		return NULL;
	return "it was busy with connecting, so that times of connecting are partly its own";
}
