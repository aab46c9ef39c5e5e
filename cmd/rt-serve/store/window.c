/* SPDX-License-Identifier: MIT */
#include "store/window.h"

#include <assert.h>
#include <stdlib.h>

#include "store/cursor.h"

#define FIRST_CAP 1024

/* What an event costs besides itself: its place here, and one in its topic. */
#define PLACES (sizeof(struct window_place) + sizeof(struct event *))

int window_init(struct window *w, const struct store_config *c, bool backed, uint64_t begin)
{
	*w = (struct window){
		.budget = c->memory_bytes, .backed = backed, .begin = begin, .last = begin,
		.floor = begin, .first = 1, .max_topics = c->max_topics, .next_id = 1,
	};
	if (retention_init(&w->retention, c) < 0)
		return -1;
	pthread_mutex_init(&w->lock, NULL);
	return 0;
}

static struct window_place *place(const struct window *w, uint64_t pos)
{
	return &w->ring[pos & (w->cap - 1)];
}

static uint64_t tail_pos(const struct window *w)
{
	return atomic_load_explicit(&w->tail, memory_order_relaxed);
}

void window_fini(struct window *w)
{
	for (uint64_t pos = w->first; pos <= tail_pos(w); pos++) {
		if (place(w, pos)->event != NULL)
			event_unref(place(w, pos)->event);
	}
	free(w->ring);
	catalog_fini(&w->catalog);
	retention_fini(&w->retention);
	pthread_mutex_destroy(&w->lock);
}

/* --- topics ----------------------------------------------------------------------------------- */

static void forget(struct window *w, struct topic *t)
{
	if (t->newest > w->forgotten)
		w->forgotten = t->newest;
	if (w->forgotten > w->dropped_max)
		w->dropped_max = w->forgotten;
	w->forgotten_gen = ++w->drop_gen;
	catalog_remove(&w->catalog, t);
}

struct topic *window_topic(struct window *w, const struct event *e, uint8_t *refusal,
	void (*forgot)(void *arg, const struct topic *t), void *arg)
{
	struct topic *t = catalog_find(&w->catalog, event_topic(e), e->topic_hash), *oldest;

	*refusal = EVENT_ACCEPTED;
	if (t != NULL)
		return t;
	if (w->max_topics > 0 && w->catalog.n >= w->max_topics) {
		oldest = w->catalog.last[CATALOG_EMPTY];
		if (oldest == NULL) {
			*refusal = EVENT_TOO_MANY_TOPICS;
			return NULL;
		}
		if (forgot != NULL)
			forgot(arg, oldest);
		forget(w, oldest);
	}
	t = catalog_add(&w->catalog, event_topic(e), e->topic_hash, w->next_id);
	if (t == NULL)
		return NULL;
	w->next_id++;
	t->rule = retention_rule(&w->retention, topic_name(t));
	/* It may have been forgotten before; then a cursor from that time has a gap. */
	t->dropped = w->forgotten;
	t->drop_gen = w->forgotten_gen;
	return t;
}

void window_entomb(struct window *w, struct topic *t)
{
	if (t->events == 0 && t->staged == 0 && !topic_is_on(t, CATALOG_EMPTY))
		catalog_to_front(&w->catalog, t, CATALOG_EMPTY);
}

/* --- places ----------------------------------------------------------------------------------- */

int window_reserve(struct window *w, size_t n)
{
	size_t used = tail_pos(w) + 1 - w->first, cap = w->cap > 0 ? w->cap : FIRST_CAP;
	struct window_place *ring;

	while (cap < used + w->reserved + n)
		cap *= 2;
	if (cap == w->cap) {
		w->reserved += n;
		return 0;
	}
	ring = calloc(cap, sizeof(*ring));
	if (ring == NULL)
		return -1;
	for (uint64_t pos = w->first; pos <= tail_pos(w); pos++)
		ring[pos & (cap - 1)] = *place(w, pos);
	free(w->ring);
	w->ring = ring;
	w->cap = cap;
	w->reserved += n;
	return 0;
}

void window_unreserve(struct window *w, size_t n)
{
	w->reserved -= n;
}

/* A dropped event gives up its place. */
static void make_hole(struct window *w, struct window_place *p)
{
	w->bytes -= p->event->size;
	event_unref(p->event);
	p->event = NULL;
}

/* The position that now is WINDOW_GRACE old: what was dropped there meanwhile can go. */
static void end_grace(struct window *w)
{
	struct window_place *p;

	if (w->dropped_recent == 0 || tail_pos(w) < w->first + WINDOW_GRACE)
		return;
	p = place(w, tail_pos(w) - WINDOW_GRACE);
	if (p->event != NULL && p->event->dropped) {
		w->dropped_recent--;
		make_hole(w, p);
	}
}

/* (e), the oldest in memory of its topic, is no longer retained. */
static void release(struct window *w, struct topic *t, struct event *e)
{
	topic_pop(t);
	e->dropped = true;
	if (e->pos + WINDOW_GRACE <= tail_pos(w))
		make_hole(w, place(w, e->pos));
	else
		w->dropped_recent++;
}

void window_drop(struct window *w, struct topic *t, uint64_t upto, uint64_t events, uint64_t bytes)
{
	t->dropped = upto;
	t->drop_gen = ++w->drop_gen;
	t->events -= events;
	t->bytes -= bytes;
	t->oldest = upto + 1;
	w->events -= events;
	w->weight -= bytes;
	w->expired += events;
	if (upto > w->dropped_max)
		w->dropped_max = upto;
	catalog_to_front(&w->catalog, t, CATALOG_DROPPED);
	while (t->n > 0 && topic_at(t, 0)->order <= upto)
		release(w, t, topic_at(t, 0));
	window_entomb(w, t);
}

/* --- the oldest make room ------------------------------------------------------------------- */

static void evict_stored(struct window *w, struct event *e)
{
	struct topic *t = catalog_find(&w->catalog, event_topic(e), e->topic_hash);

	assert(t != NULL && topic_at(t, 0) == e);
	if (!w->backed) {
		window_drop(w, t, e->order, 1, event_weight(e));
		return;
	}
	topic_pop(t);
	/* Events behind it may be wanted from the disk already, because of damage there. */
	if (e->order > t->evicted)
		t->evicted = e->order;
	if (e->order > w->evicted)
		w->evicted = e->order;
}

static void evict_first(struct window *w)
{
	struct window_place *p = place(w, w->first);
	struct event *e = p->event;

	if (e != NULL && !e->ephemeral && !e->dropped)
		evict_stored(w, e);
	if (!w->backed)
		w->floor = p->order;
	w->bytes -= PLACES;
	w->first++;
	if (p->event == NULL)
		return;
	if (e->dropped)
		w->dropped_recent--;
	make_hole(w, p);
}

static void evict(struct window *w)
{
	while (w->bytes > w->budget && w->first < tail_pos(w))
		evict_first(w);
	if (w->backed || w->retention.max_bytes == 0)
		return;
	while (w->weight > w->retention.max_bytes && w->first < tail_pos(w))
		evict_first(w);
}

static void push_stored(struct window *w, struct topic *t, struct event *e)
{
	if (t->events == 0) {
		t->oldest = e->order;
		catalog_unlist(&w->catalog, t, CATALOG_EMPTY);
	}
	topic_push(t, e);
	if (t->staged > 0) {
		t->staged--;
		t->staged_bytes -= event_weight(e);
	}
	t->seq = e->seq;
	t->newest = e->order;
	t->events++;
	t->bytes += event_weight(e);
	w->events++;
	w->weight += event_weight(e);
	w->last = e->order;
	catalog_to_front(&w->catalog, t, CATALOG_NEWEST);
}

static bool is_over_rule(const struct topic *t)
{
	return t->rule != NULL && ((t->rule->events > 0 && t->events > t->rule->events) ||
		(t->rule->bytes > 0 && t->bytes > t->rule->bytes && t->events > 1));
}

/* The next position is (e)'s. */
static void take_place(struct window *w, struct event *e)
{
	event_ref(e);
	w->reserved--;
	e->pos = tail_pos(w) + 1;
	*place(w, e->pos) = (struct window_place){e, e->order};
	w->bytes += e->size + PLACES;
	atomic_store_explicit(&w->tail, e->pos, memory_order_release);
}

void window_load(struct window *w, struct topic *t, struct event *e)
{
	topic_push(t, e);
	take_place(w, e);
	evict(w);
}

void window_push(struct window *w, struct topic *t, struct event *e)
{
	if (t != NULL)
		push_stored(w, t, e);
	else
		e->order = w->last;
	take_place(w, e);
	end_grace(w);
	if (t != NULL && is_over_rule(t))
		window_trim(w, t, 0);
	evict(w);
}

/* --- retention ------------------------------------------------------------------------------ */

static bool is_expired(const struct topic *t, uint64_t now_us)
{
	return t->rule != NULL && t->events > 0 &&
		t->oldest < retention_cutoff(t->rule->age_ms, now_us);
}

void window_trim(struct window *w, struct topic *t, uint64_t now_us)
{
	struct event *e;

	while (is_over_rule(t) || is_expired(t, now_us)) {
		if (w->backed)
			catalog_to_front(&w->catalog, t, CATALOG_DUE);
		if (t->n == 0 || t->evicted > t->dropped)
			return;		/* the oldest are on disk only */
		e = topic_at(t, 0);
		t->oldest = e->order;
		if (is_over_rule(t) || is_expired(t, now_us))
			window_drop(w, t, e->order, 1, event_weight(e));
	}
}

/* Over all topics: the memory store's; a backed one does that from its disk. */
static bool expire_oldest(struct window *w, uint64_t now_us, size_t max)
{
	uint64_t cutoff = retention_cutoff(w->retention.max_age_ms, now_us);

	while (w->first <= tail_pos(w) && place(w, w->first)->order < cutoff) {
		if (max-- == 0)
			return false;
		evict_first(w);
	}
	return true;
}

bool window_expire(struct window *w, uint64_t now_us, size_t max)
{
	if (!w->backed && !expire_oldest(w, now_us, max))
		return false;
	for (; w->rule_scan < w->catalog.n && max > 0; w->rule_scan++, max--) {
		if (is_expired(w->catalog.all[w->rule_scan], now_us))
			window_trim(w, w->catalog.all[w->rule_scan], now_us);
	}
	if (w->rule_scan < w->catalog.n)
		return false;
	w->rule_scan = 0;
	return true;
}

void window_take_over(struct window *w, struct retention *fresh, uint64_t max_topics)
{
	struct topic *t;

	window_lock(w);
	retention_fini(&w->retention);
	w->retention = *fresh;
	w->max_topics = max_topics;
	for (size_t i = 0; i < w->catalog.n; i++) {
		t = w->catalog.all[i];
		t->rule = retention_rule(&w->retention, topic_name(t));
		window_trim(w, t, 0);
	}
	evict(w);
	window_unlock(w);
}

/* --- the tail ------------------------------------------------------------------------------- */

void window_watch(struct window *w, void (*wake)(void *arg), void *arg)
{
	assert(w->nwatchers < STORE_WATCHERS);
	w->watchers[w->nwatchers++] = (struct window_watcher){wake, arg};
}

void window_wake(const struct window *w)
{
	for (unsigned i = 0; i < w->nwatchers; i++)
		w->watchers[i].wake(w->watchers[i].arg);
}

int window_tail(struct window *w, uint64_t after, struct event **out, size_t max)
{
	struct event *e;
	int n = 0;

	window_lock(w);
	if (after + 1 < w->first) {
		window_unlock(w);
		return -1;
	}
	while ((size_t)n < max && after + (unsigned)n < tail_pos(w)) {
		e = place(w, after + 1 + (unsigned)n)->event;
		if (e == NULL)
			break;
		event_ref(e);
		out[n++] = e;
	}
	if (n == 0 && max > 0 && after < tail_pos(w))
		n = -1;
	window_unlock(w);
	return n;
}

char *window_tail_cursor(struct window *w, uint64_t *pos)
{
	uint64_t last;

	window_lock(w);
	*pos = tail_pos(w);
	last = w->last;
	window_unlock(w);
	return cursor_new(last);
}
