/* SPDX-License-Identifier: MIT */
#include "api/rate.h"

#include <stdio.h>

#include "tests/unit/tap.h"

/** How many single events pass from (from) on in (ms), asked for every millisecond. */
static unsigned pass(struct rate *r, const char *address, uint64_t per_second, uint64_t from, uint64_t ms)
{
	unsigned n = 0;

	for (uint64_t t = from; t < from + ms; t++)
		while (rate_take(r, str_of(address), 1, per_second, t) == 0)
			n++;
	return n;
}

static void test_single(void)
{
	struct rate *r = rate_new();
	uint64_t wait;

	for (int i = 0; i < 10000; i++)
		if (rate_take(r, STR_LIT("a"), 1, 0, 1000) != 0)
			break;
	eq_num(rate_take(r, STR_LIT("a"), 1, 0, 1000), 0, "0 is no limit");
	eq_num(pass(r, "a", 10, 1000, 1), 10, "a second's worth at once");
	wait = rate_take(r, STR_LIT("a"), 1, 10, 1000);
	ok(wait > 0 && wait <= 101, "then a wait of a tenth (%" PRIu64 " ms)", wait);
	ok(rate_take(r, STR_LIT("a"), 1, 10, 1000 + wait - 2) > 0, "not before");
	eq_num(rate_take(r, STR_LIT("a"), 1, 10, 1000 + wait), 0, "after what it said");
	eq_num(rate_take(r, STR_LIT("b"), 1, 10, 1000), 0, "another address has its own");
	eq_num(pass(r, "c", 10, 5000, 10000), 10 + 99, "10 a second, and a second's worth to begin with");
	eq_num(pass(r, "c", 10, 1000000, 1), 10, "however long the silence: one second's worth");
	eq_num(pass(r, "c", 10, 999000, 1), 0, "a clock that goes back gives nothing");
	rate_free(r);
}

/* Each loop looks at the clock once a turn, so that they differ by some milliseconds. */
static void test_loops(void)
{
	struct rate *r = rate_new();
	unsigned n = 0;

	for (uint64_t t = 5000; t < 15000; t++)
		n += pass(r, "a", 10, t - t % 2 * 20, 1);
	ok(n >= 10 + 98 && n <= 10 + 100, "loops whose clocks differ take no more together (%u)", n);
	rate_free(r);
}

static void test_batches(void)
{
	struct rate *r = rate_new();

	eq_num(rate_take(r, STR_LIT("a"), 25, 10, 1000), 0, "a batch may go into debt");
	ok(rate_take(r, STR_LIT("a"), 1, 10, 2000) > 0, "which is paid before the next");
	ok(rate_take(r, STR_LIT("a"), 0, 10, 2000) == 0, "nothing is always free");
	eq_num(rate_take(r, STR_LIT("a"), 1, 10, 2700), 0, "when paid");
	rate_free(r);
}

static void test_crowd(void)
{
	struct rate *r = rate_new();
	unsigned refused = 0, again = 0;
	char name[32];

	eq_num(pass(r, "busy", 10, 1000, 1), 10, "one that is at its limit");
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "10.0.%d.%d", i / 256, i % 256);
		refused += rate_take(r, str_of(name), 1, 10, 1001) != 0;
	}
	eq_num(refused, 0, "a crowd of others is not refused");
	for (int i = 0; i < 20; i++)
		again += rate_take(r, STR_LIT("busy"), 1, 10, 1002) == 0;
	eq_num(again, 0, "and does not push its debt out of memory");
	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		refused += rate_take(r, str_of(name), 1, 10, 2000 + (uint64_t)i) != 0;
	}
	eq_num(refused, 0, "more addresses than there are slots: nobody is refused for others");
	rate_free(r);
}

int main(void)
{
	test_single();
	test_loops();
	test_batches();
	test_crowd();
	rate_free(NULL);
	return tap_done();
}
