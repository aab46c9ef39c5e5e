/* SPDX-License-Identifier: MIT */
#ifndef RT_HISTOGRAM_H
#define RT_HISTOGRAM_H

/*
 * A log-linear histogram of times in nanoseconds, as HdrHistogram keeps them: each power of two is
 * cut into HISTOGRAM_STEPS equal steps, so that a value is known to 1/HISTOGRAM_STEPS of itself, from
 * a nanosecond to over an hour, in a fixed size. Adding one is a few instructions and never fails.
 * Not locked: one per thread, merged at the end.
 */
#include <stdint.h>

#define HISTOGRAM_BITS 7	/* 128 steps to a power of two: under 1 % */
#define HISTOGRAM_STEPS (1u << HISTOGRAM_BITS)
#define HISTOGRAM_MAX_NS (UINT64_C(1) << 42)	/* what is above counts there: 73 minutes */
#define HISTOGRAM_BUCKETS ((42 - HISTOGRAM_BITS + 1) * HISTOGRAM_STEPS)

struct histogram {
	uint64_t count, sum_ns, min_ns, max_ns;	/* exact, also of what is above the maximum */
	uint32_t buckets[HISTOGRAM_BUCKETS + 1];	/* saturate; histogram.c says where a value goes */
};

/** Empty it. */
void histogram_reset(struct histogram *h);

/** Add one value. */
void histogram_add(struct histogram *h, uint64_t ns);

/** Add (n) times the same value. */
void histogram_add_many(struct histogram *h, uint64_t ns, uint64_t n);

/** Add all of (from) to (h). */
void histogram_merge(struct histogram *h, const struct histogram *from);

/**
 * The smallest known value that (percent) of all are not above: the upper edge of its bucket, and
 * never above max_ns. 0 if empty; percent from 0 (min_ns) to 100 (max_ns).
 */
uint64_t histogram_percentile(const struct histogram *h, double percent);

/** Arithmetic mean; 0 if empty. */
double histogram_mean(const struct histogram *h);

/** How many values are at most (ns), to within a bucket. */
uint64_t histogram_count_below(const struct histogram *h, uint64_t ns);

#endif
