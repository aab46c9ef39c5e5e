/* SPDX-License-Identifier: MIT */
#include "store/stage.h"

#include <assert.h>

#include "units.h"

static bool is_stored(const struct event *e)
{
	return !e->ephemeral && e->refusal == EVENT_ACCEPTED;
}

static struct topic *topic_of(const struct window *w, const struct event *e, struct topic *guess)
{
	if (guess != NULL && guess->hash == e->topic_hash &&
			str_eq(topic_name(guess), event_topic(e)))
		return guess;
	return catalog_find(&w->catalog, event_topic(e), e->topic_hash);
}

/*
 * 0, also for a refused one, or -1 without memory. *t is the topic of the event before, then that
 * of this one.
 */
static int stage_event(struct stage *s, struct event *e, struct topic **t)
{
	*t = topic_of(s->window, e, *t);
	e->refusal = EVENT_ACCEPTED;
	if (*t == NULL) {
		*t = window_topic(s->window, e, &e->refusal, s->forgot, s->arg);
		if (*t == NULL)
			return e->refusal == EVENT_ACCEPTED ? -1 : 0;
	}
	if (topic_reserve(*t, (*t)->staged + 1) < 0) {
		window_entomb(s->window, *t);
		return -1;
	}
	catalog_unlist(&s->window->catalog, *t, CATALOG_EMPTY);
	(*t)->staged++;
	(*t)->staged_bytes += event_weight(e);
	e->seq = (*t)->seq + (*t)->staged;
	e->order = ++s->last;
	return 0;
}

/* Take back the first (n) events of (b). */
static void unstage(struct stage *s, struct batch *b, size_t n, uint64_t last)
{
	struct topic *t = NULL;

	window_unreserve(s->window, b->n);
	while (n-- > 0) {
		if (!is_stored(b->events[n]))
			continue;
		t = topic_of(s->window, b->events[n], t);
		assert(t != NULL && t->staged > 0);
		t->staged--;
		t->staged_bytes -= event_weight(b->events[n]);
		window_entomb(s->window, t);
	}
	s->last = last;
}

int stage_batch(struct stage *s, struct batch *b, uint64_t now_us)
{
	uint64_t last = s->last;
	struct topic *t = NULL;

	if (window_reserve(s->window, b->n) < 0)
		return -1;
	if (now_us > s->last)
		s->last = now_us - 1;
	for (size_t i = 0; i < b->n; i++) {
		if (b->events[i]->ephemeral || stage_event(s, b->events[i], &t) == 0)
			continue;
		unstage(s, b, i, last);
		return -1;
	}
	return 0;
}

void stage_commit(struct batch *b, uint64_t now_us)
{
	struct event *e;
	char id[20];

	for (size_t i = 0; i < b->n; i++) {
		e = b->events[i];
		if (e->ephemeral)
			event_commit(e, STR_NULL, 0, now_us / 1000);
		else if (e->refusal == EVENT_ACCEPTED)
			event_commit(e, (struct str){id, units_format_u64(id, e->order)}, e->seq,
				e->order / 1000);
	}
}

void stage_undo(struct stage *s, struct batch *b, uint64_t last)
{
	unstage(s, b, b->n, last);
}

void stage_publish(struct window *w, const struct batch *b, size_t from, size_t to)
{
	struct topic *t = NULL;

	for (size_t i = from; i < to; i++) {
		if (b->events[i]->ephemeral) {
			window_push(w, NULL, b->events[i]);
		} else if (b->events[i]->refusal == EVENT_ACCEPTED) {
			t = topic_of(w, b->events[i], t);
			window_push(w, t, b->events[i]);
		} else {
			window_unreserve(w, 1);
		}
	}
}
