/* SPDX-License-Identifier: MIT */
/*
 * An endless answer of one envelope a line; an empty line is a heartbeat.
 */
#include <stdlib.h>

#include "sub.h"
#include "transport.h"

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

static int on_line(void *arg, struct str line)
{
	struct ndjson *c = arg;
	struct envelope_foreign f = {.data = line};

	if (line.n == 0) {
		sub_cursor(c->sub, STR_NULL);
		return 0;
	}
	return sub_is_rt(c->sub) ? sub_record(c->sub, line, false, STR_NULL) :
		sub_foreign(c->sub, &f, STR_NULL);
}

static int on_body(void *arg, struct str bytes)
{
	struct ndjson *c = arg;

	return transport_lines(c->sub, &c->lines, bytes, on_line, c);
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

	if (c == NULL)
		return NULL;
	c->sub = s;
	line_init(&c->lines, (size_t)sub_config(s)->max_event);
	sub_want(s, &want);
	if (transport_get(s, &want, true, TRANSPORT_ANSWER_MS, &http_ops, c) == 0)
		return c;
	stop(c);
	return NULL;
}

static void pause_reading(void *connection, bool on)
{
	struct ndjson *c = connection;

	http_pause(sub_http(c->sub), on);
}

const struct transport transport_ndjson = { "NDJSON", start, pause_reading, stop };
