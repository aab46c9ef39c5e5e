/* SPDX-License-Identifier: MIT */
#include "store/gaps.h"

#include <stdio.h>
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

/* --- damage ---------------------------------------------------------------------------------- */

static const char damaged[] = "damaged";

static bool asks_for(const struct filters *f, unsigned i, struct str topic)
{
	return i < f->npatterns ? topic_match(f->items[i], topic) : str_eq(f->items[i], topic);
}

/* The record of damage that (filter) has already, or NULL. */
static struct gap *damage_of(struct read *r, struct str filter)
{
	for (size_t i = 0; i < r->ngaps; i++)
		if (r->gaps[i].reason == damaged && r->gaps[i].topic.p == filter.p)
			return &r->gaps[i];
	return NULL;
}

/* (text), a cursor in a gap record of ours, becomes (order) if that is wider. -1 without memory. */
static int widen(struct str *text, uint64_t order, bool down)
{
	uint64_t now = 0;
	char *wider;

	cursor_parse(*text, &now);
	if (down ? order >= now : order <= now)
		return 0;
	wider = cursor_new(order);
	if (wider == NULL)
		return -1;
	free((char *)text->p);
	*text = str_of(wider);
	return 0;
}

int gaps_add_damaged(struct read *r, struct str topic, uint64_t after, uint64_t until)
{
	char a[21], u[21];
	struct str from = {a, units_format_u64(a, after)}, to = {u, units_format_u64(u, until)};
	struct gap *g;

	for (unsigned i = 0; i < r->filters->n; i++) {
		if (!asks_for(r->filters, i, topic))
			continue;
		g = damage_of(r, r->filters->items[i]);
		if (g == NULL ? read_add_gap(r, r->filters->items[i], from, to, damaged) < 0
			: widen(&g->after, after, true) < 0 || widen(&g->until, until, false) < 0)
			return -1;
	}
	return 0;
}

/* --- what was told --------------------------------------------------------------------------- */

int gaps_set_known(struct read *r, const struct seek *k)
{
	char *text;

	if (k->gen == 0 && k->told == 0)
		return 0;
	if (asprintf(&text, "g%llu,%llu", (unsigned long long)k->gen,
			(unsigned long long)k->told) < 0)
		return -1;
	free(r->gap_known);
	r->gap_known = text;
	return 0;
}

void gaps_parse_known(struct seek *k, const char *text)
{
	const char *comma = text == NULL || text[0] != 'g' ? NULL : strchr(text, ',');

	if (comma == NULL)
		return;
	cursor_parse((struct str){text + 1, (size_t)(comma - text - 1)}, &k->known);
	cursor_parse(str_of(comma + 1), &k->told);
}
