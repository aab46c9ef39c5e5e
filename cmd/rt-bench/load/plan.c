/* SPDX-License-Identifier: MIT */
#include "load/plan.h"

#include <stdlib.h>

#define NS_PER_S 1e9

/* A generator for choosing: xorshift64*. */
static double random_unit(struct plan *p)
{
	p->random ^= p->random >> 12;
	p->random ^= p->random << 25;
	p->random ^= p->random >> 27;
	return (double)(p->random * UINT64_C(0x2545f4914f6cdd1d) >> 11) * 0x1p-53;
}

static void choose_topic(struct plan *p)
{
	uint32_t low = 0, high = p->ntopics - 1;
	double v;

	if (p->cumulative == NULL) {
		p->topic = (uint32_t)(p->next % p->ntopics);
		return;
	}
	v = random_unit(p) * p->cumulative[high];
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (p->cumulative[middle] > v)
			high = middle;
		else
			low = middle + 1;
	}
	p->topic = low;
}

static int weigh_topics(struct plan *p, const struct bench *b)
{
	double sum = 0;

	p->cumulative = calloc(p->ntopics, sizeof(*p->cumulative));
	if (p->cumulative == NULL)
		return -1;
	for (uint32_t i = 0; i < p->ntopics; i++) {
		sum += bench_topic_weight(b, plan_topic(p, i));
		p->cumulative[i] = sum;
	}
	return 0;
}

int plan_init(struct plan *p, const struct bench *b, uint32_t publisher)
{
	const struct bench_config *c = b->c;
	uint32_t topics = b->streams.topics, publishers = b->streams.publishers;
	double from = b->shares[publisher], to = b->shares[publisher + 1];

	*p = (struct plan){
		.first = publisher % topics,
		.step = publishers,
		.ntopics = publisher < topics ? (topics - publisher - 1) / publishers + 1 : 1,
		.count = UINT64_MAX,
		/* The same each time, so that runs can be compared. */
		.random = (publisher + 1) * UINT64_C(0x9e3779b97f4a7c15),
	};
	if (c->count != 0)
		p->count = (uint64_t)((double)c->count * to + 0.5) -
			(uint64_t)((double)c->count * from + 0.5);
	if (c->rate > 0) {
		p->interval_ns = NS_PER_S / (c->rate * (to - from));
		p->phase_ns = publisher * NS_PER_S / c->rate;
		/* Many publishers, and few events: the first of each comes within its own interval. */
		if (p->phase_ns >= p->interval_ns)
			p->phase_ns = p->interval_ns * from;
	}
	p->published = calloc(p->ntopics, sizeof(*p->published));
	if (p->published == NULL || (c->zipf > 0 && weigh_topics(p, b) != 0))
		return -1;
	choose_topic(p);
	return 0;
}

void plan_fini(struct plan *p)
{
	free(p->cumulative);
	free(p->published);
}

static uint64_t due_at(const struct plan *p, const struct bench *b, uint64_t k)
{
	return b->start_ns + (uint64_t)(p->phase_ns + (double)k * p->interval_ns);
}

uint64_t plan_due(const struct plan *p, const struct bench *b, uint64_t now)
{
	uint64_t due = now > b->start_ns ? now : b->start_ns;

	if (p->interval_ns > 0)
		due = due_at(p, b, p->next);
	return p->next >= p->count || due >= b->end_ns ? UINT64_MAX : due;
}

uint64_t plan_unsent(const struct plan *p, const struct bench *b, uint64_t now)
{
	uint64_t all = p->count, until = now < b->end_ns ? now : b->end_ns;

	if (p->interval_ns > 0) {
		double since = (double)(until - b->start_ns) - p->phase_ns;

		if (until <= b->start_ns || since <= 0)
			return 0;
		if (since / p->interval_ns + 1 < (double)all)
			all = (uint64_t)(since / p->interval_ns) + 1;
		/* What is due at the end is not sent. */
		while (all > p->next && due_at(p, b, all - 1) >= until)
			all--;
	} else if (b->end_ns != UINT64_MAX) {
		return 0;
	}
	return all > p->next ? all - p->next : 0;
}

void plan_advance(struct plan *p, uint64_t *n)
{
	*n = ++p->published[p->topic];
	p->next++;
	choose_topic(p);
}
