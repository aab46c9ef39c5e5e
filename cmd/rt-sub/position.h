/* SPDX-License-Identifier: MIT */
#ifndef RT_SUB_POSITION_H
#define RT_SUB_POSITION_H

/*
 * Where the subscriber stands: a cursor of the server's, or, on transports that send none with
 * an event, the id of the newest event. Both are opaque here; they only go back to the server
 * in different ways.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "str.h"

#define POSITION_MAX 1024	/* a cursor's limit */

struct position {
	bool is_id;		/* the id of an event */
	size_t len;		/* 0: none yet */
	char text[POSITION_MAX + 1];	/* ends in NUL */
};

/* Is there a control character among the eight bytes of (x)? */
static inline bool position_has_control(uint64_t x)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	uint64_t del = x ^ ones * 0x7f;

	return ((((x - ones * ' ') & ~x) | ((del - ones) & ~del)) & tops) != 0;
}

/** Could (text) be a position? It has to fit, and to pass as a header field and a C string. */
static inline bool position_accepts(struct str text)
{
	uint64_t x;

	if (text.n > POSITION_MAX)
		return false;
	for (; text.n >= sizeof(x); text.p += sizeof(x), text.n -= sizeof(x)) {
		memcpy(&x, text.p, sizeof(x));
		if (position_has_control(x))
			return false;
	}
	for (; text.n > 0; text.p++, text.n--)
		if ((unsigned char)*text.p < ' ' || *text.p == 0x7f)
			return false;
	return true;
}

/** Move to (text), which position_accepts; empty: to none. */
static inline void position_set(struct position *p, bool is_id, struct str text)
{
	p->is_id = is_id;
	p->len = text.n;
	if (text.n > 0)
		memcpy(p->text, text.p, text.n);
	p->text[text.n] = '\0';
}

static inline struct str position_str(const struct position *p)
{
	return (struct str){p->text, p->len};
}

/** Copies only what is used of it. */
static inline void position_copy(struct position *dst, const struct position *src)
{
	position_set(dst, src->is_id, position_str(src));
}

#endif
