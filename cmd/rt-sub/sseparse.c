/* SPDX-License-Identifier: MIT */
#include "sseparse.h"

#include <endian.h>
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

static void swap(struct buf *a, struct buf *b)
{
	struct buf was = *a;

	*a = *b;
	*b = was;
}

/* A blank line: the end of an event. */
static int dispatch(struct sseparse *s)
{
	struct sseparse_event e = {0};
	bool has_id = s->has_id;
	int r = 0;

	if (has_id)
		swap(&s->last_id, &s->id);	/* which is set anew before it counts again */
	s->has_id = false;
	if (s->borrowed.p != NULL || s->data.len > 0) {
		e.type = s->type.len > 0 ? buf_str(&s->type) : STR_LIT("message");
		e.data = s->borrowed.p != NULL ? s->borrowed :
			(struct str){(const char *)s->data.p, s->data.len - 1};
		e.last_id = s->last_id.len > 0 ? buf_str(&s->last_id) : STR_LIT("");
		e.has_id = has_id;
		e.joined = s->borrowed.p == NULL;
		r = s->ops->event(s->arg, &e);
	} else if (has_id && s->ops->id_only != NULL) {
		r = s->ops->id_only(s->arg,
			s->last_id.len > 0 ? buf_str(&s->last_id) : STR_LIT(""));
	}
	s->borrowed = STR_NULL;
	buf_reset(&s->data);
	buf_reset(&s->type);
	return r;
}

static int add_data(struct sseparse *s, struct str v)
{
	if (buf_addstr(&s->data, v) != 0)
		return -1;
	return buf_addc(&s->data, '\n');
}

/* What was borrowed will not be there any more, or is not the only line. */
static int keep_borrowed(struct sseparse *s)
{
	struct str v = s->borrowed;

	s->borrowed = STR_NULL;
	return v.p != NULL ? add_data(s, v) : 0;
}

/* The usual event has one line of data, and its end is in the same input: it is not copied. */
static int field_data(struct sseparse *s, struct str v, bool stays)
{
	if (keep_borrowed(s) != 0)
		return -1;
	if (!stays || s->data.len > 0 || v.n >= s->data.max)
		return add_data(s, v);
	s->borrowed = v;
	return 0;
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

/* A whole line, which (stays) where it is until the input ends. */
static int line_done(struct sseparse *s, struct str line, bool stays)
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
		return field_data(s, value, stays);
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
		return line_done(s, part, true);
	}
	if (buf_addstr(&s->line, part) != 0)
		return -1;
	r = line_done(s, buf_str(&s->line), false);
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

/* The next CR and LF, (end) if there is none, as far as they were searched for. */
struct ends {
	const char *cr, *lf;
};

static const char *find(const char *p, const char *end, char c)
{
	const char *found = memchr(p, c, (size_t)(end - p));

	return found != NULL ? found : end;
}

/*
 * The end of the line that begins at (p): the first CR or LF before (end), or (end). What an
 * earlier call found still holds if it is not behind us, so that a stream that ends its lines with
 * one of them is not searched to its end for the other at each line.
 */
static const char *find_end(const char *p, const char *end, struct ends *next)
{
	if (next->lf < p)
		next->lf = find(p, end, '\n');
	if (next->cr < p)
		next->cr = find(p, end, '\r');
	return next->cr < next->lf ? next->cr : next->lf;
}

/* The first control character from (p) on, or NULL if there is none eight bytes before (end). */
static const char *find_control(const char *p, const char *end)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	uint64_t x;

	for (; (size_t)(end - p) >= sizeof(x); p += sizeof(x)) {
		memcpy(&x, p, sizeof(x));
		x = le64toh(x);
		x = (x - ones * ' ') & ~x & tops;	/* the lowest bit is right */
		if (x != 0)
			return p + __builtin_ctzll(x) / 8;
	}
	return NULL;
}

/*
 * The usual event: an id and one line of data, whole before (end). Returns the place behind it, or
 * NULL: then it has to be taken line by line.
 */
static const char *usual_event(const char *p, const char *end, struct str *id, struct str *data)
{
	static const char id_is[4] = "id: ", data_is[7] = "\ndata: ";
	const char *stop;

	if ((size_t)(end - p) < sizeof(id_is) || memcmp(p, id_is, sizeof(id_is)) != 0)
		return NULL;
	p += sizeof(id_is);
	stop = find_control(p, end);	/* neither NUL nor CR */
	if (stop == NULL || (size_t)(end - stop) < sizeof(data_is) ||
	    memcmp(stop, data_is, sizeof(data_is)) != 0)
		return NULL;
	*id = (struct str){p, (size_t)(stop - p)};
	p = stop + sizeof(data_is);
	stop = memchr(p, '\n', (size_t)(end - p));
	if (stop == NULL || end - stop < 2 || stop[1] != '\n')
		return NULL;
	*data = (struct str){p, (size_t)(stop - p)};
	return memchr(p, '\r', data->n) == NULL ? stop + 2 : NULL;
}

/* Is nothing left of lines before, that what comes would belong to? */
static bool between_events(const struct sseparse *s)
{
	return s->line.len == 0 && s->borrowed.p == NULL && s->data.len == 0 && s->type.len == 0 &&
		!s->has_id;
}

static int set_last_id(struct sseparse *s, struct str id)
{
	if (id.n == 0 || id.n > s->last_id.cap || id.n > s->last_id.max)
		return set(&s->last_id, id);
	memcpy(s->last_id.p, id.p, id.n);
	s->last_id.len = id.n;
	return 0;
}

/* Take the usual event at *p. As sseparse_feed; where there is another one, *p stays where it is. */
static int take_usual(struct sseparse *s, const char **p, const char *end)
{
	struct sseparse_event e = {.type = STR_LIT("message"), .has_id = true};
	const char *next = usual_event(*p, end, &e.last_id, &e.data);

	if (next == NULL || !between_events(s) || e.data.n >= s->data.max)
		return 0;
	if (set_last_id(s, e.last_id) != 0)
		return -1;
	*p = next;
	return s->ops->event(s->arg, &e);
}

/* Take the line at *p. As sseparse_feed; without an end before (end) *p stays where it is. */
static int take_line(struct sseparse *s, const char **p, const char *end, struct ends *next)
{
	const char *stop = find_end(*p, end, next);
	struct str line = {*p, (size_t)(stop - *p)};

	if (stop == end)
		return 0;
	*p = stop + 1;
	if (*stop == '\r') {
		if (*p == end)
			s->after_cr = true;
		else if (**p == '\n')
			(*p)++;
	}
	return line_ends(s, line);
}

int sseparse_feed(struct sseparse *s, struct str in)
{
	const char *p, *end, *before = NULL;
	struct ends next;
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
	next.cr = next.lf = in.p - 1;
	while (p < end && p != before) {
		before = p;
		r = *p == 'i' ? take_usual(s, &p, end) : 0;
		if (r == 0 && p == before)
			r = take_line(s, &p, end, &next);
		if (r != 0)
			return r;
	}
	if (keep_borrowed(s) != 0)
		return -1;
	return p < end ? buf_add(&s->line, p, (size_t)(end - p)) : 0;
}
