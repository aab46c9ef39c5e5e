/* SPDX-License-Identifier: MIT */
#include "api/publish.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/draft.h"
#include "api/group.h"
#include "api/problem.h"
#include "api/publish_answer.h"
#include "api/publish_check.h"
#include "api/publish_state.h"
#include "api/rate.h"
#include "base64.h"
#include "hash.h"
#include "json.h"
#include "zalloc.h"

#define GROUPS_IN_FLIGHT 4	/* per request */
#define GROUP_BYTES (256 << 10)	/* a group that large waits for no more lines */
#define GROUP_LINES 16384	/* nor one of so many: refused lines have no bytes */
#define WAIT_TICK_MS 20
#define KEYED_LINES_MAX 10000	/* of ?ack=lines, whose answer is kept with the key */
#define LINE_OVERHEAD 4096	/* an envelope's other members, white space */

static void push(struct publish *p);
static void end_lines(struct publish *p);

/* --- life of a publish -------------------------------------------------------------------------- */

static void wait_unlink(struct publish *p)
{
	struct publish **at = &p->api->publishers_waiting;

	if (!p->waiting)
		return;
	while (*at != p)
		at = &(*at)->next_waiting;
	*at = p->next_waiting;
	p->waiting = false;
}

static void publish_free(struct publish *p)
{
	wait_unlink(p);
	buf_fini(&p->body);
	if (p->kind == PUBLISH_NDJSON)
		line_fini(&p->lines);
	group_free(p->filling);
	free(p->errors);
	free(p);
}

/** It is freed once the exchange is over and no batch of it is with the store. */
static void maybe_free(struct publish *p)
{
	if (p->x == NULL && p->in_flight == 0)
		publish_free(p);
}

static void on_closed(struct exchange *x, enum conn_end why)
{
	struct publish *p = exchange_user(x);

	(void)why;
	p->x = NULL;
	live_remove(&p->live);
	wait_unlink(p);
	maybe_free(p);
}

/**
 * It fails: no more of the body is read if it has not ended. An answer that has begun (?ack=lines) gets
 * the reason as its last line and is then cut short. True: none has, and a problem is to be one.
 */
static bool begin_failing(struct publish *p, const char *why)
{
	if (p->x == NULL || p->answered)
		return false;
	p->answered = true;
	p->failed = true;
	p->api->stats.publish_refused++;
	if (p->begun) {
		publish_answer_cut(p, why);
		return false;
	}
	if (!p->ended)
		exchange_close_after(p->x);
	return true;
}

static void fail(struct publish *p, unsigned status, const char *why)
{
	if (begin_failing(p, why))
		problem_respond(p->x, NULL_REQUEST(p), status, "%s", why);
}

/** The rate limit allows it in (wait_ms). */
static void fail_too_fast(struct publish *p, uint64_t wait_ms)
{
	static const char why[] = "too many events from this address (--publish-rate); slow down";

	p->api->stats.refused_rate++;
	if (begin_failing(p, why))
		problem_respond_later(p->x, NULL_REQUEST(p), 429, (wait_ms + 999) / 1000, why);
}

/* --- waiting: for room in the store's queue, for the rate limit, for answers to be read ---------- */

static void wait_tick(struct loop *l, struct loop_timer *t)
{
	struct api *a = loop_user(l);
	struct publish *p = a->publishers_waiting;

	(void)t;
	a->publishers_waiting = NULL;
	while (p != NULL) {
		struct publish *next = p->next_waiting;

		p->waiting = false;
		push(p);
		p = next;
	}
}

static void wait_for_room(struct publish *p)
{
	struct api *a = p->api;

	if (p->waiting)
		return;
	p->waiting = true;
	p->next_waiting = a->publishers_waiting;
	a->publishers_waiting = p;
	if (a->publish_timer.fire == NULL)
		loop_timer_init(&a->publish_timer, wait_tick);
	if (!loop_timer_armed(&a->publish_timer))
		loop_timer_set(a->loop, &a->publish_timer, WAIT_TICK_MS);
}

/** May (n) events come now, of the client's? 0, or after how many milliseconds to ask again. */
static uint64_t rate_wait(struct publish *p, uint64_t n)
{
	uint64_t rate = api_config(p->api)->publish_rate;
	struct conn_info info;

	if (rate == 0)
		return 0;
	if (p->client[0] == '\0') {	/* no proxy told it */
		conn_info(exchange_conn(p->x), false, &info);
		strcpy(p->client, info.address);
	}
	return rate_take(p->api->shared->rate, str_of(p->client), n, rate, loop_now_ms(p->api->loop));
}

static bool has_room(const struct publish *p)
{
	return store_queued(p->api->shared->store) <= api_config(p->api)->append_queue;
}

/** May the next group go to the store now? */
static bool may_send(struct publish *p)
{
	if (!has_room(p))
		return false;
	return p->key != NULL || p->kind != PUBLISH_NDJSON || rate_wait(p, p->filling->batch.n) == 0;
}

/* --- groups -------------------------------------------------------------------------------------- */

/** Note a refused line for the answer: the first hundred are named. */
static void note_error(struct publish *p, uint64_t line, const char *why)
{
	p->refused++;
	p->api->stats.publish_refused++;
	if (p->nerrors == PUBLISH_ERRORS_MAX)
		return;
	if (p->errors == NULL)
		p->errors = malloc(PUBLISH_ERRORS_MAX * sizeof(*p->errors));
	if (p->errors != NULL)
		p->errors[p->nerrors++] = (struct group_line){line, why};
}

/** Does what was gathered have to go before more is read? */
static bool is_full(const struct publish *p)
{
	const struct group *g = p->filling;

	return g != NULL && (g->batch.bytes > GROUP_BYTES || g->nlines > GROUP_LINES);
}

/** What the store said of a group's events, for the counts and the answer. */
static void count_group(struct publish *p, const struct group *g)
{
	const char *failure = NULL;
	size_t e = 0;

	if (g->batch.status != STORE_OK)
		failure = group_failure(g->batch.status, &p->failure_status);
	for (uint32_t i = 0; i < g->nlines; i++) {
		const struct group_line *l = &g->lines[i];
		const struct event *ev;
		const char *why = failure;

		if (l->error != NULL)
			continue;	/* counted when it was read */
		ev = g->batch.events[e++];
		if (why == NULL && ev->refusal != EVENT_ACCEPTED)
			why = publish_refusal_text(ev);
		if (why != NULL) {
			note_error(p, l->number, why);
			continue;
		}
		p->accepted++;
		p->last_n = (uint8_t)event_id(ev).n;
		if (p->last_n > 0)
			memcpy(p->last, event_id(ev).p, p->last_n);
	}
	if (failure == NULL) {
		p->ack = g->batch.ack;
		p->api->stats.published += g->batch.n;
		p->api->stats.publish_bytes += g->batch.bytes;
	}
}

static void on_group(struct group *g)
{
	struct publish *p = g->owner;

	p->in_flight--;
	if (p->key != NULL && g->batch.status == STORE_KEY_CONFLICT)
		fail(p, 422, "this Idempotency-Key was used before with another body; use a new key");
	else if (p->key != NULL && (g->batch.status == STORE_OK || g->batch.status == STORE_REPLAYED))
		publish_answer_saved(p, g);
	else
		count_group(p, g);
	if (p->kind != PUBLISH_NDJSON && p->x != NULL && !p->answered)
		publish_answer_one(p, g);
	if (p->ack_lines && p->key == NULL && p->x != NULL && !p->failed)
		publish_answer_lines(p, g);
	group_free(g);
	if (p->x != NULL)
		push(p);
	else
		maybe_free(p);
}

static void send_group(struct publish *p)
{
	struct group *g = p->filling;

	p->filling = NULL;
	p->in_flight++;
	if (p->key != NULL) {
		g->batch.key = p->key;
		g->batch.write_answer = publish_write_answer;
	}
	group_append(g, p->api->shared->store);
}

static struct group *filling(struct publish *p)
{
	if (p->filling == NULL)
		p->filling = group_new(p->api->loop, on_group, p);
	return p->filling;
}

/**
 * Go on: send what was gathered if it may go, stop or continue reading, and answer at the end.
 * A completion may run within and come back here.
 */
static void push(struct publish *p)
{
	bool hold = p->key != NULL && !p->ended;	/* all of it is one transaction */
	bool full;

	if (p->failed || p->x == NULL)
		return;
	if (p->unparsed) {
		end_lines(p);
		return;
	}
	full = publish_answer_stalled(p);
	if (p->filling != NULL && !hold && p->in_flight < GROUPS_IN_FLIGHT) {
		if (full || !may_send(p)) {
			wait_for_room(p);
		} else {
			p->pushing++;
			send_group(p);
			p->pushing--;
			if (p->pushing > 0)
				return;
		}
	}
	if (publish_answer_unread(p))
		wait_for_room(p);	/* to see whether they are read in the end */
	if (!p->ended) {
		bool pause = is_full(p) && !hold;

		if (pause != p->paused)
			exchange_pause(p->x, p->paused = pause);
		return;
	}
	if (p->in_flight == 0 && p->filling == NULL && !p->answered && p->kind == PUBLISH_NDJSON)
		publish_answer_all(p);
}

/* --- the body -------------------------------------------------------------------------------------- */

static void add_line(struct publish *p, struct str line)
{
	struct draft d = {publish_form(p), p->topic, p->type, p->event_key, p->user, p->ephemeral};
	struct draft_error err;
	struct event *e;
	struct group *g;
	uint64_t number = p->lines.number;

	if (line.n == 0)
		return;		/* a blank line is nothing, in NDJSON */
	g = filling(p);
	e = g != NULL ? draft_event(api_config(p->api), &d, line, &err) : NULL;
	if (g == NULL)
		err.why = "the server is out of memory, try again";
	if (e != NULL && group_add(g, number, e) == 0)
		return;
	if (e != NULL)
		err.why = "the server is out of memory, try again";
	note_error(p, number, err.why);
	if (g != NULL)
		group_add_error(g, number, err.why);
}

static void add_bad_line(struct publish *p, const char *why)
{
	struct group *g = filling(p);

	note_error(p, p->lines.number, why);
	if (g != NULL)
		group_add_error(g, p->lines.number, why);
}

static void feed_lines(struct publish *p, struct str input)
{
	enum line_result r;
	struct str line;

	while ((r = line_next(&p->lines, &input, &line)) != LINE_MORE) {
		if (r == LINE_READY)
			add_line(p, line);
		else if (r == LINE_TOO_LONG)
			add_bad_line(p, "the line is over the server's limit (--max-event)");
		else
			add_bad_line(p, "the server is out of memory, try again");
	}
}

/** Which limit a body of (n) bytes is over, if it is; NULL: none. */
static const char *too_large(const struct publish *p, uint64_t n)
{
	uint64_t max_body = api_config(p->api)->max_body;

	if (max_body != 0 && n > max_body)
		return "the body is over the server's limit (--max-body); send it in parts";
	if (p->key != NULL && n > p->body.max)
		return "the body is over the limit for requests with an Idempotency-Key (--max-keyed-body)";
	if (p->kind != PUBLISH_NDJSON && n > p->body.max)
		return "the event is over the server's limit (--max-event)";
	return NULL;
}

static void on_body(struct exchange *x, const uint8_t *bytes, size_t n)
{
	struct publish *p = exchange_user(x);
	const char *limit;

	if (p->answered || p->ended)
		return;
	p->body_bytes += n;
	limit = too_large(p, p->body_bytes);
	if (limit != NULL) {
		fail(p, 413, limit);
		return;
	}
	if (p->kind == PUBLISH_NDJSON && p->key == NULL) {
		feed_lines(p, (struct str){(const char *)bytes, n});
		push(p);
		return;
	}
	if (buf_add(&p->body, bytes, n) != 0)
		fail(p, 503, "the server is out of memory, try again");
}

/** The key of the batch, over the whole body. */
static void seal_key(struct publish *p)
{
	hash_sha256(p->key->hash, p->body.len > 0 ? (const void *)p->body.p : "", p->body.len);
}

/** What goes to the store as a whole is refused, not delayed, when it comes too fast. */
static bool too_fast(struct publish *p)
{
	size_t n = p->filling->batch.n;
	uint64_t wait_ms = n == 0 ? 0 : rate_wait(p, n);

	if (wait_ms > 0)
		fail_too_fast(p, wait_ms);
	return wait_ms > 0;
}

static void end_lines(struct publish *p)
{
	struct str line;

	/* Short lines are a hundred times larger as events: those who wait do so as bytes. */
	p->unparsed = p->key != NULL && !has_room(p);
	if (p->unparsed) {
		wait_for_room(p);
		return;
	}
	if (p->key != NULL) {
		feed_lines(p, buf_str(&p->body));
		seal_key(p);
	}
	switch (line_end(&p->lines, &line)) {
	case LINE_MORE:
		break;
	case LINE_READY:
		add_line(p, line);
		break;
	default:
		add_bad_line(p, "the line is over the server's limit (--max-event)");
		break;
	}
	/* Also a keyed request without a good line is kept, to be answered the same again. */
	if (p->key != NULL && filling(p) == NULL) {
		fail(p, 503, "the server is out of memory, try again");
		return;
	}
	if (p->key != NULL && p->ack_lines && p->filling->nlines > KEYED_LINES_MAX) {
		fail(p, 413, "ack=lines with an Idempotency-Key takes at most 10000 lines; "
			"send less at once");
		return;
	}
	if (p->key == NULL || !too_fast(p))
		push(p);
}

/** What to do about a body that is no JSON value. */
static const char *json_hint(const struct publish *p, enum json_status st)
{
	switch (st) {
	case JSON_DEPTH:
		return "make it flatter";
	case JSON_TRAILING:
		return "send several as lines of application/x-ndjson";
	default:
		return p->topic.p == NULL ? "send one envelope, {\"topic\":...,\"data\":...}" :
			"send JSON, or text with Content-Type: text/plain";
	}
}

static void fail_draft(struct publish *p, const struct draft_error *err)
{
	char why[256];

	if (err->json == JSON_OK) {
		fail(p, err->status, err->why);
		return;
	}
	snprintf(why, sizeof(why), "%s, at byte %zu: %s", err->why, err->json_at,
		json_hint(p, err->json));
	fail(p, err->status, why);
}

static void end_one(struct publish *p)
{
	struct draft d = {publish_form(p), p->topic, p->type, p->event_key, p->user, p->ephemeral};
	struct str value = p->body.len > 0 ? buf_str(&p->body) : STR_LIT("");
	struct draft_error err = {.status = 503, .why = "the server is out of memory, try again"};
	struct event *e = filling(p) != NULL ? draft_event(api_config(p->api), &d, value, &err) : NULL;

	if (e == NULL || group_add(p->filling, 1, e) != 0) {
		fail_draft(p, &err);
		return;
	}
	if (too_fast(p))
		return;
	if (p->key != NULL)
		seal_key(p);
	push(p);
}

static void on_body_end(struct exchange *x)
{
	struct publish *p = exchange_user(x);

	if (p->answered || p->ended)
		return;
	p->ended = true;
	if (p->kind == PUBLISH_NDJSON)
		end_lines(p);
	else
		end_one(p);
}

static const struct exchange_ops publish_ops = {
	.body = on_body,
	.body_end = on_body_end,
	.closed = on_closed,
};

/* --- the beginning ------------------------------------------------------------------------------------ */

/** The server drains: what came counts, the rest is not read. */
static void drain(struct live *v)
{
	struct publish *p = (struct publish *)(void *)((char *)v - offsetof(struct publish, live));

	if (p->ended || p->answered)
		return;
	exchange_close_after(p->x);
	if (p->kind == PUBLISH_NDJSON && p->key == NULL) {
		p->ended = true;
		push(p);
	} else {
		fail(p, 503, "the server is going down, try again");
	}
}

static void describe(const struct live *v, struct buf *b)
{
	const struct publish *p = (const void *)((const char *)v - offsetof(struct publish, live));

	buf_adds(b, "\"topics\":[");
	if (p->topic.p != NULL)
		json_quote(b, p->topic);
	buf_addf(b, "],\"accepted\":%llu,\"refused\":%llu", (unsigned long long)p->accepted,
		(unsigned long long)p->refused);
}

static struct conn *conn_of(const struct live *v)
{
	return exchange_conn(((const struct publish *)(const void *)((const char *)v -
		offsetof(struct publish, live)))->x);
}

static const struct live_ops publish_live = {LIVE_PUBLISH, conn_of, drain, describe};

static struct str keep(char **at, struct str s)
{
	struct str copy = {s.p != NULL ? *at : NULL, s.n};

	if (s.n > 0)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return copy;
}

/** Bytes that one event may take in the body; what is in them is counted when it is parsed. */
static size_t max_value(const struct publish *p)
{
	size_t max = api_config(p->api)->max_event;

	return (p->topic.p == NULL ? BASE64_ENCODED_LEN(max) : max) + LINE_OVERHEAD;
}

/** One allocation for the state and the text that outlives the head. */
static struct publish *publish_new(const struct request *r, enum publish_body kind)
{
	const struct config *c = api_config(r->api);
	struct str type = request_param(r, "type"), event_key = request_param(r, "key"),
		path = r->http->path, key = http_field(r->http, "idempotency-key");
	struct publish *p = zalloc(sizeof(*p) + r->topic.n + type.n + event_key.n + r->user.n +
		(key.p != NULL ? path.n + key.n : 0));
	char *at;

	if (p == NULL)
		return NULL;
	at = p->text;
	p->api = r->api;
	p->kind = kind;
	p->topic = keep(&at, r->topic);
	p->type = keep(&at, type);
	p->event_key = keep(&at, event_key);
	p->user = keep(&at, r->user);
	p->ephemeral = str_is(request_param(r, "store"), "no");
	if (key.p != NULL) {
		p->key = &p->key_space;
		p->key_space.path = keep(&at, path);
		p->key_space.key = keep(&at, key);
		p->key_space.principal = p->user.p != NULL ? p->user : STR_LIT("");
	}
	buf_init(&p->body, p->key != NULL ? c->max_keyed_body : max_value(p));
	if (kind == PUBLISH_NDJSON)
		line_init(&p->lines, max_value(p));
	return p;
}

void publish_start(struct exchange *x, struct request *r)
{
	enum publish_body kind;
	unsigned status;
	const char *wrong = publish_check(r, &kind, &status), *limit;
	struct publish *p;

	if (wrong != NULL) {
		r->api->stats.publish_refused++;
		problem_respond(x, r, status, "%s", wrong);
		return;
	}
	p = publish_new(r, kind);
	if (p == NULL) {
		exchange_abort(x, CONN_NOMEM);
		return;
	}
	p->x = x;
	p->ack_lines = kind == PUBLISH_NDJSON && str_is(request_param(r, "ack"), "lines");
	p->origin_allowed = r->origin_allowed;
	if (r->client.p != NULL && r->client.n < sizeof(p->client))
		memcpy(p->client, r->client.p, r->client.n);
	exchange_accept(x, &publish_ops, p);
	live_add(r->api, &p->live, &publish_live);
	/* What is announced to be too large is refused before any of it counts. */
	limit = r->http->content_length > 0 ? too_large(p, (uint64_t)r->http->content_length) : NULL;
	if (limit != NULL)
		fail(p, 413, limit);
	else if (!r->http->has_body)
		on_body_end(x);
}
