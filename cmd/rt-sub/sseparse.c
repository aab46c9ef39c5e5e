/* SPDX-License-Identifier: MIT */
#include "sseparse.h"

#include <errno.h>
#include <string.h>

/* What the longest field name, colon and space add to a value. */
#define FIELD_ROOM 16

#define RETRY_MAX_MS UINT64_C(86400000)

/* What sseparse.bom says once the place where a BOM may stand is behind us. */
#define BOM_PAST 4

static const char bom_bytes[3] = {'\xEF', '\xBB', '\xBF'};

void sseparse_init(struct sseparse *s, const struct sseparse_ops *ops, void *arg, size_t max)
{
	*s = (struct sseparse){.ops = ops, .arg = arg};
	buf_init(&s->line, max + FIELD_ROOM);
	buf_init(&s->data, max + 1);	/* every line of data brings an LF */
	buf_init(&s->type, max);
	buf_init(&s->id, max);
	buf_init(&s->last_id, max);
}

void sseparse_fini(struct sseparse *s)
{
	buf_fini(&s->line);
	buf_fini(&s->data);
	buf_fini(&s->type);
	buf_fini(&s->id);
	buf_fini(&s->last_id);
}

static int set(struct buf *b, struct str v)
{
	buf_reset(b);
	return buf_addstr(b, v);
}

int sseparse_set_last_id(struct sseparse *s, struct str id)
{
	if (set(&s->id, id) != 0)
		return -1;
	return set(&s->last_id, id);
}

/* A blank line: the end of an event. */
static int dispatch(struct sseparse *s)
{
	struct sseparse_event e;
	bool has_id = s->has_id;
	int r = 0;

	if (has_id && set(&s->last_id, buf_str(&s->id)) != 0)
		return -1;
	s->has_id = false;
	if (s->data.len > 0) {
		e.type = s->type.len > 0 ? buf_str(&s->type) : STR_LIT("message");
		e.data = (struct str){(const char *)s->data.p, s->data.len - 1};
		e.last_id = s->last_id.len > 0 ? buf_str(&s->last_id) : STR_LIT("");
		e.has_id = has_id;
		r = s->ops->event(s->arg, &e);
	} else if (has_id && s->ops->id_only != NULL) {
		r = s->ops->id_only(s->arg,
			s->last_id.len > 0 ? buf_str(&s->last_id) : STR_LIT(""));
	}
	buf_reset(&s->data);
	buf_reset(&s->type);
	return r;
}

static int field_data(struct sseparse *s, struct str v)
{
	if (buf_addstr(&s->data, v) != 0)
		return -1;
	return buf_addc(&s->data, '\n');
}

static int field_id(struct sseparse *s, struct str v)
{
	if (v.n > 0 && memchr(v.p, '\0', v.n) != NULL)
		return 0;
	if (set(&s->id, v) != 0)
		return -1;
	s->has_id = true;
	return 0;
}

static void field_retry(struct sseparse *s, struct str v)
{
	uint64_t ms = 0;

	if (v.n == 0)
		return;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return;
		if (ms < RETRY_MAX_MS)
			ms = ms * 10 + (uint64_t)(v.p[i] - '0');
	}
	if (s->ops->retry != NULL)
		s->ops->retry(s->arg, ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS);
}

static int line_done(struct sseparse *s, struct str line)
{
	struct str name = line, value = {line.p, 0};
	const char *colon;

	if (line.n == 0)
		return dispatch(s);
	colon = memchr(line.p, ':', line.n);
	if (colon == line.p)
		return 0;	/* a comment */
	if (colon != NULL) {
		name.n = (size_t)(colon - line.p);
		value.p = colon + 1;
		value.n = line.n - name.n - 1;
		if (value.n > 0 && value.p[0] == ' ') {
			value.p++;
			value.n--;
		}
	}
	if (str_is(name, "data"))
		return field_data(s, value);
	if (str_is(name, "id"))
		return field_id(s, value);
	if (str_is(name, "event"))
		return set(&s->type, value);
	if (str_is(name, "retry"))
		field_retry(s, value);
	return 0;
}

/* Give the line its last part. The usual line lies whole in the input and is not copied. */
static int line_ends(struct sseparse *s, struct str part)
{
	int r;

	if (s->line.len == 0) {
		if (part.n > s->line.max) {
			errno = EMSGSIZE;
			return -1;
		}
		return line_done(s, part);
	}
	if (buf_addstr(&s->line, part) != 0)
		return -1;
	r = line_done(s, buf_str(&s->line));
	buf_reset(&s->line);
	return r;
}

/* Swallow a BOM at the very beginning; bytes that turn out to be none start the first line. */
static int skip_bom(struct sseparse *s, struct str *in)
{
	while (in->n > 0 && s->bom < sizeof(bom_bytes) && in->p[0] == bom_bytes[s->bom]) {
		s->bom++;
		in->p++;
		in->n--;
	}
	if (s->bom < sizeof(bom_bytes)) {
		if (in->n == 0)
			return 0;
		if (buf_add(&s->line, bom_bytes, s->bom) != 0)
			return -1;
	}
	s->bom = BOM_PAST;
	return 0;
}

/*
 * The end of the line that begins at (p): the first CR or LF before (end), or NULL. (*lf) is the
 * next LF from an earlier call, so that a stream that ends its lines with CR is not searched
 * for LF to its end at each line.
 */
static const char *find_end(const char *p, const char *end, const char **lf)
{
	const char *cr;

	if (*lf < p) {
		*lf = memchr(p, '\n', (size_t)(end - p));
		if (*lf == NULL)
			*lf = end;
	}
	cr = memchr(p, '\r', (size_t)(*lf - p));
	if (cr != NULL)
		return cr;
	return *lf == end ? NULL : *lf;
}

int sseparse_feed(struct sseparse *s, struct str in)
{
	const char *p, *end, *stop, *lf;
	int r;

	if (s->bom != BOM_PAST && in.n > 0 && skip_bom(s, &in) != 0)
		return -1;
	if (in.n == 0)
		return 0;
	p = in.p;
	end = in.p + in.n;
	if (s->after_cr) {
		s->after_cr = false;
		if (*p == '\n')
			p++;
	}
	lf = p - 1;
	while (p < end && (stop = find_end(p, end, &lf)) != NULL) {
		struct str line = {p, (size_t)(stop - p)};

		p = stop + 1;
		if (*stop == '\r') {
			if (p == end)
				s->after_cr = true;
			else if (*p == '\n')
				p++;
		}
		r = line_ends(s, line);
		if (r != 0)
			return r;
	}
	return p < end ? buf_add(&s->line, p, (size_t)(end - p)) : 0;
}
