/* SPDX-License-Identifier: MIT */
#include "load/plan.h"

#include <stdlib.h>

#include "helper_bench.h"
#include "tests/unit/tap.h"

#define TOPICS_MAX 64

/* How many events each topic got, and each publisher, of (n) in all. */
static uint64_t topics[TOPICS_MAX], publishers[TOPICS_MAX];

/* Let each publish until its plan ends, or (most) times; counts what it does. False: a number is wrong. */
static bool publish_all(const struct helper_bench *h, uint64_t most)
{
	bool right = true;

	memset(topics, 0, sizeof(topics));
	memset(publishers, 0, sizeof(publishers));
	for (uint32_t p = 0; p < h->c.publishers; p++) {
		uint64_t seen[TOPICS_MAX] = {0}, n;
		struct plan plan;

		if (plan_init(&plan, &h->b, p) != 0)
			return false;
		for (uint64_t i = 0; i < most && plan_due(&plan, &h->b, h->b.start_ns) != UINT64_MAX; i++) {
			uint32_t t = plan_topic(&plan, plan.topic);

			right = right && plan.topic < plan.ntopics && t < h->c.topics;
			plan_advance(&plan, &n);
			right = right && n == ++seen[t];
			topics[t]++;
			publishers[p]++;
		}
		plan_fini(&plan);
	}
	return right;
}

static uint64_t sum(const uint64_t *v)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < TOPICS_MAX; i++)
		all += v[i];
	return all;
}

/* --count is met to the event, whoever publishes to how many topics. */
static void counts(void)
{
	static const unsigned cases[][3] = {{1, 1, 7}, {3, 1, 100}, {3, 7, 100}, {7, 3, 1000},
		{10, 10, 3}, {5, 64, 999}, {64, 5, 10}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct helper_bench h;
		bool right;

		helper_bench_config(&h, 1, cases[i][0], cases[i][1], TRANSPORT_SSE);
		h.c.count = cases[i][2];
		h.c.duration_ns = 0;
		h.c.rate = 0;
		helper_bench_init(&h, 1);
		h.b.start_ns = 1000;
		right = publish_all(&h, UINT64_MAX);
		ok(right && sum(topics) == cases[i][2], "%u publishers, %u topics: %u events",
			cases[i][0], cases[i][1], cases[i][2]);
		helper_bench_fini(&h);
	}
}

/* The schedule of all together is even, and each event is due where it should be. */
static void schedule(void)
{
	struct helper_bench h;
	uint64_t due, n, before = 0, steps = 0;
	struct plan plan[4];
	bool even = true, steady = true;

	helper_bench_config(&h, 1, 4, 4, TRANSPORT_SSE);
	h.c.rate = 1000;
	h.c.duration_ns = 1000000000;
	helper_bench_init(&h, 1);
	h.b.start_ns = 5000000000;
	h.b.end_ns = 6000000000;
	for (uint32_t p = 0; p < 4; p++)
		plan_init(&plan[p], &h.b, p);
	for (;;) {
		uint32_t first = 0;

		for (uint32_t p = 1; p < 4; p++)
			if (plan_due(&plan[p], &h.b, 0) < plan_due(&plan[first], &h.b, 0))
				first = p;
		due = plan_due(&plan[first], &h.b, 0);
		if (due == UINT64_MAX)
			break;
		steady = steady && plan_due(&plan[first], &h.b, 9000000000) == due;
		even = even && (before == 0 ? due == h.b.start_ns : due - before == 1000000);
		before = due;
		steps++;
		plan_advance(&plan[first], &n);
	}
	ok(even && steps == 1000, "a second of 1,000 a second, one each millisecond: %u", (unsigned)steps);
	ok(steady, "whatever time it is");
	for (uint32_t p = 0; p < 4; p++)
		plan_fini(&plan[p]);
	helper_bench_fini(&h);
}

static void no_schedule(void)
{
	struct helper_bench h;
	struct plan plan;

	helper_bench_config(&h, 1, 1, 1, TRANSPORT_SSE);
	h.c.rate = 0;
	helper_bench_init(&h, 1);
	h.b.start_ns = 100;
	h.b.end_ns = 200;
	plan_init(&plan, &h.b, 0);
	ok(plan_due(&plan, &h.b, 50) == 100, "nothing before it begins");
	ok(plan_due(&plan, &h.b, 150) == 150, "then at any time");
	ok(plan_due(&plan, &h.b, 200) == UINT64_MAX, "until it is over");
	ok(plan_unsent(&plan, &h.b, 150) == 0, "and nothing is owed");
	plan_fini(&plan);
	helper_bench_fini(&h);
}

/* What was due and not sent. */
static void owed(void)
{
	struct helper_bench h;
	struct plan plan;
	uint64_t n;

	helper_bench_config(&h, 1, 1, 1, TRANSPORT_SSE);
	h.c.rate = 10;
	helper_bench_init(&h, 1);
	h.b.start_ns = 1000000000;
	h.b.end_ns = 2000000000;
	plan_init(&plan, &h.b, 0);
	ok(plan_unsent(&plan, &h.b, 500000000) == 0, "nothing is due yet");
	ok(plan_unsent(&plan, &h.b, 1450000000) == 5, "half of it is");
	plan_advance(&plan, &n);
	plan_advance(&plan, &n);
	ok(plan_unsent(&plan, &h.b, 1450000000) == 3, "some were sent");
	ok(plan_unsent(&plan, &h.b, 9000000000) == 8, "all of it is, and no more");
	plan_fini(&plan);
	helper_bench_fini(&h);
}

static void popularity(void)
{
	struct helper_bench h;

	helper_bench_config(&h, 1, 2, 10, TRANSPORT_SSE);
	h.c.zipf = 1;
	h.c.rate = 0;
	h.c.count = 100000;
	helper_bench_init(&h, 1);
	ok(publish_all(&h, UINT64_MAX), "--zipf: numbers are right");
	ok(topics[0] > 31000 && topics[0] < 37500, "... the first has a third: %u", (unsigned)topics[0]);
	ok(topics[1] > 15500 && topics[1] < 19000, "... the second half of it: %u", (unsigned)topics[1]);
	ok(topics[9] > 2800 && topics[9] < 4200, "... the tenth a tenth: %u", (unsigned)topics[9]);
	helper_bench_fini(&h);
	helper_bench_config(&h, 1, 3, 9, TRANSPORT_SSE);
	h.c.count = 900;
	h.c.rate = 0;
	helper_bench_init(&h, 1);
	publish_all(&h, UINT64_MAX);
	for (unsigned t = 1; t < 9; t++)
		if (topics[t] != topics[0])
			ok(false, "topic %u has as many as the others", t);
	ok(topics[0] == 100 && publishers[0] == 300 && publishers[2] == 300, "without it all are alike");
	helper_bench_fini(&h);
}

int main(void)
{
	counts();
	schedule();
	no_schedule();
	owed();
	popularity();
	return tap_done();
}
