/* SPDX-License-Identifier: MIT */
#include "store/cursor.h"

#include <endian.h>
#include <stdlib.h>

#include "units.h"

/*
 * Their number, in three steps: neighbours become numbers of two digits, of four, of eight. False if
 * one is no digit: its high half is not 3, or becomes 4 when 6 is added.
 */
static bool eight_digits(const char *p, uint64_t *number)
{
	const uint64_t high = UINT64_C(0xf0f0f0f0f0f0f0f0), threes = UINT64_C(0x3030303030303030);
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	v = le64toh(v);
	if ((v & high) != threes || ((v + UINT64_C(0x0606060606060606)) & high) != threes)
		return false;
	v &= UINT64_C(0x0f0f0f0f0f0f0f0f);
	v = (v * 10 + (v >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
	v = (v * 100 + (v >> 16)) & UINT64_C(0x0000ffff0000ffff);
	*number = (v * 10000 + (v >> 32)) & UINT64_C(0xffffffff);
	return true;
}

bool cursor_parse(struct str text, uint64_t *order)
{
	uint64_t v = 0;
	size_t i = 0;

	if (text.p == NULL || text.n == 0 || text.n > CURSOR_DIGITS)
		return false;
	if (text.p[0] == '0' && text.n > 1)
		return false;
	for (uint64_t eight; text.n - i >= 8; i += 8) {
		if (!eight_digits(text.p + i, &eight))
			return false;
		v = v * 100000000 + eight;
	}
	for (; i < text.n; i++) {
		unsigned digit = (uint8_t)text.p[i] - '0';

		if (digit > 9)
			return false;
		v = v * 10 + digit;
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
