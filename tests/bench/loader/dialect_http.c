/* SPDX-License-Identifier: MIT */
/* The floor, rt-serve and Nchan: Server-Sent Events or WebSocket one way, POST the other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "wire/frame.h"
#include "dialect.h"

#define MESSAGE_MAX (16u << 20)

static void post(struct buf *out, const char *path, uint32_t topic, struct str payload)
{
	buf_addf(out, "POST %st%u HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
		"Content-Length: %zu\r\n\r\n", path, topic, payload.n);
	buf_addstr(out, payload);
}

/* Bytes of the body behind the (n) bytes of an answer's head. */
static size_t body_length(const char *p, size_t n)
{
	static const char name[] = "\r\ncontent-length:";

	for (const char *at = p; (at = memmem(at, n - (size_t)(at - p), "\r\n", 2)) != NULL; at += 2)
		if (n - (size_t)(at - p) > sizeof(name) && strncasecmp(at, name, sizeof(name) - 1) == 0)
			return strtoul(at + sizeof(name) - 1, NULL, 10);
	return 0;
}

/* The whole answer to a POST. */
static ssize_t take_answer(const char *p, size_t n, enum heard *heard)
{
	int status;
	ssize_t head = dialect_take_head(p, n, &status);
	size_t body;

	if (head <= 0)
		return head;
	body = body_length(p, (size_t)head);
	if (n - (size_t)head < body)
		return 0;
	*heard = status >= 200 && status < 300 ? HEARD_ANSWER : HEARD_REFUSED;
	return head + (ssize_t)body;
}

static ssize_t take_opening(struct talk *t, const char *p, size_t n, int wanted, enum heard *heard)
{
	int status;
	ssize_t head = dialect_take_head(p, n, &status);

	if (head <= 0)
		return head;
	*heard = status == wanted ? HEARD_READY : HEARD_REFUSED;
	t->state = STATE_OPEN;
	return head;
}

/* Up to an empty line. Sizes of chunks are in it: they do no harm, as no payload looks like one. */
static ssize_t take_sse(struct talk *t, const char *p, size_t n, enum heard *heard, struct str *event,
	struct buf *out)
{
	const char *at = p, *end = p + n;

	(void)out;
	if (t->publishes)
		return take_answer(p, n, heard);
	if (t->state == STATE_HEAD)
		return take_opening(t, p, n, 200, heard);
	while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		at++;
		if (at == end || *at != '\n')
			continue;
		*heard = HEARD_EVENT;
		*event = (struct str){p, (size_t)(at - p)};
		return at + 1 - p;
	}
	return n > MESSAGE_MAX ? -1 : 0;
}

static ssize_t take_ws(struct talk *t, const char *p, size_t n, enum heard *heard, struct str *event,
	struct buf *out)
{
	struct frame f;
	ssize_t len;

	if (t->publishes)
		return take_answer(p, n, heard);
	if (t->state == STATE_HEAD)
		return take_opening(t, p, n, 101, heard);
	len = frame_parse(&f, p, n, MESSAGE_MAX);
	if (len <= 0)
		return len;
	if (f.opcode == FRAME_PING)
		dialect_frame(out, FRAME_PONG, f.payload);
	*heard = f.opcode == FRAME_CLOSE ? HEARD_REFUSED :
		f.opcode <= FRAME_BINARY ? HEARD_EVENT : HEARD_NOTHING;
	*event = f.payload;
	return len;
}

/* --- where they are ---------------------------------------------------------------------------- */

static void begin_sse(const struct talk *t, struct buf *out, const char *path)
{
	if (!t->publishes)
		buf_addf(out, "GET %st%u HTTP/1.1\r\nHost: 127.0.0.1\r\n"
			"Accept: text/event-stream\r\n\r\n", path, t->topic);
}

static void begin_ws(const struct talk *t, struct buf *out, const char *path)
{
	char where[32];

	snprintf(where, sizeof(where), "%st%u", path, t->topic);
	if (!t->publishes)
		dialect_ask_upgrade(out, where);
}

static void begin_sub_sse(struct talk *t, struct buf *out)
{
	begin_sse(t, out, "/sub/");
}

static void begin_sub_ws(struct talk *t, struct buf *out)
{
	begin_ws(t, out, "/sub/");
}

static void begin_topics_sse(struct talk *t, struct buf *out)
{
	begin_sse(t, out, "/topics/");
}

static void begin_topics_ws(struct talk *t, struct buf *out)
{
	begin_ws(t, out, "/topics/");
}

static void publish_pub(struct talk *t, uint32_t topic, struct str payload, struct buf *out)
{
	(void)t;
	post(out, "/pub/", topic, payload);
}

static void publish_topics(struct talk *t, uint32_t topic, struct str payload, struct buf *out)
{
	(void)t;
	post(out, "/topics/", topic, payload);
}

const struct dialect dialect_floor_sse = {"floor-sse", begin_sub_sse, take_sse, publish_pub, NULL};
const struct dialect dialect_floor_ws = {"floor-ws", begin_sub_ws, take_ws, publish_pub, NULL};
const struct dialect dialect_rt_sse = {"sse", begin_topics_sse, take_sse, publish_topics, NULL};
const struct dialect dialect_rt_ws = {"ws", begin_topics_ws, take_ws, publish_topics, NULL};
const struct dialect dialect_nchan_sse = {"nchan-sse", begin_sub_sse, take_sse, publish_pub, NULL};
const struct dialect dialect_nchan_ws = {"nchan-ws", begin_sub_ws, take_ws, publish_pub, NULL};
