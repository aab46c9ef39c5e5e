/* SPDX-License-Identifier: MIT */
#include "store/listing.h"

#include <stdlib.h>

#include "topic.h"
#include "units.h"

/* The (max) smallest names found so far, as a heap with the largest on top. */
struct listing {
	struct topic **heap;
	size_t n, max;
};

static int compare(struct str a, struct str b)
{
	int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

static bool is_larger(const struct topic *a, const struct topic *b)
{
	return compare(topic_name(a), topic_name(b)) > 0;
}

static void sift_up(struct listing *l, size_t i)
{
	struct topic *t = l->heap[i];

	for (; i > 0 && is_larger(t, l->heap[(i - 1) / 2]); i = (i - 1) / 2)
		l->heap[i] = l->heap[(i - 1) / 2];
	l->heap[i] = t;
}

/* Put (t) on top in place of what was there. */
static void replace_top(struct listing *l, struct topic *t)
{
	size_t i = 0, child;

	while ((child = 2 * i + 1) < l->n) {
		if (child + 1 < l->n && is_larger(l->heap[child + 1], l->heap[child]))
			child++;
		if (!is_larger(l->heap[child], t))
			break;
		l->heap[i] = l->heap[child];
		i = child;
	}
	l->heap[i] = t;
}

static void offer(struct listing *l, struct topic *t)
{
	if (l->n < l->max) {
		l->heap[l->n++] = t;
		sift_up(l, l->n - 1);
	} else if (is_larger(l->heap[0], t)) {
		replace_top(l, t);
	}
}

/* What the caller sees, with the name in the same piece of memory. */
struct entry {
	struct topic_info info;
	char name[TOPIC_MAX];
};

static void copy(struct entry *out, const struct topic *t)
{
	memcpy(out->name, t->name, t->name_len);
	out->info = (struct topic_info){
		.name = {out->name, t->name_len}, .events = t->events, .bytes = t->bytes,
		.seq = t->seq, .time_ms = t->newest / 1000,
	};
	out->info.id[units_format_u64(out->info.id, t->newest)] = '\0';
}

static bool is_asked_for(const struct topic *t, struct str after, struct str pattern)
{
	return t->events > 0 && (after.p == NULL || compare(topic_name(t), after) > 0) &&
		(pattern.p == NULL || topic_match(pattern, topic_name(t)));
}

/* Fills (out), from the first name to the last. Under the lock. Returns how many. */
static size_t collect(const struct window *w, struct str after, struct str pattern,
	struct listing *l, struct entry *out)
{
	struct topic *top;
	size_t n;

	for (size_t i = 0; i < w->catalog.n; i++) {
		if (is_asked_for(w->catalog.all[i], after, pattern))
			offer(l, w->catalog.all[i]);
	}
	for (n = l->n; l->n > 0; ) {
		top = l->heap[0];
		l->n--;
		copy(&out[l->n], top);
		replace_top(l, l->heap[l->n]);
	}
	return n;
}

void listing_topics(struct window *w, struct str after, struct str pattern, size_t max,
	bool (*fn)(void *arg, const struct topic_info *t), void *arg)
{
	struct listing l = {NULL, 0, max};
	struct entry *entries;
	size_t n = 0;

	window_lock(w);
	if (l.max > w->catalog.n)
		l.max = w->catalog.n;
	l.heap = malloc((l.max + 1) * sizeof(struct topic *));
	entries = malloc((l.max + 1) * sizeof(*entries));
	if (l.heap != NULL && entries != NULL && l.max > 0)
		n = collect(w, after, pattern, &l, entries);
	window_unlock(w);
	for (size_t i = 0; i < n; i++) {
		if (!fn(arg, &entries[i].info))
			break;
	}
	free(l.heap);
	free(entries);
}

static uint64_t retained_topics(const struct window *w)
{
	uint64_t n = 0;

	for (size_t i = 0; i < w->catalog.n; i++)
		n += w->catalog.all[i]->events > 0;
	return n;
}

void listing_stats(struct window *w, struct store_stats *out)
{
	window_lock(w);
	out->events = w->events;
	out->bytes = w->weight;
	out->topics = retained_topics(w);
	out->memory_bytes = w->bytes;
	out->expired = w->expired;
	window_unlock(w);
}
