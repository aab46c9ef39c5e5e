/* SPDX-License-Identifier: MIT */
#include "figures/threshold.h"

#include <math.h>

#include "tests/unit/tap.h"

static struct result r;

/* 1,000 latencies of 1 ... 1000 ms, acknowledged in 1 us, connected in 2 ms. */
static void fill(void)
{
	for (uint64_t i = 1; i <= 1000; i++)
		histogram_add(&r.all.latency, i * 1000000);
	histogram_add_many(&r.pub.ack, 1000, 10);
	histogram_add_many(&r.all.connect, 2000000, 10);
	r.all.verdict.lost = 1;
	r.all.verdict.doubled = 2;
	r.all.verdict.disordered = 3;
	r.all.verdict.corrupt = 4;
	r.all.broken = 5;
	r.all.deliveries = 20000;
	r.all.connected = 10;
	r.pub.sent = 6;
	r.publish_s = r.delivering_s = 2;
	r.server_cpu_ns = 20000 * 4000;
	r.server_pss_before = 1 << 20;
	r.server_pss_idle = (1 << 20) + 10 * 2048;
}

static void is(const char *text, bool exceeded, const char *value)
{
	struct threshold t[THRESHOLDS_MAX];
	unsigned n = 0;
	const char *wrong = threshold_parse(t, &n, text);
	char seen[FIGURE_LEN];
	double v;

	if (!ok(wrong == NULL && n == 1, "%s is a condition", text)) {
		printf("# %s\n", wrong == NULL ? "" : wrong);
		return;
	}
	ok(threshold_exceeded(&t[0], &r, &v) == exceeded, "... and %s", exceeded ? "true" : "false");
	eq_str(threshold_format(seen, &t[0], v), value, "... of this figure");
}

static void figures(void)
{
	is("p50>400ms", true, "501 ms");
	is("p50>600ms", false, "501 ms");
	is("p90>0.95s", false, "902 ms");
	is("p99<1s", true, "994 ms");
	is("p999>=990000000ns", true, "1.00 s");
	is("p99.9>=990000us", true, "1.00 s");
	is("max<=1000ms", true, "1.00 s");
	is("max<1000ms", false, "1.00 s");
	is("max>=1000ms", true, "1.00 s");
	is("max>1000ms", false, "1.00 s");
	is("max<=999ms", false, "1.00 s");
	is("max<=1001ms", true, "1.00 s");
	is("max>1m", false, "1.00 s");
	is("mean>500ms", true, "500 ms");
	is("ack_p99>1us", false, "1.00 us");
	is("ack_max>999ns", true, "1.00 us");
	is("connect_p99>1.5ms", true, "2.00 ms");
	is("connect_mean<=2ms", true, "2.00 ms");
	is("lost>0", true, "1");
	is("lost>1", false, "1");
	is("doubled>=2", true, "2");
	is("disordered<3", false, "3");
	is("corrupt>3.5", true, "4");
	is("broken>5", false, "5");
	is("deliveries<20k", false, "20,000");
	is("deliveries<0.1M", true, "20,000");
	is("sent<7", true, "6");
	is("rate<10k", false, "10,000");
	is("rate<=10K", true, "10,000");
	is("cpu>3us", true, "4.00 us");
	is("memory>2K", false, "2.00 KiB");
	is("memory>=2KiB", true, "2.00 KiB");
	is("memory>=2048", true, "2.00 KiB");
	is(" p99 > 50ms ", true, "994 ms");
}

static void several(void)
{
	struct threshold t[THRESHOLDS_MAX];
	unsigned n = 0;

	ok(threshold_parse(t, &n, "p99>50ms,lost>0") == NULL && n == 2, "two after a comma");
	ok(threshold_parse(t, &n, "corrupt>0") == NULL && n == 3, "and one more");
	eq_bytes(t[0].text, t[0].len, "p99>50ms", 8, "the first as it was given");
	eq_bytes(t[1].text, t[1].len, "lost>0", 6, "and the second");
	while (n < THRESHOLDS_MAX)
		if (threshold_parse(t, &n, "lost>0") != NULL)
			break;
	ok(threshold_parse(t, &n, "lost>0") != NULL && n == THRESHOLDS_MAX, "too many are refused");
}

static void refused(const char *text, const char *because)
{
	struct threshold t[THRESHOLDS_MAX];
	unsigned n = 0;
	const char *wrong = threshold_parse(t, &n, text);

	ok(wrong != NULL && strstr(wrong, because) != NULL, "'%s' is refused: %s", text,
		wrong == NULL ? "" : wrong);
}

static void wrong(void)
{
	refused("", "not a condition");
	refused("p99", "not a condition");
	refused("p99=50ms", "not a condition");
	refused(">50ms", "not a condition");
	refused("p99>50ms,", "not a condition");
	refused(",", "not a condition");
	refused("p98>50ms", "p50, p90, p99, p999");
	refused("ack_lost>1", "known");
	refused("losses>1", "lost");
	refused("ack_>1ms", "known");
	refused("p99>50", "unit");
	refused("p99>ms", "unit");
	refused("p99>", "unit");
	refused("p99>=", "unit");
	refused("p99>-5ms", "unit");
	refused("p99>1e3ms", "unit");
	refused("p99>infms", "unit");
	refused("p99>0x10ms", "unit");
	refused("p99>1.2.3ms", "unit");
	refused("p99>.ms", "unit");
	refused("p99>50ms>40ms", "unit");
	refused("lost>5ms", "count");
	refused("memory>5ms", "size");
	refused("cpu>5", "unit");
}

static void unknown(void)
{
	static struct result none;
	struct threshold t[4];
	unsigned n = 0;
	char text[FIGURE_LEN];
	double v;

	ok(threshold_parse(t, &n, "p99>50ms,cpu>5us,memory<1K,lost>0") == NULL, "conditions");
	for (unsigned i = 0; i < 3; i++) {
		ok(threshold_exceeded(&t[i], &none, &v) && isnan(v), "what was not measured fails");
		eq_str(threshold_format(text, &t[i], v), "not measured", "... and says so");
	}
	ok(!threshold_exceeded(&t[3], &none, &v) && v == 0, "a count of nothing is 0");
}

int main(void)
{
	fill();
	figures();
	several();
	wrong();
	unknown();
	return tap_done();
}
