/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "load/record.h"
#include "load/request.h"
#include "load/subscriber.h"
#include "load/worker.h"

/*
 * Server-Sent Events (WHATWG HTML, section 9.2). Not by rt-sub's parser, which copies each event:
 * here it is judged where it was read, so that receiving costs less than sending does. Lines may
 * end with LF or CRLF; a server that ends them with CR alone is not known to exist, and not
 * understood.
 */

/* An event so far; its fields point into the stream. */
struct event {
	struct str id;
	const char *data, *data_end;	/* from the first line of data to the last */
	bool odd;			/* it has a field that is none */
};

static void ask(struct subscriber *s)
{
	static const struct request r = {.accept = "text/event-stream"};

	request_send(s, &r);
}

/* The value of "name:value" or "name: value"; p == NULL: the line is another field. */
static struct str value_of(const char *line, const char *end, const char *name, size_t n)
{
	if ((size_t)(end - line) <= n || memcmp(line, name, n) != 0 || line[n] != ':')
		return STR_NULL;
	line += n + 1;
	if (line < end && *line == ' ')
		line++;
	return (struct str){line, (size_t)(end - line)};
}

/* What a server may say besides: the name of an event, a comment, a time to wait before coming back. */
static bool is_known(const char *line, const char *end)
{
	return *line == ':' || value_of(line, end, "event", 5).p != NULL ||
		value_of(line, end, "retry", 5).p != NULL;
}

static void take_line(struct event *e, const char *line, const char *end)
{
	struct str v = value_of(line, end, "data", 4);

	if (v.p != NULL) {
		if (e->data == NULL)
			e->data = v.p;
		e->data_end = end;
		return;
	}
	v = value_of(line, end, "id", 2);
	if (v.p != NULL)
		e->id = v;
	else if (!is_known(line, end))
		e->odd = true;
}

/* False: the connection is lost. */
static bool take_event(struct subscriber *s, const struct event *e, uint64_t now)
{
	if (e->odd)
		record_spoilt(s);
	if (e->data != NULL && !record_take(s, (struct str){e->data, (size_t)(e->data_end - e->data)},
			e->odd ? NULL : &e->id, now))
		return false;
	if (e->id.p == NULL)
		return true;
	s->conn.w->cursor = e->id;
	subscriber_ready(s, now);
	return true;
}

static size_t on_data(struct subscriber *s, struct str data, uint64_t now)
{
	const char *p = data.p, *end = p + data.n, *begin = p, *lf;
	struct event e = {0};

	while (p < end && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		const char *line_end = lf > p && lf[-1] == '\r' ? lf - 1 : lf;

		if (line_end > p) {
			take_line(&e, p, line_end);
		} else {
			if (!take_event(s, &e, now))
				return data.n;
			e = (struct event){0};
			begin = lf + 1;
		}
		p = lf + 1;
	}
	return (size_t)(begin - data.p);
}

static void on_head(struct subscriber *s, struct str head, uint64_t now)
{
	struct str type = answer_field(head, "Content-Type");

	if (type.n < 17 || memcmp(type.p, "text/event-stream", 17) != 0)
		subscriber_malformed(s, "the answer is no text/event-stream");
	else if (!s->conn.w->b->sub_is_rt)
		subscriber_ready(s, now);
	/* An rt-serve says with its first frame where the stream begins. */
}

const struct subscribe_ops subscribe_sse = {.ask = ask, .head = on_head, .data = on_data};
