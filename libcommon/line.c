/* SPDX-License-Identifier: MIT */
#include "line.h"

#include <errno.h>
#include <string.h>

void line_init(struct line *l, size_t max)
{
	*l = (struct line){0};
	/* One more, for the CR of a CRLF whose LF comes with the next piece. */
	buf_init(&l->partial, max < SIZE_MAX ? max + 1 : max);
}

void line_fini(struct line *l)
{
	buf_fini(&l->partial);
}

static void skip_bytes(struct str *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

/* May (s), without the end of its line, still become a line that is short enough? */
static bool may_fit(const struct line *l, struct str s)
{
	return s.n < l->partial.max || (s.n == l->partial.max && s.p[s.n - 1] == '\r');
}

/* Account for a line that cannot be given out. */
static enum line_result drop(struct line *l, enum line_result why)
{
	buf_reset(&l->partial);
	l->number++;
	return why;
}

static enum line_result give(struct line *l, struct str s, struct str *out)
{
	if (s.n > 0 && s.p[s.n - 1] == '\r')
		s.n--;
	if (s.n >= l->partial.max)
		return drop(l, LINE_TOO_LONG);
	*out = s;
	/* If that lies in (partial): its bytes stay until something is added. */
	buf_reset(&l->partial);
	l->number++;
	return LINE_READY;
}

/* Add to the unfinished line. LINE_MORE if it went well. */
static enum line_result keep(struct line *l, struct str s)
{
	if (buf_addstr(&l->partial, s) < 0)
		return drop(l, errno == EMSGSIZE ? LINE_TOO_LONG : LINE_NOMEM);
	return LINE_MORE;
}

/* The input has no line end any more. */
static enum line_result keep_rest(struct line *l, struct str *input)
{
	struct str rest = *input;
	enum line_result r = LINE_MORE;

	skip_bytes(input, rest.n);
	if (l->skipping || rest.n == 0)
		return LINE_MORE;
	r = keep(l, rest);
	if (r == LINE_MORE && !may_fit(l, buf_str(&l->partial)))
		r = drop(l, LINE_TOO_LONG);
	l->skipping = r != LINE_MORE;
	return r;
}

enum line_result line_next(struct line *l, struct str *input, struct str *out)
{
	enum line_result r;
	struct str piece;
	const char *lf;

	for (;;) {
		lf = input->n > 0 ? memchr(input->p, '\n', input->n) : NULL;
		if (lf == NULL)
			return keep_rest(l, input);
		piece = (struct str){input->p, (size_t)(lf - input->p)};
		skip_bytes(input, piece.n + 1);
		if (!l->skipping)
			break;
		l->skipping = false;
	}
	if (l->partial.len == 0)
		return give(l, piece, out);
	r = keep(l, piece);
	return r == LINE_MORE ? give(l, buf_str(&l->partial), out) : r;
}

enum line_result line_end(struct line *l, struct str *out)
{
	struct str s = buf_str(&l->partial);

	l->skipping = false;
	if (s.n == 0)
		return LINE_MORE;
	if (s.n >= l->partial.max)
		return drop(l, LINE_TOO_LONG);
	*out = s;
	buf_reset(&l->partial);
	l->number++;
	return LINE_READY;
}
