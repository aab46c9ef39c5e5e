/* SPDX-License-Identifier: MIT */
#include "store/filter.h"

#include <stdlib.h>
#include <string.h>

#include "topic.h"

static int compare_text(struct str a, struct str b)
{
	int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

/* Patterns first, then bytewise: so equal ones are neighbours, and names can be searched. */
static int compare_items(const void *pa, const void *pb)
{
	struct str a = *(const struct str *)pa, b = *(const struct str *)pb;
	int names = topic_is_pattern(b) - topic_is_pattern(a);

	return names != 0 ? names : compare_text(a, b);
}

struct filters *filters_new(const struct str *items, unsigned n)
{
	size_t text = 0;
	struct filters *f;
	char *p;

	for (unsigned i = 0; i < n; i++)
		text += items[i].n;
	f = malloc(sizeof(*f) + n * sizeof(*items) + text);
	if (f == NULL)
		return NULL;
	*f = (struct filters){.n = 0};
	atomic_init(&f->refs, 1);
	memcpy(f->items, items, n * sizeof(*items));
	if (n > 1)
		qsort(f->items, n, sizeof(*items), compare_items);
	p = (char *)(f->items + n);
	for (unsigned i = 0; i < n; i++) {
		if (f->n > 0 && str_eq(f->items[f->n - 1], f->items[i]))
			continue;
		memcpy(p, f->items[i].p, f->items[i].n);
		f->items[f->n] = (struct str){p, f->items[i].n};
		p += f->items[f->n].n;
		f->npatterns += topic_is_pattern(f->items[f->n++]);
	}
	f->has_pattern = f->npatterns > 0;
	return f;
}

struct filters *filters_ref(struct filters *f)
{
	atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
	return f;
}

void filters_unref(struct filters *f)
{
	if (f != NULL && atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1)
		free(f);
}

static bool names_contain(const struct filters *f, struct str topic)
{
	unsigned lo = f->npatterns, hi = f->n, mid;
	int c;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		c = compare_text(f->items[mid], topic);
		if (c == 0)
			return true;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

bool filters_match(const struct filters *f, struct str topic)
{
	if (names_contain(f, topic))
		return true;
	for (unsigned i = 0; i < f->npatterns; i++) {
		if (topic_match(f->items[i], topic))
			return true;
	}
	return false;
}
