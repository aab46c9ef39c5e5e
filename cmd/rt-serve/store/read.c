/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "store/store.h"
#include "zalloc.h"

#define FIRST_CAP 8

struct read *read_new(struct filters *f)
{
	struct read *r = zalloc(sizeof(*r));

	if (r != NULL)
		r->filters = filters_ref(f);
	return r;
}

static void free_results(struct read *r)
{
	for (size_t i = 0; i < r->n; i++)
		event_unref(r->events[i]);
	for (size_t i = 0; i < r->ngaps; i++) {
		free((char *)r->gaps[i].after.p);
		free((char *)r->gaps[i].until.p);
	}
	free(r->events);
	free(r->gaps);
	free(r->start);
	free(r->end);
}

void read_free(struct read *r)
{
	if (r == NULL)
		return;
	free_results(r);
	filters_unref(r->filters);
	free(r->position);
	free(r->gap_known);
	free(r);
}

void read_next(struct read *r)
{
	char *position = r->end;

	r->end = NULL;
	free_results(r);
	free(r->position);
	r->position = position;
	r->from = READ_CURSOR;
	r->status = STORE_OK;
	r->events = NULL;
	r->gaps = NULL;
	r->start = NULL;
	r->n = r->cap = r->ngaps = 0;
	r->at_end = r->truncated = false;
	r->end_pos = 0;
	r->next = NULL;
}

int read_add_event(struct read *r, struct event *e)
{
	size_t cap = r->cap > 0 ? r->cap * 2 : FIRST_CAP;
	struct event **events;

	if (r->n == r->cap) {
		events = realloc(r->events, cap * sizeof(struct event *));
		if (events == NULL)
			return -1;
		r->events = events;
		r->cap = cap;
	}
	event_ref(e);
	r->events[r->n++] = e;
	return 0;
}

static int copy_text(struct str *dst, struct str src)
{
	if (src.p == NULL) {
		*dst = STR_NULL;
		return 0;
	}
	dst->p = strndup(src.p, src.n);
	dst->n = src.n;
	return dst->p != NULL ? 0 : -1;
}

int read_add_gap(struct read *r, struct str topic, struct str after, struct str until,
	const char *reason)
{
	struct gap *gaps = realloc(r->gaps, (r->ngaps + 1) * sizeof(*gaps)), *g;

	if (gaps == NULL)
		return -1;
	r->gaps = gaps;
	g = &gaps[r->ngaps];
	*g = (struct gap){.topic = topic, .reason = reason};
	if (copy_text(&g->after, after) < 0)
		return -1;
	if (copy_text(&g->until, until) < 0) {
		free((char *)g->after.p);
		return -1;
	}
	r->ngaps++;
	return 0;
}
