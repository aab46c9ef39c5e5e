/* SPDX-License-Identifier: MIT */
#include "store/gaps.h"

#include <stdlib.h>

#include "store/cursor.h"
#include "topic.h"
#include "units.h"

#define WALK_MAX 4096	/* topics looked at per filter */

/* What patterns miss: by the last drop first, back to what is known already. */
static uint64_t pattern_missed(const struct window *w, const struct seek *k, struct str pattern)
{
	uint64_t until = w->forgotten_gen > k->known && w->forgotten > k->start ? w->forgotten : 0;
	struct topic *t = w->catalog.first[CATALOG_DROPPED];

	for (int i = 0; t != NULL && t->drop_gen > k->known; i++, t = t->next[CATALOG_DROPPED]) {
		if (i == WALK_MAX)
			return w->dropped_max;		/* rather too much than silence */
		if (t->dropped > k->start && t->dropped > until &&
				topic_match(pattern, topic_name(t)))
			until = t->dropped;
	}
	return until;
}

static uint64_t name_missed(const struct window *w, const struct seek *k, struct str name)
{
	const struct topic *t = catalog_find_name(&w->catalog, name);
	uint64_t until = t != NULL ? t->dropped : w->forgotten;
	uint64_t gen = t != NULL ? t->drop_gen : w->forgotten_gen;

	return until > k->start && gen > k->known ? until : 0;
}

/* The newest order that (filter) lost after the start and was not told of; 0: none. */
static uint64_t missed_by(const struct window *w, const struct read *r, const struct seek *k,
	unsigned filter)
{
	struct str text = r->filters->items[filter];

	if (!k->want_gaps || w->dropped_max <= k->start || w->drop_gen <= k->known)
		return 0;
	return filter < r->filters->npatterns ? pattern_missed(w, k, text) : name_missed(w, k,
		text);
}

static int add_gap(const struct window *w, struct read *r, const struct seek *k, struct str filter,
	uint64_t until)
{
	char a[21], u[21];
	struct str after = {a, units_format_u64(a, k->start)};

	if (k->where == SEEK_AHEAD)
		return read_add_gap(r, filter, str_of(r->position), STR_NULL, "ahead");
	if (k->where == SEEK_RESTARTED) {
		after = str_of(r->position);
		until = until > w->begin ? until : w->begin;
	}
	return read_add_gap(r, filter, after, (struct str){u, units_format_u64(u, until)},
		k->where == SEEK_RESTARTED ? "restart" : "retention");
}

int gaps_add(struct read *r, const struct seek *k, const struct window *w, uint64_t *newest)
{
	uint64_t until;

	for (unsigned i = 0; i < r->filters->n; i++) {
		until = missed_by(w, r, k, i);
		if (until > *newest)
			*newest = until;
		if ((until > 0 || k->where != SEEK_IN_LOG) &&
				add_gap(w, r, k, r->filters->items[i], until) < 0)
			return -1;
	}
	return 0;
}

int gaps_set_known(struct read *r, uint64_t gen)
{
	char *text = malloc(22);

	if (text == NULL)
		return -1;
	text[0] = 'g';
	text[1 + units_format_u64(text + 1, gen)] = '\0';
	free(r->gap_known);
	r->gap_known = text;
	return 0;
}

void gaps_parse_known(struct seek *k, const char *text)
{
	if (text != NULL && text[0] == 'g')
		cursor_parse(str_of(text + 1), &k->known);
}
