/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "load/publish.h"
#include "load/worker.h"

/*
 * One request without end: each line of its body is an event, each line of its answer says what
 * became of one. What is written at once is one chunk.
 */

/* Of fixed width, so that it can be filled in when the chunk is complete. */
#define CHUNK_HEAD "00000000\r\n"
#define CHUNK_DIGITS 8

/* So much, and the socket is to be written to first. */
#define OUT_ENOUGH (1u << 20)

static bool room(const struct publisher *p)
{
	return p->out.len < OUT_ENOUGH;
}

static int add(struct publisher *p, uint32_t topic, struct str payload)
{
	if (!p->request_open) {
		if (publish_begin(p, "?ack=lines") != 0 ||
				buf_adds(&p->out, "Transfer-Encoding: chunked\r\n\r\n") != 0)
			return -1;
		p->request_open = true;
	}
	if (p->pending++ == 0) {
		p->mark = p->out.len;
		if (buf_adds(&p->out, CHUNK_HEAD) != 0)
			return -1;
	}
	return publish_line(p, topic, payload);
}

static void seal(struct publisher *p)
{
	char digits[CHUNK_DIGITS + 1];
	size_t n;

	if (p->pending == 0)
		return;
	n = p->out.len - p->mark - strlen(CHUNK_HEAD);
	snprintf(digits, sizeof(digits), "%08zx", n);
	memcpy(p->out.p + p->mark, digits, CHUNK_DIGITS);
	p->pending = 0;
	if (buf_adds(&p->out, "\r\n") != 0)
		publisher_again(p, "out of memory");
}

static void finish(struct publisher *p)
{
	if (p->request_open && buf_adds(&p->out, "0\r\n\r\n") != 0)
		publisher_again(p, "out of memory");
}

/* Behind the number of its line, {"line":N,"id":… or {"line":N,"error":… go on. NULL: it was refused. */
static const char *accepted_as(const char *line, const char *end)
{
	static const char error[] = "\"error\"";

	line = memchr(line, ',', (size_t)(end - line));
	if (line == NULL)
		return NULL;
	line++;
	return (size_t)(end - line) >= sizeof(error) - 1 &&
		memcmp(line, error, sizeof(error) - 1) == 0 ? NULL : line;
}

static size_t on_data(struct publisher *p, struct str data, uint64_t now)
{
	const char *at = data.p, *end = at + data.n, *lf, *as;
	uint64_t accepted = 0;

	while (at < end && (lf = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		if ((as = accepted_as(at, lf)) != NULL) {
			publisher_named(p, accepted++, as, lf);
		} else {
			if (!publisher_accepted(p, accepted, now) ||
			    !publisher_refused(p, (struct str){at, (size_t)(lf - at)}))
				return data.n;
			accepted = 0;
		}
		at = lf + 1;
	}
	publisher_accepted(p, accepted, now);
	return (size_t)(at - data.p);
}

/* Either it was over, or the server wants no more in this request. */
static void on_end(struct publisher *p, struct str rest, uint64_t now)
{
	(void)rest;
	(void)now;
	if (p->refused)
		publish_refuse_all(p);
	if (conn_is_open(&p->conn) && !p->finished)
		publisher_again(p, NULL);
}

const struct publish_ops publish_lines = {
	.room = room,
	.add = add,
	.seal = seal,
	.finish = finish,
	.data = on_data,
	.end = on_end,
	.acknowledged = true,
};
