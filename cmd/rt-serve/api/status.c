/* SPDX-License-Identifier: MIT */
#include "api/status.h"

#include <stdlib.h>

#include "api/collect.h"
#include "api/fields.h"
#include "api/figures.h"
#include "api/live.h"
#include "api/problem.h"
#include "json.h"
#include "topic.h"
#include "units.h"

#define ANSWER_MAX ((size_t)1 << 30)
#define TOPICS_DEFAULT 1000

static void respond(struct exchange *x, const struct request *r, unsigned status, const char *type,
	struct str body)
{
	struct fields f;

	fields_init(&f, r);
	fields_add(&f, "Content-Type", str_of(type));
	fields_add(&f, "Cache-Control", STR_LIT("no-store"));
	api_of(x)->stats.status[status / 100]++;
	exchange_respond(x, status, f.f, f.n, body);
}

/** The same once the request's head is gone; (origin) was allowed by it. */
static void respond_later(struct exchange *x, const char *origin, const char *type, struct str body)
{
	const struct request r = {.origin_allowed = origin};

	respond(x, &r, 200, type, body);
}

/* --- figures ------------------------------------------------------------------------------------- */

struct sum {
	struct figures figures;
	bool prometheus;
	const char *origin;	/* see struct request */
};

/** For structs that are counters alone. */
static void add_counters(void *to, const void *from, size_t size)
{
	uint64_t *a = to;
	const uint64_t *b = from;

	for (size_t i = 0; i < size / sizeof(uint64_t); i++)
		a[i] += b[i];
}

static void count_conn(struct conn *c, void *arg)
{
	(void)c;
	++*(unsigned *)arg;
}

static void add_figures(struct api *a, void *arg)
{
	struct figures *f = &((struct sum *)arg)->figures;
	struct hub_stats hub;

	hub_stats(a->hub, &hub);
	add_counters(&f->api, &a->stats, sizeof(a->stats));
	add_counters(&f->hub, &hub, sizeof(hub));
	add_counters(&f->loops, loop_stats(a->loop), sizeof(f->loops));
	loop_each_conn(a->loop, count_conn, &f->connections);
}

static void answer_figures(struct exchange *x, void *arg)
{
	struct sum *s = arg;
	struct api_shared *shared = api_of(x)->shared;
	struct buf b;

	for (unsigned i = 0; i < shared->nlisteners; i++) {
		struct listener_stats one;

		listener_stats(shared->listeners[i], &one);
		add_counters(&s->figures.listeners, &one, sizeof(one));
	}
	store_stats(shared->store, &s->figures.store);
	s->figures.uptime_ms = units_monotonic_ms() - shared->started_ms;
	buf_init(&b, ANSWER_MAX);
	if ((s->prometheus ? figures_prometheus : figures_json)(&b, &s->figures) != 0)
		exchange_abort(x, CONN_NOMEM);
	else
		respond_later(x, s->origin, s->prometheus ? "text/plain; version=0.0.4" :
			"application/json", buf_str(&b));
	buf_fini(&b);
}

static void get_figures(struct exchange *x, const struct request *r, bool prometheus)
{
	static const struct collect_ops ops = {add_figures, answer_figures, free};
	struct sum *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		exchange_abort(x, CONN_NOMEM);
		return;
	}
	s->prometheus = prometheus;
	s->origin = r->origin_allowed;
	collect_start(x, &ops, s);
}

/* --- connections ---------------------------------------------------------------------------------- */

static const char *kind_name(enum live_kind k)
{
	static const char *const names[] = {"longpoll", "sse", "ndjson", "websocket", "ws", "publish"};

	return names[k];
}

static void describe_live(const struct live *v, uint64_t now_ms, struct buf *b)
{
	struct conn *c = v->ops->conn(v);
	struct conn_info info;

	conn_info(c, true, &info);
	buf_addf(b, "%s{\"connection\":%llu,\"peer\":\"%s\",\"transport\":\"%s\",\"age_ms\":%llu,"
		"\"bytes_in\":%llu,\"bytes_out\":%llu,\"pending\":%zu,\"unacked\":%u,\"rtt_us\":%u,",
		b->len > 0 ? ",\n" : "", (unsigned long long)info.id, info.peer, kind_name(v->ops->kind),
		(unsigned long long)(now_ms > info.since_ms ? now_ms - info.since_ms : 0),
		(unsigned long long)info.bytes_in, (unsigned long long)info.bytes_out,
		conn_pending(c), info.unacked, info.rtt_us);
	v->ops->describe(v, b);
	buf_addc(b, '}');
}

struct connections {
	struct buf list;
	const char *origin;
};

static void add_connections(struct api *a, void *arg)
{
	struct connections *c = arg;

	for (const struct live *v = a->live; v != NULL; v = v->next)
		describe_live(v, loop_unix_ms(a->loop), &c->list);
	for (const struct live *v = a->leaving; v != NULL; v = v->next)
		describe_live(v, loop_unix_ms(a->loop), &c->list);
}

static void answer_connections(struct exchange *x, void *arg)
{
	struct connections *c = arg;
	struct buf b;

	buf_init(&b, ANSWER_MAX + 64);
	if (buf_adds(&b, "{\"connections\":[\n") != 0 || buf_addstr(&b, buf_str(&c->list)) != 0 ||
	    buf_adds(&b, "\n]}\n") != 0)
		exchange_abort(x, CONN_NOMEM);
	else
		respond_later(x, c->origin, "application/json", buf_str(&b));
	buf_fini(&b);
}

static void free_connections(void *arg)
{
	struct connections *c = arg;

	buf_fini(&c->list);
	free(c);
}

static void get_connections(struct exchange *x, const struct request *r)
{
	static const struct collect_ops ops = {add_connections, answer_connections, free_connections};
	struct connections *c = malloc(sizeof(*c));

	if (c == NULL) {
		exchange_abort(x, CONN_NOMEM);
		return;
	}
	buf_init(&c->list, ANSWER_MAX);
	c->origin = r->origin_allowed;
	collect_start(x, &ops, c);
}

/* --- topics ------------------------------------------------------------------------------------------ */

struct topics {
	struct buf b;
	uint64_t n, limit;
	bool more;
	struct buf last;
};

static bool add_topic(void *arg, const struct topic_info *t)
{
	struct topics *list = arg;
	char when[UNITS_RFC3339_LEN];

	if (list->n == list->limit) {
		list->more = true;
		return false;
	}
	units_format_time(when, t->time_ms);
	buf_adds(&list->b, list->n++ > 0 ? ",\n{\"topic\":" : "{\"topic\":");
	json_quote(&list->b, t->name);
	buf_addf(&list->b, ",\"events\":%llu,\"bytes\":%llu,\"seq\":%llu,\"id\":\"%s\",\"time\":\"%.*s\"}",
		(unsigned long long)t->events, (unsigned long long)t->bytes, (unsigned long long)t->seq,
		t->id, UNITS_RFC3339_LEN, when);
	buf_reset(&list->last);
	return buf_addstr(&list->last, t->name) == 0;
}

static void get_topics(struct exchange *x, const struct request *r)
{
	struct str limit = request_param(r, "limit"), pattern = request_param(r, "pattern");
	struct topics list = {.limit = TOPICS_DEFAULT};

	if (limit.p != NULL && units_parse_number(limit.p, limit.n, 1, 100000, &list.limit) != 0) {
		problem_respond(x, r, 400, "limit= takes a number from 1 to 100000");
		return;
	}
	if (pattern.p != NULL && topic_check_pattern(pattern) != TOPIC_OK) {
		problem_respond(x, r, 400, "pattern= %s", topic_status_text(topic_check_pattern(pattern)));
		return;
	}
	buf_init(&list.b, ANSWER_MAX);
	buf_init(&list.last, TOPIC_MAX + 1);
	buf_adds(&list.b, "{\"topics\":[\n");
	store_topics(r->api->shared->store, request_param(r, "after"), pattern, list.limit + 1, add_topic,
		&list);
	buf_adds(&list.b, "\n],\"next\":");
	if (!list.more)
		buf_adds(&list.b, "null}\n");
	else if (json_quote(&list.b, buf_str(&list.last)) == 0)
		buf_adds(&list.b, "}\n");
	respond(x, r, 200, "application/json", buf_str(&list.b));
	buf_fini(&list.b);
	buf_fini(&list.last);
}

/* --- presence ---------------------------------------------------------------------------------------- */

static void get_presence(struct exchange *x, const struct request *r)
{
	struct str topic = request_param(r, "topic");
	struct buf b;

	if (topic.p == NULL || topic_check(topic) != TOPIC_OK) {
		problem_respond(x, r, 400, "topic= takes one plain topic");
		return;
	}
	if (!presence_wants(r->api->shared->presence, topic)) {
		problem_respond(x, r, 404, "presence is not kept for this topic: start rt-serve with "
			"--presence PATTERN");
		return;
	}
	buf_init(&b, ANSWER_MAX);
	if (presence_write(r->api->shared->presence, topic, &b) != 0)
		exchange_abort(x, CONN_NOMEM);
	else
		respond(x, r, 200, "application/json", buf_str(&b));
	buf_fini(&b);
}

/* --- the routes ---------------------------------------------------------------------------------------- */

static void get_ready(struct exchange *x, const struct request *r)
{
	if (atomic_load(&r->api->shared->draining))
		problem_respond(x, r, 503, "the server is going down");
	else
		respond(x, r, 200, "application/json", STR_LIT("{\"status\":\"ready\"}\n"));
}

void status_get(struct exchange *x, struct request *r)
{
	struct str path = r->http->path;

	if (str_is(path, "/healthz"))
		respond(x, r, 200, "application/json", STR_LIT("{\"status\":\"alive\"}\n"));
	else if (str_is(path, "/readyz"))
		get_ready(x, r);
	else if (str_is(path, "/topics"))
		get_topics(x, r);
	else if (str_is(path, "/connections"))
		get_connections(x, r);
	else if (str_is(path, "/presence"))
		get_presence(x, r);
	else
		get_figures(x, r, str_is(path, "/metrics"));
}
