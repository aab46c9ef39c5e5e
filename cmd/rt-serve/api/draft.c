/* SPDX-License-Identifier: MIT */
#include "api/draft.h"

#include <stdlib.h>

#include "base64.h"
#include "envelope.h"
#include "topic.h"
#include "utf8.h"

static struct event *refuse(struct draft_error *err, unsigned status, const char *why)
{
	*err = (struct draft_error){.status = status, .why = why};
	return NULL;
}

static struct event *refuse_size(struct draft_error *err)
{
	return refuse(err, 413, "the event is over the server's limit (--max-event)");
}

static struct event *refuse_json(struct draft_error *err, enum json_status st, size_t at)
{
	refuse(err, 400, json_status_text(st));
	err->json = st;
	err->json_at = at + 1;
	return NULL;
}

static struct event *refuse_memory(struct draft_error *err)
{
	return refuse(err, 503, "the server is out of memory, try again");
}

const char *draft_topic(const struct config *c, struct str topic, unsigned *status)
{
	enum topic_status st = topic.n > c->max_topic ? TOPIC_TOO_LONG : topic_check(topic);

	*status = 400;
	if (st != TOPIC_OK)
		return topic_status_text(st);
	if (!topic_is_reserved(topic))
		return NULL;
	*status = 403;
	return "topics that begin with $ belong to the server; choose another name";
}

bool draft_name(struct str s)
{
	uint32_t cp;
	unsigned n;

	if (s.n > EVENT_NAME_MAX)
		return false;
	for (; s.n > 0; s = (struct str){s.p + n, s.n - n}) {
		n = utf8_decode(s.p, s.n, &cp);
		if (n == 0 || cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x2028 || cp == 0x2029)
			return false;
	}
	return true;
}

static struct event *make(const struct event_draft *e, struct draft_error *err)
{
	struct event *ev = event_new(e);

	return ev != NULL ? ev : refuse_memory(err);
}

static struct event_draft common(const struct draft *d)
{
	return (struct event_draft){
		.topic = d->topic,
		.type = d->type,
		.key = d->key,
		.from = d->from,
		.ephemeral = d->ephemeral,
	};
}

/** The value without line breaks and white space around it: itself if there are none. */
static struct str one_line(struct str value, char **copy)
{
	static const char white[] = " \t\r\n";

	*copy = NULL;
	while (value.n > 0 && memchr(white, value.p[0], 4) != NULL)
		value = (struct str){value.p + 1, value.n - 1};
	while (value.n > 0 && memchr(white, value.p[value.n - 1], 4) != NULL)
		value.n--;
	if (memchr(value.p, '\n', value.n) == NULL && memchr(value.p, '\r', value.n) == NULL)
		return value;
	*copy = malloc(value.n);
	if (*copy == NULL)
		return STR_NULL;
	return (struct str){*copy, json_one_line(*copy, value.p, value.n)};
}

static struct event *json_event(const struct config *c, const struct draft *d, struct str value,
	struct draft_error *err)
{
	struct event_draft e = common(d);
	struct event *ev;
	enum json_status st;
	char *copy;
	size_t at;

	if (value.n > c->max_event)
		return refuse_size(err);
	st = json_check_within(value.p, value.n, 1, &at);
	if (st != JSON_OK)
		return refuse_json(err, st, at);
	e.data = one_line(value, &copy);
	if (e.data.p == NULL)
		return refuse_memory(err);
	ev = make(&e, err);
	free(copy);
	return ev;
}

static struct event *text_event(const struct config *c, const struct draft *d, struct str value,
	struct draft_error *err)
{
	struct event_draft e = common(d);
	struct event *ev;
	struct buf quoted;

	if (value.n > c->max_event)
		return refuse_size(err);
	if (!utf8_valid(value.p, value.n))
		return refuse(err, 400, "the text is not UTF-8; send it as application/octet-stream");
	buf_init(&quoted, JSON_QUOTE_MAX(value.n));
	if (json_quote(&quoted, value) != 0) {
		buf_fini(&quoted);
		return refuse_memory(err);
	}
	/* escapes count: what goes out has the size that others may publish again */
	e.data = buf_str(&quoted);
	ev = e.data.n > c->max_event ? refuse_size(err) : make(&e, err);
	buf_fini(&quoted);
	return ev;
}

static struct event *bytes_event(const struct config *c, const struct draft *d, struct str value,
	struct draft_error *err)
{
	struct event_draft e = common(d);

	if (value.n > c->max_event)
		return refuse_size(err);
	e.bytes = value.p != NULL ? value : STR_LIT("");
	return make(&e, err);
}

/** A member that must be a string, decoded into (b). True if it is absent or fine. */
static bool text_member(struct buf *b, struct str raw, struct str *out)
{
	size_t at = b->len;

	if (raw.p == NULL)
		return true;
	if (json_type_of(raw) != JSON_STRING || json_unquote_add(b, raw) != 0)
		return false;
	*out = (struct str){(const char *)b->p + at, b->len - at};
	return true;
}

/** The event of bytes in base64, (raw), whose text goes into (text): some escape its "/". */
static struct event *base64_event(const struct config *c, struct event_draft *e, struct str raw,
	struct buf *text, struct draft_error *err)
{
	char *bytes;
	ssize_t n;

	if (!text_member(text, raw, &e->base64))
		return refuse(err, 400, "\"data_base64\" is a string");
	bytes = malloc(e->base64.n + 1);
	if (bytes == NULL)
		return refuse_memory(err);
	n = base64_decode(bytes, e->base64.p, e->base64.n);
	free(bytes);
	if (n < 0)
		return refuse(err, 400, "\"data_base64\" is not base64 (RFC 4648, section 4, with padding)");
	return (size_t)n > c->max_event ? refuse_size(err) : make(e, err);
}

static struct event *from_members(const struct config *c, const struct draft *d,
	const struct envelope *env, struct buf *text, struct draft_error *err)
{
	struct event_draft e = common(d);
	const char *wrong;
	unsigned status;

	if (!text_member(text, env->topic, &e.topic) || e.topic.p == NULL)
		return refuse(err, 400, "an envelope needs \"topic\", a string");
	wrong = draft_topic(c, e.topic, &status);
	if (wrong != NULL)
		return refuse(err, status, wrong);
	if (!text_member(text, env->type, &e.type) || !text_member(text, env->key, &e.key) ||
	    !draft_name(e.type) || !draft_name(e.key))
		return refuse(err, 400, "\"type\" and \"key\" must be strings of at most 255 bytes "
			"without control characters");
	if (env->data.p != NULL) {
		e.data = env->data;
		return e.data.n > c->max_event ? refuse_size(err) : make(&e, err);
	}
	if (env->data_base64.p == NULL)
		return refuse(err, 400, "an envelope needs \"data\" or \"data_base64\"");
	return base64_event(c, &e, env->data_base64, text, err);
}

static struct event *envelope_event(const struct config *c, const struct draft *d, struct str value,
	struct draft_error *err)
{
	struct envelope env;
	struct event *ev;
	struct buf text;
	char *copy;
	size_t at;
	enum json_status st = json_check(value.p, value.n, &at);

	if (st != JSON_OK)
		return refuse_json(err, st, at);
	value = one_line(value, &copy);
	if (value.p == NULL)
		return refuse_memory(err);
	/* Decoded text is never longer than the raw one: the buffer does not move under the slices. */
	buf_init(&text, value.n + 1);
	if (buf_reserve(&text, value.n + 1) != 0)
		ev = refuse_memory(err);
	else if (envelope_members(&env, value) != 0)
		ev = refuse(err, 400, "an envelope is a JSON object with \"topic\" and \"data\"");
	else if (env.gap.p != NULL && env.topic.p == NULL)
		ev = refuse(err, 400, "a gap record cannot be published");
	else
		ev = from_members(c, d, &env, &text, err);
	buf_fini(&text);
	free(copy);
	return ev;
}

struct event *draft_event(const struct config *c, const struct draft *d, struct str value,
	struct draft_error *err)
{
	switch (d->form) {
	case DRAFT_TEXT:
		return text_event(c, d, value, err);
	case DRAFT_BYTES:
		return bytes_event(c, d, value, err);
	case DRAFT_ENVELOPE:
		return envelope_event(c, d, value, err);
	case DRAFT_JSON:
		break;
	}
	return json_event(c, d, value, err);
}
