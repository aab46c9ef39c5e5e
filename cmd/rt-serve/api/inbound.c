/* SPDX-License-Identifier: MIT */
#include "api/inbound.h"

#include <stddef.h>
#include <stdlib.h>

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
	inbound_update((struct inbound *)((char *)t - offsetof(struct inbound, timer)));
}

struct inbound *inbound_begin(struct inbound **in, struct websocket *w, const char *client)
{
	if (*in != NULL || (*in = malloc(sizeof(**in))) == NULL)
		return *in;
	**in = (struct inbound){.w = w, .client = client};
	loop_timer_init(&(*in)->timer, on_timer);
	return *in;
}

void inbound_rest(struct inbound **in)
{
	if (*in == NULL || (*in)->in_progress > 0 || ((*in)->paused && (*in)->w != NULL))
		return;
	inbound_fini(*in);
	free(*in);
	*in = NULL;
}

bool inbound_too_fast(struct inbound *in)
{
	struct conn *c = websocket_conn(in->w);
	struct api *a = loop_user(conn_loop(c));
	uint64_t rate = api_config(a)->publish_rate;
	struct conn_info info;

	if (rate == 0)
		return false;
	if (in->client == NULL)
		conn_info(c, false, &info);
	if (rate_take(a->shared->rate, str_of(in->client != NULL ? in->client : info.address), 1, rate,
		loop_now_ms(a->loop)) == 0)
		return false;
	a->stats.refused_rate++;
	return true;
}

void inbound_fini(struct inbound *in)
{
	if (in == NULL)
		return;
	if (in->w != NULL)
		loop_timer_cancel(conn_loop(websocket_conn(in->w)), &in->timer);
	in->w = NULL;
}

void inbound_update(struct inbound *in)
{
	struct conn *c;
	struct api *a;
	bool wait, pause;

	if (in->w == NULL)
		return;
	c = websocket_conn(in->w);
	a = loop_user(conn_loop(c));
	wait = conn_pending(c) > ANSWERS_MAX ||
		store_queued(a->shared->store) > api_config(a)->append_queue;
	pause = wait || in->in_progress >= api_config(a)->conn.max_pipelined;
	if (pause != in->paused) {
		in->paused = pause;
		websocket_pause(in->w, pause);
	}
	if (wait)
		loop_timer_set(a->loop, &in->timer, LOOK_MS);
	else
		loop_timer_cancel(a->loop, &in->timer);
}

void inbound_done(struct inbound *in)
{
	in->in_progress--;
	inbound_update(in);
}
