/* SPDX-License-Identifier: MIT */
#ifndef RT_TEST_HELPER_EXACT_H
#define RT_TEST_HELPER_EXACT_H

/* Bytes in an allocation of exactly their size, so that reading beyond them is found out. */
#include <stdlib.h>
#include <string.h>

static inline char *exact(const void *p, size_t n)
{
	char *copy = malloc(n);

	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

#endif
