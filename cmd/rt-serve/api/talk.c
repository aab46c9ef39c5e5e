/* SPDX-License-Identifier: MIT */
#include "api/talk.h"

#include <stddef.h>

#include "api/api.h"
#include "api/rate.h"
#include "config.h"

/* Answers that wait to be read; more stop the reading. */
#define ANSWERS_MAX (64 << 10)

/* How soon to look again whether they went out. */
#define LOOK_MS 20

static void on_timer(struct loop *l, struct loop_timer *t)
{
	(void)l;
	talk_update((struct talk *)((char *)t - offsetof(struct talk, timer)));
}

void talk_init(struct talk *t, struct websocket *w, const char *client)
{
	*t = (struct talk){.w = w, .client = client};
	loop_timer_init(&t->timer, on_timer);
}

bool talk_at_rest(const struct talk *t)
{
	return t->in_progress == 0 && (!t->paused || t->w == NULL);
}

bool talk_too_fast(struct talk *t)
{
	struct conn *c = websocket_conn(t->w);
	struct api *a = loop_user(conn_loop(c));
	uint64_t rate = api_config(a)->publish_rate;
	struct conn_info info;

	if (rate == 0)
		return false;
	if (t->client == NULL)
		conn_info(c, false, &info);
	if (rate_take(a->shared->rate, str_of(t->client != NULL ? t->client : info.address), 1, rate,
		loop_now_ms(a->loop)) == 0)
		return false;
	a->stats.refused_rate++;
	return true;
}

void talk_fini(struct talk *t)
{
	if (t->w != NULL)
		loop_timer_cancel(conn_loop(websocket_conn(t->w)), &t->timer);
	t->w = NULL;
}

void talk_update(struct talk *t)
{
	struct conn *c;
	struct api *a;
	bool wait, pause;

	if (t->w == NULL)
		return;
	c = websocket_conn(t->w);
	a = loop_user(conn_loop(c));
	wait = conn_pending(c) > ANSWERS_MAX ||
		store_queued(a->shared->store) > api_config(a)->append_queue;
	pause = wait || t->in_progress >= api_config(a)->conn.max_pipelined;
	if (pause != t->paused) {
		t->paused = pause;
		websocket_pause(t->w, pause);
	}
	if (wait)
		loop_timer_set(a->loop, &t->timer, LOOK_MS);
	else
		loop_timer_cancel(a->loop, &t->timer);
}

void talk_done(struct talk *t)
{
	t->in_progress--;
	talk_update(t);
}

const char *talk_refusal(const struct event *e, enum store_status st, unsigned *status)
{
	if (e != NULL && e->refusal == EVENT_TOO_MANY_TOPICS) {
		*status = 507;
		return "there are as many topics as the server keeps (--max-topics)";
	}
	switch (st) {
	case STORE_FULL:
		*status = 507;
		return "the server has no room on its disk";
	case STORE_CLOSED:
		*status = 503;
		return "the server is going down: publish again in a moment";
	case STORE_NOMEM:
		*status = 503;
		return "the server is out of memory: publish again in a moment";
	default:
		*status = 503;
		return "the store has failed: see the log of rt-serve";
	}
}
