/* SPDX-License-Identifier: MIT */

#include "api/subscribe.h"
#include "config.h"
#include "tests/unit/tap.h"
#include "units.h"

static struct config config = {
	.max_subscriptions = 3,
	.max_topic = 10,
	.max_poll = 1000,
	.max_wait_ms = 60000,
	.max_latest = 500,
};
static struct api_shared shared;
static struct api api;

static void on_read_done(void *arg, struct hub *h, struct read *r)
{
	(void)arg;
	hub_read_done(h, r);
}

static void on_wake(void *arg)
{
	(void)arg;
}

static const struct hub_host host = {on_read_done, on_wake, NULL};

static void setup(void)
{
	struct store_config c = {.path = "memory:", .memory_bytes = 1 << 20, .max_topics = 100};
	struct buf why;

	buf_init(&why, 1000);
	shared.store = store_open(&c, &why);
	atomic_init(&shared.config, &config);
	api.shared = &shared;
	api.hub = hub_new(shared.store, NULL, &host);
	buf_fini(&why);
}

static void teardown(void)
{
	store_close(shared.store);
	hub_free(api.hub);
}

/** A request: topic of the path (NULL: /events), query, fields as name, value, ..., NULL. */
struct asked {
	struct http_request http;
	struct http_field fields[8];
	struct param params[REQUEST_MAX_PARAMS];
	char scratch[1024];
	struct request r;
};

static void ask(struct asked *q, const char *topic, const char *query, const char *const *fields)
{
	memset(q, 0, sizeof(*q));
	q->http.method = STR_LIT("GET");
	q->http.query = str_of(query);
	q->http.fields = q->fields;
	for (; fields != NULL && fields[0] != NULL; fields += 2)
		q->fields[q->http.nfields++] = (struct http_field){str_of(fields[0]), str_of(fields[1])};
	q->r.http = &q->http;
	q->r.api = &api;
	q->r.topic = str_of(topic);
	ok(request_params(&q->r, q->params, q->scratch) == NULL, "query %s", query);
}

#define FIELDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct asked q;
static struct subscribe s;

/** Parse; the caller looks at (s). */
static void parse(const char *topic, const char *query, const char *const *fields)
{
	unsigned status;
	struct buf why;

	subscribe_fini(&s);
	buf_init(&why, 1024);
	ask(&q, topic, query, fields);
	if (!ok(subscribe_parse(&q.r, &s, &status, &why) == 0, "parsed: %s", query))
		printf("#   %s\n", buf_cstr(&why));
	buf_fini(&why);
}

/** It must be refused with 400, and the sentence must have (hint). */
static void refused(const char *topic, const char *query, const char *const *fields, const char *hint)
{
	unsigned status = 0;
	struct buf why;

	subscribe_fini(&s);
	buf_init(&why, 1024);
	ask(&q, topic, query, fields);
	ok(subscribe_parse(&q.r, &s, &status, &why) == -1, "refused: %s", query);
	eq_num(status, 400, "with 400");
	if (!ok(strstr(buf_cstr(&why), hint) != NULL, "and a sentence with: %s", hint))
		printf("#   %s\n", buf_cstr(&why));
	ok(s.filters == NULL, "and nothing to be freed");
	buf_fini(&why);
}

static void test_topics(void)
{
	parse("chat/lobby", "", NULL);
	eq_num(s.filters->n, 1, "the topic of the path");
	ok(str_is(s.filters->items[0], "chat/lobby"), "by name");
	parse("chat/*", "", NULL);
	ok(s.filters->has_pattern, "a pattern in the path");
	parse(NULL, "topic=a&topic=b/**&x=1", NULL);
	eq_num(s.filters->n, 2, "several topics");
	parse(NULL, "topic=a&topic=a", NULL);
	eq_num(s.filters->n, 1, "the same twice is one");
	parse("a", "topic=b", NULL);
	eq_num(s.filters->n, 2, "path and query together");
	refused(NULL, "", NULL, "name at least one topic");
	refused(NULL, "topic=", NULL, "");
	refused(NULL, "topic=a//b", NULL, "");
	refused(NULL, "topic=12345/78901", NULL, "long");
	parse(NULL, "topic=12345/7890", NULL);
	refused(NULL, "topic=a/**/b", NULL, "");
	refused(NULL, "topic=a&topic=b&topic=c&topic=d", NULL, "--max-subscriptions");
}

static void test_mode(void)
{
	parse("t", "", NULL);
	eq_num(s.mode, SUBSCRIBE_POLL, "no wish: a poll");
	parse("t", "", FIELDS("accept", "*/*"));
	eq_num(s.mode, SUBSCRIBE_POLL, "curl: a poll");
	parse("t", "", FIELDS("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
	eq_num(s.mode, SUBSCRIBE_POLL, "a browser's address bar: a poll");
	parse("t", "", FIELDS("accept", "text/html"));
	eq_num(s.mode, SUBSCRIBE_POLL, "nothing we have: JSON all the same");
	parse("t", "", FIELDS("accept", "text/event-stream"));
	eq_num(s.mode, SUBSCRIBE_SSE, "EventSource");
	parse("t", "", FIELDS("accept", "Text/Event-Stream; charset=utf-8"));
	eq_num(s.mode, SUBSCRIBE_SSE, "in any case and with parameters");
	parse("t", "", FIELDS("accept", "application/json;q=0.5, text/event-stream"));
	eq_num(s.mode, SUBSCRIBE_SSE, "the best quality wins");
	parse("t", "", FIELDS("accept", "text/event-stream;q=0.25, application/json;q=0.3"));
	eq_num(s.mode, SUBSCRIBE_POLL, "to three digits");
	parse("t", "", FIELDS("accept", "text/event-stream;q=0, */*"));
	eq_num(s.mode, SUBSCRIBE_POLL, "q=0 is no");
	parse("t", "", FIELDS("accept", "application/json, text/event-stream"));
	eq_num(s.mode, SUBSCRIBE_POLL, "of equals the first");
	parse("t", "", FIELDS("accept", "text/html", "accept", "text/event-stream"));
	eq_num(s.mode, SUBSCRIBE_SSE, "a second Accept field");
	parse("t", "", FIELDS("accept", "application/x-ndjson"));
	eq_num(s.mode, SUBSCRIBE_POLL_NDJSON, "NDJSON without follow: a poll");
	parse("t", "follow", FIELDS("accept", "application/x-ndjson"));
	eq_num(s.mode, SUBSCRIBE_NDJSON, "with follow: endless");
	parse("t", "follow", NULL);
	eq_num(s.mode, SUBSCRIBE_NDJSON, "follow alone is enough");
	parse("t", "follow=0", NULL);
	eq_num(s.mode, SUBSCRIBE_POLL, "follow=0 is no");
	parse("t", "follow", FIELDS("accept", "text/event-stream"));
	eq_num(s.mode, SUBSCRIBE_SSE, "SSE follows anyway");
	refused("t", "follow=maybe", NULL, "follow is a flag");
}

static void test_as(void)
{
	parse("t", "as=poll", FIELDS("accept", "text/event-stream"));
	eq_num(s.mode, SUBSCRIBE_POLL, "as= overrides Accept");
	parse("t", "as=poll", FIELDS("accept", "application/x-ndjson"));
	eq_num(s.mode, SUBSCRIBE_POLL_NDJSON, "as=poll in NDJSON");
	parse("t", "as=sse", NULL);
	eq_num(s.mode, SUBSCRIBE_SSE, "as=sse");
	parse("t", "as=ndjson", NULL);
	eq_num(s.mode, SUBSCRIBE_NDJSON, "as=ndjson");
	refused("t", "as=ws", NULL, "handshake");
	refused("t", "as=webrtc", NULL, "poll, sse, ndjson and ws");
	refused("t", "as=", NULL, "poll, sse, ndjson and ws");
}

static void test_upgrade(void)
{
	unsigned status;
	struct buf why;

	subscribe_fini(&s);
	buf_init(&why, 1024);
	ask(&q, "t", "", NULL);
	q.http.upgrade_websocket = true;
	ok(subscribe_parse(&q.r, &s, &status, &why) == 0, "an upgrade is parsed");
	eq_num(s.mode, SUBSCRIBE_WS, "and is a WebSocket");
	buf_fini(&why);
}

static void test_start(void)
{
	uint64_t now = units_now_us();

	parse("t", "", NULL);
	eq_num(s.start.from, READ_ALL, "polls begin with all");
	parse("t", "wait=5", NULL);
	eq_num(s.start.from, READ_NOW, "long polls with now");
	parse("t", "as=sse", NULL);
	eq_num(s.start.from, READ_NOW, "streams with now");
	ok(!s.resumed, "which is no resumption");
	parse("t", "since=all&as=sse", NULL);
	eq_num(s.start.from, READ_ALL, "since=all");
	parse("t", "since=now", NULL);
	eq_num(s.start.from, READ_NOW, "since=now");
	parse("t", "since=1763950000123456", NULL);
	eq_num(s.start.from, READ_CURSOR, "since an id, or a cursor");
	ok(str_is(s.start.position, "1763950000123456"), "which is kept");
	ok(s.resumed, "and resumes");
	parse("t", "since=1763950000123456-0", NULL);
	eq_num(s.start.from, READ_ID, "since an id that is no cursor: the store decides");
	ok(str_is(s.start.position, "1763950000123456-0"), "which is kept, too");
	ok(!s.resumed, "but is no place that cursors can be compared with");
	parse("t", "since=a:7", NULL);
	eq_num(s.start.from, READ_ID, "of any store");
	parse("t", "since=2025-11-24T02:06:40.123Z", NULL);
	eq_num(s.start.from, READ_TIME, "since a time");
	eq_num(s.start.time_us, 1763950000123000, "in microseconds");
	parse("t", "since=2025-11-24T03:06:40.123%2B01:00", NULL);
	eq_num(s.start.time_us, 1763950000123000, "with an offset");
	parse("t", "since=10m", NULL);
	eq_num(s.start.from, READ_TIME, "since an age");
	ok(s.start.time_us >= now - 600000000 && s.start.time_us < now - 590000000, "ten minutes ago");
	parse("t", "since=90000000d", NULL);
	eq_num(s.start.time_us, 0, "older than everything");
	refused("t", "since=yesterday", NULL, "10m, 1h or 7d");
	refused("t", "since=", NULL, "since= is all, now");
	refused("t", "since=-5", NULL, "since= is all, now");
	refused("t", "since=a%2F7", NULL, "since= is all, now");
	refused("t", "since=12345678901234567890123456789012345678901", NULL, "since= is all, now");
}

static void test_last(void)
{
	parse("t", "last=7&as=sse", NULL);
	eq_num(s.start.from, READ_LAST, "last=");
	eq_num(s.start.last, 7, "how many");
	parse("t", "last=0&as=sse", NULL);
	eq_num(s.start.from, READ_NOW, "last=0 is now");
	parse("t", "latest&as=sse", NULL);
	eq_num(s.start.from, READ_LATEST, "latest");
	eq_num(s.start.latest_max, 500, "bounded");
	parse("t", "latest=no&as=sse", NULL);
	eq_num(s.start.from, READ_NOW, "latest=no");
	parse("t", "last=7&since=all&latest", NULL);
	eq_num(s.start.from, READ_ALL, "since goes before last and latest");
	refused("t", "last=-1", NULL, "last= is the number");
	refused("t", "last=some", NULL, "last= is the number");
	refused("t", "latest=5", NULL, "latest is a flag");
}

static void test_cursor(void)
{
	parse("t", "as=sse&since=all&last=3", FIELDS("last-event-id", "12"));
	eq_num(s.start.from, READ_CURSOR, "Last-Event-ID goes before all else");
	ok(str_is(s.start.position, "12"), "its cursor");
	ok(s.resumed, "it resumes");
	parse("t", "as=sse&last_event_id=13", NULL);
	ok(str_is(s.start.position, "13"), "last_event_id in the query");
	parse("t", "as=sse&lastEventId=14", NULL);
	ok(str_is(s.start.position, "14"), "lastEventId in the query");
	parse("t", "as=sse&last_event_id=13", FIELDS("last-event-id", "12"));
	ok(str_is(s.start.position, "12"), "the field is newer than the query");
	parse("t", "as=sse&last_event_id=", FIELDS("last-event-id", ""));
	eq_num(s.start.from, READ_NOW, "an empty one is none");
	refused("t", "as=sse", FIELDS("last-event-id", "hello"), "no cursor of this server");
	refused("t", "as=sse&last_event_id=1%002", NULL, "no cursor of this server");
	refused("t", "", FIELDS("last-event-id", "hello"), "since=all");
}

static void test_store(void)
{
	parse("t", "since=12", FIELDS("rt-store", "0123456789abcdef"));
	ok(str_is(s.start.store, "0123456789abcdef"), "identity of the store");
	parse("t", "since=12", NULL);
	ok(s.start.store.p == NULL, "not told");
	ok(s.resumed, "a cursor of this one");
	parse("t", "since=12", FIELDS("rt-store", "0123456789abcdef"));
	ok(!s.resumed, "another store's cursor says nothing here");
	refused("t", "", FIELDS("rt-store", "0123456789abcde"), "16 hexadecimal digits");
	refused("t", "", FIELDS("rt-store", "0123456789abcdeg"), "16 hexadecimal digits");
}

static void test_poll(void)
{
	parse("t", "", FIELDS("if-none-match", "\"5\""));
	eq_num(s.limit, 1000, "limit by default");
	eq_num(s.wait_ms, 0, "no wait");
	ok(str_is(s.if_none_match, "\"5\""), "If-None-Match");
	parse("t", "limit=10", NULL);
	eq_num(s.limit, 10, "limit=");
	parse("t", "limit=1000000", NULL);
	eq_num(s.limit, 1000, "at most --max-poll");
	parse("t", "wait=25", NULL);
	eq_num(s.wait_ms, 25000, "wait= in seconds");
	parse("t", "wait=500ms", NULL);
	eq_num(s.wait_ms, 500, "or with a unit");
	parse("t", "wait=3600", NULL);
	eq_num(s.wait_ms, 60000, "at most --max-wait");
	parse("t", "", FIELDS("prefer", "wait=25"));
	eq_num(s.wait_ms, 25000, "Prefer");
	parse("t", "", FIELDS("prefer", "respond-async, Wait = \"7\" ; x=1"));
	eq_num(s.wait_ms, 7000, "Prefer among others, quoted, with parameters");
	parse("t", "", FIELDS("prefer", "respond-async", "prefer", "wait=8"));
	eq_num(s.wait_ms, 8000, "in a second field");
	parse("t", "wait=3", FIELDS("prefer", "wait=25"));
	eq_num(s.wait_ms, 3000, "the query goes before");
	parse("t", "", FIELDS("prefer", "wait=soon"));
	eq_num(s.wait_ms, 0, "a preference that makes no sense is ignored");
	parse("t", "every=100ms", NULL);
	eq_num(s.options.every_ms, 0, "a poll does not conflate");
	refused("t", "limit=0", NULL, "limit= is");
	refused("t", "limit=many", NULL, "limit= is");
	refused("t", "wait=soon", NULL, "wait= is");
}

static void test_stream(void)
{
	parse("t", "as=sse&every=100ms", NULL);
	eq_num(s.options.every_ms, 100, "every=");
	parse("t", "as=sse&batch=2s", NULL);
	eq_num(s.options.batch_ms, 2000, "batch=");
	parse("t", "as=sse&until=done", NULL);
	ok(str_is(s.until, "done"), "until=");
	parse("t", "as=sse&format=data", NULL);
	ok(s.data_only, "format=data");
	parse("t", "as=sse&format=envelope", NULL);
	ok(!s.data_only, "format=envelope");
	refused("t", "as=sse&every=100", NULL, "with its unit");
	refused("t", "as=sse&every=1ms", NULL, "from 10ms to 1h");
	refused("t", "as=sse&batch=2h", NULL, "from 10ms to 1h");
	refused("t", "as=sse&batch=1s&every=1s", NULL, "either every or batch");
	refused("t", "as=sse&until=", NULL, "until= is");
	refused("t", "as=sse&format=xml", NULL, "envelope or data");
}

static void test_slow(void)
{
	config.slow = CONFIG_SLOW_NEWEST;
	parse("t", "as=sse", NULL);
	eq_num(s.options.slow, SLOW_NEWEST, "--slow newest for streams");
	parse("t", "", NULL);
	eq_num(s.options.slow, SLOW_KEEP, "not for polls");
	config.slow = CONFIG_SLOW_KEEP;
}

int main(void)
{
	setup();
	test_topics();
	test_mode();
	test_as();
	test_upgrade();
	test_start();
	test_last();
	test_cursor();
	test_store();
	test_poll();
	test_stream();
	test_slow();
	subscribe_fini(&s);
	teardown();
	return tap_done();
}
