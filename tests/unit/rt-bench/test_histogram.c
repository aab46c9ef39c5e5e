/* SPDX-License-Identifier: MIT */
#include "figures/histogram.h"

#include <stdlib.h>

#include "tests/unit/tap.h"

#define NEAR (1.0 / HISTOGRAM_STEPS)

static struct histogram h, other;

/* Is (got) at least (want), and above it by less than a bucket? */
static bool covers(uint64_t got, uint64_t want)
{
	return got >= want && (double)(got - want) <= (double)want * NEAR;
}

static void empty(void)
{
	histogram_reset(&h);
	eq_num(histogram_percentile(&h, 50), 0, "empty: no percentile");
	eq_num(histogram_percentile(&h, 100), 0, "empty: no maximum");
	ok(histogram_mean(&h) == 0, "empty: no mean");
	eq_num(histogram_count_below(&h, UINT64_MAX), 0, "empty: nothing is below anything");
	histogram_add_many(&h, 7, 0);
	eq_num(h.count, 0, "adding none adds none");
}

static void one(void)
{
	histogram_reset(&h);
	histogram_add(&h, 1234567);
	for (double p = 0; p <= 100; p += 12.5)
		if (histogram_percentile(&h, p) != 1234567)
			ok(false, "percentile %g of one value", p);
	eq_num(histogram_percentile(&h, 50), 1234567, "of one value each percentile is that, exactly");
	eq_num(h.min_ns, 1234567, "... and the smallest");
	eq_num(h.max_ns, 1234567, "... and the largest");
	ok(histogram_mean(&h) == 1234567, "... and the mean");
}

/* Each value lands where it is known to 1/128, and rises with its neighbours. */
static void every_bucket(void)
{
	uint64_t before = 0;
	bool near = true, rising = true, exact = true;

	for (unsigned shift = 0; shift < 42; shift++)
		for (uint64_t step = 0; step < 64; step++) {
			uint64_t v = (UINT64_C(1) << shift) + ((step << shift) >> 6), p;

			histogram_reset(&h);
			histogram_add(&h, v);
			histogram_add(&h, HISTOGRAM_MAX_NS - 1);
			p = histogram_percentile(&h, 50);
			near &= covers(p, v);
			exact &= v >= HISTOGRAM_STEPS || p == v;
			rising &= p >= before;
			before = p;
		}
	ok(near, "a value is known to 1/128 of itself");
	ok(exact, "a small one exactly");
	ok(rising, "buckets are in order");
}

static void edges(void)
{
	histogram_reset(&h);
	histogram_add(&h, 0);
	histogram_add(&h, HISTOGRAM_STEPS - 1);
	histogram_add(&h, HISTOGRAM_STEPS);
	histogram_add(&h, HISTOGRAM_MAX_NS - 1);
	histogram_add(&h, HISTOGRAM_MAX_NS);
	histogram_add(&h, UINT64_MAX / 8);
	eq_num(histogram_percentile(&h, 1), 0, "0 is counted");
	eq_num(histogram_percentile(&h, 100.0 / 3), HISTOGRAM_STEPS - 1, "the last of the first row");
	eq_num(histogram_percentile(&h, 50), HISTOGRAM_STEPS, "the first of the second row");
	eq_num(histogram_percentile(&h, 66), HISTOGRAM_MAX_NS - 1, "the last that is known");
	eq_num(histogram_percentile(&h, 99), UINT64_MAX / 8, "above that, the maximum");
	eq_num(h.max_ns, UINT64_MAX / 8, "which is exact");
	eq_num(h.count, 6, "all are counted");
}

static void percentiles(void)
{
	histogram_reset(&h);
	for (uint64_t i = 1; i <= 1000; i++)
		histogram_add(&h, i * 1000000);
	ok(covers(histogram_percentile(&h, 50), 500000000), "p50 of 1 ... 1000 ms");
	ok(covers(histogram_percentile(&h, 90), 900000000), "p90");
	ok(covers(histogram_percentile(&h, 99), 990000000), "p99");
	ok(covers(histogram_percentile(&h, 99.9), 999000000), "p99.9");
	ok(histogram_percentile(&h, 99.9) <= 1000000000, "... is not above the maximum");
	eq_num(histogram_percentile(&h, 100), 1000000000, "p100 is the maximum");
	eq_num(histogram_percentile(&h, 0), 1000000, "p0 is the minimum");
	ok(histogram_mean(&h) == 500500000, "the mean is exact");
	histogram_reset(&h);
	histogram_add_many(&h, 1000, 999);
	histogram_add(&h, 1000000);
	ok(covers(histogram_percentile(&h, 99.9), 1000), "of 1,000 values p99.9 is the 999th");
	eq_num(histogram_percentile(&h, 99.91), 1000000, "just above it the 1,000th");
}

static void count_below(void)
{
	histogram_reset(&h);
	for (uint64_t i = 1; i <= 100; i++)
		histogram_add(&h, i);
	eq_num(histogram_count_below(&h, 0), 0, "none are at most 0");
	eq_num(histogram_count_below(&h, 1), 1, "one is at most 1");
	eq_num(histogram_count_below(&h, 60), 60, "60 are at most 60");
	eq_num(histogram_count_below(&h, 100), 100, "all are at most the largest");
	eq_num(histogram_count_below(&h, UINT64_MAX), 100, "all are at most anything");
}

static void merged(void)
{
	histogram_reset(&h);
	histogram_reset(&other);
	histogram_merge(&h, &other);
	eq_num(h.count, 0, "nothing and nothing is nothing");
	histogram_add(&other, 5000);
	histogram_merge(&h, &other);
	eq_num(h.min_ns, 5000, "merging into an empty one takes its minimum");
	histogram_add(&h, 100);
	histogram_add_many(&other, 70000, 3);
	histogram_merge(&h, &other);
	eq_num(h.count, 6, "counts are added");
	eq_num(h.min_ns, 100, "the smaller minimum");
	eq_num(h.max_ns, 70000, "the larger maximum");
	eq_num(h.sum_ns, 5000 + 100 + 5000 + 210000, "sums are added");
	eq_num(histogram_count_below(&h, 100), 1, "buckets are added");
}

static void saturated(void)
{
	histogram_reset(&h);
	histogram_add_many(&h, UINT64_C(1) << 40, UINT64_C(1) << 33);
	eq_num(h.count, UINT64_C(1) << 33, "the count is exact when a bucket is full");
	ok(h.sum_ns == UINT64_MAX, "a sum that is too large stays at the maximum");
	eq_num(histogram_percentile(&h, 10), UINT64_C(1) << 40, "and percentiles do not lie");
	histogram_add(&h, UINT64_C(1) << 41);
	ok(covers(histogram_percentile(&h, 99.9), UINT64_C(1) << 40), "... whatever else there is");
	other = h;
	histogram_merge(&h, &other);
	ok(h.sum_ns == UINT64_MAX, "merging keeps it there");
	ok(covers(histogram_percentile(&h, 99), UINT64_C(1) << 40), "merging full buckets");
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Against the sorted values themselves. */
static void random_values(void)
{
	static uint64_t values[20000];
	const double percents[] = {1, 10, 50, 75, 90, 99, 99.9, 99.99};
	const size_t n = sizeof(values) / sizeof(values[0]);
	uint64_t x = 88172645463325252;

	histogram_reset(&h);
	for (size_t i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		values[i] = x >> (22 + x % 40);
		histogram_add(&h, values[i]);
	}
	qsort(values, n, sizeof(values[0]), compare);
	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		size_t rank = (size_t)(percents[i] / 100 * (double)n + 0.999999);

		ok(covers(histogram_percentile(&h, percents[i]), values[rank - 1]), "p%g of random values",
			percents[i]);
	}
}

int main(void)
{
	empty();
	one();
	every_bucket();
	edges();
	percentiles();
	count_below();
	merged();
	saturated();
	random_values();
	return tap_done();
}
