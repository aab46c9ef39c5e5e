/* SPDX-License-Identifier: MIT */
/*
 * An endless answer of one envelope a line; an empty line is a heartbeat.
 */
#include <stdlib.h>

#include "line.h"
#include "sub.h"
#include "transport.h"

#define HEAD_LIMIT_MS 30000

struct ndjson {
	struct sub *sub;
	struct line lines;
};

static void on_head(void *arg)
{
	struct ndjson *c = arg;

	if (http_status(sub_http(c->sub)) == 200)
		sub_opened_http(c->sub);
}

static int on_line(struct ndjson *c, struct str line)
{
	struct envelope_foreign f = {.data = line};

	if (line.n == 0) {
		sub_cursor(c->sub, STR_NULL);
		return 0;
	}
	return sub_is_rt(c->sub) ? sub_record(c->sub, line, STR_NULL) :
		sub_foreign(c->sub, &f, STR_NULL);
}

static int on_body(void *arg, struct str bytes)
{
	struct ndjson *c = arg;
	enum line_result r;
	struct str line;

	if (sub_is_down(c->sub))
		return -1;
	sub_heard(c->sub);
	while ((r = line_next(&c->lines, &bytes, &line)) == LINE_READY)
		if (on_line(c, line) != 0)
			return -1;
	if (r == LINE_TOO_LONG)
		sub_down(c->sub, SUB_PROTOCOL, "a line is over the limit of --max-event", 0);
	else if (r == LINE_NOMEM)
		sub_down(c->sub, SUB_NOMEM, "", 0);
	return r == LINE_MORE ? 0 : -1;
}

/* A last line without its end was cut, and comes again: it is dropped. */
static void on_done(void *arg, CURLcode result)
{
	struct ndjson *c = arg;

	if (sub_http_ended(c->sub, result))
		sub_down(c->sub, SUB_CLOSED, "the server ended the stream", 0);
}

static const struct http_ops http_ops = { on_head, on_body, on_done };

static void stop(void *connection)
{
	struct ndjson *c = connection;

	http_stop(sub_http(c->sub));
	line_fini(&c->lines);
	free(c);
}

static void *start(struct sub *s)
{
	struct request_want want = {.as = "ndjson", .accept = "application/x-ndjson"};
	struct ndjson *c = calloc(1, sizeof(*c));
	struct request r;
	int err;

	if (c == NULL)
		return NULL;
	c->sub = s;
	line_init(&c->lines, (size_t)sub_config(s)->max_event);
	sub_want(s, &want);
	err = request_init(&r, sub_config(s), &want);
	if (err == 0)
		err = http_get(sub_http(s), (const char *)r.url.p, r.headers, true, &http_ops, c);
	request_fini(&r);
	if (err != 0) {
		stop(c);
		return NULL;
	}
	sub_asking(s, HEAD_LIMIT_MS);
	return c;
}

static void pause_reading(void *connection, bool on)
{
	struct ndjson *c = connection;

	http_pause(sub_http(c->sub), on);
}

const struct transport transport_ndjson = { "NDJSON", start, pause_reading, stop };
