/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "load/publish.h"
#include "load/worker.h"
#include "wire/template.h"
#include "wire/upgrade.h"

/*
 * WebSocket frames. An rt-serve is told the topic of each at /ws, and acknowledges it; another server gets a
 * frame per event, by --pub-body, and says nothing.
 */

#define OUT_ENOUGH (1u << 20)

static int build_upgrade(struct publisher *p)
{
	const struct bench *b = p->conn.w->b;
	char name[BENCH_TOPIC_MAX];
	struct template_values v = {.topic = bench_topic(b, plan_topic(&p->plan, 0), name), .sub = p->number};
	struct str base = str_of(b->pub.path);
	int failed = buf_adds(&p->out, "GET ");

	if (b->pub_is_rt) {
		while (base.n > 0 && base.p[base.n - 1] == '/')
			base.n--;
		failed |= buf_addstr(&p->out, base) | buf_adds(&p->out, "/ws");
	} else {
		failed |= base.p[0] == '/' ? 0 : buf_addc(&p->out, '/');
		failed |= template_fill(&p->out, b->pub.path, &v, true);
	}
	return failed | buf_addf(&p->out,
		" HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n%s\r\n",
		b->pub.host, b->key.key, b->fields);
}

static void on_connected(struct publisher *p)
{
	buf_reset(&p->out);
	if (build_upgrade(p) != 0)
		publisher_again(p, "the request would be too long");
	else if (conn_write(&p->conn, buf_str(&p->out)))
		buf_reset(&p->out);
}

static void on_head(struct publisher *p, struct str head, uint64_t now)
{
	(void)now;
	if (p->conn.answer.status != 101 || !upgrade_accepted(&p->conn.w->b->key, head))
		publisher_again(p, "the server does not speak WebSocket there");
	else
		publisher_open(p);
}

/* Only a refusal has a body. */
static void on_end(struct publisher *p, struct str rest, uint64_t now)
{
	(void)rest;
	(void)now;
	publisher_again(p, "the server does not speak WebSocket there");
}

static bool room(const struct publisher *p)
{
	return p->out.len < OUT_ENOUGH;
}

static int add_frame(struct publisher *p, struct str payload)
{
	uint32_t mask = worker_random(p->conn.w);
	size_t head;

	if (buf_reserve(&p->out, payload.n + FRAME_HEAD_MAX) != 0)
		return -1;
	head = frame_head((char *)p->out.p + p->out.len, FRAME_TEXT, payload.n, mask);
	p->out.len += head;
	buf_addstr(&p->out, payload);
	frame_mask((char *)p->out.p + p->out.len - payload.n, payload.n, mask);
	return 0;
}

static int add_other(struct publisher *p, uint32_t topic, struct str payload)
{
	const struct bench *b = p->conn.w->b;
	char name[BENCH_TOPIC_MAX];
	struct template_values v = publish_values(p, topic, payload, name);
	struct buf *text = &p->conn.w->request;

	buf_reset(text);
	return template_fill(text, b->c->pub_body, &v, false) != 0 ? -1 : add_frame(p, buf_str(text));
}

/* --- an rt-serve's /ws ------------------------------------------------------------------------ */

static int add_mux(struct publisher *p, uint32_t topic, struct str payload)
{
	const struct bench *b = p->conn.w->b;
	struct buf *text = &p->conn.w->request;
	int failed;

	buf_reset(text);
	failed = buf_adds(text, "{\"op\":\"publish\",\"ref\":0,\"topic\":\"") |
		buf_addstr(text, (struct str){b->topic_json, b->ntopic_json});
	if (b->c->topics > 1)
		failed |= buf_addf(text, "/%" PRIu32, topic);
	failed |= buf_adds(text, "\",\"data\":") | buf_addstr(text, payload) | buf_addc(text, '}');
	return failed != 0 ? -1 : add_frame(p, buf_str(text));
}

/* Answers come in the order of the events, so that a reference is not needed. */
static void on_message(struct publisher *p, struct str data, uint64_t now)
{
	static const char ack[] = "{\"op\":\"ack\"", error[] = "{\"op\":\"error\"";

	if (data.n >= sizeof(ack) && memcmp(data.p, ack, sizeof(ack) - 1) == 0) {
		const char *id = memmem(data.p, data.n, "\"id\":", 5);

		publisher_named(p, 0, id != NULL ? id : data.p, data.p + data.n);
		publisher_accepted(p, 1, now);
	} else if (data.n >= sizeof(error) && memcmp(data.p, error, sizeof(error) - 1) == 0) {
		publisher_refused(p, data);
	}
}

const struct publish_ops publish_mux = {
	.connected = on_connected,
	.room = room,
	.add = add_mux,
	.head = on_head,
	.end = on_end,
	.message = on_message,
	.acknowledged = true,
};

const struct publish_ops publish_ws = {
	.connected = on_connected,
	.room = room,
	.add = add_other,
	.head = on_head,
	.end = on_end,
};
