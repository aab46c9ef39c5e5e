/* SPDX-License-Identifier: MIT */
#include "figures/figure.h"

#include <math.h>

#include "tests/unit/tap.h"

struct example {
	double v;
	const char *text;
};

static void check(char *format(char dst[FIGURE_LEN], double v), const struct example *e, const char *what)
{
	char text[FIGURE_LEN], name[64];

	for (; e->text != NULL; e++) {
		snprintf(name, sizeof(name), "%s: %.10g", what, e->v);
		eq_str(format(text, e->v), e->text, name);
	}
}

static void texts(void)
{
	static const struct example times[] = {{0, "0 ns"}, {1, "1.00 ns"}, {12.3, "12.3 ns"},
		{999, "999 ns"}, {999.4, "999 ns"}, {999.6, "1.00 us"}, {1000, "1.00 us"},
		{1234, "1.23 us"}, {9996, "10.0 us"}, {99949, "99.9 us"}, {99951, "100 us"},
		{45678901, "45.7 ms"}, {999999999, "1.00 s"}, {61e9, "61.0 s"}, {1234e9, "1,234 s"},
		{3600e9 * 24, "86,400 s"}, {NAN, "-"}, {0, NULL}};
	static const struct example sizes[] = {{0, "0 B"}, {96, "96.0 B"}, {166.4, "166 B"},
		{1000, "1,000 B"}, {1023, "1,023 B"}, {1024, "1.00 KiB"}, {1536, "1.50 KiB"},
		{1048576.0 * 45.6, "45.6 MiB"}, {1024.0 * 1048576 * 3, "3.00 GiB"}, {NAN, "-"}, {0, NULL}};
	static const struct example numbers[] = {{0, "0"}, {0.00123, "0.00123"}, {0.123, "0.123"},
		{1, "1.00"}, {20, "20.0"}, {999.7, "1.00 k"}, {1e3, "1.00 k"}, {170000, "170 k"},
		{1020000, "1.02 M"}, {3e9, "3.00 G"}, {5e12, "5,000 G"}, {NAN, "-"}, {0, NULL}};
	static const struct example shares[] = {{0, "0 %"}, {0.000123, "0.01 %"}, {0.0042, "0.42 %"},
		{0.00006, "0.006 %"}, {0.00000012, "0.00001 %"}, {0.023, "2.30 %"}, {0.456, "45.6 %"},
		{0.999, "99.9 %"}, {0.99956, "99.95 %"}, {0.9999999, "99.99 %"}, {1, "100 %"}, {2.5, "250 %"},
		{NAN, "-"}, {0, NULL}};
	char text[FIGURE_LEN];

	check(figure_time, times, "time");
	check(figure_size, sizes, "size");
	check(figure_number, numbers, "number");
	check(figure_percent, shares, "share");
	eq_str(figure_count(text, 0), "0", "count");
	eq_str(figure_count(text, 999), "999", "count");
	eq_str(figure_count(text, 1000), "1,000", "count");
	eq_str(figure_count(text, 1234567), "1,234,567", "count");
	eq_str(figure_count(text, UINT64_MAX), "18,446,744,073,709,551,615", "count");
}

static void derived(void)
{
	static struct result r;

	ok(isnan(figure_rate(&r)) && isnan(figure_bytes_per_event(&r)) && isnan(figure_cpu(&r)) &&
		isnan(figure_own_cpu(&r)) && isnan(figure_memory(&r)), "of nothing nothing is known");
	r.all.deliveries = 2000;
	r.all.connected = 10;
	r.all.bytes = 300000;
	r.publish_s = 60;
	r.delivering_s = 4;
	r.caught_up = 400;
	r.pub.sent = 30;
	r.sending_s = 3;
	r.own_cpu_ns = 1000000;
	ok(figure_rate(&r) == 400, "deliveries a second");
	ok(figure_publish_rate(&r) == 10, "events published a second");
	ok(figure_bytes_per_event(&r) == 150, "bytes per event");
	ok(figure_own_cpu(&r) == 500, "our own CPU time");
	ok(isnan(figure_cpu(&r)) && isnan(figure_memory(&r)), "without --pid nothing is known of the server");
	r.server_cpu_ns = 8000000;
	r.server_pss_before = 1000000;
	r.server_pss_idle = 1000000 + 16384;
	ok(figure_memory(&r) == 1638.4, "and its memory");
	r.server_pss_idle = 1000000 + 16383;
	ok(isnan(figure_memory(&r)), "which is not claimed if it grew by next to nothing");
	ok(figure_cpu(&r) == 4000, "the server's CPU time");
	r.server_pss_idle = 900000;
	ok(isnan(figure_memory(&r)), "or has become less");
}

int main(void)
{
	texts();
	derived();
	return tap_done();
}
