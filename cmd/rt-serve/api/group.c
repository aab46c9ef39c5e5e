/* SPDX-License-Identifier: MIT */
#include "api/group.h"

#include <stddef.h>
#include <stdlib.h>

#include "zalloc.h"

#define ANSWER_MAX (8 << 20)	/* kept with an Idempotency-Key */

/* The group this thread is handing over right now. */
static _Thread_local struct group *appending;

struct group *group_new(struct loop *l, void (*done)(struct group *g), void *owner)
{
	struct group *g = zalloc(sizeof(*g));

	if (g == NULL)
		return NULL;
	g->loop = l;
	g->done = done;
	g->owner = owner;
	buf_init(&g->batch.answer, ANSWER_MAX);
	return g;
}

void group_free(struct group *g)
{
	if (g == NULL)
		return;
	for (size_t i = 0; i < g->batch.n; i++)
		event_unref(g->batch.events[i]);
	free(g->batch.events);
	buf_fini(&g->batch.answer);
	free(g->lines);
	free(g);
}

static int add_line(struct group *g, uint64_t number, const char *error)
{
	if (g->nlines == g->caplines) {
		uint32_t cap = g->caplines == 0 ? 1 : g->caplines * 4;
		struct group_line *more = realloc(g->lines, cap * sizeof(*more));

		if (more == NULL)
			return -1;
		g->lines = more;
		g->caplines = cap;
	}
	g->lines[g->nlines++] = (struct group_line){number, error};
	return 0;
}

int group_add(struct group *g, uint64_t line, struct event *e)
{
	if (g->batch.n == g->capevents) {
		uint32_t cap = g->capevents == 0 ? 1 : g->capevents * 4;
		struct event **more = realloc(g->batch.events, cap * sizeof(struct event *));

		if (more == NULL)
			goto fail;
		g->batch.events = more;
		g->capevents = cap;
	}
	if (add_line(g, line, NULL) != 0)
		goto fail;
	g->batch.events[g->batch.n++] = e;
	g->batch.bytes += e->size;
	return 0;
fail:
	event_unref(e);
	return -1;
}

int group_add_error(struct group *g, uint64_t line, const char *why)
{
	return add_line(g, line, why);
}

static void on_message(struct loop *l, struct loop_msg *m)
{
	struct group *g = (struct group *)(void *)((char *)m - offsetof(struct group, msg));

	(void)l;
	g->done(g);
}

/** On whichever thread the store finished it. */
static void on_done(struct batch *b)
{
	struct group *g = (struct group *)(void *)((char *)b - offsetof(struct group, batch));

	if (g == appending) {
		g->finished_inline = true;
		return;
	}
	g->msg.run = on_message;
	loop_post(g->loop, &g->msg);
}

void group_append(struct group *g, struct store *s)
{
	g->batch.done = on_done;
	appending = g;
	store_append(s, &g->batch);
	/* It is still there: if it was finished elsewhere, only a message to this loop frees it. */
	appending = NULL;
	if (g->finished_inline)
		g->done(g);
}

const char *group_failure(enum store_status st, unsigned *status)
{
	switch (st) {
	case STORE_FULL:
		*status = 507;
		return "not stored: the server's disk is full";
	case STORE_CLOSED:
		*status = 503;
		return "not stored: the server is going down, try again";
	case STORE_NOMEM:
		*status = 503;
		return "not stored: the server is out of memory, try again";
	default:
		*status = 503;
		return "not stored: the server's store failed, try again";
	}
}
