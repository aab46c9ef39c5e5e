/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "load/publish.h"
#include "load/worker.h"

/* A request of many lines, the next when it is answered by {"accepted":N,"refused":M,...}. */

/* A batch of large events is cut here. */
#define BODY_MAX (16u << 20)

#define LENGTH_FIELD "Content-Length: 0000000000\r\n\r\n"
#define LENGTH_DIGITS 10

static bool room(const struct publisher *p)
{
	return !p->request_open && p->pending < p->conn.w->b->c->batch && p->out.len < BODY_MAX;
}

static int add(struct publisher *p, uint32_t topic, struct str payload)
{
	if (p->pending++ == 0) {
		if (publish_begin(p, "") != 0 || buf_adds(&p->out, LENGTH_FIELD) != 0)
			return -1;
		p->mark = p->out.len;
	}
	return publish_line(p, topic, payload);
}

static void seal(struct publisher *p)
{
	char digits[LENGTH_DIGITS + 1];

	if (p->pending == 0 || p->request_open)
		return;
	snprintf(digits, sizeof(digits), "%0*zu", LENGTH_DIGITS, p->out.len - p->mark);
	memcpy(p->out.p + p->mark - LENGTH_DIGITS - 4, digits, LENGTH_DIGITS);
	p->request_open = true;
	p->pending = 0;
}

static size_t on_data(struct publisher *p, struct str data, uint64_t now)
{
	(void)p;
	(void)data;
	(void)now;
	return 0;	/* all of it, at the end */
}

static bool find_number(struct str body, const char *name, uint64_t *v)
{
	const char *p = memmem(body.p, body.n, name, strlen(name)), *end = body.p + body.n;

	if (p == NULL)
		return false;
	*v = 0;
	for (p += strlen(name); p < end && *p >= '0' && *p <= '9'; p++)
		*v = *v * 10 + (uint64_t)(*p - '0');
	return true;
}

static void on_end(struct publisher *p, struct str rest, uint64_t now)
{
	uint64_t accepted, refused;

	p->request_open = false;
	if (p->over)
		return;
	if (p->refused) {
		publish_refuse_all(p);
		return;
	}
	if (rest.n == 0 || !find_number(rest, "\"accepted\":", &accepted) ||
	    !find_number(rest, "\"refused\":", &refused) || accepted + refused != p->inflight.count) {
		publisher_again(p,
			"the answer to a batch does not say what became of it: is it an rt-serve?");
		return;
	}
	/* Which they are is not worth knowing: rt-bench sends nothing that a server should refuse. */
	if (refused > 0)
		while (p->inflight.count > accepted)
			publisher_refused(p, rest);
	publisher_accepted(p, accepted, now);
}

const struct publish_ops publish_batch = {
	.room = room,
	.add = add,
	.seal = seal,
	.data = on_data,
	.end = on_end,
	.acknowledged = true,
};
