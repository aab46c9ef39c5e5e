/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include <errno.h>
#include <stdlib.h>

#include "figures/figure.h"
#include "helper_result.h"
#include "tests/unit/tap.h"

struct text_of {
	const struct bench_config *c;
	const struct result *r;
	unsigned width;
	bool colour;
};

static int write_text(FILE *out, void *arg)
{
	const struct text_of *t = arg;

	return report_text(out, t->c, t->r, t->width, t->colour);
}

static char *text_of(const struct bench_config *c, const struct result *r, unsigned width, bool colour)
{
	return helper_written(write_text, &(struct text_of){c, r, width, colour});
}

static void has(const char *text, const char *part, const char *what)
{
	if (!ok(strstr(text, part) != NULL, "%s", what))
		printf("# no '%s' in\n%s\n", part, text);
}

/* All that can go wrong. */
static struct result *bad_result(void)
{
	struct result *r = helper_result();

	r->all.verdict = (struct verdict){.received = 199988, .lost = 12, .disordered = 3, .announced = 40,
		.foreign = 2, .faulty = 5};
	r->limit = "its busiest thread used 97 % of a core; give it more --threads";
	r->interrupted = true;
	r->undelivered = 7;
	r->all.connected = 990;
	r->all.connect_failures = 10;
	r->all.reconnects = 1000;
	r->all.broken = 2;
	r->pub.acked = 195;
	r->pub.refused = 3;
	r->pub.unsure = 2;
	r->server_cpu_ns = 1320000000;
	r->server_pss_before = 4 << 20;
	r->server_pss_idle = (4 << 20) + 512000;
	helper_spread(&r->all.recover, 1000, 20, 80);
	return r;
}

static void good(void)
{
	static const char head[] =
		"1,000 subscribers (500 sse, 500 ws) on 1 topic; 1 publisher, 20 events/s of 100\n"
		"bytes, 10 s; http://127.0.0.1:7070\n"
		"\n"
		"latency  ";
	static const char tail[] =
		"\n"
		"connected       1,000 of 1,000 in 412 ms, 2.43 k/s\n"
		"published       200 events, 20.0/s, all acknowledged\n"
		"delivered       200,000 events, 20.0 k/s, 166 B each on the wire\n"
		"rt-bench        1 thread, 2.10 us of CPU per delivery, 4.20 % of a core, sent at\n"
		"                most 92.7 us late (p99)\n"
		"verdict         nothing lost, doubled, out of order or corrupt; 99 of 100 came\n"
		"                within 11.0 ms\n";
	struct bench_config c;
	struct result *r = helper_result();
	char *text, *coloured;

	helper_config(&c);
	text = text_of(&c, r, 80, false);
	eq_bytes(text, strlen(text) < sizeof(head) - 1 ? strlen(text) : sizeof(head) - 1,
		head, sizeof(head) - 1, "what was asked comes first");
	eq_str(text + strlen(text) - strlen(tail), tail, "the verdict comes last");
	has(text, "\n                       p50       p90       p99     p99.9       max      mean\n"
		"latency            5.21 ms   7.47 ms   11.0 ms   15.8 ms   23.3 ms   5.43 ms\n  sse ",
		"the table of times");
	has(text, "\nacknowledgement ", "a row of acknowledgements");
	has(text, "\nconnecting ", "a row of connecting");
	has(text, "\n<=    5 ms ", "a row of the histogram");
	ok(strstr(text, "coming back") == NULL, "nobody came back");
	ok(strstr(text, "server  ") == NULL, "nothing is known of the server");
	coloured = text_of(&c, r, 80, true);
	eq_str(coloured, text, "no colour when nothing is wrong");
	free(coloured);
	free(text);
	helper_free(r);
}

static void bad(void)
{
	struct bench_config c;
	struct result *r = bad_result();
	char *text;

	helper_config(&c);
	text = text_of(&c, r, 80, true);
	has(text, "\x1b[31mverdict         lost 12 (0.006 %), doubled 0, out of order 3, corrupt 0; 5 of\n"
		"                1,000 subscribers concerned; 99 of 100 came within 11.0 ms\x1b[0m\n",
		"what was lost is red");
	r->pub.misnamed = 6;
	free(text);
	text = text_of(&c, r, 200, true);
	has(text, "5 of 1,000 subscribers concerned; 6 acknowledged by another id or none;",
		"so is a wrong acknowledgement");
	free(text);
	text = text_of(&c, r, 80, true);
	has(text, "\x1b[33mconnected       990 of 1,000", "who is missing is yellow");
	has(text, "\x1b[33mwarning         rt-bench was the bottleneck: its busiest thread used 97 % of a\n"
		"                core; give it more --threads\x1b[0m\n", "a bottleneck of its own is told");
	has(text, "interrupted: this is what was measured until then", "so is a signal");
	has(text, "7 deliveries were still missing after 5 s", "so is what --drain did not bring");
	has(text, "only 990 of 1,000 subscribers were connected", "so is who was not there");
	has(text, "10 attempts to connect failed", "so are attempts that failed");
	has(text, "2 connections broke", "so are connections that broke");
	has(text, "3 of 200 events were refused by the server", "so is what was refused");
	has(text, "2 of 200 events were never acknowledged", "so is what is not sure");
	has(text, "note            40 missing, but announced", "so are gaps");
	has(text, "note            2 events of others", "so are others");
	has(text, "\nserver          6.60 us of CPU per delivery (13.2 % of a core), 517 B of",
		"the server's figures");
	has(text, "\ncoming back        20.1 ms", "who came back");
	has(text, "; then 1,000 reconnections", "how often");
	free(text);
	text = text_of(&c, r, 80, false);
	ok(strchr(text, '\x1b') == NULL, "no colour where it is not wanted");
	free(text);
	helper_free(r);
}

static void widths(void)
{
	struct bench_config c;
	struct result *r = bad_result();
	unsigned wide = 0;

	helper_config(&c);
	c.topics = 1000000;
	c.topics_each = 100;
	c.churn = 12.5;
	c.slow = 7;
	c.herd = true;
	c.resume_after_ns = 1500000000;
	c.zipf = 1.1;
	for (unsigned width = 40; width <= 120; width++) {
		char *text = text_of(&c, r, width, true);

		if (helper_longest(text) > width) {
			if (wide++ == 0)
				printf("# %u columns:\n%s\n", width, text);
		}
		free(text);
	}
	ok(wide == 0, "lines fit, from 40 columns to 120");
	helper_free(r);
}

static void asked(void)
{
	struct bench_config c;
	struct result *r = helper_result();
	char *text;

	helper_config(&c);
	memset(c.mix, 0, sizeof(c.mix));
	c.mix[TRANSPORT_POLL] = 1000;
	c.poll_every_ns = 2500000000;
	c.topics = 50;
	c.topics_each = 3;
	c.rate = 0;
	c.publishers = 4;
	c.duration_ns = 0;
	c.count = 100000;
	c.churn = 10;
	c.no_resume = true;
	text = text_of(&c, r, 1000, false);
	has(text, "1,000 subscribers (poll every 2.50 s) to 3 topics each, of 50 topics; "
		"4 publishers, as fast as it goes with 8 under way of 100 bytes, 100,000 events; "
		"10.0 a second reconnect without a cursor; http://127.0.0.1:7070\n", "what was asked");
	free(text);
	c.publishers = 0;
	c.sub_url = "ws://h/\x1b[2J\xff";
	text = text_of(&c, r, 1000, false);
	has(text, "; others publish;", "others publish");
	has(text, "ws://h/\\x1b[2J\\xff", "what comes from a command line is escaped");
	free(text);
	helper_free(r);
}

/* Nothing was measured, or only publishing. */
static void little(void)
{
	static struct result none;
	struct bench_config c;
	struct result *r = helper_result();
	char *text;

	helper_config(&c);
	text = text_of(&c, &none, 80, true);
	ok(strstr(text, "nan") == NULL && strstr(text, "inf") == NULL, "of nothing nothing is printed");
	free(text);
	memset(&r->all, 0, sizeof(r->all));
	memset(r->by_transport, 0, sizeof(r->by_transport));
	c.subscribers = 0;
	memset(c.mix, 0, sizeof(c.mix));
	text = text_of(&c, r, 80, true);
	ok(strstr(text, "delivered") == NULL && strstr(text, "verdict") == NULL,
		"without subscribers nothing on them");
	has(text, "0 subscribers on 1 topic; 1 publisher", "... but that there are none");
	has(text, "\nacknowledgement  ", "... but acknowledgements");
	has(text, "     so far\n", "... and how they are spread");
	free(text);
	helper_free(r);
}

static unsigned count(const char *text, const char *part)
{
	unsigned n = 0;

	while ((text = strstr(text, part)) != NULL) {
		text += strlen(part);
		n++;
	}
	return n;
}

/* From a nanosecond to an hour, narrow and wide, the rows of the histogram cover all. */
static void histograms(void)
{
	static const double spreads[][2] = {{1e-6, 1.01e-6}, {5, 5.01}, {1, 1.5}, {0.001, 3600000},
		{3600000, 3600001}, {1e-6, 3600000}, {9.99, 10.01}};
	static struct result r;
	struct bench_config c;

	helper_config(&c);
	for (size_t i = 0; i < sizeof(spreads) / sizeof(spreads[0]); i++) {
		char *text;
		unsigned rows;

		histogram_reset(&r.all.latency);
		for (unsigned k = 0; k <= 100; k++)
			histogram_add(&r.all.latency,
				(uint64_t)(1e6 * (spreads[i][0] +
					(spreads[i][1] - spreads[i][0]) * k / 100)));
		text = text_of(&c, &r, 80, false);
		rows = count(text, "\n<=");
		ok(rows == 0 || (rows >= 2 && rows <= 14), "%g to %g ms: %u rows", spreads[i][0],
			spreads[i][1], rows);
		ok(rows == 0 || count(text, "100 %\n") >= 1, "... up to all of them");
		free(text);
	}
	ok(histogram_percentile(&r.all.latency, 50) > 0, "there was something");
}

static void alphabets(void)
{
	struct bench_config c;
	struct result *r = helper_result();
	char *text;

	helper_config(&c);
	setenv("LC_ALL", "C", 1);
	text = text_of(&c, r, 80, false);
	has(text, " ####", "bars in ASCII");
	for (const char *p = text; *p != '\0'; p++)
		if ((signed char)*p < 0) {
			ok(false, "nothing but ASCII");
			break;
		}
	free(text);
	unsetenv("LC_ALL");
	unsetenv("LC_CTYPE");
	setenv("LANG", "de_DE.UTF-8", 1);
	text = text_of(&c, r, 80, false);
	has(text, " \u2588\u2588\u2588", "bars of blocks");
	ok(helper_longest(text) <= 80, "... which fit");
	free(text);
	helper_free(r);
}

static void line(const struct result_interval *i, const char *label, double total_s, unsigned width,
	const char *want, const char *what)
{
	char text[256];

	report_progress(text, sizeof(text), i, label, total_s, width);
	eq_str(text, want, what);
}

static void progress(void)
{
	struct result_interval i = {.at_s = 3, .seconds = 0.5, .sent = 10, .deliveries = 10000,
		.connections = 1000, .p99_ns = 12345678, .lost = 3, .ack_p99_ns = 800000};
	char text[256];
	bool fits = true;

	line(&i, "", 10, 100, "3 of 10 s  1,000 connected  20.0 events/s  20.0 k deliveries/s  "
		"p99 12.3 ms  lost 3", "progress");
	line(&i, "poll 1s", 0, 100, "poll 1s: 3 s  1,000 connected  20.0 events/s  "
		"20.0 k deliveries/s  p99 12.3 ms  lost 3", "one of several, without an end");
	line(&i, "", 10, 79, "3 of 10 s  20.0 events/s  20.0 k deliveries/s  p99 12.3 ms  lost 3",
		"80 columns");
	line(&i, "", 10, 39, "3 of 10 s  p99 12.3 ms  lost 3", "40 columns");
	line(&i, "", 10, 22, "3 of 10 s  p99 12.3 ms", "22 columns");
	line(&i, "", 10, 5, "3 of ", "it is cut where there is no room");
	i.at_s = 11;
	line(&i, "", 10, 45, "waiting for the rest  p99 12.3 ms  lost 3", "publishing is over");
	i.at_s = 3;
	i.p99_ns = 0;
	line(&i, "", 10, 39, "3 of 10 s  p99 -  lost 3", "in the warm-up");
	i.connections = i.deliveries = 0;
	line(&i, "", 10, 79, "3 of 10 s  20.0 events/s  ack p99 800 us", "without subscribers");
	i = (struct result_interval){.at_s = 35999, .seconds = 1, .sent = UINT64_MAX,
		.deliveries = UINT64_MAX, .connections = UINT64_MAX, .p99_ns = UINT64_MAX,
		.lost = UINT64_MAX};
	for (unsigned width = 1; width < 250; width++) {
		report_progress(text, sizeof(text), &i, "longpoll", 36000, width);
		fits = fits && strlen(text) <= width;
	}
	ok(fits, "it fits into any width");
}

static void full(void)
{
	struct bench_config c;
	struct result *r = helper_result();
	FILE *f = fopen("/dev/full", "w");

	helper_config(&c);
	if (f == NULL)
		return;
	setvbuf(f, NULL, _IONBF, 0);
	errno = 0;
	ok(report_text(f, &c, r, 80, false) == -1 && errno == ENOSPC, "an error of writing is told");
	fclose(f);
	helper_free(r);
}

int main(void)
{
	setenv("LC_ALL", "C", 1);
	good();
	bad();
	widths();
	asked();
	little();
	histograms();
	alphabets();
	progress();
	full();
	return tap_done();
}
