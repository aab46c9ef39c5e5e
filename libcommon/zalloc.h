/* SPDX-License-Identifier: MIT */
#ifndef RT_ZALLOC_H
#define RT_ZALLOC_H

/*
 * calloc() for small things that come and go with each request: that of glibc never takes from the
 * cache of its thread, where free() puts them, and so costs several times as much as malloc().
 *
 * The compiler would make one calloc() of the two calls: it must not know that the bytes are those of
 * malloc().
 */
#include <stdlib.h>
#include <string.h>

static inline void *zalloc(size_t n)
{
	void *p = malloc(n);

	__asm__("" : "+r"(p));
	return p != NULL ? memset(p, 0, n) : NULL;
}

#endif
