/* SPDX-License-Identifier: MIT */
#include "load/trouble.h"

#include "load/clock.h"
#include "load/subscriber.h"
#include "load/worker.h"

#define CHURN_STEP_S 0.01
#define NS 1e-9

/* So many are tried to find one that is live. */
#define CHURN_TRIES 8

static void stall(struct worker *w, bool stall)
{
	for (uint32_t i = 0; i < w->nsubscribers; i++)
		if (w->subscribers[i].number < w->b->c->slow)
			subscriber_stall(&w->subscribers[i], stall);
}

static void on_slow(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	stall(timer->data, false);
}

static void leave_one(struct worker *w, uint64_t now)
{
	for (unsigned i = 0; i < CHURN_TRIES; i++) {
		struct subscriber *s = &w->subscribers[worker_random(w) % w->nsubscribers];

		if (s->state != SUBSCRIBER_LIVE || s->conn.paused)
			continue;
		subscriber_leave(s, now);
		return;
	}
}

/* Of the rate it is the part that its subscribers are of all. */
static void on_churn(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct worker *w = timer->data;
	const struct bench_config *c = w->b->c;
	uint64_t now = clock_ns();
	double part = (double)w->nsubscribers / (double)c->subscribers;
	uint64_t due = (uint64_t)((double)(now - w->churn_ns) * NS * c->churn * part);

	(void)loop;
	(void)revents;
	for (; w->churned < due; w->churned++)
		leave_one(w, now);
}

void trouble_init(struct worker *w)
{
	ev_timer_init(&w->churn, on_churn, CHURN_STEP_S, CHURN_STEP_S);
	w->churn.data = w;
	ev_timer_init(&w->slow, on_slow, (double)w->b->c->slow_for_ns * NS, 0.0);
	w->slow.data = w;
}

void trouble_begin(struct worker *w)
{
	ev_now_update(w->loop);
	if (w->b->c->slow > 0) {
		stall(w, true);
		ev_timer_start(w->loop, &w->slow);
	}
	if (w->b->c->churn > 0 && w->nsubscribers > 0) {
		w->churn_ns = clock_ns();
		ev_timer_start(w->loop, &w->churn);
	}
}

void trouble_end_churn(struct worker *w)
{
	ev_timer_stop(w->loop, &w->churn);
}

void trouble_end(struct worker *w)
{
	trouble_end_churn(w);
	if (ev_is_active(&w->slow)) {
		ev_timer_stop(w->loop, &w->slow);
		stall(w, false);
	}
}

void trouble_herd(struct worker *w)
{
	uint64_t now = clock_ns();

	for (uint32_t i = 0; i < w->nsubscribers; i++)
		subscriber_leave(&w->subscribers[i], now);
}
