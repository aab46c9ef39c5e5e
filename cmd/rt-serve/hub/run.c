/* SPDX-License-Identifier: MIT */
/*
 * Runs: what a turn brings to a group of subscriptions, handed to each of them at once. With many
 * subscribers a visit costs more than an event: their memory has left the cache since the last one.
 */
#include <assert.h>
#include <stdlib.h>

#include "hub/hub_internal.h"

#define CELLS 8192	/* events of all runs together; more are handed on in parts */
#define GROUPS 4096	/* runs */

struct runs {
	uint64_t number;	/* of the last run that was handed on */
	unsigned ngroups, ncells;
	struct group *groups[GROUPS];
	struct {
		uint16_t event;		/* its place in the turn */
		uint16_t next;
	} cells[CELLS];
	struct event *events[CELLS];	/* the run that is handed on */
	uint16_t places[CELLS];
};

struct runs *hub_runs_new(void)
{
	return calloc(1, sizeof(struct runs));
}

void hub_run_add(struct hub *h, struct group *g, size_t i)
{
	struct runs *r = h->runs;
	uint16_t cell;

	assert(i <= UINT16_MAX);
	if (r->ncells == CELLS || (g->nrun == 0 && r->ngroups == GROUPS))
		hub_runs_deliver(h);
	cell = (uint16_t)r->ncells++;
	r->cells[cell].event = (uint16_t)i;
	if (g->nrun == 0) {
		r->groups[r->ngroups++] = g;
		g->run_first = cell;
	} else {
		r->cells[g->run_last].next = cell;
	}
	g->run_last = cell;
	g->nrun++;
}

/* One that became live ahead of the hub has the first events. */
static void skip_known(struct event_run *run, const struct subscription *sub)
{
	for (run->first = 0; run->first < run->n; run->first++)
		if (run->events[run->first]->pos > sub->pos)
			return;
}

static void deliver_run(struct hub *h, struct subscription *sub, struct event_run *run)
{
	size_t end;

	skip_known(run, sub);
	if (run->first == run->n)
		return;
	if (run->n == 1) {
		hub_deliver(h, sub, h->runs->places[0]);
		return;
	}
	end = sub->ops->events(sub, run);
	h->stats.deliveries += end - run->first;
	if (end > run->first) {
		sub->pos = run->events[end - 1]->pos;
		if (sub->cursor != NULL)
			hub_stand(sub, NULL);
	}
	if (end < run->n)
		hub_fall(h, sub, h->runs->places[end], SUBSCRIPTION_FULL);
}

static void deliver_group(struct hub *h, struct group *g)
{
	struct runs *r = h->runs;
	struct event_run run = {r->events, 0, g->nrun, ++r->number};
	struct subscription *sub, *next;
	unsigned cell = g->run_first;

	for (unsigned i = 0; i < g->nrun; i++) {
		r->places[i] = r->cells[cell].event;
		r->events[i] = h->turn[r->places[i]];
		cell = r->cells[cell].next;
	}
	g->nrun = 0;
	for (sub = g->live; sub != NULL; sub = next) {
		next = sub->next;
		__builtin_prefetch(next);
		if (!hub_is_single(sub))
			deliver_run(h, sub, &run);
	}
}

void hub_runs_deliver(struct hub *h)
{
	struct runs *r = h->runs;
	unsigned n = r->ngroups;

	r->ngroups = r->ncells = 0;
	for (unsigned i = 0; i < n; i++)
		deliver_group(h, r->groups[i]);
}
