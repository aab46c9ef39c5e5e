/* SPDX-License-Identifier: MIT */
#ifndef RT_STR_H
#define RT_STR_H

/*
 * A borrowed run of bytes: it owns nothing, need not end in NUL, and is valid only as long as
 * the memory it points into. An absent value has p == NULL; an empty one has p != NULL, n == 0.
 */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

#define STR_NULL ((struct str){NULL, 0})
#define STR_LIT(s) ((struct str){(s), sizeof(s) - 1})

static inline struct str str_of(const char *s)
{
	return (struct str){s, s == NULL ? 0 : strlen(s)};
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_is(struct str a, const char *s)
{
	return str_eq(a, str_of(s));
}

#endif
