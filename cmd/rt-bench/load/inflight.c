/* SPDX-License-Identifier: MIT */
#include "load/inflight.h"

#include <stdlib.h>
#include <string.h>

#define CAP_FIRST 64

void inflight_fini(struct inflight *f)
{
	free(f->ring);
	*f = (struct inflight){0};
}

static int grow(struct inflight *f)
{
	uint64_t cap = f->cap == 0 ? CAP_FIRST : f->cap * 2;
	struct inflight_event *ring = malloc(cap * sizeof(*ring));

	if (ring == NULL)
		return -1;
	for (uint64_t k = 0; k < f->count; k++)
		ring[k] = *inflight_at(f, k);
	free(f->ring);
	f->ring = ring;
	f->cap = cap;
	f->first = 0;
	return 0;
}

int inflight_reserve(struct inflight *f)
{
	return f->count < f->cap ? 0 : grow(f);
}

int unsure_add(struct unsure_list *l, uint64_t n)
{
	if (l->n > 0 && l->ranges[l->n - 1].to + 1 == n) {
		l->ranges[l->n - 1].to = n;
		return 0;
	}
	if (l->n == l->cap) {
		uint32_t cap = l->cap == 0 ? 4 : l->cap * 2;
		struct unsure *ranges = realloc(l->ranges, cap * sizeof(*ranges));

		if (ranges == NULL)
			return -1;
		l->ranges = ranges;
		l->cap = cap;
	}
	l->ranges[l->n++] = (struct unsure){n, n};
	return 0;
}
