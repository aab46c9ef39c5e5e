/* SPDX-License-Identifier: MIT */
#include "load/lines.h"

#include <string.h>

#include "load/record.h"

size_t lines_take(struct subscriber *s, struct str data, uint64_t now)
{
	const char *p = data.p, *end = p + data.n, *lf;

	while (p < end && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		if (lf - p > 1) {
			if (!record_take(s, (struct str){p, (size_t)(lf - p)}, NULL, now))
				return data.n;
			s->ngathered++;
		}
		p = lf + 1;
	}
	return (size_t)(p - data.p);
}
