/* SPDX-License-Identifier: MIT */
#include "api/mux.h"

#include <stddef.h>
#include <stdlib.h>

#include "api/feed.h"
#include "api/fields.h"
#include "api/inbound.h"
#include "api/live.h"
#include "api/mux_request.h"
#include "api/problem.h"
#include "api/publish_value.h"
#include "api/speaker.h"
#include "api/subscribe.h"
#include "config.h"

struct mux {
	struct live live;
	struct websocket w;
	struct inbound *inbound;	/* NULL: it says nothing now */
	struct speaker *speaker;
	struct mux_sub *subs;
	uint32_t nsubs;
	uint32_t nsubscribed;		/* ever: tells members of presence apart */
	uint32_t end_s;
	bool ending, gone;		/* our close frame is out; publishes are all that is left */
};

/** One subscription. */
struct mux_sub {
	struct feed feed;
	struct mux *mux;
	struct mux_sub *next;
	uint32_t nth;
	uint16_t nref;
	bool heartbeat;			/* its cursor is wanted in heartbeat frames */
	char ref[];			/* raw JSON */
};

/** A publish in progress. */
struct mux_publish {
	struct mux *mux;
	size_t nref;
	char ref[];
};

static struct api *mux_api(const struct mux *m)
{
	return loop_user(conn_loop(websocket_conn(&m->w)));
}

static struct mux *mux_of_socket(struct websocket *w)
{
	return (struct mux *)((char *)w - offsetof(struct mux, w));
}

static struct mux *mux_of_live(const struct live *v)
{
	return (struct mux *)((char *)v - offsetof(struct mux, live));
}

static struct mux_sub *sub_of(const struct feed *f)
{
	return (struct mux_sub *)((char *)f - offsetof(struct mux_sub, feed));
}

static void free_mux(struct mux *m)
{
	free(m->inbound);
	free(m->speaker);
	free(m);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void begin_answer(struct buf *b, const char *op, struct str ref)
{
	buf_init(b, 64 << 10);
	buf_addf(b, "{\"op\":\"%s\",\"ref\":", op);
	buf_addstr(b, ref);
}

static void send_answer(struct mux *m, struct buf *b)
{
	if (buf_addc(b, '}') == 0)
		websocket_send(&m->w, WEBSOCKET_TEXT, buf_str(b));
	buf_fini(b);
}

static void send_error(struct mux *m, struct str ref, unsigned status, struct str why)
{
	struct buf b;

	begin_answer(&b, "error", ref);
	buf_addf(&b, ",\"status\":%u,\"error\":", status);
	json_quote(&b, why);
	send_answer(m, &b);
}

static void send_ack(struct mux *m, struct str ref)
{
	struct buf b;

	begin_answer(&b, "ack", ref);
	send_answer(m, &b);
}

/* --- subscriptions ---------------------------------------------------------------------------- */

static struct str ref_of(const struct mux_sub *s)
{
	return (struct str){s->ref, s->nref};
}

static struct mux_sub *find_sub(const struct mux *m, struct str ref)
{
	struct mux_sub *s = m->subs;

	while (s != NULL && !str_eq(ref_of(s), ref))
		s = s->next;
	return s;
}

static void end_sub(struct mux_sub *s)
{
	struct mux *m = s->mux;
	struct mux_sub **at = &m->subs;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	m->nsubs--;
	feed_fini(&s->feed);
	free(s);
}

static bool sub_queue(struct feed *f, struct slice s)
{
	return websocket_queue(&sub_of(f)->mux->w, s, &f->owner);
}

/** {"gap":{...},"ref":REF} */
static void sub_gap(struct feed *f, struct str record)
{
	struct mux_sub *s = sub_of(f);
	struct buf b;

	buf_init(&b, record.n + s->nref + 16);
	buf_add(&b, record.p, record.n - 1);
	buf_adds(&b, ",\"ref\":");
	buf_addstr(&b, ref_of(s));
	buf_addc(&b, '}');
	websocket_send(&s->mux->w, WEBSOCKET_TEXT, buf_str(&b));
	buf_fini(&b);
}

static void sub_started(struct feed *f, enum store_status st, struct str cursor)
{
	struct mux_sub *s = sub_of(f);
	struct buf b;

	if (st != STORE_OK) {
		const char *why;
		unsigned status = opening_status(st, &why);

		send_error(s->mux, ref_of(s), status, str_of(why));
		end_sub(s);
		return;
	}
	begin_answer(&b, "ack", ref_of(s));
	buf_adds(&b, ",\"cursor\":");
	json_quote(&b, cursor);
	send_answer(s->mux, &b);
	feed_opened(f, "ws", s->nth);
}

static void sub_look(struct feed *f)
{
	websocket_alarm(&sub_of(f)->mux->w, 0);
}

static struct conn *sub_conn(const struct feed *f)
{
	return websocket_conn(&sub_of(f)->mux->w);
}

static const struct feed_ops sub_feed = {
	.queue = sub_queue,
	.gap = sub_gap,
	.started = sub_started,
	.look = sub_look,
	.conn = sub_conn,
};

/* --- op subscribe, op unsubscribe ------------------------------------------------------------- */

static struct mux_sub *sub_new(struct mux *m, struct str ref, const struct subscribe *s)
{
	struct mux_sub *sub = calloc(1, sizeof(*sub) + ref.n);
	struct opening *o = opening_new(s, NULL, speaker_user(m->speaker));

	if (sub == NULL || o == NULL) {
		free(sub);
		opening_free(o, mux_api(m));
		return NULL;
	}
	memcpy(sub->ref, ref.p, ref.n);
	sub->nref = (uint16_t)ref.n;	/* at most REF_MAX of mux_request.c */
	sub->mux = m;
	sub->nth = m->nsubscribed++;
	feed_init(&sub->feed, &sub_feed, o, FORM_WS);
	sub->next = m->subs;
	m->subs = sub;
	m->nsubs++;
	return sub;
}

static void begin_sub(struct mux *m, struct str ref, const struct subscribe *s, bool heartbeat)
{
	struct mux_sub *sub = sub_new(m, ref, s);

	if (sub == NULL) {
		send_error(m, ref, 503, STR_LIT("out of memory: try again later"));
		return;
	}
	sub->heartbeat = heartbeat;
	if (feed_subscribe(&sub->feed) == 0)
		return;
	send_error(m, ref, 503, STR_LIT("out of memory: try again later"));
	end_sub(sub);
}

static void op_subscribe(struct mux *m, struct mux_request *r)
{
	struct str store = speaker_store(m->speaker);
	struct subscribe s = {.mode = SUBSCRIBE_WS};
	bool heartbeat = false, good = false;
	struct buf why;

	if (find_sub(m, r->ref) != NULL) {
		send_error(m, r->ref, 409, STR_LIT("there is a subscription with this ref: give another, "
			"or unsubscribe it first"));
		return;
	}
	if (m->nsubs >= api_config(mux_api(m))->max_subscriptions) {
		send_error(m, r->ref, 429, STR_LIT("this connection has as many subscriptions as it may "
			"(--max-subscriptions): unsubscribe one, or use patterns"));
		return;
	}
	buf_init(&why, 1024);
	if (!mux_request_flag(r, MUX_HEARTBEAT, &heartbeat))
		buf_adds(&why, "heartbeat is true or false");
	else
		good = mux_request_subscribe(r, mux_api(m), store, &s, &why) == 0;
	if (good)
		begin_sub(m, r->ref, &s, heartbeat);
	else
		send_error(m, r->ref, 400, buf_str(&why));
	subscribe_fini(&s);
	buf_fini(&why);
}

static void op_unsubscribe(struct mux *m, struct mux_request *r)
{
	struct mux_sub *s = find_sub(m, r->ref);

	if (s == NULL) {
		send_error(m, r->ref, 404, STR_LIT("there is no subscription with this ref"));
		return;
	}
	end_sub(s);
	send_ack(m, r->ref);
}

/* --- op publish ------------------------------------------------------------------------------- */

static void ack_publish(struct mux_publish *p, const struct event *e, enum store_ack ack)
{
	struct buf b;

	begin_answer(&b, "ack", (struct str){p->ref, p->nref});
	if (e->ephemeral)
		buf_adds(&b, ",\"id\":null,\"seq\":null");
	else
		buf_addf(&b, ",\"id\":\"%.*s\"", (int)event_id(e).n, event_id(e).p);
	if (!e->ephemeral && e->seq > 0)
		buf_addf(&b, ",\"seq\":%llu", (unsigned long long)e->seq);
	buf_addf(&b, ",\"ack\":\"%s\"", store_ack_name(ack));
	send_answer(p->mux, &b);
}

static void on_published(void *arg, struct event *e, enum store_status st, enum store_ack ack)
{
	struct mux_publish *p = arg;
	struct mux *m = p->mux;
	unsigned status;

	if (!m->gone && e != NULL && e->refusal == EVENT_ACCEPTED) {
		ack_publish(p, e, ack);
	} else if (!m->gone) {
		const char *why = publish_value_refusal(e, st, &status);

		send_error(m, (struct str){p->ref, p->nref}, status, str_of(why));
	}
	free(p);
	inbound_done(m->inbound);
	inbound_rest(&m->inbound);
	if (m->gone && m->inbound == NULL)
		free_mux(m);
}

static void publish(struct mux *m, struct str ref, const struct publish_value *v)
{
	struct mux_publish *p = malloc(sizeof(*p) + ref.n);
	struct buf why;
	unsigned status;

	if (p == NULL) {
		send_error(m, ref, 503, STR_LIT("out of memory: try again later"));
		return;
	}
	p->mux = m;
	p->nref = ref.n;
	memcpy(p->ref, ref.p, ref.n);
	buf_init(&why, 4096);
	m->inbound->in_progress++;
	if (publish_value(mux_api(m), v, on_published, p, &status, &why) != 0) {
		m->inbound->in_progress--;
		free(p);
		send_error(m, ref, status, buf_str(&why));
	}
	buf_fini(&why);
}

static void op_publish(struct mux *m, struct mux_request *r)
{
	struct publish_value v = {.from = speaker_user(m->speaker)};
	const char *wrong = mux_request_value(r, &v);

	if (wrong != NULL)
		send_error(m, r->ref, 400, str_of(wrong));
	else if (inbound_too_fast(m->inbound))
		send_error(m, r->ref, 429, STR_LIT(INBOUND_TOO_FAST));
	else
		publish(m, r->ref, &v);
}

static void op_ping(struct mux *m, struct mux_request *r)
{
	send_ack(m, r->ref);
}

/* --- what comes in ---------------------------------------------------------------------------- */

static void run_op(struct mux *m, struct mux_request *r)
{
	static const struct {
		const char *name;
		void (*run)(struct mux *m, struct mux_request *r);
	} ops[] = {
		{"subscribe", op_subscribe}, {"unsubscribe", op_unsubscribe},
		{"publish", op_publish}, {"ping", op_ping},
	};
	struct str op;

	if (mux_request_text(r, MUX_OP, &op) && op.p != NULL) {
		for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
			if (!str_is(op, ops[i].name))
				continue;
			ops[i].run(m, r);
			return;
		}
	}
	send_error(m, r->ref, 400, STR_LIT("op is one of subscribe, unsubscribe, publish and ping"));
}

static void hear(struct mux *m, bool binary, struct str text)
{
	struct mux_request r;
	const char *wrong;
	char *scratch;

	if (binary) {
		send_error(m, STR_LIT("null"), 400, STR_LIT("send text frames; bytes go as data_base64"));
		return;
	}
	/* twice: bytes of base64 go behind its text */
	scratch = malloc(2 * text.n + 1);
	if (scratch == NULL) {
		conn_close(websocket_conn(&m->w), CONN_NOMEM);
		return;
	}
	wrong = mux_request_parse(&r, text, scratch);
	if (wrong != NULL)
		send_error(m, r.ref, 400, str_of(wrong));
	else
		run_op(m, &r);
	free(scratch);
}

static void on_message(struct websocket *w, bool binary, const uint8_t *p, size_t n)
{
	struct mux *m = mux_of_socket(w);

	if (m->ending)
		return;
	if (inbound_begin(&m->inbound, w, speaker_client(m->speaker)) == NULL) {
		conn_close(websocket_conn(w), CONN_NOMEM);
		return;
	}
	hear(m, binary, (struct str){(const char *)p, n});
	if (m->inbound == NULL)
		return;		/* it was published within */
	inbound_update(m->inbound);
	inbound_rest(&m->inbound);
}

/* --- its life --------------------------------------------------------------------------------- */

/** No more events; wait for the client's close frame. */
static void end(struct mux *m, enum websocket_code code, const char *reason)
{
	while (m->subs != NULL)
		end_sub(m->subs);
	m->ending = true;
	websocket_close(&m->w, code, reason);
}

static void drain(struct live *v)
{
	struct mux *m = mux_of_live(v);

	if (m->ending)
		return;
	if (atomic_load_explicit(&mux_api(m)->shared->draining, memory_order_relaxed))
		end(m, WEBSOCKET_GOING_AWAY, "the server is going down");
	else
		end(m, WEBSOCKET_RESTART, "connect again");
}

/** Subscriptions that an event ended for want of memory, or because the store failed. */
static void end_broken(struct mux *m)
{
	struct mux_sub *s, *next;

	for (s = m->subs; s != NULL; s = next) {
		next = s->next;
		if (s->feed.state != FEED_BROKEN)
			continue;
		send_error(m, ref_of(s), 503, STR_LIT("out of memory, or the store has failed: "
			"subscribe again with the cursor of the last event"));
		end_sub(s);
	}
}

/** A ref as the name of a member: a string as it is, anything else as the text it was. */
static void add_ref_name(struct buf *b, struct str ref)
{
	if (json_type_of(ref) == JSON_STRING)
		buf_addstr(b, ref);
	else
		json_quote(b, ref);
}

/** {"op":"heartbeat","cursors":{...}} for those who asked. */
static void send_cursors(struct mux *m)
{
	char cursor[CURSOR_MAX];
	unsigned n = 0;
	struct buf b;

	buf_init(&b, (CURSOR_MAX + 512) * (size_t)(m->nsubs + 1));
	buf_adds(&b, "{\"op\":\"heartbeat\",\"cursors\":{");
	for (struct mux_sub *s = m->subs; s != NULL; s = s->next) {
		struct str c = s->heartbeat ? feed_cursor(&s->feed, cursor) : STR_LIT("");

		if (c.n == 0)
			continue;
		if (n++ > 0)
			buf_addc(&b, ',');
		add_ref_name(&b, ref_of(s));
		buf_addc(&b, ':');
		json_quote(&b, c);
	}
	if (n > 0 && buf_adds(&b, "}}") == 0)
		websocket_send(&m->w, WEBSOCKET_TEXT, buf_str(&b));
	buf_fini(&b);
}

static bool too_slow(struct mux *m)
{
	for (struct mux_sub *s = m->subs; s != NULL; s = s->next)
		if (feed_too_slow(&s->feed))
			return true;
	return false;
}

static void beat(struct mux *m, struct api *a)
{
	if (feed_is_due(a, m->end_s)) {
		drain(&m->live);
		return;
	}
	if (too_slow(m)) {
		conn_close(websocket_conn(&m->w), CONN_SLOW);
		return;
	}
	if (conn_pending(websocket_conn(&m->w)) == 0) {	/* as with streams: see send_heartbeat there */
		websocket_send(&m->w, WEBSOCKET_PING, STR_LIT(""));
		send_cursors(m);
	}
	websocket_alarm(&m->w, feed_next_ms(a, m->end_s));
}

/** Heartbeat; or soon, because a feed wants a look. */
static void on_alarm(struct websocket *w)
{
	struct mux *m = mux_of_socket(w);

	end_broken(m);
	beat(m, mux_api(m));
}

static void describe(const struct live *v, struct buf *b)
{
	const struct mux *m = (const struct mux *)((const char *)v - offsetof(struct mux, live));

	buf_adds(b, "\"subscriptions\":[");
	for (const struct mux_sub *s = m->subs; s != NULL; s = s->next) {
		buf_adds(b, s == m->subs ? "{" : ",{");
		feed_describe(mux_api(m), &s->feed.sub, b);
		buf_addc(b, '}');
	}
	buf_addf(b, "],\"publishing\":%u", inbound_in_progress(m->inbound));
}

static struct conn *conn_of(const struct live *v)
{
	return websocket_conn(&mux_of_live(v)->w);
}

static const struct live_ops mux_live = {LIVE_MUX, conn_of, drain, describe};

static void on_closed(struct websocket *w, unsigned code, enum conn_end why)
{
	struct mux *m = mux_of_socket(w);
	struct api *a = mux_api(m);

	(void)code;
	(void)why;
	while (m->subs != NULL)
		end_sub(m->subs);
	live_remove(&m->live);
	a->stats.streams_mux--;
	inbound_fini(m->inbound);
	m->gone = true;
	if (inbound_in_progress(m->inbound) == 0)
		free_mux(m);
}

static const struct websocket_ops mux_socket = {
	.message = on_message,
	.closed = on_closed,
	.alarm = on_alarm,
};

/* --- from the route --------------------------------------------------------------------------- */

static struct mux *mux_new(const struct request *r)
{
	struct mux *m = calloc(1, sizeof(*m));

	if (m == NULL || speaker_new(&m->speaker, r, true) == 0)
		return m;
	free(m);
	return NULL;
}

void mux_start(struct exchange *x, struct request *r)
{
	struct api *a = r->api;
	struct fields f;
	struct mux *m;

	if (!r->http->upgrade_websocket) {
		problem_respond(x, r, 400, "/ws speaks WebSocket (RFC 6455): connect with a ws:// URL");
		return;
	}
	if (atomic_load_explicit(&a->shared->draining, memory_order_relaxed)) {
		problem_respond(x, r, 503, "the server is going down: connect again in a moment");
		return;
	}
	m = mux_new(r);
	fields_init(&f, r);
	fields_add(&f, "Rt-Store", str_of(store_identity(a->shared->store)));
	opening_heartbeat(&f, a);
	if (m == NULL || websocket_accept(&m->w, x, &mux_socket, STR_NULL, f.f, f.n) != 0) {
		if (m != NULL)
			free_mux(m);
		problem_respond(x, r, 503, "out of memory: try again later");
		return;
	}
	live_add(a, &m->live, &mux_live);
	a->stats.streams_mux++;
	m->end_s = feed_end_s(a, m);
	websocket_send(&m->w, WEBSOCKET_PING, STR_LIT(""));
	websocket_alarm(&m->w, feed_next_ms(a, m->end_s));
}
