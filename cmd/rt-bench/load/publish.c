/* SPDX-License-Identifier: MIT */
#include "load/publish.h"

#include <inttypes.h>

#include "load/worker.h"

/* Does the publisher have several topics, so that its lines are envelopes that name them? */
static bool is_mixed(const struct publisher *p)
{
	return p->plan.ntopics > 1;
}

int publish_begin(struct publisher *p, const char *query)
{
	const struct bench *b = p->conn.w->b;
	struct str base = str_of(b->pub.path);
	char name[BENCH_TOPIC_MAX];
	int failed;

	while (base.n > 0 && base.p[base.n - 1] == '/')
		base.n--;
	failed = buf_adds(&p->out, "POST ") | buf_addstr(&p->out, base);
	if (is_mixed(p))
		failed |= buf_adds(&p->out, "/events");
	else
		failed |= buf_adds(&p->out, "/topics/") |
			template_encode(&p->out, bench_topic(b, plan_topic(&p->plan, 0), name));
	failed |= buf_addf(&p->out,
		"%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-ndjson\r\n", query, b->pub.host);
	return failed | buf_adds(&p->out, b->fields);
}

int publish_line(struct publisher *p, uint32_t topic, struct str payload)
{
	const struct bench *b = p->conn.w->b;
	struct buf *out = &p->out;
	int failed = 0;

	if (is_mixed(p))
		failed = buf_adds(out, "{\"topic\":\"") |
			buf_addstr(out, (struct str){b->topic_json, b->ntopic_json}) |
			buf_addf(out, "/%" PRIu32 "\",\"data\":", topic);
	failed |= buf_addstr(out, payload);
	if (is_mixed(p))
		failed |= buf_addc(out, '}');
	return failed | buf_addc(out, '\n');
}

struct template_values publish_values(const struct publisher *p, uint32_t topic, struct str payload,
	char name[BENCH_TOPIC_MAX])
{
	return (struct template_values){
		.topic = bench_topic(p->conn.w->b, topic, name),
		.payload = payload,
		.n = inflight_at(&p->inflight, p->inflight.count - 1)->n,
		.sub = p->number,
	};
}

void publish_refuse_all(struct publisher *p)
{
	while (conn_is_open(&p->conn) && p->inflight.count > 0)
		publisher_refused(p, STR_LIT(""));
}
