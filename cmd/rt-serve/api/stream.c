/* SPDX-License-Identifier: MIT */
#include "api/stream.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/feed.h"
#include "api/fields.h"
#include "api/live.h"
#include "api/problem.h"
#include "config.h"

struct stream {
	struct feed feed;
	struct exchange *x;
	struct live live;
};

static const struct feed_ops stream_feed;

static struct stream *stream_of(const struct feed *f)
{
	return (struct stream *)((char *)f - offsetof(struct stream, feed));
}

static struct stream *stream_of_live(const struct live *v)
{
	return (struct stream *)((char *)v - offsetof(struct stream, live));
}

static struct exchange *exchange_of(const struct feed *f)
{
	return stream_of(f)->x;
}

static bool is_sse(const struct feed *f)
{
	return f->form == FORM_SSE || f->form == FORM_SSE_DATA;
}

static uint64_t *open_count(struct stream *st)
{
	struct api_stats *s = &feed_api(&st->feed)->stats;

	return is_sse(&st->feed) ? &s->streams_sse : &s->streams_ndjson;
}

/* --- the head --------------------------------------------------------------------------------- */

/** Fields that make everybody in between hand on what comes as it comes. */
static void add_stream_fields(struct fields *f, struct api *a, bool sse)
{
	fields_add(f, "Content-Type",
		sse ? STR_LIT("text/event-stream") : STR_LIT("application/x-ndjson"));
	fields_add(f, "Cache-Control", STR_LIT("no-store, no-transform"));
	fields_add(f, "Incremental", STR_LIT("?1"));	/* RFC 10036 */
	fields_add(f, "X-Accel-Buffering", STR_LIT("no"));
	opening_heartbeat(f, a);
}

/** "retry: MS" for a client that comes back about then. */
static struct str retry_line(struct api *a, const void *who, char *dst, size_t cap)
{
	int n = snprintf(dst, cap, "retry: %llu\n",
		(unsigned long long)opening_jitter(who, api_config(a)->retry_ms));

	return (struct str){dst, (size_t)n};
}

/** The first bytes: on SSE when to come back and where it begins; for all a heartbeat at once. */
static void write_preamble(struct stream *st, struct api *a, struct str cursor)
{
	struct buf b;
	char retry[40];

	buf_init(&b, CURSOR_MAX + 64);
	if (is_sse(&st->feed)) {
		buf_addstr(&b, retry_line(a, st, retry, sizeof(retry)));
		buf_adds(&b, "id: ");
		buf_addstr(&b, cursor);
		buf_addc(&b, '\n');
	}
	buf_addc(&b, '\n');
	exchange_write(exchange_of(&st->feed), buf_str(&b));
	buf_fini(&b);
}

void stream_refuse(struct exchange *x, const struct request *r, bool sse)
{
	struct fields f;
	char retry[40];

	if (!sse || !r->browser) {
		problem_respond(x, r, 503, "the server is going down: connect again in a moment");
		return;
	}
	fields_init(&f, r);
	fields_add(&f, "Content-Type", STR_LIT("text/event-stream"));
	fields_add(&f, "Cache-Control", STR_LIT("no-store"));
	fields_add(&f, "Vary", STR_LIT("Accept, Prefer, Origin"));
	r->api->stats.status[2]++;
	exchange_respond(x, 200, f.f, f.n, retry_line(r->api, x, retry, sizeof(retry)));
}

/* --- its life --------------------------------------------------------------------------------- */

/** End the answer; closed() frees it. */
static void end(struct stream *st)
{
	struct exchange *x = exchange_of(&st->feed);

	feed_fini(&st->feed);
	exchange_end(x);
}

static void respond_past(struct stream *st)
{
	struct exchange *x = exchange_of(&st->feed);
	struct fields f;

	opening_fields(&f, st->feed.opening->origin, api_of(x), st->feed.opening->s.start.position);
	api_of(x)->stats.status[2]++;
	feed_fini(&st->feed);
	exchange_respond(x, 204, f.f, f.n, STR_LIT(""));
}

static void subscribe(struct stream *st)
{
	struct exchange *x = exchange_of(&st->feed);

	if (feed_subscribe(&st->feed) != 0)
		opening_problem(x, st->feed.opening->origin, STORE_NOMEM);
}

/**
 * Not while anything is queued: behind events of this turn that a stall takes back, the cursor
 * would be ahead of what the client has. Where bytes flow no heartbeat is missed.
 */
static void send_heartbeat(struct stream *st, struct api *a)
{
	struct exchange *x = exchange_of(&st->feed);
	char cursor[CURSOR_MAX];
	struct str c = STR_LIT("");
	struct slice s;

	if (conn_pending(exchange_conn(x)) > 0)
		return;
	if (is_sse(&st->feed) && (c = feed_cursor(&st->feed, cursor)).n == 0)
		return;
	s = encode_heartbeat(a->encoder, c, st->feed.form, st->feed.chunked);
	if (s.block != NULL)
		exchange_queue(x, s, &st->feed.owner);
}

static void drain(struct live *v)
{
	struct stream *st = stream_of_live(v);
	char line[40];

	if (is_sse(&st->feed))
		exchange_write(exchange_of(&st->feed),
			retry_line(feed_api(&st->feed), st, line, sizeof(line)));
	/* Whoever comes again comes by a new connection, and so perhaps to another server. */
	exchange_close_after(exchange_of(&st->feed));
	end(st);
}

static void beat(struct stream *st, struct api *a)
{
	if (feed_is_due(a, st->feed.end_s)) {
		drain(&st->live);
		return;
	}
	if (feed_too_slow(&st->feed)) {
		exchange_abort(exchange_of(&st->feed), CONN_SLOW);
		return;
	}
	send_heartbeat(st, a);
	exchange_alarm(exchange_of(&st->feed), feed_next_ms(a, st->feed.end_s));
}

/** Heartbeat; or soon, because the feed wants a look. */
static void on_alarm(struct exchange *x)
{
	struct stream *st = exchange_user(x);

	switch (st->feed.state) {
	case FEED_PROBED:
		subscribe(st);
		break;
	case FEED_PAST:
		respond_past(st);
		break;
	case FEED_OVER:
		end(st);
		break;
	case FEED_BROKEN:
		exchange_abort(x, CONN_NOMEM);
		break;
	default:
		beat(st, api_of(x));
		break;
	}
}

static void describe(const struct live *v, struct buf *b)
{
	const struct stream *st = stream_of_live(v);

	feed_describe(feed_api(&st->feed), &st->feed.sub, b);
}

static struct conn *conn_of(const struct live *v)
{
	const struct stream *st = stream_of_live(v);

	return exchange_conn(exchange_of(&st->feed));
}

static const struct live_ops sse_live = {LIVE_SSE, conn_of, drain, describe};
static const struct live_ops ndjson_live = {LIVE_NDJSON, conn_of, drain, describe};

static void on_closed(struct exchange *x, enum conn_end why)
{
	struct stream *st = exchange_user(x);

	(void)why;
	if (live_is_open(&st->live)) {
		live_remove(&st->live);
		--*open_count(st);
	}
	feed_fini(&st->feed);
	free(st);
}

static const struct exchange_ops stream_exchange = {.closed = on_closed, .alarm = on_alarm};

/* --- from the feed ---------------------------------------------------------------------------- */

static bool on_queue(struct feed *f, struct slice s)
{
	return exchange_queue(exchange_of(f), s, &f->owner);
}

static void on_gap(struct feed *f, struct str record)
{
	struct buf b;

	buf_init(&b, record.n + 32);
	if (f->form == FORM_SSE_DATA)
		buf_adds(&b, "event: gap\n");
	if (is_sse(f))
		buf_adds(&b, "data: ");
	buf_addstr(&b, record);
	buf_adds(&b, is_sse(f) ? "\n\n" : "\n");
	exchange_write(exchange_of(f), buf_str(&b));
	buf_fini(&b);
}

static void on_started(struct feed *f, enum store_status st_status, struct str cursor)
{
	struct stream *st = stream_of(f);
	struct exchange *x = exchange_of(f);
	struct api *a = api_of(x);
	struct fields head;

	if (st_status != STORE_OK) {
		opening_problem(x, f->opening->origin, st_status);
		return;
	}
	opening_fields(&head, f->opening->origin, a, cursor);
	add_stream_fields(&head, a, is_sse(f));
	a->stats.status[2]++;
	exchange_begin(x, 200, head.f, head.n);
	f->chunked = exchange_chunked(x);
	write_preamble(st, a, cursor);
	live_add(a, &st->live, is_sse(f) ? &sse_live : &ndjson_live);
	++*open_count(st);
	f->end_s = feed_end_s(a, st);
	feed_opened(f, is_sse(f) ? "sse" : "ndjson", 0);
	exchange_alarm(x, feed_next_ms(a, f->end_s));
}

static void on_look(struct feed *f)
{
	exchange_alarm(exchange_of(f), 0);
}

static struct conn *on_conn(const struct feed *f)
{
	return exchange_conn(exchange_of(f));
}

static const struct feed_ops stream_feed = {
	.queue = on_queue,
	.gap = on_gap,
	.started = on_started,
	.look = on_look,
	.conn = on_conn,
	.alone = true,
};

/* --- from the route --------------------------------------------------------------------------- */

/** HEAD: what a stream would say of itself, without beginning one. */
static void respond_head(struct exchange *x, struct request *r, bool sse)
{
	struct fields f;

	fields_init(&f, r);
	fields_add(&f, "Vary", STR_LIT("Accept, Prefer, Origin"));
	fields_add(&f, "Rt-Store", str_of(store_identity(r->api->shared->store)));
	add_stream_fields(&f, r->api, sse);
	r->api->stats.status[2]++;
	exchange_begin(x, 200, f.f, f.n);	/* ends by itself */
}

static enum form form_of(const struct subscribe *s)
{
	if (s->mode == SUBSCRIBE_SSE)
		return s->data_only ? FORM_SSE_DATA : FORM_SSE;
	return s->data_only ? FORM_NDJSON_DATA : FORM_NDJSON;
}

void stream_start(struct exchange *x, struct request *r, struct subscribe *s)
{
	bool sse = s->mode == SUBSCRIBE_SSE;
	struct stream *st;
	struct opening *o;

	if (atomic_load_explicit(&r->api->shared->draining, memory_order_relaxed)) {
		stream_refuse(x, r, sse);
		return;
	}
	if (str_is(r->http->method, "HEAD")) {
		respond_head(x, r, sse);
		return;
	}
	st = calloc(1, sizeof(*st));
	o = opening_new(s, r, r->user);
	if (st == NULL || o == NULL) {
		free(st);
		opening_free(o, r->api);
		problem_respond(x, r, 503, "out of memory: try again later");
		return;
	}
	feed_init(&st->feed, &stream_feed, o, form_of(s));
	st->x = x;
	exchange_accept(x, &stream_exchange, st);
	subscribe(st);
}
