/* SPDX-License-Identifier: MIT */
#include "figures/histogram.h"

#include <math.h>
#include <string.h>

#define LAST HISTOGRAM_BUCKETS	/* of what is above the maximum */

/*
 * Below HISTOGRAM_STEPS each value has a bucket of its own. Above, the leading bit chooses a row of
 * HISTOGRAM_STEPS buckets, and the HISTOGRAM_BITS bits after it the bucket in the row.
 */
static unsigned bucket_of(uint64_t ns)
{
	unsigned shift;

	if (ns < HISTOGRAM_STEPS)
		return (unsigned)ns;
	if (ns >= HISTOGRAM_MAX_NS)
		return LAST;
	shift = 63 - (unsigned)__builtin_clzll(ns) - HISTOGRAM_BITS;
	return (shift << HISTOGRAM_BITS) + (unsigned)(ns >> shift);
}

/* The largest value that a bucket takes. */
static uint64_t upper_edge(unsigned bucket)
{
	unsigned shift;

	if (bucket < HISTOGRAM_STEPS)
		return bucket;
	shift = (bucket >> HISTOGRAM_BITS) - 1;
	return ((uint64_t)(bucket - (shift << HISTOGRAM_BITS)) << shift) + (UINT64_C(1) << shift) - 1;
}

static uint64_t add_saturated(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static void add_to_bucket(uint32_t *bucket, uint64_t n)
{
	*bucket = n > UINT32_MAX - *bucket ? UINT32_MAX : *bucket + (uint32_t)n;
}

void histogram_reset(struct histogram *h)
{
	memset(h, 0, sizeof(*h));
}

void histogram_add_many(struct histogram *h, uint64_t ns, uint64_t n)
{
	uint64_t sum;

	if (n == 0)
		return;
	if (h->count == 0 || ns < h->min_ns)
		h->min_ns = ns;
	if (ns > h->max_ns)
		h->max_ns = ns;
	h->count += n;
	if (__builtin_mul_overflow(ns, n, &sum))
		sum = UINT64_MAX;
	h->sum_ns = add_saturated(h->sum_ns, sum);
	add_to_bucket(&h->buckets[bucket_of(ns)], n);
}

void histogram_add(struct histogram *h, uint64_t ns)
{
	histogram_add_many(h, ns, 1);
}

void histogram_merge(struct histogram *h, const struct histogram *from)
{
	if (from->count == 0)
		return;
	if (h->count == 0 || from->min_ns < h->min_ns)
		h->min_ns = from->min_ns;
	if (from->max_ns > h->max_ns)
		h->max_ns = from->max_ns;
	h->count += from->count;
	h->sum_ns = add_saturated(h->sum_ns, from->sum_ns);
	for (unsigned i = 0; i <= LAST; i++)
		add_to_bucket(&h->buckets[i], from->buckets[i]);
}

/* Of the buckets: less than the count if one is full. Ranks among them still come near the truth. */
static uint64_t sum_of_buckets(const struct histogram *h)
{
	uint64_t n = 0;

	for (unsigned i = 0; i <= LAST; i++)
		n += h->buckets[i];
	return n;
}

uint64_t histogram_percentile(const struct histogram *h, double percent)
{
	uint64_t rank, seen = 0;

	if (h->count == 0)
		return 0;
	if (!(percent > 0))
		return h->min_ns;
	if (percent >= 100)
		return h->max_ns;
	/* 99.9 % of 1,000 are 999, though the product is a little above it. */
	rank = (uint64_t)ceil(percent / 100 * (double)sum_of_buckets(h) * (1 - 1e-12));
	for (unsigned i = 0; i < LAST; i++) {
		seen += h->buckets[i];
		if (seen >= rank)
			return upper_edge(i) < h->max_ns ? upper_edge(i) : h->max_ns;
	}
	return h->max_ns;
}

double histogram_mean(const struct histogram *h)
{
	return h->count == 0 ? 0 : (double)h->sum_ns / (double)h->count;
}

uint64_t histogram_count_below(const struct histogram *h, uint64_t ns)
{
	unsigned last = bucket_of(ns);
	uint64_t n = 0;

	if (ns >= h->max_ns)
		return h->count;
	for (unsigned i = 0; i <= last; i++)
		n += h->buckets[i];
	return n;
}
