/* SPDX-License-Identifier: MIT */
#include "load/request.h"

#include <stdlib.h>

#include "helper_bench.h"
#include "tests/unit/tap.h"

static void is(struct helper_bench *h, const char *cursor, const struct request *r,
	const char *want, const char *what)
{
	struct subscriber *s = &h->b.workers[0]->subscribers[0];
	struct buf b;

	buf_init(&b, 4096);
	if (cursor != NULL)
		subscriber_set_cursor(s, str_of(cursor));
	ok(request_build(&b, s, r) == 0, "%s", what);
	eq_str(buf_cstr(&b), want, "... as it should be");
	buf_fini(&b);
}

static void of_rt_serve(void)
{
	struct helper_bench h;

	helper_bench_config(&h, 2, 1, 1, TRANSPORT_SSE);
	h.c.topic = "a b";
	helper_bench_init(&h, 1);
	is(&h, NULL, &(struct request){.accept = "text/event-stream"},
		"GET /topics/a%20b HTTP/1.1\r\nHost: 127.0.0.1:7070\r\n"
		"Accept: text/event-stream\r\n\r\n", "a stream");
	is(&h, NULL, &(struct request){.query = "wait=25", .since = true},
		"GET /topics/a%20b?wait=25&since=now HTTP/1.1\r\n"
		"Host: 127.0.0.1:7070\r\n\r\n", "the first poll");
	is(&h, "12=", &(struct request){.query = "wait=25", .since = true},
		"GET /topics/a%20b?wait=25&since=12%3D HTTP/1.1\r\n"
		"Host: 127.0.0.1:7070\r\nIf-None-Match: \"12=\"\r\n\r\n", "the next");
	is(&h, "12", &(struct request){.query = "follow"}, "GET /topics/a%20b?follow HTTP/1.1\r\n"
		"Host: 127.0.0.1:7070\r\nLast-Event-ID: 12\r\n\r\n", "a stream that goes on");
	helper_bench_fini(&h);
}

static void of_several_topics(void)
{
	static const char *headers[] = {"X-A: 1", "X-B: 2", NULL};
	struct helper_bench h;
	char want[400];

	helper_bench_config(&h, 1, 1, 3, TRANSPORT_WS);
	h.c.server = "http://127.0.0.1:1/below//";
	h.c.topics_each = 2;
	h.c.headers = headers;
	helper_bench_init(&h, 1);
	snprintf(want, sizeof(want),
		"GET /below/events?topic=rt-bench/0&topic=rt-bench/1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\n"
		"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: %s\r\nX-A: 1\r\nX-B: 2\r\n\r\n", h.b.key.key);
	is(&h, NULL, &(struct request){.upgrade = true}, want,
		"a WebSocket of several topics, and fields of one's own");
	helper_bench_fini(&h);
}

static void of_others(void)
{
	struct helper_bench h;

	helper_bench_config(&h, 1, 1, 1, TRANSPORT_LONGPOLL);
	h.c.sub_url = "http://127.0.0.1:1?t={topic}&s={sub}&c={cursor}";
	h.c.pub_url = "http://127.0.0.1:1/pub";
	h.c.pub_body = "{payload}";
	helper_bench_init(&h, 1);
	is(&h, NULL, &(struct request){.accept = "*/*"},
		"GET /?t=rt-bench&s=0&c= HTTP/1.1\r\nHost: 127.0.0.1:1\r\n"
		"Accept: */*\r\n\r\n", "a URL that is filled");
	is(&h, "a/b", &(struct request){.accept = "*/*"},
		"GET /?t=rt-bench&s=0&c=a/b HTTP/1.1\r\nHost: 127.0.0.1:1\r\n"
		"Accept: */*\r\nLast-Event-ID: a/b\r\n\r\n", "... with its cursor");
	is(&h, "If-Modified-Since: x\r\n", &(struct request){.since = true},
		"GET /?t=rt-bench&s=0&c= HTTP/1.1\r\n"
		"Host: 127.0.0.1:1\r\nIf-Modified-Since: x\r\n\r\n", "a poll, whose cursor is fields");
	helper_bench_fini(&h);
}

int main(void)
{
	of_rt_serve();
	of_several_topics();
	of_others();
	return tap_done();
}
