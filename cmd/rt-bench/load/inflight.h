/* SPDX-License-Identifier: MIT */
#ifndef RT_INFLIGHT_H
#define RT_INFLIGHT_H

/* Events that were published and not answered yet, oldest first; and those that never will be. */
#include <stdint.h>

#include "judge/judge.h"

struct inflight_event {
	uint64_t due_ns;
	uint64_t n;		/* its number in its stream */
	uint32_t topic;		/* index in its publisher's plan */
};

/** A ring that grows. */
struct inflight {
	struct inflight_event *ring;
	uint64_t first, count, cap;	/* cap: 0 or a power of two */
};

void inflight_fini(struct inflight *f);

/** Make room for one more. 0, or -1 without memory. */
int inflight_reserve(struct inflight *f);

/** Append, after inflight_reserve. */
static inline void inflight_add(struct inflight *f, const struct inflight_event *e)
{
	f->ring[(f->first + f->count++) & (f->cap - 1)] = *e;
}

/** The (k)th oldest, k < count. */
static inline const struct inflight_event *inflight_at(const struct inflight *f, uint64_t k)
{
	return &f->ring[(f->first + k) & (f->cap - 1)];
}

/** Forget the oldest (n) <= count. */
static inline void inflight_drop(struct inflight *f, uint64_t n)
{
	f->first += n;
	f->count -= n;
}

/** Numbers of a stream that may or may not come, ascending. */
struct unsure_list {
	struct unsure *ranges;
	uint32_t n, cap;
};

/** Append (n), which is above all in it. 0, or -1 without memory. */
int unsure_add(struct unsure_list *l, uint64_t n);

#endif
