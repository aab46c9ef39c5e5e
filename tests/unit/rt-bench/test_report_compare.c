/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include <stdlib.h>

#include "helper_result.h"
#include "report/shared.h"
#include "tests/unit/tap.h"

#define RUNS 5

static struct result *runs[RUNS];

/* cpu_us 0: without --pid. */
static void fill(double cpu_us)
{
	runs[0] = helper_variant("sse", TRANSPORT_SSE, 5.2, 11, 166, cpu_us * 1.05, 1000, 1000);
	runs[1] = helper_variant("ws", TRANSPORT_WS, 5.0, 10.5, 158, cpu_us, 1000, 1000);
	runs[2] = helper_variant("longpoll", TRANSPORT_LONGPOLL, 7.1, 21, 316, cpu_us * 2.1, 180000, 1000);
	runs[3] = helper_variant("poll 1s", TRANSPORT_POLL, 510, 1010, 95, cpu_us / 2, 10000, 1000);
	runs[4] = helper_variant("poll 5s", TRANSPORT_POLL, 2510, 5010, 71, cpu_us / 4, 2000, 1000);
	for (unsigned i = 0; i < RUNS; i++)
		runs[i]->pub.sent = 1000;
}

static void empty(void)
{
	for (unsigned i = 0; i < RUNS; i++)
		helper_free(runs[i]);
}

static const struct result *const *all(void)
{
	return (const struct result *const *)runs;
}

static void advises(unsigned n, const char *want, const char *what)
{
	char text[1024];

	report_advice(text, sizeof(text), all(), n);
	if (!ok(strstr(text, want) != NULL, "%s", what))
		printf("# no '%s' in '%s'\n", want, text);
}

static void never(unsigned n, const char *part, const char *what)
{
	char text[1024];

	report_advice(text, sizeof(text), all(), n);
	if (!ok(strstr(text, part) == NULL, "%s", what))
		printf("# '%s' in '%s'\n", part, text);
}

static void set_latency(struct result *r, double p50_ms, double p99_ms)
{
	histogram_reset(&r->all.latency);
	helper_spread(&r->all.latency, 100000, p50_ms, p99_ms);
}

static void set_cpu(struct result *r, double us)
{
	r->server_cpu_ns = (uint64_t)(us * 1000 * (double)r->all.deliveries);
}

static void advice(void)
{
	fill(6);
	advises(RUNS, "What fits: sse. sse and ws are the fastest, and alike (p99 from 10.5 ms); "
		"sse costs hardly more than the cheapest of them, 6.30 us of the server's CPU per event, "
		"and is the simplest. ",
		"of what is alike the simplest");
	advises(RUNS, "longpoll, for where streams do not get through, takes 1.90 times the p99 "
		"and 2.00 times the CPU. ", "what long polling costs");
	advises(RUNS, "If 5.0", "polls for those who can wait");
	advises(RUNS, "s (p99) is soon enough, poll 5s takes 23.8 % of the CPU.", "... the cheapest of them");
	never(RUNS, "--pid", "the CPU was measured");
	set_cpu(runs[1], 4);
	advises(RUNS, "What fits: ws. sse and ws are the fastest, and alike (p99 from 10.5 ms); of these ws "
		"costs least, 4.00 us of the server's CPU per event.", "of what is as fast the cheapest");
	set_latency(runs[0], 10, 30);
	set_cpu(runs[0], 1);
	advises(RUNS, "What fits: ws. ws is the fastest (p99 10.5 ms). ", "the fastest before the cheapest");
	set_cpu(runs[3], 9);
	set_cpu(runs[4], 5);
	advises(RUNS, "Polling is later, and saves nothing here: poll 5s takes 1.25 times the CPU.",
		"polls may cost more");
	set_cpu(runs[4], 3.6);
	advises(RUNS, "Polling is later, and saves little here: poll 5s takes 90.0 % of the CPU.",
		"... or hardly less");
	advises(2, "What fits: ws.", "without polls nothing on polls");
	never(2, "oll", "... indeed");
	advises(1, "", "one alone");
	never(1, "fits", "... is not compared");
	empty();
}

/* One event of a hundred was held up while sse was measured: that is no property of sse. */
static void few_events(void)
{
	fill(6);
	set_latency(runs[0], 5.2, 200);
	advises(RUNS, "What fits: ws. ws is the fastest (p99 10.5 ms). ", "p99 of many events counts");
	never(RUNS, "p90", "... and nothing else");
	for (unsigned i = 0; i < RUNS; i++) {
		runs[i]->pub.sent = 100;
		histogram_reset(&runs[i]->all.latency);
	}
	for (unsigned i = 0; i < 100; i++) {
		histogram_add(&runs[0]->all.latency, i < 98 ? 6 * 1000000 : 200 * 1000000);
		histogram_add(&runs[1]->all.latency, 5 * 1000000);
		histogram_add(&runs[2]->all.latency, 20 * 1000000);
		histogram_add(&runs[3]->all.latency, 1000 * 1000000);
		histogram_add(&runs[4]->all.latency, 5 * 1000 * 1000000LL);
	}
	advises(RUNS, "What fits: sse. sse and ws are the fastest, and alike (p90 from 5.0",
		"p99 of few does not");
	advises(RUNS, "takes 3.3", "long polling is compared by the same");
	advises(RUNS, "times the p90 and 2.00 times the CPU.", "... percentile");
	advises(RUNS, "s (p99) is soon enough", "polls by p99: their interval is what counts");
	advises(RUNS, "are compared by p90, as p99 of less than 1000 events is one moment of a run.",
		"it is said why");
	runs[1]->pub.sent = 1000;
	advises(RUNS, "(p90 from", "the fewest events decide");
	empty();
}

static void excluded(void)
{
	fill(6);
	runs[0]->all.verdict.lost = 1;
	advises(RUNS, "What fits: ws. ws is the fastest", "what loses does not fit");
	advises(RUNS, "sse is left out: it did not deliver all as it should.", "... and it is said why");
	histogram_reset(&runs[1]->all.latency);
	advises(RUNS, "What fits: longpoll. longpoll is the fastest", "nor what brought nothing");
	advises(RUNS, "ws is left out: nothing came.", "... which is said, too");
	never(RUNS, "for where streams", "long polling is not compared with itself");
	runs[2]->undelivered = 3;
	advises(RUNS, "Nothing fits: no stream delivered all as it should. What is left "
		"is poll 5s, 5.0", "polls are left");
	runs[3]->all.verdict.corrupt = runs[4]->all.verdict.doubled = 1;
	never(RUNS, "What is left", "or not even they");
	empty();
}

static void doubts(void)
{
	fill(0);
	advises(RUNS, "sse costs hardly more than the cheapest of them, 166 B on the wire per "
		"event, and is the simplest.", "without --pid cost is bytes");
	advises(RUNS, "Cost is bytes here, as the server's CPU was not measured (--pid).",
		"... which is said");
	advises(RUNS, "poll 5s takes 42.8 % of the bytes.", "... of polls, too");
	runs[1]->limit = "its thread was busy";
	advises(RUNS, "As rt-bench was the bottleneck at times, do not decide before",
		"a bottleneck of its own is said");
	empty();
}

/* --- the table ------------------------------------------------------------------------------- */

struct compare_of {
	unsigned n, width;
	bool colour;
};

static int write_compare(FILE *out, void *arg)
{
	const struct compare_of *o = arg;
	struct bench_config c;

	helper_config(&c);
	return report_compare(out, &c, all(), o->n, o->width, o->colour);
}

static char *compared(unsigned n, unsigned width, bool colour)
{
	return helper_written(write_compare, &(struct compare_of){n, width, colour});
}

static void table(void)
{
	static const char head[] =
		"1,000 subscribers on 1 topic; 1 publisher, 20 events/s of 100 bytes, 10 s;\n"
		"http://127.0.0.1:7070\n"
		"\n"
		"                p50       p99   B/event CPU/event   B/conn.   requests  connects\n"
		"sse         5.21 ms   11.0 ms     166 B   6.30 us     500 B      1,000     1,000\n"
		"ws          5.01 ms   10.5 ms     158 B   6.00 us     500 B      1,000     1,000\n"
		"longpoll    7.11 ms   21.0 ms     316 B   12.6 us     500 B    180,000     1,000\n";
	unsigned wide = 0;
	char *text;

	fill(6);
	text = compared(RUNS, 80, true);
	eq_bytes(text, strlen(text) < sizeof(head) - 1 ? strlen(text) : sizeof(head) - 1,
		head, sizeof(head) - 1, "the table");
	ok(strchr(text, '\x1b') == NULL, "no colour when nothing is wrong");
	ok(strstr(text, "\n\nWhat fits: sse.") != NULL, "the advice stands below");
	free(text);
	runs[0]->all.verdict.lost = 7;
	runs[0]->all.verdict.faulty = 1;
	runs[0]->all.verdict.announced = 3;
	runs[3]->limit = runs[4]->limit = "its busiest thread used 99 % of a core; give it more --threads";
	text = compared(RUNS, 80, true);
	ok(strstr(text, "\x1b[31msse: lost 7 (") != NULL, "what was lost is red");
	ok(strstr(text, "\x1b[33mpoll 1s, poll 5s: rt-bench was the bottleneck") != NULL,
		"what is doubtful is yellow");
	ok(strstr(text, "announced") == NULL, "notes are left out");
	free(text);
	for (unsigned width = 40; width <= 120; width++) {
		text = compared(RUNS, width, true);
		if (helper_longest(text) > width && wide++ == 0)
			printf("# %u columns:\n%s\n", width, text);
		free(text);
	}
	ok(wide == 0, "lines fit, from 40 columns to 120");
	empty();
	fill(0);
	text = compared(RUNS, 80, false);
	ok(strstr(text, "CPU/event") == NULL && strstr(text, "B/conn.") == NULL,
		"what nobody knows has no column");
	free(text);
	text = compared(0, 80, false);
	ok(strstr(text, "nan") == NULL, "nothing compared");
	free(text);
	empty();
}

int main(void)
{
	advice();
	few_events();
	excluded();
	doubts();
	table();
	return tap_done();
}
