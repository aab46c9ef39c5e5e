/* SPDX-License-Identifier: MIT */
/* When rt-bench says that its figures are its own, and when it does not. */
#include "load/limit.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/tap.h"

#define MS UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)

static struct bench_config config;
static struct result *result;
static struct thread_mark before[2], after[2];

/* A run of two seconds by two threads: all of it was easy. */
static struct session easy(void)
{
	struct session s = {.b = {.c = &config, .nworkers = 2}, .r = result, .begin = before, .end = after};

	free(result);
	result = s.r = calloc(1, sizeof(*result));
	config = (struct bench_config){.rate = 100};
	for (int i = 0; i < 2; i++) {
		before[i] = (struct thread_mark){.at_ns = SECOND};
		after[i] = (struct thread_mark){.at_ns = 3 * SECOND, .busy_ns = 100 * MS,
			.waited_ns = 20 * MS, .turns = 2000};
	}
	return s;
}

/* (n) events that were sent and came so late. */
static void add(unsigned n, uint64_t late_ns, uint64_t latency_ns)
{
	for (unsigned i = 0; i < n; i++) {
		histogram_add(&result->pub.lateness, late_ns);
		histogram_add(&result->all.latency, latency_ns);
	}
}

static const char *judged(const struct session *s)
{
	result->limit = NULL;
	limit_judge(s, result);
	return result->limit == NULL ? "" : result->limit;
}

static bool says(const struct session *s, const char *what)
{
	return strstr(judged(s), what) != NULL;
}

static void threads(void)
{
	struct session s = easy();

	add(200, MS / 10, MS);
	ok(*judged(&s) == '\0', "an easy run is no limit");
	ok(result->own_busiest > 0.049 && result->own_busiest < 0.051,
		"its busiest thread had 5 %% of a core");
	after[1].busy_ns = 1800 * MS;
	ok(says(&s, "busy"), "one thread that is busy is enough");
	ok(result->own_busiest > 0.89 && result->own_busiest < 0.91, "and is seen");
	after[1].at_ns = before[1].at_ns + 200 * MS;
	after[1].busy_ns = 190 * MS;
	ok(*judged(&s) == '\0', "but not in a time that is too short to tell");

	s = easy();
	add(200, MS / 10, MS);
	after[0].waited_ns = 600 * MS;
	ok(says(&s, "wait for a processor"), "a thread that waits for a processor for a third of the time");
	after[0].waited_ns = 400 * MS;
	after[0].turns = 500;
	ok(says(&s, "wait for a processor"), "or, each time, for most of what an event takes");
	add(1000, MS / 10, 100 * MS);
	ok(*judged(&s) == '\0', "which is nothing beside a slow server");
}

static void lateness(void)
{
	struct session s = easy();

	add(190, MS / 10, MS);
	add(10, 15 * MS, 16 * MS);
	ok(*judged(&s) == '\0', "a few hiccups are no limit: 15 ms of 5 %% of 200 events");
	add(20, 15 * MS, 16 * MS);
	ok(says(&s, "late"), "but those of a tenth are");
	config.rate = 0;
	ok(*judged(&s) == '\0', "without a schedule nothing is late");

	s = easy();
	add(1950, MS / 10, MS);
	add(50, 15 * MS, 16 * MS);
	ok(says(&s, "late"), "15 ms of a fiftieth of 2,000 events are no accident");

	s = easy();
	add(1900, MS / 10, MS);
	add(100, 15 * MS, 50 * MS);
	ok(*judged(&s) == '\0', "unless the server took much longer");

	s = easy();
	add(500, MS / 2, MS * 6 / 10);
	ok(*judged(&s) == '\0', "less than a millisecond is never late");

	s = easy();
	for (unsigned i = 0; i < 200; i++) {
		histogram_add(&result->pub.lateness, 20 * MS);
		histogram_add(&result->pub.ack, 21 * MS);
	}
	ok(says(&s, "late"), "without subscribers, acknowledgements are what it is compared with");
}

int main(void)
{
	threads();
	lateness();
	free(result);
	return tap_done();
}
