/* SPDX-License-Identifier: MIT */
#ifndef RT_BUF_H
#define RT_BUF_H

/*
 * A growable run of bytes with a maximum that is set once, so that nothing a peer sends can
 * grow without bound. Bytes are appended at the end and consumed from the front.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "str.h"

struct buf {
	uint8_t *p;	/* first unconsumed byte; NULL while nothing is allocated */
	size_t len;	/* unconsumed bytes */
	size_t cap;	/* bytes from p to the end of the allocation */
	size_t max;	/* len never exceeds this */
	size_t skip;	/* consumed bytes in front of p */
};

/** Make (b) empty, to hold at most (max) bytes. Allocates nothing. */
void buf_init(struct buf *b, size_t max);

/** Free the memory of (b), which stays usable and empty with the same maximum. */
void buf_fini(struct buf *b);

/** As buf_reserve, where there is no room yet. */
int buf_grow(struct buf *b, size_t n);

/**
 * Make room for (n) more bytes after b->p + b->len. Returns 0, or -1 with errno EMSGSIZE (over
 * the maximum) or ENOMEM. Pointers into (b) are invalid afterwards.
 */
static inline int buf_reserve(struct buf *b, size_t n)
{
	return n <= b->cap - b->len && n <= b->max - b->len ? 0 : buf_grow(b, n);
}

/** Append. Each returns 0, or -1 with errno as buf_reserve and (b) unchanged. */
int buf_add(struct buf *b, const void *p, size_t n);
int buf_addc(struct buf *b, char c);
static inline int buf_addstr(struct buf *b, struct str s) { return buf_add(b, s.p, s.n); }
static inline int buf_adds(struct buf *b, const char *s) { return buf_addstr(b, str_of(s)); }
int buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Drop the first (n) <= b->len bytes; moves memory only when that is cheap. */
void buf_consume(struct buf *b, size_t n);

/** Drop all bytes, keep the allocation. */
void buf_reset(struct buf *b);

/** The bytes of (b) as a NUL-terminated string (the NUL is not counted); NULL without memory. */
const char *buf_cstr(struct buf *b);

static inline struct str buf_str(const struct buf *b)
{
	return (struct str){(const char *)b->p, b->len};
}

#endif
