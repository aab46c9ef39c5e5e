/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "load/clock.h"
#include "load/lines.h"
#include "load/record.h"
#include "load/request.h"
#include "load/subscriber.h"
#include "load/worker.h"

/*
 * Questions on a kept connection. A simple poll asks every poll_every_ns, on a schedule of its own that
 * an answer does not shift; a long poll asks as soon as it has an answer, and the server answers as
 * soon as it has an event. An rt-serve says where it stands in the ETag; another server gets its
 * validators back.
 */

/* As many as rt-serve gives at most, if it is not told otherwise. */
#define PAGE 1000

#define PAGE_QUERY "limit=1000"
#define WAIT_QUERY "wait=25"

static bool is_long(const struct subscriber *s)
{
	return s->transport == TRANSPORT_LONGPOLL;
}

static bool is_rt(const struct subscriber *s)
{
	return s->conn.w->b->sub_is_rt;
}

static void ask(struct subscriber *s)
{
	/* The first question is where the log ends: only then it can be told what has to come. */
	bool wait = is_long(s) && s->ncursor > 0;
	struct request r = {
		.accept = is_rt(s) ? "application/x-ndjson" : NULL,
		.query = wait ? WAIT_QUERY : PAGE_QUERY,
		.since = true,
	};

	s->asked = true;
	s->ngathered = 0;
	if (s->state == SUBSCRIBER_LIVE)
		subscriber_stop_timer(s);
	request_send(s, &r);
	/* Others answer a long poll only when there is an event. */
	if (conn_is_open(&s->conn) && is_long(s) && !is_rt(s))
		subscriber_ready(s, clock_ns());
}

/* --- cursor ---------------------------------------------------------------------------------- */

static void take_etag(struct subscriber *s, struct str etag)
{
	if (etag.n > 2 && etag.p[0] == '"' && etag.p[etag.n - 1] == '"')
		s->conn.w->cursor = (struct str){etag.p + 1, etag.n - 2};
	else
		subscriber_malformed(s,
			"the answer does not say in its ETag where it ends: is it an rt-serve?");
}

static void take_validators(struct subscriber *s, struct str etag, struct str modified)
{
	struct buf *b = &s->conn.w->scratch;

	buf_reset(b);
	if (etag.p != NULL)
		buf_addf(b, "If-None-Match: %.*s\r\n", (int)etag.n, etag.p);
	if (modified.p != NULL)
		buf_addf(b, "If-Modified-Since: %.*s\r\n", (int)modified.n, modified.p);
	subscriber_set_cursor(s, buf_str(b));
}

static void on_head(struct subscriber *s, struct str head, uint64_t now)
{
	struct str etag = answer_field(head, "ETag");

	(void)now;
	/* Where there are events, the last one read says it: the answer may break off. */
	if (is_rt(s) && (s->conn.answer.status == 304 || s->conn.answer.left == 0))
		take_etag(s, etag);
	else if (!is_rt(s) && s->conn.answer.status == 200)
		take_validators(s, etag, answer_field(head, "Last-Modified"));
}

/* --- answers --------------------------------------------------------------------------------- */

static size_t on_data(struct subscriber *s, struct str data, uint64_t now)
{
	/* Of another server all of the body is needed: nobody knows how events stand in it. */
	return is_rt(s) ? lines_take(s, data, now) : 0;
}

/* The next question by the schedule, which begins at random so that not all ask at once. */
static void ask_later(struct subscriber *s, uint64_t now)
{
	uint64_t every = s->conn.w->b->c->poll_every_ns;

	if (s->next_ns == 0)
		s->next_ns = now + (uint64_t)((double)every * worker_random(s->conn.w) / UINT32_MAX);
	if (s->next_ns <= now)
		s->next_ns += every * ((now - s->next_ns) / every + 1);
	subscriber_timer(s, s->next_ns - now);
}

static void on_end(struct subscriber *s, struct str rest, uint64_t now)
{
	if (!is_rt(s) && rest.n > 0)
		record_take_all(s, rest, now);
	else if (rest.n > 0)
		record_spoilt(s);	/* a line without its end */
	if (is_rt(s) && s->conn.w->cursor.p != NULL)
		subscriber_set_cursor(s, s->conn.w->cursor);	/* the next question needs it now */
	s->asked = false;
	subscriber_ready(s, now);
	if (!s->conn.answer.keep)
		conn_close(&s->conn);
	if (!is_long(s) && s->ngathered < PAGE)
		ask_later(s, now);
	else if (conn_is_open(&s->conn))
		ask(s);
	else
		subscriber_timer(s, 0);
}

static void on_timer(struct subscriber *s)
{
	if (conn_is_open(&s->conn) && s->conn.connecting)
		subscriber_late(s);
	else if (s->conn.paused || s->asked)
		ask_later(s, clock_ns());	/* a slow one, or a slow server: this question is left out */
	else if (conn_is_open(&s->conn))
		ask(s);
	else
		subscriber_reopen(s);
}

/* A server may end a connection on which there is no question. */
static bool may_end(struct subscriber *s)
{
	return !s->asked && !s->conn.connecting;
}

const struct subscribe_ops subscribe_poll = {
	.ask = ask,
	.head = on_head,
	.data = on_data,
	.end = on_end,
	.timer = on_timer,
	.may_end = may_end,
};
