/* SPDX-License-Identifier: MIT */
#include "store/quiet.h"

#include "hash.h"
#include "store/cursor.h"

#define WALK_MAX 64	/* topics written since that patterns are matched with; more are left to a read */

/* Nothing was retained or dropped in the topic (name) after (order). */
static bool is_name_quiet(const struct window *w, struct str name, uint64_t order)
{
	const struct topic *t = catalog_find(&w->catalog, name, hash_bytes(name.p, name.n));

	if (t == NULL)
		return w->forgotten <= order;
	return t->newest <= order && t->dropped <= order;
}

/* None of the topics that were written after (order) matches; what was dropped could be anybody's. */
static bool are_patterns_quiet(const struct window *w, const struct filters *f, uint64_t order)
{
	const struct topic *t = w->catalog.first[CATALOG_NEWEST];

	if (w->dropped_max > order)
		return false;
	for (int i = 0; t != NULL && t->newest > order; i++, t = t->next[CATALOG_NEWEST]) {
		if (i == WALK_MAX || filters_match(f, topic_name(t)))
			return false;
	}
	return true;
}

static bool is_quiet(const struct window *w, const struct filters *f, uint64_t order)
{
	if (order > w->last || order < w->begin)
		return false;	/* a gap */
	if (f->npatterns > 0 && !are_patterns_quiet(w, f, order))
		return false;
	for (unsigned i = f->npatterns; i < f->n; i++) {
		if (!is_name_quiet(w, f->items[i], order))
			return false;
	}
	return true;
}

bool quiet_after(struct window *w, const struct filters *f, struct str position, uint64_t *pos)
{
	uint64_t order;
	bool quiet;

	if (!cursor_parse(position, &order))
		return false;
	window_lock(w);
	quiet = is_quiet(w, f, order);
	if (quiet)
		*pos = window_tail_pos(w);
	window_unlock(w);
	return quiet;
}
