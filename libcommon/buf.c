/* SPDX-License-Identifier: MIT */
#include "buf.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 64

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void buf_fini(struct buf *b)
{
	if (b->p != NULL)
		free(b->p - b->skip);
	buf_init(b, b->max);
}

/* Move what is unconsumed to the front of the allocation. */
static void to_front(struct buf *b)
{
	uint8_t *base = b->p - b->skip;

	memmove(base, b->p, b->len);
	b->p = base;
	b->cap += b->skip;
	b->skip = 0;
}

/*
 * How much to allocate for (need) bytes: twice that, so that appending is linear in the end. A
 * buffer that was only appended to need not be larger than its maximum and a NUL; one that is
 * also consumed needs the slack, or each byte through a full one would move all of it.
 */
static size_t cap_for(const struct buf *b, size_t need)
{
	size_t cap = need > SIZE_MAX / 2 ? need : need * 2;

	if (b->skip == 0 && b->max < SIZE_MAX && cap > b->max + 1)
		cap = b->max + 1;
	if (cap < FIRST_CAP && b->max >= FIRST_CAP)
		cap = FIRST_CAP;
	return cap < need ? need : cap;
}

static int move_to_larger(struct buf *b, size_t need)
{
	size_t cap = cap_for(b, need);
	uint8_t *base;

	if (b->skip == 0) {
		base = realloc(b->p, cap);
		if (base == NULL)
			return -1;
	} else {
		base = malloc(cap);
		if (base == NULL)
			return -1;
		memcpy(base, b->p, b->len);
		free(b->p - b->skip);
	}
	b->p = base;
	b->cap = cap;
	b->skip = 0;
	return 0;
}

/* Room for (n) bytes that count, and (extra), 0 or 1, for a NUL that does not. */
static int make_room(struct buf *b, size_t n, size_t extra)
{
	size_t need;

	if (n > b->max - b->len) {
		errno = EMSGSIZE;
		return -1;
	}
	if (n > PTRDIFF_MAX - b->len - extra) {
		errno = ENOMEM;	/* no object can be so large */
		return -1;
	}
	need = b->len + n + extra;
	if (need <= b->cap)
		return 0;
	/* Moves at most as many bytes as were consumed since the last move. */
	if (b->skip >= b->len && need <= b->cap + b->skip) {
		to_front(b);
		return 0;
	}
	return move_to_larger(b, need);
}

int buf_grow(struct buf *b, size_t n)
{
	return make_room(b, n, 0);
}

int buf_add(struct buf *b, const void *p, size_t n)
{
	if (buf_reserve(b, n) < 0)
		return -1;
	if (n > 0)
		memcpy(b->p + b->len, p, n);
	b->len += n;
	return 0;
}

int buf_addc(struct buf *b, char c)
{
	if (buf_reserve(b, 1) < 0)
		return -1;
	b->p[b->len++] = (uint8_t)c;
	return 0;
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	size_t room = b->cap - b->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room > 0 ? (char *)b->p + b->len : NULL, room, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -1;
	if ((size_t)n >= room || (size_t)n > b->max - b->len) {
		if (make_room(b, (size_t)n, 1) < 0)
			return -1;
		va_start(ap, fmt);
		vsnprintf((char *)b->p + b->len, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	b->len += (size_t)n;
	return 0;
}

void buf_consume(struct buf *b, size_t n)
{
	assert(n <= b->len);
	if (n == b->len) {
		buf_reset(b);
		return;
	}
	b->p += n;
	b->len -= n;
	b->cap -= n;
	b->skip += n;
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	if (b->skip == 0)
		return;
	b->p -= b->skip;
	b->cap += b->skip;
	b->skip = 0;
}

const char *buf_cstr(struct buf *b)
{
	if (make_room(b, 0, 1) < 0)
		return NULL;
	b->p[b->len] = '\0';
	return (const char *)b->p;
}
