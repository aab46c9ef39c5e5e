/* SPDX-License-Identifier: MIT */
#include "store/cursor.h"

#include <stdlib.h>

#include "units.h"

bool cursor_parse(struct str text, uint64_t *order)
{
	uint64_t v = 0;

	if (text.p == NULL || text.n == 0 || text.n > CURSOR_DIGITS)
		return false;
	if (text.p[0] == '0' && text.n > 1)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(text.p[i] - '0');
	}
	*order = v;
	return true;
}

char *cursor_new(uint64_t order)
{
	char *text = malloc(21);

	if (text != NULL)
		text[units_format_u64(text, order)] = '\0';
	return text;
}

int cursor_compare(struct str a, struct str b)
{
	uint64_t x = 0, y = 0;

	cursor_parse(a, &x);
	cursor_parse(b, &y);
	return (x > y) - (x < y);
}
