/* SPDX-License-Identifier: MIT */
#include "chunked.h"

#define DIGITS_MAX 16

/* What lies between two chunks, if it is short: CRLF, up to six digits, CRLF. */
#define BETWEEN_MAX 10

void chunked_init(struct chunked *c)
{
	*c = (struct chunked){.state = CHUNKED_SIZE};
}

static inline int hex(char ch)
{
	unsigned digit = (unsigned char)ch - '0', letter = ((unsigned char)ch | 0x20U) - 'a';

	if (digit < 10)
		return (int)digit;
	return letter < 6 ? (int)letter + 10 : -1;
}

static inline void skip(struct str *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

/* Digits of the size; what follows them up to the end of the line are extensions. */
static int take_size(struct chunked *c, struct str *in)
{
	int digit;

	while (in->n > 0 && (digit = hex(*in->p)) >= 0) {
		if (c->digits++ == DIGITS_MAX)
			return -1;
		c->left = c->left << 4 | (unsigned)digit;
		skip(in, 1);
	}
	if (in->n == 0)
		return 0;
	if (c->digits == 0 || c->left > INT64_MAX)
		return -1;
	c->state = CHUNKED_REST;
	return 0;
}

static void take_rest(struct chunked *c, struct str *in)
{
	const char *lf = memchr(in->p, '\n', in->n);

	if (lf != NULL)
		c->state = c->left > 0 ? CHUNKED_DATA : CHUNKED_OVER;
	skip(in, lf != NULL ? (size_t)(lf + 1 - in->p) : in->n);
}

static void take_data(struct chunked *c, struct str *in, struct str *part)
{
	*part = *in;
	if (part->n >= c->left) {
		part->n = (size_t)c->left;
		c->state = CHUNKED_END;
	}
	c->left -= part->n;
	skip(in, part->n);
}

/* The CRLF behind a chunk. */
static int take_end(struct chunked *c, struct str *in)
{
	char ch = *in->p;

	skip(in, 1);
	if (ch == '\n')
		chunked_init(c);
	return ch == '\n' || ch == '\r' ? 0 : -1;
}

/*
 * All that usually lies between two chunks, at once: a stream has a chunk for each event. Where it is
 * otherwise, nothing is taken.
 */
static void take_between(struct chunked *c, struct str *in)
{
	const char *p = in->p, *end = p + BETWEEN_MAX - 2;
	uint64_t size = 0;
	int digit;

	if (in->n < BETWEEN_MAX || p[0] != '\r' || p[1] != '\n')
		return;
	for (p += 2; p < end && (digit = hex(*p)) >= 0; p++)
		size = size << 4 | (unsigned)digit;
	if (size == 0 || p[0] != '\r' || p[1] != '\n')
		return;
	skip(in, (size_t)(p + 2 - in->p));
	c->left = size;
	c->state = CHUNKED_DATA;
}

int chunked_next(struct chunked *c, struct str *in, struct str *part)
{
	if (c->state == CHUNKED_END)
		take_between(c, in);
	if (c->state == CHUNKED_DATA && in->n > 0) {
		take_data(c, in, part);
		return 1;
	}
	while (in->n > 0) {
		switch (c->state) {
		case CHUNKED_SIZE:
			if (take_size(c, in) != 0)
				return -1;
			break;
		case CHUNKED_REST:
			take_rest(c, in);
			break;
		case CHUNKED_DATA:
			take_data(c, in, part);
			return 1;
		case CHUNKED_END:
			if (take_end(c, in) != 0)
				return -1;
			break;
		case CHUNKED_OVER:
			in->n = 0;
			break;
		}
	}
	return 0;
}
