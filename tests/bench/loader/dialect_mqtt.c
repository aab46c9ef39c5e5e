/* SPDX-License-Identifier: MIT */
/* MQTT 3.1.1 at QoS 0. */
#include <stdio.h>
#include <string.h>

#include "dialect.h"

#define CONNECT 0x10
#define CONNACK 0x20
#define PUBLISH 0x30
#define SUBSCRIBE 0x82
#define SUBACK 0x90
#define PINGREQ 0xc0
#define PINGRESP 0xd0

/* Head of a packet of (n) more bytes. */
static void add_head(struct buf *out, unsigned type, size_t n)
{
	buf_addc(out, (char)type);
	do {
		buf_addc(out, (char)((n & 0x7f) | (n > 0x7f ? 0x80 : 0)));
		n >>= 7;
	} while (n > 0);
}

static void add_text(struct buf *out, const char *s, size_t n)
{
	buf_addc(out, (char)(n >> 8));
	buf_addc(out, (char)n);
	buf_add(out, s, n);
}

static size_t topic_name(char *dst, size_t cap, uint32_t topic)
{
	return (size_t)snprintf(dst, cap, "t%u", topic);
}

/* A clean session without keep-alive; without a name of its own the server makes one. */
static void begin(struct talk *t, struct buf *out)
{
	static const char variable[] = {0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0, 0, 0};
	char name[16];
	size_t n = topic_name(name, sizeof(name), t->topic);

	add_head(out, CONNECT, sizeof(variable));
	buf_add(out, variable, sizeof(variable));
	if (t->publishes)
		return;
	add_head(out, SUBSCRIBE, 2 + 2 + n + 1);
	buf_add(out, "\0\1", 2);
	add_text(out, name, n);
	buf_addc(out, 0);
}

/* The length behind the type; its head's length in *head. -1: not all there, -2: malformed. */
static int64_t remaining(const unsigned char *p, size_t n, size_t *head)
{
	int64_t len = 0;

	for (size_t i = 1; i <= 4; i++) {
		if (i >= n)
			return -1;
		len |= (int64_t)(p[i] & 0x7f) << (7 * (i - 1));
		if ((p[i] & 0x80) == 0) {
			*head = i + 1;
			return len;
		}
	}
	return -2;
}

static enum heard hear(const struct talk *t, const unsigned char *p, size_t n, unsigned type,
	struct str *event)
{
	switch (type & 0xf0) {
	case CONNACK:
		if (n < 2 || p[1] != 0)
			return HEARD_REFUSED;
		return t->publishes ? HEARD_READY : HEARD_NOTHING;
	case SUBACK:
		return n == 3 && p[2] == 0 ? HEARD_READY : HEARD_REFUSED;
	case PINGRESP:
		return HEARD_SYNCED;
	case PUBLISH:
		*event = (struct str){(const char *)p, n};
		return HEARD_EVENT;
	default:
		return HEARD_NOTHING;
	}
}

static ssize_t take(struct talk *t, const char *p, size_t n, enum heard *heard, struct str *event,
	struct buf *out)
{
	size_t head;
	int64_t len = remaining((const unsigned char *)p, n, &head);

	(void)out;
	if (len < 0)
		return len == -1 ? 0 : -1;
	if (n - head < (size_t)len)
		return 0;
	*heard = hear(t, (const unsigned char *)p + head, (size_t)len, (unsigned char)p[0], event);
	return (ssize_t)(head + (size_t)len);
}

static void publish(struct talk *t, uint32_t topic, struct str payload, struct buf *out)
{
	char name[16];
	size_t n = topic_name(name, sizeof(name), topic);

	(void)t;
	add_head(out, PUBLISH, 2 + n + payload.n);
	add_text(out, name, n);
	buf_addstr(out, payload);
}

static void ping(struct talk *t, struct buf *out)
{
	(void)t;
	add_head(out, PINGREQ, 0);
}

const struct dialect dialect_mqtt = {"mqtt", begin, take, publish, ping};
