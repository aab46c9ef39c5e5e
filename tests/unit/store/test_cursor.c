/* SPDX-License-Identifier: MIT */
#include "store/cursor.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/tap.h"

/* From memory of the exact size, so that a sanitizer sees a byte too many. */
static bool parse(const char *text, size_t n, uint64_t *order)
{
	char *copy = malloc(n == 0 ? 1 : n);
	bool good;

	memcpy(copy, text, n);
	good = cursor_parse((struct str){copy, n}, order);
	free(copy);
	return good;
}

/* Every length, and each digit at each place. */
static void test_numbers(void)
{
	bool good = true;

	for (size_t n = 1; n <= CURSOR_DIGITS; n++) {
		for (size_t at = 0; at < n; at++) {
			for (char digit = '0'; digit <= '9'; digit++) {
				char text[] = "734906152873490615";
				uint64_t order = 1;

				text[n] = '\0';
				text[at] = digit;
				if (at == 0 && digit == '0' && n > 1)
					good = good && !parse(text, n, &order);
				else
					good = good && parse(text, n, &order) &&
						order == strtoull(text, NULL, 10);
			}
		}
	}
	ok(good, "numbers of up to %d digits", CURSOR_DIGITS);
}

static void test_others(void)
{
	bool refused = true;
	uint64_t order;

	for (size_t n = 1; n <= CURSOR_DIGITS; n++) {
		for (size_t at = 0; at < n; at++) {
			for (int c = 0; c < 256; c++) {
				char text[] = "734906152873490615";

				text[at] = (char)c;
				if (c < '0' || c > '9')
					refused = refused && !parse(text, n, &order);
			}
		}
	}
	ok(refused, "no other byte, wherever it is");
	ok(!parse("", 0, &order) && !cursor_parse(STR_NULL, &order), "nothing is no cursor");
	ok(!parse("1234567890123456789", 19, &order), "nor is a longer number");
}

int main(void)
{
	test_numbers();
	test_others();
	return tap_done();
}
