/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "load/publish.h"
#include "wire/template.h"
#include "load/worker.h"

/* A request per event. To an rt-serve they are pipelined; others seldom bear that. */

#define PIPELINED 64

static bool room(const struct publisher *p)
{
	return p->inflight.count < (p->conn.w->b->pub_is_rt ? PIPELINED : 1);
}

static int add_rt(struct publisher *p, uint32_t topic, struct str payload)
{
	const struct bench *b = p->conn.w->b;
	struct str base = str_of(b->pub.path);
	char name[BENCH_TOPIC_MAX];
	int failed;

	while (base.n > 0 && base.p[base.n - 1] == '/')
		base.n--;
	failed = buf_adds(&p->out, "POST ") | buf_addstr(&p->out, base) | buf_adds(&p->out, "/topics/");
	failed |= template_encode(&p->out, bench_topic(b, topic, name));
	failed |= buf_addf(&p->out, " HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
		"%sContent-Length: %zu\r\n\r\n", b->pub.host, b->fields, payload.n);
	return failed | buf_addstr(&p->out, payload);
}

static int add_other(struct publisher *p, uint32_t topic, struct str payload)
{
	const struct bench *b = p->conn.w->b;
	char name[BENCH_TOPIC_MAX];
	struct template_values v = publish_values(p, topic, payload, name);
	struct buf *body = &p->conn.w->request;
	int failed;

	buf_reset(body);
	failed = template_fill(body, b->c->pub_body, &v, false) | buf_adds(&p->out, "POST ");
	if (b->pub.path[0] != '/')
		failed |= buf_addc(&p->out, '/');
	failed |= template_fill(&p->out, b->pub.path, &v, true);
	failed |= buf_addf(&p->out,
		" HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\n%sContent-Length: %zu\r\n\r\n",
		b->pub.host, b->c->pub_type, b->fields, body->len);
	return failed | buf_addstr(&p->out, buf_str(body));
}

static int add(struct publisher *p, uint32_t topic, struct str payload)
{
	return p->conn.w->b->pub_is_rt ? add_rt(p, topic, payload) : add_other(p, topic, payload);
}

/* An rt-serve says what it made of the event; what others say nobody needs. */
static size_t on_data(struct publisher *p, struct str data, uint64_t now)
{
	(void)now;
	return p->conn.w->b->pub_is_rt ? 0 : data.n;
}

static void on_end(struct publisher *p, struct str rest, uint64_t now)
{
	if (p->refused) {
		publisher_refused(p, rest);
		return;
	}
	publisher_named(p, 0, rest.p + (rest.n > 0), rest.p + rest.n);
	publisher_accepted(p, 1, now);
}

const struct publish_ops publish_post = {
	.room = room, .add = add, .data = on_data, .end = on_end, .acknowledged = true,
};
