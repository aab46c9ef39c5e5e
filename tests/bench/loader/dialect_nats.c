/* SPDX-License-Identifier: MIT */
/* NATS: core publish and subscribe. */
#include <stdlib.h>
#include <string.h>

#include "dialect.h"

static void begin(struct talk *t, struct buf *out)
{
	buf_adds(out, "CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":true}\r\n");
	if (!t->publishes)
		buf_addf(out, "SUB t%u 1\r\n", t->topic);
	buf_adds(out, "PING\r\n");
}

static bool is(const char *p, size_t n, const char *word)
{
	size_t len = strlen(word);

	return n >= len && memcmp(p, word, len) == 0;
}

static ssize_t take(struct talk *t, const char *p, size_t n, enum heard *heard, struct str *event,
	struct buf *out)
{
	const char *end = memchr(p, '\n', n), *size;
	size_t line, len;

	if (end == NULL)
		return 0;
	line = (size_t)(end + 1 - p);
	if (is(p, line, "MSG ")) {
		size = memrchr(p, ' ', line);
		len = strtoul(size + 1, NULL, 10);
		*event = (struct str){p + line, len};
		*heard = HEARD_EVENT;
		return n - line < len + 2 ? 0 : (ssize_t)(line + len + 2);
	}
	if (is(p, line, "PING")) {
		buf_adds(out, "PONG\r\n");
	} else if (is(p, line, "PONG")) {
		*heard = t->state == STATE_HEAD ? HEARD_READY : HEARD_SYNCED;
		t->state = STATE_OPEN;
	} else if (is(p, line, "-ERR")) {
		*heard = HEARD_REFUSED;
	}
	return (ssize_t)line;
}

static void publish(struct talk *t, uint32_t topic, struct str payload, struct buf *out)
{
	(void)t;
	buf_addf(out, "PUB t%u %zu\r\n", topic, payload.n);
	buf_addstr(out, payload);
	buf_adds(out, "\r\n");
}

static void ask_pong(struct talk *t, struct buf *out)
{
	(void)t;
	buf_adds(out, "PING\r\n");
}

const struct dialect dialect_nats = {"nats", begin, take, publish, ask_pong};
