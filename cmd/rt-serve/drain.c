/* SPDX-License-Identifier: MIT */
#include "drain.h"

#include <stddef.h>
#include <stdlib.h>

#include "api/live.h"
#include "net/listener.h"

#define TICK_MS 20
#define GRACE_MS 2000	/* for last bytes, once everything was ended */

struct part {
	struct loop_msg msg;
	struct loop_timer timer;
	struct drain *drain;
	struct api *api;
	uint64_t started_ms;
	unsigned total;		/* streams at the beginning */
	unsigned ended;
};

struct drain {
	struct api_shared *shared;
	uint64_t ms;
	atomic_uint remaining;	/* loops that have something left */
	struct part parts[];
};

static void stop_all(struct drain *d)
{
	for (unsigned i = 0; i < d->shared->napis; i++)
		loop_stop(d->shared->apis[i]->loop);
}

static void finish(struct part *p)
{
	if (atomic_fetch_sub(&p->drain->remaining, 1) == 1)
		stop_all(p->drain);
}

static void end(struct api *a, struct live *v)
{
	live_leave(a, v);
	v->ops->drain(v);
}

/** What need not be spread over time. Nothing is freed before the end of the turn. */
static void end_short(struct api *a)
{
	for (struct live *v = a->live, *next; v != NULL; v = next) {
		next = v->next;
		if (v->ops->kind == LIVE_LONGPOLL || v->ops->kind == LIVE_PUBLISH)
			end(a, v);
	}
}

static void count_pending(struct conn *c, void *arg)
{
	if (conn_pending(c) > 0)
		++*(unsigned *)arg;
}

static bool all_out(struct part *p)
{
	unsigned pending = 0;

	loop_each_conn(p->api->loop, count_pending, &pending);
	return pending == 0;
}

static void tick(struct loop *l, struct loop_timer *t)
{
	struct part *p = (struct part *)(void *)((char *)t - offsetof(struct part, timer));
	uint64_t elapsed = loop_now_ms(l) - p->started_ms, ms = p->drain->ms;
	/* A little before the time is up, so that the last ones still get their goodbye. */
	unsigned due = elapsed >= ms ? UINT32_MAX :
		(unsigned)((uint64_t)p->total * elapsed / (ms > 0 ? ms : 1)) + 1;

	end_short(p->api);	/* each time: new ones may have come in */
	for (; p->ended < due && p->api->live != NULL; p->ended++)
		end(p->api, p->api->live);
	if ((p->api->live == NULL && p->api->leaving == NULL && all_out(p)) || elapsed >= ms + GRACE_MS)
		finish(p);
	else
		loop_timer_set(l, t, TICK_MS);
}

static void begin(struct loop *l, struct loop_msg *m)
{
	struct part *p = (struct part *)(void *)((char *)m - offsetof(struct part, msg));

	p->started_ms = loop_now_ms(l);
	for (const struct live *v = p->api->live; v != NULL; v = v->next)
		p->total++;
	loop_timer_init(&p->timer, tick);
	/* Not at once: what was acknowledged until now goes to the streams at the end of this turn. */
	loop_timer_set(l, &p->timer, TICK_MS);
}

struct drain *drain_start(struct api_shared *shared, uint64_t ms)
{
	struct drain *d = calloc(1, sizeof(*d) + shared->napis * sizeof(d->parts[0]));

	if (d == NULL)
		return NULL;
	d->shared = shared;
	d->ms = ms;
	atomic_store(&shared->draining, true);
	atomic_init(&d->remaining, shared->napis);
	for (unsigned i = 0; i < shared->napis; i++) {
		d->parts[i].drain = d;
		d->parts[i].api = shared->apis[i];
		d->parts[i].msg.run = begin;
		loop_post(shared->apis[i]->loop, &d->parts[i].msg);
	}
	return d;
}

void drain_free(struct drain *d)
{
	free(d);
}
