/* SPDX-License-Identifier: MIT */
#include "judge/missing.h"

#include <stddef.h>

#include "tests/unit/tap.h"

static void ranges(void)
{
	struct missing *m = NULL;

	ok(!missing_take(&m, 5), "nothing is missing at first");
	eq_num(missing_lost(m, NULL, 0), 0, "... and nothing lost");
	ok(missing_add(&m, 10, 19, false), "ten are missing");
	ok(missing_add(&m, 30, 30, true), "and one more, announced");
	ok(missing_add(&m, 40, 49, false), "and ten more");
	eq_num(missing_lost(m, NULL, 0), 20, "twenty are lost");
	eq_num(missing_announced(m, NULL, 0), 1, "one was announced");
	ok(!missing_take(&m, 9) && !missing_take(&m, 20) && !missing_take(&m, 29) && !missing_take(&m, 31) &&
		!missing_take(&m, 50), "others are not");
	ok(missing_take(&m, 10) && !missing_take(&m, 10), "the first of a range, once");
	ok(missing_take(&m, 19) && !missing_take(&m, 19), "the last of a range");
	ok(missing_take(&m, 15) && !missing_take(&m, 15), "one in the middle");
	ok(missing_take(&m, 14) && missing_take(&m, 16), "its neighbours");
	ok(missing_take(&m, 30), "a range of one");
	eq_num(missing_announced(m, NULL, 0), 0, "no announced one is left");
	for (uint64_t n = 40; n < 50; n++)
		if (!missing_take(&m, n))
			ok(false, "%" PRIu64, n);
	eq_num(missing_lost(m, NULL, 0), 5, "what is left");
	for (uint64_t n = 11; n < 19; n++)
		missing_take(&m, n);
	ok(m == NULL, "when nothing is missing any more, there is nothing");
}

static void unsure(void)
{
	const struct unsure u[] = {{5, 12}, {15, 15}, {18, 40}};
	struct missing *m = NULL;

	eq_num(missing_sure(1, 50, u, 3), 50 - 8 - 1 - 23, "of a range that covers all");
	eq_num(missing_sure(6, 11, u, 3), 0, "of a range within");
	eq_num(missing_sure(13, 14, u, 3), 2, "of a range between");
	eq_num(missing_sure(12, 18, u, 3), 4, "of a range that overlaps");
	eq_num(missing_sure(41, 50, u, 3), 10, "of a range after");
	eq_num(missing_sure(7, 6, u, 3), 0, "of no range");
	eq_num(missing_sure(1, 4, NULL, 0), 4, "nothing is unsure");
	missing_add(&m, 10, 16, false);
	missing_add(&m, 20, 21, true);
	eq_num(missing_lost(m, u, 3), 3, "lost");
	eq_num(missing_announced(m, u, 3), 0, "announced");
	missing_free(m);
	missing_free(NULL);
}

/* Every second number is missing, of more than there is room for. */
static void full(void)
{
	const uint64_t n = 10 * MISSING_RANGES_MAX;
	const struct unsure u[] = {{1, 10}};
	struct missing *m = NULL;
	uint64_t taken = 0;

	for (uint64_t i = 1; i <= n; i++)
		missing_add(&m, 2 * i, 2 * i, i % 2 == 0);
	eq_num(missing_lost(m, NULL, 0), n / 2, "the count is right although there was no room");
	eq_num(missing_announced(m, NULL, 0), n / 2, "... and that of announced ones");
	eq_num(missing_lost(m, u, 1), n / 2 - 10, "what is unsure is not charged");
	for (uint64_t i = 2 * n; i > 2 * n - 2 * MISSING_RANGES_MAX / 2; i--)
		taken += missing_take(&m, i);
	eq_num(taken, MISSING_RANGES_MAX / 2, "the newest are known one by one");
	ok(missing_take(&m, 4), "an old one may still come");
	for (uint64_t i = 1; i <= 2 * n; i++)
		missing_take(&m, i);
	ok(m == NULL, "and in the end all have");
}

/* Room runs out while a range is cut in two. */
static void full_split(void)
{
	struct missing *m = NULL;
	uint64_t sum = 0;

	for (uint64_t i = 0; i < MISSING_RANGES_MAX; i++) {
		missing_add(&m, 10 * i + 1, 10 * i + 5, i == 0);
		sum += 5;
	}
	ok(missing_take(&m, 3), "the oldest is cut");
	sum--;
	eq_num(missing_lost(m, NULL, 0) + missing_announced(m, NULL, 0), sum, "the count is right");
	eq_num(missing_announced(m, NULL, 0), 4, "it is the announced one that has one less");
	for (uint64_t i = 2 * MISSING_RANGES_MAX / 4; i < MISSING_RANGES_MAX; i++) {
		if (!missing_take(&m, 10 * i + 3) || missing_take(&m, 10 * i + 3))
			ok(false, "cutting range %" PRIu64, i);
		sum--;
	}
	eq_num(missing_lost(m, NULL, 0) + missing_announced(m, NULL, 0), sum, "the count stays right");
	missing_free(m);
}

/* The same with a range that stays. */
static void full_split_behind(void)
{
	struct missing *m = NULL;
	const uint64_t at = 10 * (MISSING_RANGES_MAX / 4);

	for (uint64_t i = 0; i < MISSING_RANGES_MAX; i++)
		missing_add(&m, 10 * i + 1, 10 * i + 5, false);
	ok(missing_take(&m, at + 3), "the oldest that stays is cut");
	ok(!missing_take(&m, at + 3), "... there");
	ok(missing_take(&m, at + 1) && missing_take(&m, at + 2) && missing_take(&m, at + 4) &&
		missing_take(&m, at + 5), "... and nowhere else");
	ok(missing_take(&m, at - 5), "the highest of those that are settled");
	eq_num(missing_lost(m, NULL, 0), 5 * MISSING_RANGES_MAX - 6, "the count is right");
	missing_free(m);
}

int main(void)
{
	ranges();
	unsure();
	full();
	full_split();
	full_split_behind();
	return tap_done();
}
