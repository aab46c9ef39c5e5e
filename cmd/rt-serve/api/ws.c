/* SPDX-License-Identifier: MIT */
#include "api/ws.h"

#include <stddef.h>
#include <stdlib.h>

#include "api/feed.h"
#include "api/fields.h"
#include "api/inbound.h"
#include "api/live.h"
#include "api/problem.h"
#include "api/publish_value.h"
#include "api/speaker.h"
#include "json.h"

struct ws {
	struct feed feed;
	union {
		struct exchange *x;	/* until the handshake is answered */
		struct websocket w;	/* from then on, while (live) is open */
	};
	struct live live;
	struct inbound *inbound;	/* NULL: it says nothing now */
	struct speaker *speaker;
};

static const struct feed_ops ws_feed;

static struct ws *ws_of(const struct feed *f)
{
	return (struct ws *)((char *)f - offsetof(struct ws, feed));
}

static struct ws *ws_of_live(const struct live *v)
{
	return (struct ws *)((char *)v - offsetof(struct ws, live));
}

static struct ws *ws_of_socket(struct websocket *w)
{
	return (struct ws *)((char *)w - offsetof(struct ws, w));
}

static void free_ws(struct ws *ws)
{
	free(ws->inbound);
	free(ws->speaker);
	free(ws);
}

/* --- in: publish ------------------------------------------------------------------------------ */

static void refuse(struct ws *ws, struct str why)
{
	struct buf b;

	buf_init(&b, 8192);
	if (buf_adds(&b, "{\"error\":") == 0 && json_quote(&b, why) == 0 && buf_addc(&b, '}') == 0)
		websocket_send(ws->inbound->w, WEBSOCKET_TEXT, buf_str(&b));
	buf_fini(&b);
}

static void on_published(void *arg, struct event *e, enum store_status st, enum store_ack ack)
{
	struct ws *ws = arg;
	bool gone = ws->inbound->w == NULL;
	unsigned status;

	(void)ack;
	if (!gone && (e == NULL || e->refusal != EVENT_ACCEPTED))
		refuse(ws, str_of(publish_value_refusal(e, st, &status)));
	inbound_done(ws->inbound);
	inbound_rest(&ws->inbound);
	if (gone && ws->inbound == NULL)
		free_ws(ws);
}

static void publish(struct ws *ws, bool binary, struct str value)
{
	const struct filters *f = hub_subscribed(&ws->feed.sub);
	const struct publish_value v = {
		.topic = f->items[0],
		.from = speaker_user(ws->speaker),
		.value = value,
		.binary = binary,
	};
	struct buf why;
	unsigned status;

	if (f->n != 1 || f->has_pattern) {
		refuse(ws, STR_LIT("this connection is subscribed to several topics: to publish, connect to "
			"the topic alone, or use /ws"));
		return;
	}
	if (inbound_too_fast(ws->inbound)) {
		refuse(ws, STR_LIT(INBOUND_TOO_FAST));
		return;
	}
	buf_init(&why, 4096);
	ws->inbound->in_progress++;
	if (publish_value(feed_api(&ws->feed), &v, on_published, ws, &status, &why) != 0) {
		ws->inbound->in_progress--;
		refuse(ws, buf_str(&why));
	}
	buf_fini(&why);
}

static void on_message(struct websocket *w, bool binary, const uint8_t *p, size_t n)
{
	struct ws *ws = ws_of_socket(w);

	if (ws->feed.state != FEED_OPEN && ws->feed.state != FEED_OVER)
		return;		/* it is being closed */
	if (inbound_begin(&ws->inbound, w, speaker_client(ws->speaker)) == NULL) {
		conn_close(websocket_conn(w), CONN_NOMEM);
		return;
	}
	publish(ws, binary, (struct str){(const char *)p, n});
	if (ws->inbound == NULL)
		return;		/* it was published within */
	inbound_update(ws->inbound);
	inbound_rest(&ws->inbound);
}

/* --- its life --------------------------------------------------------------------------------- */

/** No more events; wait for the client's close frame. */
static void end(struct ws *ws, enum websocket_code code, const char *reason)
{
	feed_fini(&ws->feed);
	websocket_close(&ws->w, code, reason);
}

static void drain(struct live *v)
{
	struct ws *ws = ws_of_live(v);
	struct api *a = feed_api(&ws->feed);

	if (ws->feed.state == FEED_IDLE)
		return;		/* it is being closed already */
	if (atomic_load_explicit(&a->shared->draining, memory_order_relaxed))
		end(ws, WEBSOCKET_GOING_AWAY, "the server is going down");
	else
		end(ws, WEBSOCKET_RESTART, "connect again");
}

static void send_ping(struct ws *ws, struct api *a)
{
	char cursor[CURSOR_MAX];
	struct slice s = encode_heartbeat(a->encoder, feed_cursor(&ws->feed, cursor), FORM_WS, false);
	if (s.block != NULL)
		websocket_queue(&ws->w, s, &ws->feed.owner);
}

static void beat(struct ws *ws, struct api *a)
{
	if (feed_is_due(a, ws->feed.end_s)) {
		drain(&ws->live);
		return;
	}
	if (feed_too_slow(&ws->feed)) {
		conn_close(websocket_conn(&ws->w), CONN_SLOW);
		return;
	}
	if (conn_pending(websocket_conn(&ws->w)) == 0)	/* as with streams: see send_heartbeat there */
		send_ping(ws, a);
	websocket_alarm(&ws->w, feed_next_ms(a, ws->feed.end_s));
}

static void subscribe(struct ws *ws)
{
	if (feed_subscribe(&ws->feed) != 0)
		opening_problem(ws->x, ws->feed.opening->origin, STORE_NOMEM);
}

/** 204 in place of a WebSocket: there is nothing left to be sent. */
static void respond_past(struct ws *ws, struct api *a)
{
	struct exchange *x = ws->x;
	struct fields f;

	opening_fields(&f, ws->feed.opening->origin, a, ws->feed.opening->s.start.position);
	a->stats.status[2]++;
	feed_fini(&ws->feed);
	exchange_respond(x, 204, f.f, f.n, STR_LIT(""));
}

/** Before it is a WebSocket: what the feed wants a look at. */
static void on_exchange_alarm(struct exchange *x)
{
	struct ws *ws = exchange_user(x);

	if (ws->feed.state == FEED_PROBED)
		subscribe(ws);
	else if (ws->feed.state == FEED_PAST)
		respond_past(ws, api_of(x));
}

/** Heartbeat; or soon, because the feed wants a look. */
static void on_alarm(struct websocket *w)
{
	struct ws *ws = ws_of_socket(w);

	if (ws->feed.state == FEED_OVER)
		end(ws, WEBSOCKET_NORMAL, "until");
	else if (ws->feed.state == FEED_BROKEN)
		end(ws, WEBSOCKET_INTERNAL_ERROR, "out of memory, or the store has failed");
	else
		beat(ws, feed_api(&ws->feed));
}

static void describe(const struct live *v, struct buf *b)
{
	const struct ws *ws = ws_of_live(v);

	feed_describe(feed_api(&ws->feed), &ws->feed.sub, b);
}

static struct conn *conn_of(const struct live *v)
{
	return websocket_conn(&ws_of_live(v)->w);
}

static const struct live_ops ws_live = {LIVE_WS, conn_of, drain, describe};

static void on_exchange_closed(struct exchange *x, enum conn_end why)
{
	struct ws *ws = exchange_user(x);

	(void)why;
	feed_fini(&ws->feed);
	free_ws(ws);
}

static const struct exchange_ops ws_exchange = {
	.closed = on_exchange_closed,
	.alarm = on_exchange_alarm,
};

static void on_closed(struct websocket *w, unsigned code, enum conn_end why)
{
	struct ws *ws = ws_of_socket(w);
	struct api *a = feed_api(&ws->feed);

	(void)code;
	(void)why;
	a->stats.streams_ws--;
	feed_fini(&ws->feed);
	live_remove(&ws->live);
	inbound_fini(ws->inbound);
	if (inbound_in_progress(ws->inbound) == 0)
		free_ws(ws);
}

static const struct websocket_ops ws_socket = {
	.message = on_message,
	.closed = on_closed,
	.alarm = on_alarm,
};

/* --- from the feed ---------------------------------------------------------------------------- */

static bool on_queue(struct feed *f, struct slice s)
{
	return websocket_queue(&ws_of(f)->w, s, &f->owner);
}

static void on_gap(struct feed *f, struct str record)
{
	websocket_send(&ws_of(f)->w, WEBSOCKET_TEXT, record);
}

static void on_started(struct feed *f, enum store_status st, struct str cursor)
{
	struct ws *ws = ws_of(f);
	struct exchange *x = ws->x;
	struct api *a = feed_api(f);
	struct fields head;

	if (st != STORE_OK) {
		opening_problem(x, f->opening->origin, st);
		return;
	}
	opening_fields(&head, f->opening->origin, a, cursor);
	opening_heartbeat(&head, a);
	if (websocket_accept(&ws->w, x, &ws_socket, STR_NULL, head.f, head.n) != 0) {
		opening_problem(x, f->opening->origin, STORE_NOMEM);
		return;
	}
	live_add(a, &ws->live, &ws_live);
	a->stats.streams_ws++;
	f->end_s = feed_end_s(a, ws);
	feed_opened(f, "ws", 0);
	send_ping(ws, a);
	websocket_alarm(&ws->w, feed_next_ms(a, f->end_s));
}

static void on_look(struct feed *f)
{
	struct ws *ws = ws_of(f);

	if (live_is_open(&ws->live))
		websocket_alarm(&ws->w, 0);
	else
		exchange_alarm(ws->x, 0);
}

static struct conn *on_conn(const struct feed *f)
{
	const struct ws *ws = ws_of(f);

	return live_is_open(&ws->live) ? websocket_conn(&ws->w) : exchange_conn(ws->x);
}

static const struct feed_ops ws_feed = {
	.queue = on_queue,
	.gap = on_gap,
	.started = on_started,
	.look = on_look,
	.conn = on_conn,
	.alone = true,
};

/* --- from the route --------------------------------------------------------------------------- */

static struct ws *ws_new(const struct request *r)
{
	struct ws *ws = calloc(1, sizeof(*ws));

	if (ws == NULL || speaker_new(&ws->speaker, r, false) == 0)
		return ws;
	free(ws);
	return NULL;
}

void ws_start(struct exchange *x, struct request *r, struct subscribe *s)
{
	struct ws *ws;
	struct opening *o;

	if (atomic_load_explicit(&r->api->shared->draining, memory_order_relaxed)) {
		problem_respond(x, r, 503, "the server is going down: connect again in a moment");
		return;
	}
	ws = ws_new(r);
	o = opening_new(s, r, r->user);
	if (ws == NULL || o == NULL) {
		if (ws != NULL)
			free_ws(ws);
		opening_free(o, r->api);
		problem_respond(x, r, 503, "out of memory: try again later");
		return;
	}
	feed_init(&ws->feed, &ws_feed, o, s->data_only ? FORM_WS_DATA : FORM_WS);
	ws->x = x;
	exchange_accept(x, &ws_exchange, ws);
	subscribe(ws);
}
