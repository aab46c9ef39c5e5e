/* SPDX-License-Identifier: MIT */
/*
 * Server-Sent Events. With rt-serve the id is the cursor and the data an envelope.
 */
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "sseparse.h"
#include "sub.h"
#include "transport.h"

struct sse {
	struct sub *sub;
	struct sseparse parser;
};

static int on_event(void *arg, const struct sseparse_event *e)
{
	struct sse *c = arg;
	struct envelope_foreign f = {.data = e->data};

	if (sub_is_rt(c->sub))
		return sub_record(c->sub, e->data, !e->joined, e->last_id);
	if (e->has_id && e->last_id.n > 0)
		f.id = e->last_id;
	if (!str_is(e->type, "message"))
		f.type = e->type;
	return sub_foreign(c->sub, &f, e->last_id);
}

static int on_id_only(void *arg, struct str last_id)
{
	struct sse *c = arg;

	sub_cursor(c->sub, last_id);
	return 0;
}

static void on_retry(void *arg, uint64_t ms)
{
	struct sse *c = arg;

	sub_set_retry(c->sub, ms);
}

static const struct sseparse_ops parser_ops = { on_event, on_id_only, on_retry };

static void on_head(void *arg)
{
	static const char type[] = "text/event-stream";
	struct sse *c = arg;
	struct http *h = sub_http(c->sub);
	struct str got = http_field(h, "Content-Type");

	if (http_status(h) != 200)
		return;
	if (got.p == NULL || strncasecmp(got.p, type, sizeof(type) - 1) != 0)
		sub_down(c->sub, SUB_PROTOCOL, "the answer is no event stream (text/event-stream)", 0);
	else
		sub_opened_http(c->sub);
}

static int on_body(void *arg, struct str bytes)
{
	struct sse *c = arg;

	if (sub_is_down(c->sub))
		return -1;
	sub_heard(c->sub);
	if (sseparse_feed(&c->parser, bytes) == 0)
		return 0;
	if (!sub_is_down(c->sub)) {
		if (errno == EMSGSIZE)
			sub_down(c->sub, SUB_PROTOCOL, "an event is over the limit of --max-event", 0);
		else
			sub_down(c->sub, SUB_NOMEM, "", 0);
	}
	return -1;
}

static void on_done(void *arg, CURLcode result)
{
	struct sse *c = arg;

	if (sub_http_ended(c->sub, result))
		sub_down(c->sub, SUB_CLOSED, "the server ended the stream", 0);
}

static const struct http_ops http_ops = { on_head, on_body, on_done };

static void stop(void *connection)
{
	struct sse *c = connection;

	http_stop(sub_http(c->sub));
	sseparse_fini(&c->parser);
	free(c);
}

static void *start(struct sub *s)
{
	struct request_want want = {.as = "sse", .accept = "text/event-stream"};
	struct sse *c = calloc(1, sizeof(*c));
	int err;

	if (c == NULL)
		return NULL;
	c->sub = s;
	sseparse_init(&c->parser, &parser_ops, c, (size_t)sub_config(s)->max_event);
	sub_want(s, &want);
	/* As a stream may give an event no id of its own, the one resumed from stays in force. */
	err = want.from->is_id ? 0 : sseparse_set_last_id(&c->parser, position_str(want.from));
	if (err == 0)
		err = transport_get(s, &want, true, TRANSPORT_ANSWER_MS, &http_ops, c);
	if (err == 0)
		return c;
	stop(c);
	return NULL;
}

static void pause_reading(void *connection, bool on)
{
	struct sse *c = connection;

	http_pause(sub_http(c->sub), on);
}

const struct transport transport_sse = { "SSE", start, pause_reading, stop };
