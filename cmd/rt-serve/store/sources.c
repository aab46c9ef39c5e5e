/* SPDX-License-Identifier: MIT */
#include "store/sources.h"

#include <string.h>

#define WALK_MAX 4096	/* topics looked at per call */

/* --- which topics --------------------------------------------------------------------------- */

/* A topic with retained events after (after). */
static bool has_after(const struct topic *t, uint64_t after)
{
	return t->events > 0 && t->newest > after;
}

static bool add_source(struct sources *out, struct topic *t)
{
	if (out->n == SOURCES_MAX) {
		out->many = true;
		return false;
	}
	out->s[out->n++] = (struct source){.topic = t};
	return true;
}

/* Patterns: the topics written last come first, so that the quiet ones need not be looked at. */
static void walk_topics(const struct window *w, const struct filters *f, uint64_t after,
	struct sources *out)
{
	struct topic *t = w->catalog.first[CATALOG_NEWEST];

	for (int i = 0; t != NULL && t->newest > after; i++, t = t->next[CATALOG_NEWEST]) {
		if (i == WALK_MAX) {
			out->many = true;
			return;
		}
		if (t->events > 0 && filters_match(f, topic_name(t)) && !add_source(out, t))
			return;
	}
}

void sources_find(struct sources *out, const struct window *w, const struct filters *f,
	uint64_t after)
{
	struct topic *t;

	out->n = 0;
	out->many = false;
	if (w->last <= after)
		return;
	if (f->npatterns > 0) {
		walk_topics(w, f, after, out);
		return;
	}
	for (unsigned i = 0; i < f->n; i++) {
		t = catalog_find_name(&w->catalog, f->items[i]);
		if (t != NULL && has_after(t, after) && !add_source(out, t))
			return;
	}
}

uint64_t sources_on_disk(const struct sources *s, const struct window *w, uint64_t after)
{
	const struct topic *t;
	uint64_t upto = 0;

	if (s->many)
		return w->evicted > after && w->evicted > w->floor ? w->evicted : 0;
	for (unsigned i = 0; i < s->n; i++) {
		t = s->s[i].topic;
		if (t->evicted > after && t->evicted > t->dropped && t->evicted > upto)
			upto = t->evicted;
	}
	return upto;
}

void sources_copy_topic(struct rows_topic *out, const struct topic *t)
{
	out->id = t->id;
	out->dropped = t->dropped;
	out->name_len = t->name_len;
	memcpy(out->name, t->name, t->name_len);
}

bool sources_list(struct window *w, const struct filters *f, uint64_t after, struct rows_topic *out,
	unsigned *n)
{
	struct sources s;

	window_lock(w);
	sources_find(&s, w, f, after);
	for (unsigned i = 0; i < s.n; i++)
		sources_copy_topic(&out[i], s.s[i].topic);
	window_unlock(w);
	*n = s.n;
	return !s.many;
}

/* --- a heap, the source of the next event on top ---------------------------------------------- */

static struct event *next_of(const struct source *s, bool back)
{
	return topic_at(s->topic, back ? s->end - 1 : s->at);
}

static bool comes_first(const struct source *a, const struct source *b, bool back)
{
	uint64_t x = next_of(a, back)->order, y = next_of(b, back)->order;

	return back ? x > y : x < y;
}

static void sift_down(struct sources *h, unsigned i, bool back)
{
	struct source s;
	unsigned child;

	while ((child = 2 * i + 1) < h->n) {
		if (child + 1 < h->n && comes_first(&h->s[child + 1], &h->s[child], back))
			child++;
		if (!comes_first(&h->s[child], &h->s[i], back))
			return;
		s = h->s[i];
		h->s[i] = h->s[child];
		h->s[child] = s;
		i = child;
	}
}

void sources_order(struct sources *h, uint64_t after, uint64_t before, bool back)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h->n; i++) {
		h->s[i].at = topic_upto(h->s[i].topic, after);
		h->s[i].end = topic_upto(h->s[i].topic, before - 1);
		if (h->s[i].at < h->s[i].end)
			h->s[n++] = h->s[i];
	}
	h->n = n;
	for (unsigned i = n / 2; i-- > 0; )
		sift_down(h, i, back);
}

void sources_next(struct sources *h, bool back)
{
	if (back)
		h->s[0].end--;
	else
		h->s[0].at++;
	if (h->s[0].at == h->s[0].end)
		h->s[0] = h->s[--h->n];
	sift_down(h, 0, back);
}

struct event *sources_top(const struct sources *h, bool back)
{
	return next_of(&h->s[0], back);
}
