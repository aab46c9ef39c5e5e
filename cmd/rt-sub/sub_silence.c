/* SPDX-License-Identifier: MIT */
/* Silence: answers that do not begin, heartbeats that stay away, streams that something buffers. */
#include "log.h"
#include "sub_internal.h"
#include "units.h"

#define WATCH_MIN_MS 10
#define WATCH_MAX_MS 1000	/* how late a change of what is watched for may be noticed */

bool sub_expects_beginning(const struct sub *s)
{
	return s->config->transport == TRANSPORT_AUTO && s->via == &transport_sse &&
		!s->body_seen && (s->opened ? s->rt : s->config->url == NULL || s->rt_seen);
}

void sub_fall_back(struct sub *s)
{
	log_warn("something on the way to the server holds streams back: going on with long polling");
	s->transport = &transport_longpoll;
	sub_down(s, SUB_AGAIN, "streams are held back", 0);
}

void sub_silence_note(struct sub *s)
{
	if (s->heard)
		s->heard_at_ms = units_monotonic_ms();
	s->heard = false;
}

/* When to look again, in milliseconds; 0: it is down now. */
static uint64_t check_silence(struct sub *s)
{
	uint64_t now = units_monotonic_ms(), sent_ago = http_sent_ms_ago(s->http);
	uint64_t next = WATCH_MAX_MS, limit;

	if (sub_expects_beginning(s)) {
		limit = s->config->buffer_timeout_ms;
		if (sent_ago >= limit) {
			sub_fall_back(s);
			return 0;
		}
		if (limit - sent_ago < next)
			next = limit - sent_ago;
	}
	if (!s->opened && now - s->asked_at_ms >= s->limit_ms) {
		sub_down(s, SUB_LOST, "the server does not answer", 0);
		return 0;
	}
	if (s->opened && s->heartbeat_ms > 0) {
		limit = 2 * s->heartbeat_ms;
		if (now - s->heard_at_ms >= limit) {
			sub_down(s, SUB_LOST, "nothing was heard for two heartbeats", 0);
			return 0;
		}
		if (limit - (now - s->heard_at_ms) < next)
			next = limit - (now - s->heard_at_ms);
	}
	return next > WATCH_MIN_MS ? next : WATCH_MIN_MS;
}

static void on_watch(struct ev_loop *loop, ev_timer *t, int events)
{
	struct sub *s = t->data;
	uint64_t next = WATCH_MAX_MS, now = units_monotonic_ms();
	bool slept = now - s->watched_at_ms > 2 * WATCH_MAX_MS;	/* we, stopped by a signal */

	(void)events;
	s->watched_at_ms = now;
	sub_silence_note(s);
	if (s->connection == NULL || !s->asking || sub_is_down(s))
		return;
	if (s->held != 0 || slept)
		s->heard_at_ms = s->asked_at_ms = now;	/* the silence is ours */
	else
		next = check_silence(s);
	if (next > 0) {
		ev_timer_set(t, (double)next / 1000, 0.);
		ev_timer_start(loop, t);
	}
}

void sub_silence_init(struct sub *s)
{
	ev_init(&s->watch, on_watch);
	s->watch.data = s;
}

void sub_silence_begin(struct sub *s)
{
	s->watched_at_ms = units_monotonic_ms();
	ev_timer_stop(s->loop, &s->watch);
	ev_timer_set(&s->watch, WATCH_MIN_MS / 1000., 0.);
	ev_timer_start(s->loop, &s->watch);
}

void sub_silence_end(struct sub *s)
{
	ev_timer_stop(s->loop, &s->watch);
}
