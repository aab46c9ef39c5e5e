/* SPDX-License-Identifier: MIT */
#include "load/session.h"

#include <math.h>
#include <stdlib.h>

#include "figures/figure.h"
#include "helper_bench.h"
#include "helper_result.h"
#include "load/clock.h"
#include "tests/unit/tap.h"

static struct helper_bench h;
static struct session s;
static struct result *r;

static void begin(void)
{
	helper_bench_config(&h, 4, 1, 1, TRANSPORT_SSE);
	helper_bench_init(&h, 2);
	r = calloc(1, sizeof(*r));
	s = (struct session){.b = h.b, .r = r};
	for (unsigned i = 0; i < 2; i++)
		h.b.workers[i]->b = &s.b;
	tally_init(&s.sum, h.c.mix);
	tally_init(&s.now, h.c.mix);
	s.b.start_ns = clock_ns();
}

static void start(void)
{
	for (unsigned i = 0; i < 2; i++)
		if (worker_start(h.b.workers[i]) != 0)
			ok(false, "a thread");
}

static void end(void)
{
	for (unsigned i = 0; i < 2; i++) {
		worker_stop(h.b.workers[i]);
		h.b.workers[i]->b = &h.b;
	}
	tally_fini(&s.sum);
	tally_fini(&s.now);
	result_fini(r);
	free(r);
	helper_bench_fini(&h);
}

/* What two threads counted is added up, each once, whichever tally they are at. */
static void collecting(void)
{
	begin();
	for (unsigned i = 0; i < 2; i++) {
		struct tally *t = h.b.workers[i]->tally;

		t->sent = 10 + i;
		t->groups[TRANSPORT_SSE]->deliveries = 100;
		histogram_add(&t->groups[TRANSPORT_SSE]->latency, 1000);
	}
	start();
	session_collect(&s);
	ok(s.now.sent == 21 && s.now.groups[TRANSPORT_SSE]->deliveries == 200, "both threads");
	session_collect(&s);
	ok(s.now.sent == 0 && s.sum.sent == 21 && s.sum.groups[TRANSPORT_SSE]->latency.count == 2,
		"each once");
	session_collect(&s);
	ok(s.sum.sent == 21, "... whichever they are at");
	ok(session_ready(&s) == 0 && session_publishers_done(&s) == 0 && session_progress(&s) == 0,
		"nobody began");
	end();
}

/* A rest that is too short for a point of its own is a part of the one before. */
static void intervals(void)
{
	begin();
	h.b.workers[0]->tally->sent = 5;
	start();
	s.collected_ns = s.b.start_ns - 1000000000;
	session_interval(&s);
	ok(r->nintervals == 1 && r->intervals[0].sent == 5 && r->intervals[0].seconds >= 1, "an interval");
	session_interval(&s);
	ok(r->nintervals == 1 && r->intervals[0].sent == 5, "a moment is none");
	for (unsigned i = 0; i < 200; i++) {
		s.collected_ns = clock_ns() - 400000000;
		session_interval(&s);
	}
	ok(r->nintervals == 201 && r->intervals[200].at_s >= 0 && r->intervals[200].seconds < 10,
		"as many as there are");
	end();
}

static void sum(void)
{
	begin();
	s.sum.sent = s.sum.acked = 7;
	s.sum.refused = 1;
	s.sum.misnamed = 2;
	s.sum.groups[TRANSPORT_SSE]->deliveries = 28;
	s.sum.groups[TRANSPORT_SSE]->bytes = 2800;
	s.sum.last_delivery_ns = s.b.start_ns + 2500000000;
	s.b.measure_ns = s.b.start_ns + 1000000000;
	session_sum(&s, true);
	ok(r->all.deliveries == 28 && r->by_transport[TRANSPORT_SSE].bytes == 2800 &&
		r->all.subscribers == 4, "all of it");
	ok(r->pub.sent == 7 && r->pub.refused == 1 && r->pub.publishers == 1, "publishers, too");
	ok(r->all.verdict.corrupt == 2 && r->pub.misnamed == 2 &&
		r->by_transport[TRANSPORT_SSE].verdict.corrupt == 0,
		"a wrong acknowledgement is of no transport");
	ok(r->publish_s == 2.5 && r->measured_s == 1.5, "how long it took");
	ok(r->undelivered == 0 && r->threads == 2, "nothing is missing");
	ok(r->failure != 0, "but nobody was connected, which is a failure");
	end();
}

static bool is_about(double v, double what)
{
	return fabs(v - what) < 1e-6;
}

/* An acknowledgement that names no event is wrong if others do. */
static void unnamed(bool others)
{
	begin();
	s.sum.sent = s.sum.acked = 9;
	s.sum.unnamed = 2;
	s.sum.named = others ? 7 : 0;
	session_sum(&s, true);
	ok(r->pub.misnamed == (others ? 2 : 0) && r->all.verdict.corrupt == r->pub.misnamed,
		"acknowledged without an id, and %s", others ? "others with one" : "so were all");
	end();
}

/* What rates are of: not of the time in which nobody but slow subscribers got something. */
static void times(void)
{
	begin();
	h.c.rate = 20;
	s.sum.sent = 20;
	s.sum.last_sent_ns = s.b.start_ns + 950000000;
	s.sum.groups[TRANSPORT_SSE]->deliveries = 80;
	s.sum.caught_up = 20;
	s.sum.last_prompt_ns = s.b.start_ns + 960000000;
	s.sum.last_delivery_ns = s.b.start_ns + 60000000000;
	session_sum(&s, true);
	ok(is_about(r->publish_s, 60) && is_about(figure_publish_rate(r), 20),
		"events were published by their rate");
	ok(is_about(figure_rate(r), 60), "deliveries a second are of the time in which there were some");
	end();
	begin();
	h.c.rate = 20;
	s.sum.groups[TRANSPORT_SSE]->deliveries = s.sum.caught_up = 30;
	s.sum.last_delivery_ns = s.b.start_ns + 60000000000;
	session_sum(&s, true);
	ok(is_about(figure_rate(r), 0.5), "... also if all were slow");
	end();
}

int main(void)
{
	clock_init();
	collecting();
	intervals();
	sum();
	times();
	unnamed(true);
	unnamed(false);
	return tap_done();
}
