/* SPDX-License-Identifier: MIT */
#include "store/event.h"

#include <assert.h>
#include <stdlib.h>

#include "base64.h"
#include "hash.h"
#include "units.h"

/*
 * bytes[] holds, in this order:
 *
 *   copies   plain topic, type, key and from, each only if its JSON form had to be escaped
 *   head     room for {"id":…,"topic":…,"seq":…,"time":… written at commit, ending at the tail
 *   tail     ,"type":…,"key":…,"from":…,"data":…}
 *
 * Text that needed no escape is found inside of the envelope. Until the commit the topic stands in
 * the head at the leftmost place it may end up at, and json_at, json_len describe the tail alone.
 */
#define ID_OPEN "{\"id\":\""
#define ID_CLOSE "\","
#define TOPIC_OPEN "\"topic\":\""
#define SEQ_OPEN ",\"seq\":"
#define TIME_OPEN ",\"time\":\""
#define LEN(lit) (sizeof(lit) - 1)
#define U64_DIGITS 20
#define BEFORE_TOPIC (LEN(ID_OPEN) + EVENT_ID_MAX + LEN(ID_CLOSE) + LEN(TOPIC_OPEN))
#define AFTER_TOPIC (1 + LEN(SEQ_OPEN) + U64_DIGITS + LEN(TIME_OPEN) + UNITS_RFC3339_LEN + 1)
#define BYTES_MAX (UINT32_MAX / 2)

/* What malloc really takes for (n) bytes, near enough. */
#define ALLOCATION(n) (((n) + 8 + 15) & ~(size_t)15)

static bool must_escape(char c)
{
	return c == '"' || c == '\\' || (unsigned char)c < 0x20;
}

/* Length of (s) inside of a JSON string. */
static size_t escaped_len(struct str s)
{
	size_t n = s.n;

	for (size_t i = 0; i < s.n; i++) {
		if (must_escape(s.p[i]))
			n += (unsigned char)s.p[i] < 0x20 ? 5 : 1;
	}
	return n;
}

static char *escape(char *dst, struct str s)
{
	static const char digits[16] = "0123456789abcdef";
	unsigned char c;

	for (size_t i = 0; i < s.n; i++) {
		c = (unsigned char)s.p[i];
		if (!must_escape(s.p[i])) {
			*dst++ = s.p[i];
		} else if (c >= 0x20) {
			*dst++ = '\\';
			*dst++ = s.p[i];
		} else {
			memcpy(dst, "\\u00", 4);
			dst[4] = digits[c >> 4];
			dst[5] = digits[c & 15];
			dst += 6;
		}
	}
	return dst;
}

static char *put(char *dst, const char *p, size_t n)
{
	memcpy(dst, p, n);
	return dst + n;
}

#define PUT(dst, lit) put((dst), (lit), LEN(lit))

/* An optional text member, measured before it is written. */
struct member {
	struct str plain;
	size_t escaped;		/* length inside of the quotes */
};

static struct member measure(struct str s)
{
	return (struct member){s, s.p == NULL ? 0 : escaped_len(s)};
}

static size_t copy_size(const struct member *m)
{
	return m->escaped == m->plain.n ? 0 : m->plain.n;
}

static size_t tail_size(const struct member *m, size_t name)
{
	return m->plain.p == NULL ? 0 : LEN(",\"\":\"\"") + name + m->escaped;
}

static size_t data_size(const struct event_draft *d)
{
	if (d->data.p != NULL)
		return LEN(",\"data\":}") + d->data.n;
	return LEN(",\"data_base64\":\"\"}") + (d->base64.p != NULL ? d->base64.n :
		BASE64_ENCODED_LEN(d->bytes.n));
}

/* Write ,"name":"value" at (p), and say where the plain text is: in it, or in a copy at *copy. */
static char *put_member(struct event *e, char *p, char **copy, const struct member *m,
	const char *name, uint16_t *at)
{
	if (m->plain.p == NULL)
		return p;
	p = PUT(p, ",\"");
	p = put(p, name, strlen(name));
	p = PUT(p, "\":\"");
	if (copy_size(m) == 0) {
		*at = (uint16_t)(p - e->bytes);
		p = put(p, m->plain.p, m->plain.n);
	} else {
		*at = (uint16_t)(*copy - e->bytes);
		*copy = put(*copy, m->plain.p, m->plain.n);
		p = escape(p, m->plain);
	}
	*p++ = '"';
	return p;
}

static char *put_data(struct event *e, char *p, const struct event_draft *d)
{
	if (d->data.p != NULL) {
		p = PUT(p, ",\"data\":");
		e->data_at = (uint32_t)(p - e->bytes);
		p = put(p, d->data.p, d->data.n);
	} else {
		e->base64 = true;
		p = PUT(p, ",\"data_base64\":");
		e->data_at = (uint32_t)(p - e->bytes);
		*p++ = '"';
		if (d->base64.p != NULL)
			p = put(p, d->base64.p, d->base64.n);
		else
			p += base64_encode(p, d->bytes.p, d->bytes.n);
		*p++ = '"';
	}
	e->data_len = (uint32_t)(p - e->bytes) - e->data_at;
	*p++ = '}';
	return p;
}

static void set_fixed(struct event *e, const struct event_draft *d, size_t size)
{
	atomic_init(&e->refs, 1);
	e->size = (uint32_t)ALLOCATION(size);
	e->topic_hash = hash_bytes(d->topic.p, d->topic.n);
	e->topic_len = (uint8_t)d->topic.n;
	e->type_len = (uint8_t)d->type.n;
	e->key_len = (uint8_t)d->key.n;
	e->from_len = (uint8_t)d->from.n;
	e->has_type = d->type.p != NULL;
	e->has_key = d->key.p != NULL;
	e->has_from = d->from.p != NULL;
	e->ephemeral = d->ephemeral;
}

struct event *event_new(const struct event_draft *d)
{
	struct member topic = measure(d->topic), type = measure(d->type);
	struct member key = measure(d->key), from = measure(d->from);
	size_t copies = copy_size(&topic) + copy_size(&type) + copy_size(&key) + copy_size(&from);
	size_t tail_at = copies + BEFORE_TOPIC + topic.escaped + AFTER_TOPIC;
	size_t size = offsetof(struct event, bytes) + tail_at + tail_size(&type, LEN("type")) +
		tail_size(&key, LEN("key")) + tail_size(&from, LEN("from")) + data_size(d);
	struct event *e;
	char *p, *copy;

	if (size > BYTES_MAX)
		return NULL;
	e = malloc(size);
	if (e == NULL)
		return NULL;
	memset(e, 0, offsetof(struct event, bytes));
	set_fixed(e, d, size);
	copy = e->bytes;
	if (copy_size(&topic) > 0) {
		copy = put(copy, topic.plain.p, topic.plain.n);
	} else {
		e->topic_at = (uint16_t)(tail_at - AFTER_TOPIC - topic.plain.n);
		memcpy(e->bytes + e->topic_at, topic.plain.p, topic.plain.n);
	}
	p = e->bytes + tail_at;
	p = put_member(e, p, &copy, &type, "type", &e->type_at);
	p = put_member(e, p, &copy, &key, "key", &e->key_at);
	p = put_member(e, p, &copy, &from, "from", &e->from_at);
	p = put_data(e, p, d);
	e->json_at = (uint32_t)tail_at;
	e->json_len = (uint32_t)(p - e->bytes) - e->json_at;
	return e;
}

/* RFC 3339 text of (time_ms). Most events share their second with the one before. */
static const char *time_text(uint64_t time_ms)
{
	static _Thread_local uint64_t second = UINT64_MAX;
	static _Thread_local char text[UNITS_RFC3339_LEN];
	unsigned ms = (unsigned)(time_ms % 1000);

	if (time_ms / 1000 != second) {
		units_format_time(text, time_ms);
		second = time_ms / 1000;
	}
	text[20] = (char)('0' + ms / 100);
	text[21] = (char)('0' + ms / 10 % 10);
	text[22] = (char)('0' + ms % 10);
	return text;
}

static char *put_before(char *end, const char *p, size_t n)
{
	return memcpy(end - n, p, n);
}

#define PUT_BEFORE(end, lit) put_before((end), (lit), LEN(lit))

static char *put_seq_before(char *end, uint64_t seq)
{
	do {
		*--end = (char)('0' + seq % 10);
		seq /= 10;
	} while (seq > 0);
	return PUT_BEFORE(end, SEQ_OPEN);
}

static char *put_topic_before(struct event *e, char *end)
{
	struct str topic = event_topic(e);

	/* A copy of a topic is always the first; otherwise there is the room of an id before it. */
	if (e->topic_at == 0) {
		end -= escaped_len(topic);
		escape(end, topic);
		return end;
	}
	end -= topic.n;
	memmove(end, topic.p, topic.n);
	e->topic_at = (uint16_t)(end - e->bytes);
	return end;
}

void event_commit(struct event *e, struct str id, uint64_t seq, uint64_t time_ms)
{
	char *tail = e->bytes + e->json_at, *p = tail;

	assert(id.n <= EVENT_ID_MAX);
	e->seq = seq;
	e->time_ms = time_ms;
	*--p = '"';
	p = put_before(p, time_text(time_ms), UNITS_RFC3339_LEN);
	p = PUT_BEFORE(p, TIME_OPEN);
	if (seq > 0)
		p = put_seq_before(p, seq);
	*--p = '"';
	p = put_topic_before(e, p);
	p = PUT_BEFORE(p, TOPIC_OPEN);
	if (id.p != NULL) {
		p = PUT_BEFORE(p, ID_CLOSE);
		p = put_before(p, id.p, id.n);
		e->id_at = (uint32_t)(p - e->bytes);
		e->id_len = (uint8_t)id.n;
		p = PUT_BEFORE(p, ID_OPEN);
	} else {
		*--p = '{';
	}
	e->json_at = (uint32_t)(p - e->bytes);
	e->json_len += (uint32_t)(tail - p);
}

void event_ref(struct event *e)
{
	atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
}

void event_unref(struct event *e)
{
	if (atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(e->cursor);
	free(e);
}
