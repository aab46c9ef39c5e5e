/* SPDX-License-Identifier: MIT */
#include "cmd/rt-sub/request.h"
#include "tests/unit/tap.h"

static struct config config;
static struct position none, cursor, id;

static void check(const struct request_want *want, const char *url, const char *headers, const char *what)
{
	char text[8192] = "";
	struct request r;

	ok(request_init(&r, &config, want) == 0, "%s: is built", what);
	eq_str((const char *)r.url.p, url, what);
	for (size_t i = 0; r.headers[i] != NULL; i++) {
		strcat(text, r.headers[i]);
		strcat(text, "; ");
	}
	eq_str(text, headers, what);
	request_fini(&r);
}

static void set_topics(const char **topics, size_t n)
{
	memset(&config, 0, sizeof(config));
	config.client.server = "http://h:1";
	config.topics = topics;
	config.n_topics = n;
}

static void test_topics(void)
{
	const char *one[] = { "a b/*" }, *two[] = { "a", "b/**" };
	struct request_want sse = {.as = "sse", .accept = "text/event-stream", .from = &none, .store = ""};
	struct request_want poll = {.as = "poll", .accept = "x", .from = &none, .store = ""};
	struct request_want ws = {.as = "ws", .from = &cursor, .store = "abc"};

	set_topics(one, 1);
	check(&sse, "http://h:1/topics/a%20b/*?as=sse",
		"Accept: text/event-stream; Cache-Control: no-cache; ", "one topic");
	set_topics(two, 2);
	check(&sse, "http://h:1/events?topic=a&topic=b/**&as=sse",
		"Accept: text/event-stream; Cache-Control: no-cache; ", "two topics");
	check(&poll, "http://h:1/events?topic=a&topic=b/**&as=poll&since=now",
		"Accept: x; Cache-Control: no-cache; ", "a first poll begins now");
	check(&ws, "http://h:1/events?topic=a&topic=b/**&as=ws&last_event_id=c1", "Rt-Store: abc; ",
		"a WebSocket resumes by the query");
	ws.from = &id;
	check(&ws, "http://h:1/events?topic=a&topic=b/**&as=ws&since=17", "Rt-Store: abc; ",
		"or by the id of an event");
	sse.from = &cursor;
	sse.store = "abc";
	check(&sse, "http://h:1/events?topic=a&topic=b/**&as=sse",
		"Accept: text/event-stream; Cache-Control: no-cache; Last-Event-ID: c1; Rt-Store: abc; ",
		"SSE by Last-Event-ID");
}

static void test_options(void)
{
	const char *one[] = { "a" };
	struct request_want want = {.as = "sse", .accept = "x", .from = &none, .store = "", .missed_ms = 9};

	set_topics(one, 1);
	check(&want, "http://h:1/topics/a?as=sse&since=9ms", "Accept: x; Cache-Control: no-cache; ",
		"what was missed before the first cursor");
	config.since = "10m";
	config.every_ms = 100;
	config.until = "end";
	check(&want, "http://h:1/topics/a?as=sse&since=10m&every=100ms&until=end",
		"Accept: x; Cache-Control: no-cache; ", "since, every, until");
	want.from = &cursor;
	check(&want, "http://h:1/topics/a?as=sse&every=100ms&until=end",
		"Accept: x; Cache-Control: no-cache; Last-Event-ID: c1; ",
		"a cursor takes the place of since");
	want.last = "1";
	check(&want, "http://h:1/topics/a?as=sse&last=1&every=100ms&until=end",
		"Accept: x; Cache-Control: no-cache; ", "a question of its own");
	want = (struct request_want){.as = "poll", .accept = "x", .from = &none, .store = "", .wait_s = 25,
		.limit = 10};
	set_topics(one, 1);
	config.latest = true;
	config.batch_ms = 5;
	check(&want, "http://h:1/topics/a?as=poll&latest=1&batch=5ms&limit=10&wait=25",
		"Accept: x; Cache-Control: no-cache; ", "latest, batch, limit, wait");
}

static void test_url(void)
{
	struct request_want want = {.as = "sse", .accept = "x", .from = &none, .store = ""};

	set_topics(NULL, 0);
	config.url = "https://e.org/s?since=5&a=1&latest#frag";
	check(&want, "https://e.org/s?since=5&a=1&latest", "Accept: x; Cache-Control: no-cache; ",
		"a foreign URL goes as it is");
	want.from = &cursor;
	check(&want, "https://e.org/s?since=5&a=1&latest",
		"Accept: x; Cache-Control: no-cache; Last-Event-ID: c1; ",
		"and resumes by the standard's header");
	want.is_rt = true;
	check(&want, "https://e.org/s?a=1&as=sse",
		"Accept: x; Cache-Control: no-cache; Last-Event-ID: c1; ",
		"one of rt-serve's loses what would start it anew");
	want.from = &id;
	check(&want, "https://e.org/s?a=1&as=sse&since=17", "Accept: x; Cache-Control: no-cache; ",
		"and begins after an id");
}

int main(void)
{
	position_set(&cursor, false, STR_LIT("c1"));
	position_set(&id, true, STR_LIT("17"));
	test_topics();
	test_options();
	test_url();
	return tap_done();
}
