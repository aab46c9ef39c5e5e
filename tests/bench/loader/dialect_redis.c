/* SPDX-License-Identifier: MIT */
/* Redis: RESP2, SUBSCRIBE and PUBLISH. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dialect.h"

#define DEPTH_MOST 4

static void begin(struct talk *t, struct buf *out)
{
	if (!t->publishes)
		buf_addf(out, "SUBSCRIBE t%u\r\n", t->topic);
	else
		buf_adds(out, "PING\r\n");
}

/* Length of the value at the front; 0: more is needed; -1: malformed. *text gets the last bulk string. */
static ssize_t value_length(const char *p, size_t n, unsigned depth, struct str *text)
{
	const char *end = memmem(p, n, "\r\n", 2);
	size_t at;
	long count;

	if (end == NULL)
		return 0;
	at = (size_t)(end + 2 - p);
	count = strtol(p + 1, NULL, 10);
	switch (p[0]) {
	case '+': case '-': case ':':
		return (ssize_t)at;
	case '$':
		if (count < 0)
			return (ssize_t)at;
		*text = (struct str){p + at, (size_t)count};
		return n - at < (size_t)count + 2 ? 0 : (ssize_t)(at + (size_t)count + 2);
	case '*':
		for (long i = 0; i < count; i++) {
			ssize_t len = depth == DEPTH_MOST ? -1 :
				value_length(p + at, n - at, depth + 1, text);

			if (len <= 0)
				return len;
			at += (size_t)len;
		}
		return (ssize_t)at;
	default:
		return -1;
	}
}

static ssize_t take(struct talk *t, const char *p, size_t n, enum heard *heard, struct str *event,
	struct buf *out)
{
	static const char message[] = "*3\r\n$7\r\nmessage\r\n";
	struct str text = STR_NULL;
	ssize_t len = value_length(p, n, 0, &text);

	(void)out;
	if (len <= 0)
		return len;
	*event = text;
	if (p[0] == '-')
		*heard = HEARD_REFUSED;
	else if (t->publishes)
		*heard = p[0] == ':' ? HEARD_ANSWER : HEARD_READY;
	else if ((size_t)len > sizeof(message) && memcmp(p, message, sizeof(message) - 1) == 0)
		*heard = HEARD_EVENT;
	else
		*heard = HEARD_READY;
	return len;
}

static void publish(struct talk *t, uint32_t topic, struct str payload, struct buf *out)
{
	char name[16];
	int n = snprintf(name, sizeof(name), "t%u", topic);

	(void)t;
	buf_addf(out, "*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%s\r\n$%zu\r\n", n, name, payload.n);
	buf_addstr(out, payload);
	buf_adds(out, "\r\n");
}

const struct dialect dialect_redis = {"redis", begin, take, publish, NULL};
