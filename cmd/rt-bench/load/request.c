/* SPDX-License-Identifier: MIT */
#include "load/request.h"

#include <errno.h>

#include "exitcode.h"
#include "load/worker.h"
#include "wire/template.h"

static int add_topics(struct buf *b, const struct subscriber *s)
{
	const struct bench *bench = s->conn.w->b;
	uint32_t each = (uint32_t)bench->c->topics_each, topics = (uint32_t)bench->c->topics;
	char name[BENCH_TOPIC_MAX];
	int failed = 0;

	if (each == 1)
		return buf_adds(b, "/topics/") |
			template_encode(b, bench_topic(bench, s->first_topic, name)) |
			buf_addc(b, '?');
	failed |= buf_adds(b, "/events?");
	for (uint32_t i = 0; i < each; i++) {
		failed |= buf_adds(b, "topic=");
		failed |= template_encode(b, bench_topic(bench, (s->first_topic + i) % topics, name));
		failed |= buf_addc(b, '&');
	}
	return failed;
}

/* The path of an rt-serve, which -s may have put below another one. */
static int add_rt_path(struct buf *b, const struct subscriber *s, const struct request *r)
{
	struct str base = str_of(s->conn.w->b->sub.path), cursor = subscriber_cursor(s);
	int failed;

	while (base.n > 0 && base.p[base.n - 1] == '/')
		base.n--;
	failed = buf_addstr(b, base) | add_topics(b, s);
	if (r->query != NULL)
		failed |= buf_adds(b, r->query) | buf_addc(b, '&');
	if (r->since)
		failed |= buf_adds(b, "since=") |
			template_encode(b, cursor.p == NULL ? STR_LIT("now") : cursor);
	else
		b->len--;	/* the ? or & that nothing follows */
	return failed;
}

static int add_path(struct buf *b, const struct subscriber *s, const struct request *r)
{
	const struct bench *bench = s->conn.w->b;
	char name[BENCH_TOPIC_MAX];
	struct template_values v = {
		.topic = bench_topic(bench, s->first_topic, name),
		.payload = STR_LIT(""),
		.cursor = r->since ? STR_NULL : subscriber_cursor(s),
		.sub = s->number,
	};

	if (bench->sub.path[0] != '/' && buf_addc(b, '/') != 0)
		return -1;
	return template_fill(b, bench->sub.path, &v, true);
}

int request_build(struct buf *b, const struct subscriber *s, const struct request *r)
{
	const struct bench *bench = s->conn.w->b;
	struct str cursor = subscriber_cursor(s);
	int failed = buf_adds(b, "GET ");

	failed |= bench->sub_is_rt ? add_rt_path(b, s, r) : add_path(b, s, r);
	failed |= buf_addf(b, " HTTP/1.1\r\nHost: %s\r\n", bench->sub.host);
	if (r->upgrade)
		failed |= buf_addf(b,
			"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
			"Sec-WebSocket-Key: %s\r\n", bench->key.key);
	if (r->accept != NULL)
		failed |= buf_addf(b, "Accept: %s\r\n", r->accept);
	if (r->since && !bench->sub_is_rt)
		failed |= buf_addstr(b, cursor);
	else if (r->since && cursor.p != NULL)
		failed |= buf_addf(b, "If-None-Match: \"%.*s\"\r\n", (int)cursor.n, cursor.p);
	else if (!r->since && cursor.p != NULL)
		failed |= buf_addf(b, "Last-Event-ID: %.*s\r\n", (int)cursor.n, cursor.p);
	return failed | buf_adds(b, bench->fields) | buf_adds(b, "\r\n");
}

void request_send(struct subscriber *s, const struct request *r)
{
	struct worker *w = s->conn.w;

	buf_reset(&w->request);
	if (request_build(&w->request, s, r) != 0) {
		subscriber_malformed(s, "the request would be too long");
		return;
	}
	subscriber_group(s)->requests++;
	conn_write(&s->conn, buf_str(&w->request));
}
