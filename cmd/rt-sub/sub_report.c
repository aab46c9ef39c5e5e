/* SPDX-License-Identifier: MIT */
/* What transports ask of the subscriber, and tell it. */
#include <stdio.h>

#include "log.h"
#include "sub_internal.h"
#include "units.h"

const struct config *sub_config(const struct sub *s)
{
	return s->config;
}

struct ev_loop *sub_loop(const struct sub *s)
{
	return s->loop;
}

struct http *sub_http(const struct sub *s)
{
	return s->http;
}

bool sub_is_rt(const struct sub *s)
{
	return s->rt;
}

bool sub_is_down(const struct sub *s)
{
	return s->down != SUB_UP || s->finishing;
}

void sub_want(const struct sub *s, struct request_want *want)
{
	want->from = delivery_at(s->delivery);
	want->store = delivery_store(s->delivery);
	want->is_rt = s->rt_seen;
	if (s->missed_since_ms != 0)
		want->missed_ms = units_monotonic_ms() - s->missed_since_ms + 1;
}

void sub_asking(struct sub *s, uint64_t limit_ms)
{
	s->asking = true;
	s->opened = false;
	s->body_seen = false;
	s->asked_at_ms = units_monotonic_ms();
	s->limit_ms = s->config->client.connect_timeout_ms + limit_ms;
	s->heartbeat_ms = 0;
	sub_silence_begin(s);
}

void sub_resting(struct sub *s)
{
	s->asking = false;
	sub_silence_end(s);
}

/* The first sign of life after a failure. */
static void recovered(struct sub *s)
{
	if (s->complained)
		log_info("connected again");
	s->complained = false;
	s->token_renewed = false;
}

void sub_opened(struct sub *s, const struct sub_opening *o)
{
	uint64_t beat_ms;

	s->opened = true;
	s->heard = false;
	s->opened_at_ms = s->heard_at_ms = units_monotonic_ms();
	s->rt = o->store.p != NULL;
	s->rt_seen |= s->rt;
	s->heartbeat_ms = 0;
	if (o->heartbeat.p != NULL &&
	    units_parse_duration(o->heartbeat.p, o->heartbeat.n, 1000, &beat_ms) == 0)
		s->heartbeat_ms = beat_ms;
	log_debug("%s: connected%s", s->via->name, s->rt ? ", to an rt-serve" : "");
	recovered(s);
	delivery_connected(s->delivery, o->cursor, o->store);
	sub_silence_begin(s);
}

void sub_opened_http(struct sub *s)
{
	struct sub_opening o = {
		.cursor = http_field(s->http, "Last-Event-ID"),
		.store = http_field(s->http, "Rt-Store"),
		.heartbeat = http_field(s->http, "Heartbeat"),
	};

	sub_opened(s, &o);
}

void sub_heard(struct sub *s)
{
	s->body_seen = s->heard = true;
}

int sub_record(struct sub *s, struct str text, bool one_line, struct str cursor)
{
	return sub_is_down(s) ? -1 : delivery_record(s->delivery, text, one_line, cursor);
}

int sub_foreign(struct sub *s, const struct envelope_foreign *f, struct str cursor)
{
	return sub_is_down(s) ? -1 : delivery_foreign(s->delivery, f, cursor);
}

void sub_cursor(struct sub *s, struct str cursor)
{
	if (!sub_is_down(s))
		delivery_cursor(s->delivery, cursor);
}

void sub_settled(struct sub *s)
{
	delivery_settled(s->delivery);
}

void sub_set_retry(struct sub *s, uint64_t ms)
{
	s->retry_ms = ms;
}

void sub_down(struct sub *s, enum sub_down how, const char *why, uint64_t retry_after_ms)
{
	if (sub_is_down(s))
		return;
	s->down = how;
	s->retry_after_ms = retry_after_ms;
	snprintf(s->why, sizeof(s->why), "%s", why != NULL ? why : "");
}

/* A 401 came: has the token changed since? True at most once until a request succeeds. */
static bool renew_token(struct sub *s)
{
	if (s->token_renewed || !client_refresh_token(&s->config->client))
		return false;
	s->token_renewed = true;
	return true;
}

/* The connection is over by an answer, or without one. */
static void judged(struct sub *s, enum client_verdict verdict, long status, struct buf *why,
	uint64_t after_ms)
{
	if (verdict == CLIENT_OK && status == 204)
		sub_down(s, SUB_OVER, "", 0);
	else if (verdict == CLIENT_OK && status != 200)
		sub_down(s, SUB_PROTOCOL, "the answer is a success, but neither 200 nor 204", 0);
	else if (verdict == CLIENT_REFUSED && status == 401 && renew_token(s))
		sub_down(s, SUB_AGAIN, "the token was renewed", 0);
	else if (verdict == CLIENT_REFUSED)
		sub_down(s, SUB_REFUSED, buf_cstr(why), after_ms);
	else if (verdict == CLIENT_PROTOCOL && !s->opened)
		sub_down(s, SUB_PROTOCOL, buf_cstr(why), after_ms);
	else if (verdict != CLIENT_OK)
		sub_down(s, SUB_LOST, buf_cstr(why), after_ms);
}

bool sub_http_ended(struct sub *s, CURLcode result)
{
	enum client_verdict verdict;
	uint64_t after_ms;
	struct buf why;

	if (sub_is_down(s))
		return false;
	buf_init(&why, SUB_WHY_MAX);
	verdict = http_judge(s->http, result, &why, &after_ms);
	judged(s, verdict, http_status(s->http), &why, after_ms);
	buf_fini(&why);
	return !sub_is_down(s);
}

void sub_answered(struct sub *s, const struct client_answer *a)
{
	enum client_verdict verdict;
	uint64_t after_ms;
	struct buf why;

	buf_init(&why, SUB_WHY_MAX);
	verdict = client_judge_answer(a, &why, &after_ms);
	judged(s, verdict, a->status, &why, after_ms);
	buf_fini(&why);
}
