/* SPDX-License-Identifier: MIT */
/*
 * Polling: one request after the other on a kept connection, each from where the last one ended.
 * A long poll waits at the server, a plain one here. For -e the newest event is asked for first;
 * it, or an empty answer, is the end.
 */
#include <stdlib.h>

#include "record.h"
#include "sub.h"
#include "transport.h"
#include "units.h"

#define WAIT_S 25
#define PAGE 1000
#define EMPTY_PAUSE_MS 1000	/* after a long poll that came back at once, with nothing */

struct poll {
	struct sub *sub;
	struct line lines;
	ev_timer timer;
	bool is_long;
	bool asking_end;	/* -e: the request in progress asks for the newest event */
	char *end_id;		/* -e: its id, raw; NULL: not known */
	size_t end_id_len;
	bool paused, due;	/* due: the next request waits for the end of the pause */
	bool waits;		/* the request in progress is a long poll */
	bool answered;		/* there was an answer before it */
	unsigned records;	/* in the answer in progress */
	uint64_t asked_at_ms;
};

static int ask(struct poll *c);

static void on_head(void *arg)
{
	struct poll *c = arg;
	struct http *h = sub_http(c->sub);

	if (http_status(h) != 200)
		return;
	if (http_field(h, "Rt-Store").p == NULL)
		sub_down(c->sub, SUB_PROTOCOL,
			"the answer is none of rt-serve's; rt-poll reads other resources", 0);
	else if (!c->asking_end)
		sub_opened_http(c->sub);
}

static int keep_end(struct poll *c, struct str line)
{
	struct record r;
	struct str id;

	if (!record_parse(&r, line, true, NULL) || r.envelope.id.p == NULL)
		return 0;
	id = r.envelope.id;
	free(c->end_id);
	c->end_id = strndup(id.p, id.n);
	c->end_id_len = id.n;
	return c->end_id == NULL ? -1 : 0;
}

static bool is_end(const struct poll *c, struct str line)
{
	struct record r;

	return c->end_id != NULL && record_parse(&r, line, false, NULL) &&
		str_eq(r.envelope.id, (struct str){c->end_id, c->end_id_len});
}

static int on_line(void *arg, struct str line)
{
	struct poll *c = arg;
	bool end;

	if (line.n == 0)
		return 0;
	c->records++;
	if (c->asking_end)
		return keep_end(c, line);
	end = is_end(c, line);
	if (sub_record(c->sub, line, false, STR_NULL) != 0)
		return -1;
	if (end)
		sub_down(c->sub, SUB_END_KNOWN, "", 0);
	return end ? -1 : 0;
}

static int on_body(void *arg, struct str bytes)
{
	struct poll *c = arg;

	return transport_lines(c->sub, &c->lines, bytes, on_line, c);
}

/* The ETag is the cursor behind the answer, in quotes. */
static struct str cursor_of(const struct http *h)
{
	struct str v = http_field(h, "ETag");

	if (v.n > 2 && v.p[0] == 'W' && v.p[1] == '/') {
		v.p += 2;
		v.n -= 2;
	}
	if (v.n <= 2 || v.p[0] != '"' || v.p[v.n - 1] != '"')
		return STR_NULL;
	return (struct str){v.p + 1, v.n - 2};
}

/* How long to wait before the next request. */
static uint64_t pause_before_next(const struct poll *c)
{
	if (c->asking_end || c->records > 0)
		return 0;	/* there may be more already */
	if (!c->is_long)
		return sub_config(c->sub)->poll_interval_ms;
	if (!c->waits)
		return 0;
	return units_monotonic_ms() - c->asked_at_ms < EMPTY_PAUSE_MS ? EMPTY_PAUSE_MS : 0;
}

/* The time has come, unless nobody takes what would come. */
static void ask_again(struct poll *c)
{
	c->due = c->paused;
	if (c->paused)
		sub_resting(c->sub);
	else if (ask(c) != 0)
		sub_down(c->sub, SUB_NOMEM, "", 0);
}

static void next(struct poll *c)
{
	uint64_t pause_ms = pause_before_next(c);

	c->asking_end = false;
	c->answered = true;
	if (pause_ms == 0) {
		ask_again(c);
		return;
	}
	sub_resting(c->sub);
	ev_timer_set(&c->timer, (double)pause_ms / 1000, 0.);
	ev_timer_start(sub_loop(c->sub), &c->timer);
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)loop;
	(void)events;
	ask_again(t->data);
}

static void on_done(void *arg, CURLcode result)
{
	struct poll *c = arg;
	struct str cursor;

	if (!sub_http_ended(c->sub, result) || sub_is_down(c->sub))
		return;
	if (!c->asking_end) {
		cursor = cursor_of(sub_http(c->sub));
		sub_settled(c->sub);
		sub_cursor(c->sub, cursor);
		if (c->records == 0 && sub_config(c->sub)->until_end) {
			sub_down(c->sub, SUB_END_KNOWN, "", 0);
			return;
		}
	} else if (c->records == 0) {
		sub_down(c->sub, SUB_END_KNOWN, "", 0);
		return;
	}
	next(c);
}

static const struct http_ops http_ops = { on_head, on_body, on_done };

static int ask(struct poll *c)
{
	struct request_want want = {.as = "poll", .accept = "application/x-ndjson", .limit = PAGE};

	sub_want(c->sub, &want);
	/* The first one only asks where we are, so that nothing is missed should the second break. */
	c->waits = c->is_long && (want.from->len > 0 || c->answered);
	want.wait_s = c->waits ? WAIT_S : 0;
	if (c->asking_end) {
		want.last = "1";
		want.limit = 0;
	}
	line_fini(&c->lines);
	line_init(&c->lines, (size_t)sub_config(c->sub)->max_event);
	c->records = 0;
	c->asked_at_ms = units_monotonic_ms();
	return transport_get(c->sub, &want, false, want.wait_s * UINT64_C(1000) + TRANSPORT_ANSWER_MS,
		&http_ops, c);
}

static void stop(void *connection)
{
	struct poll *c = connection;

	http_stop(sub_http(c->sub));
	ev_timer_stop(sub_loop(c->sub), &c->timer);
	line_fini(&c->lines);
	free(c->end_id);
	free(c);
}

static void *start(struct sub *s, bool is_long)
{
	struct poll *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->sub = s;
	c->is_long = is_long;
	c->asking_end = sub_config(s)->until_end;
	ev_init(&c->timer, on_timer);
	c->timer.data = c;
	line_init(&c->lines, (size_t)sub_config(s)->max_event);
	if (ask(c) != 0) {
		stop(c);
		return NULL;
	}
	return c;
}

static void *start_long(struct sub *s)
{
	return start(s, true);
}

static void *start_plain(struct sub *s)
{
	return start(s, false);
}

static void pause_reading(void *connection, bool on)
{
	struct poll *c = connection;

	c->paused = on;
	if (on || !c->due)
		http_pause(sub_http(c->sub), on);
	else
		ask_again(c);
}

const struct transport transport_longpoll = { "long polling", start_long, pause_reading, stop };
const struct transport transport_poll = { "polling", start_plain, pause_reading, stop };
