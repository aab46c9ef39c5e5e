/* SPDX-License-Identifier: MIT */
#include "store/chunk.h"

#include <errno.h>
#include <stdlib.h>

#include "hash.h"
#include "units.h"

#define HAS_TYPE 1
#define HAS_KEY 2
#define HAS_FROM 4
#define IS_BASE64 8
#define VARINT_MAX 10

uint64_t chunk_sum(const struct chunk_row *row, const void *body, size_t len)
{
	/* Odd factors, so that no bit of any column is lost. */
	const uint64_t key[2] = {
		row->topic + row->last * UINT64_C(0x9e3779b97f4a7c15),
		row->first + row->upto * UINT64_C(0xd6e8feb86659fd93) + ((uint64_t)row->n << 32),
	};

	return hash_siphash13(key, body, len);
}

/* --- writing -------------------------------------------------------------------------------- */

static uint8_t *put_varint(uint8_t *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p++ = (uint8_t)v;
	return p;
}

static uint8_t *put_text(uint8_t *p, struct str s)
{
	p = put_varint(p, s.n);
	memcpy(p, s.p, s.n);
	return p + s.n;
}

static struct str stored_data(const struct event *e)
{
	struct str data = event_data(e);

	return e->base64 ? (struct str){data.p + 1, data.n - 2} : data;
}

int chunk_add(struct buf *body, const struct event *e, uint64_t before)
{
	struct str data = stored_data(e);
	size_t most = 7 * VARINT_MAX + e->type_len + e->key_len + e->from_len + data.n;
	uint8_t *p;

	if (buf_reserve(body, most) < 0)
		return -1;
	p = body->p + body->len;
	if (body->len == 0)
		p = put_varint(p, e->seq);
	*p++ = (uint8_t)((e->has_type ? HAS_TYPE : 0) | (e->has_key ? HAS_KEY : 0) |
		(e->has_from ? HAS_FROM : 0) | (e->base64 ? IS_BASE64 : 0));
	p = put_varint(p, e->order - before);
	if (e->has_type)
		p = put_text(p, event_type(e));
	if (e->has_key)
		p = put_text(p, event_key(e));
	if (e->has_from)
		p = put_text(p, event_from(e));
	p = put_text(p, data);
	body->len = (size_t)(p - body->p);
	return 0;
}

/* --- reading -------------------------------------------------------------------------------- */

/* What is left of a body. Running over its end sets (bad) and gives zeros from then on. */
struct scanner {
	const uint8_t *p, *end;
	bool bad;
};

static uint64_t get_varint(struct scanner *s)
{
	uint64_t v = 0;

	for (unsigned shift = 0; s->p < s->end && shift < 64; shift += 7) {
		v |= (uint64_t)(*s->p & 0x7F) << shift;
		if (*s->p++ < 0x80)
			return v;
	}
	s->bad = true;
	return 0;
}

static struct str get_text(struct scanner *s)
{
	uint64_t n = get_varint(s);
	struct str text = {(const char *)s->p, n};

	if (n > (size_t)(s->end - s->p)) {
		s->bad = true;
		return (struct str){"", 0};
	}
	s->p += n;
	return text;
}

static struct str get_name(struct scanner *s)
{
	struct str text = get_text(s);

	if (text.n > EVENT_NAME_MAX)
		s->bad = true;
	return text;
}

/* An event in a body; text points into it. */
struct item {
	uint64_t order;
	struct str type, key, from, data;
	bool base64;
};

static struct item get_item(struct scanner *s, uint64_t before)
{
	uint8_t flags = s->p < s->end ? *s->p++ : 0;
	struct item item = {.order = before + get_varint(s),
		.base64 = (flags & IS_BASE64) != 0};

	if (flags & HAS_TYPE)
		item.type = get_name(s);
	if (flags & HAS_KEY)
		item.key = get_name(s);
	if (flags & HAS_FROM)
		item.from = get_name(s);
	item.data = get_text(s);
	return item;
}

int chunk_init(struct chunk *c, const void *body, size_t len, uint64_t first, uint32_t n)
{
	struct scanner s = {body, (const uint8_t *)body + len, false};
	uint64_t order = first;

	*c = (struct chunk){.body = body, .len = len, .n = n};
	/* An event takes at least three bytes: so much a damaged number cannot ask for. */
	if (n == 0 || n > len / 3) {
		errno = EBADMSG;
		return -1;
	}
	c->marks = malloc(n * sizeof(*c->marks));
	if (c->marks == NULL)
		return -1;
	c->seq = get_varint(&s);
	for (uint32_t i = 0; i < n; i++) {
		c->marks[i].at = (uint32_t)(s.p - c->body);
		order = get_item(&s, order).order;
		c->marks[i].order = order;
	}
	if (s.bad || s.p != s.end) {
		chunk_fini(c);
		errno = EBADMSG;
		return -1;
	}
	return 0;
}

void chunk_fini(struct chunk *c)
{
	free(c->marks);
	c->marks = NULL;
}

static struct item item_at(const struct chunk *c, uint32_t i)
{
	struct scanner s = {c->body + c->marks[i].at, c->body + c->len, false};
	struct item item = get_item(&s, 0);

	item.order = c->marks[i].order;
	return item;
}

struct event *chunk_event(const struct chunk *c, uint32_t i, struct str topic)
{
	struct item item = item_at(c, i);
	struct event_draft d = {.topic = topic, .type = item.type, .key = item.key,
		.from = item.from};
	struct event *e;
	char id[20];

	if (item.base64)
		d.base64 = item.data;
	else
		d.data = item.data;
	e = event_new(&d);
	if (e == NULL)
		return NULL;
	e->order = item.order;
	event_commit(e, (struct str){id, units_format_u64(id, item.order)}, c->seq + i,
		item.order / 1000);
	return e;
}

uint64_t chunk_weight(const struct chunk *c, uint32_t i)
{
	struct item item = item_at(c, i);

	return 16 + item.type.n + item.key.n + item.from.n + item.data.n + (item.base64 ? 2 : 0);
}

uint32_t chunk_upto(const struct chunk *c, uint64_t order)
{
	uint32_t lo = 0, hi = c->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (c->marks[mid].order <= order)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}
