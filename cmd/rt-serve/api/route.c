/* SPDX-License-Identifier: MIT */
#include "api/route.h"

#include <stdlib.h>

#include "api/access_log.h"
#include "api/fields.h"
#include "api/forwarded.h"
#include "api/mux.h"
#include "api/origin.h"
#include "api/poll.h"
#include "api/problem.h"
#include "api/publish.h"
#include "api/status.h"
#include "api/stream.h"
#include "api/subscribe.h"
#include "api/ws.h"
#include "config.h"
#include "topic.h"

#define QUERY_ON_STACK 4096

enum method { METHOD_GET = 1, METHOD_POST = 2 };	/* HEAD counts as GET */

enum route_kind {
	ROUTE_DATA,	/* not on --admin */
	ROUTE_FIGURES,	/* only where figures may be seen */
	ROUTE_HEALTH,	/* everywhere */
};

struct route {
	const char *path;
	enum route_kind kind;
	unsigned methods;
	void (*run)(struct exchange *x, struct request *r);
};

static void subscribe_route(struct exchange *x, struct request *r)
{
	struct subscribe s;
	struct buf why;
	unsigned status;

	buf_init(&why, 1024);
	if (subscribe_parse(r, &s, &status, &why) != 0) {
		problem_respond(x, r, status, "%s", why.len > 0 ? buf_cstr(&why) : "bad subscription");
		buf_fini(&why);
		return;
	}
	buf_fini(&why);
	switch (s.mode) {
	case SUBSCRIBE_POLL:
	case SUBSCRIBE_POLL_NDJSON:
		poll_start(x, r, &s);
		break;
	case SUBSCRIBE_SSE:
	case SUBSCRIBE_NDJSON:
		stream_start(x, r, &s);
		break;
	case SUBSCRIBE_WS:
		ws_start(x, r, &s);
		break;
	}
	subscribe_fini(&s);
}

static void topic_route(struct exchange *x, struct request *r)
{
	if (str_is(r->http->method, "POST"))
		publish_start(x, r);
	else
		subscribe_route(x, r);
}

static void about_route(struct exchange *x, struct request *r)
{
	static const char text[] =
		"rt-serve\n\n"
		"  publish    curl -d '{\"text\":\"hi\"}' URL/topics/chat\n"
		"  subscribe  curl -N URL/topics/chat -H 'Accept: text/event-stream'\n"
		"  poll       curl URL/topics/chat\n"
		"  topics     curl URL/topics\n\n"
		"The manual: rt-serve(8), rt(7).\n";
	struct fields f;

	fields_init(&f, r);
	fields_add(&f, "Content-Type", STR_LIT("text/plain; charset=utf-8"));
	r->api->stats.status[2]++;
	exchange_respond(x, 200, f.f, f.n, STR_LIT(text));
}

static const struct route routes[] = {
	{"/topics/", ROUTE_DATA, METHOD_GET | METHOD_POST, topic_route},	/* a prefix */
	{"/events", ROUTE_DATA, METHOD_GET | METHOD_POST, topic_route},
	{"/ws", ROUTE_DATA, METHOD_GET, mux_start},
	{"/presence", ROUTE_DATA, METHOD_GET, status_get},
	{"/topics", ROUTE_DATA, METHOD_GET, status_get},
	{"/connections", ROUTE_FIGURES, METHOD_GET, status_get},
	{"/stats", ROUTE_FIGURES, METHOD_GET, status_get},
	{"/metrics", ROUTE_FIGURES, METHOD_GET, status_get},
	{"/healthz", ROUTE_HEALTH, METHOD_GET, status_get},
	{"/readyz", ROUTE_HEALTH, METHOD_GET, status_get},
	{"/", ROUTE_DATA, METHOD_GET, about_route},
};

/** "OPTIONS *" asks what the server can do at all (RFC 9110 section 9.3.7). */
static const struct route anywhere = {"*", ROUTE_HEALTH, METHOD_GET | METHOD_POST, NULL};

static const struct route *find_route(struct str path, const struct route_listener *l)
{
	if (str_is(path, anywhere.path))
		return &anywhere;
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		const struct route *r = &routes[i];
		size_t n = strlen(r->path);
		bool prefix = i == 0;

		if (prefix ? path.n <= n || memcmp(path.p, r->path, n) != 0 : !str_is(path, r->path))
			continue;
		if (r->kind == ROUTE_FIGURES && !l->figures)
			return NULL;
		return r->kind == ROUTE_DATA && l->admin ? NULL : r;
	}
	return NULL;
}

static unsigned method_of(struct str method)
{
	if (str_is(method, "GET") || str_is(method, "HEAD"))
		return METHOD_GET;
	return str_is(method, "POST") ? METHOD_POST : 0;
}

static void method_not_allowed(struct exchange *x, const struct request *r, const struct route *route)
{
	struct fields f;
	struct buf body;

	buf_init(&body, 1024);
	problem_write(&body, 405, route->methods & METHOD_POST ?
		STR_LIT("use GET to subscribe or POST to publish") : STR_LIT("use GET"));
	fields_init(&f, r);
	fields_add(&f, "Allow", route->methods & METHOD_POST ? STR_LIT("GET, HEAD, POST, OPTIONS") :
		STR_LIT("GET, HEAD, OPTIONS"));
	fields_add(&f, "Content-Type", STR_LIT("application/problem+json"));
	r->api->stats.status[4]++;
	exchange_respond(x, 405, f.f, f.n, buf_str(&body));
	buf_fini(&body);
}

/** OPTIONS: a CORS preflight, or a question what is allowed. */
static void options(struct exchange *x, const struct request *r, const struct route *route)
{
	struct fields f;

	fields_init(&f, r);
	fields_add(&f, "Allow", route->methods & METHOD_POST ? STR_LIT("GET, HEAD, POST, OPTIONS") :
		STR_LIT("GET, HEAD, OPTIONS"));
	if (r->origin_allowed != NULL) {
		fields_add(&f, "Access-Control-Allow-Methods", STR_LIT("GET, HEAD, POST"));
		fields_add(&f, "Access-Control-Allow-Headers", STR_LIT("Content-Type, Idempotency-Key, "
			"Last-Event-ID, Prefer, If-None-Match, Authorization, Rt-Store"));
		fields_add(&f, "Access-Control-Max-Age", STR_LIT("600"));
	}
	fields_add(&f, "Vary", STR_LIT("Origin"));
	r->api->stats.status[2]++;
	exchange_respond(x, 204, f.f, f.n, STR_LIT(""));
}

/**
 * A browser says so by Origin only to other origins, by Sec-Fetch-Mode only over TLS or to its own
 * machine; elsewhere its name is all there is.
 */
static bool is_browser(const struct http_request *r)
{
	static const char name[] = "Mozilla/";
	struct str agent = http_field(r, "user-agent");

	return http_field(r, "origin").p != NULL || http_field(r, "sec-fetch-mode").p != NULL ||
		(agent.n >= sizeof(name) - 1 && memcmp(agent.p, name, sizeof(name) - 1) == 0);
}

/** Refuse what a page or a rebound name must not do. True: refused and answered. */
static bool refuse_browser(struct exchange *x, struct request *r)
{
	const struct config *c = api_config(r->api);
	const char *named;

	if (!origin_host_allowed(c, http_field(r->http, "host"))) {
		r->api->stats.refused_host++;
		problem_respond(x, r, 403, "this Host is not served here: use an IP address or localhost, "
			"or start rt-serve with --host NAME");
		return true;
	}
	if (origin_check(c, r->http, &named) == ORIGIN_REFUSED) {
		r->api->stats.refused_origin++;
		problem_respond(x, r, 403, "pages of this origin are not let in: start rt-serve with "
			"--origin ORIGIN to allow them");
		return true;
	}
	r->origin_allowed = named;
	r->browser = is_browser(r->http);
	return false;
}

/** Decode and check the topic of a path below /topics/. False: refused and answered. */
static bool decode_topic(struct exchange *x, struct request *r, char *scratch)
{
	static const size_t prefix = sizeof("/topics/") - 1;
	struct str topic = {r->http->path.p + prefix, r->http->path.n - prefix};
	const char *wrong = NULL;
	enum topic_status st = TOPIC_OK;

	if (topic.n > 3 * TOPIC_MAX)
		st = TOPIC_TOO_LONG;
	else if (!request_decode(scratch, &topic, false))
		wrong = "a percent-encoding in the topic is incomplete";
	else if (topic.n > api_config(r->api)->max_topic)
		st = TOPIC_TOO_LONG;
	else
		st = topic_check_pattern(topic);
	if (st != TOPIC_OK)
		wrong = topic_status_text(st);
	if (wrong != NULL) {
		problem_respond(x, r, 400, "%s", wrong);
		return false;
	}
	r->topic = topic;
	return true;
}

static void answer(struct exchange *x, struct request *r, const struct route *route)
{
	if (route == NULL)
		problem_respond(x, r, 404, "there is nothing here; topics are at /topics/NAME, see rt(7)");
	else if (str_is(r->http->method, "OPTIONS"))
		options(x, r, route);
	else if ((method_of(r->http->method) & route->methods) == 0)
		method_not_allowed(x, r, route);
	else
		route->run(x, r);
}

/** The address that a trusted proxy tells for this request, into (text); p == NULL: none. */
static struct str told_client(struct exchange *x, const struct request *r, char text[FORWARDED_MAX])
{
	struct conn *c = exchange_conn(x);

	if (api_config(r->api)->ntrusted == 0)
		return STR_NULL;
	return forwarded_client(api_config(r->api), c, r->http, text);
}

/**
 * The connection is one too many. A browser's EventSource gives up for good on anything but 200: it
 * is told when to come back.
 */
static void refuse_full(struct exchange *x, const struct request *r)
{
	static const char stream[] = "text/event-stream";
	struct str accept = http_field(r->http, "accept");

	r->api->stats.refused_limit++;
	if (r->browser && accept.p != NULL && memmem(accept.p, accept.n, stream, sizeof(stream) - 1) != NULL)
		stream_refuse(x, r, true);
	else
		problem_respond(x, r, 503, "there are as many connections as the server takes "
			"(--max-connections, --max-per-address): try again in a moment");
}

static void on_request(struct exchange *x, const struct http_request *http, void *arg)
{
	struct route_listener *l = arg;
	struct param params[REQUEST_MAX_PARAMS];
	char stack[QUERY_ON_STACK], topic[3 * TOPIC_MAX], client[FORWARDED_MAX], *scratch = stack;
	struct request r = {.http = http, .api = api_of(x)};
	const struct route *route = find_route(http->path, l);
	const char *wrong;

	r.api->stats.requests++;
	r.client = told_client(x, &r, client);
	if (r.api->access_log != NULL)
		access_log_note(x, http, r.client);
	if (atomic_load_explicit(&r.api->shared->draining, memory_order_relaxed))
		exchange_close_after(x);
	if (http->query.n > sizeof(stack) && (scratch = malloc(http->query.n)) == NULL) {
		exchange_abort(x, CONN_NOMEM);
		return;
	}
	if (refuse_browser(x, &r))
		;	/* answered */
	else if (conn_is_refused(exchange_conn(x)))
		refuse_full(x, &r);
	else if ((wrong = request_params(&r, params, scratch)) != NULL)
		problem_respond(x, &r, 400, "%s", wrong);
	else if (route != &routes[0] || decode_topic(x, &r, topic))
		answer(x, &r, route);
	if (scratch != stack)
		free(scratch);
}

/** Publishes may be in progress together; a GET waits for what was asked before it. */
static bool may_overlap(const struct http_request *r, void *arg)
{
	(void)arg;
	return str_is(r->method, "POST");
}

static void malformed(struct conn *c, unsigned status, const char *why, void *arg)
{
	struct api *a = loop_user(conn_loop(c));

	(void)arg;
	a->stats.status[status / 100 < 6 ? status / 100 : 5]++;
	access_log_malformed(a->access_log, c, status, why);
}

static void finished(struct exchange *x, enum conn_end why, void *arg)
{
	(void)arg;
	access_log_finished(api_of(x)->access_log, x, why);
}

void route_handler(struct http_handler *h, struct route_listener *l)
{
	*h = (struct http_handler){
		.request = on_request,
		.may_overlap = may_overlap,
		.malformed = malformed,
		.problem = problem_format,
		.finished = finished,
		.arg = l,
	};
}
