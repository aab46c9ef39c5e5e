/* SPDX-License-Identifier: MIT */
#include "libcommon/buf.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/unit/tap.h"

static void appending(void)
{
	struct buf b;

	buf_init(&b, 1000);
	ok(b.p == NULL && b.len == 0, "a new one has no memory");
	ok(buf_add(&b, NULL, 0) == 0 && b.p == NULL, "adding nothing allocates nothing");
	ok(buf_adds(&b, "one ") == 0 && buf_addc(&b, '2') == 0, "a string and a character");
	ok(buf_addstr(&b, STR_LIT(" three ")) == 0 && buf_addf(&b, "%d-%s", 4, "five") == 0, "formatted");
	eq_bytes(b.p, b.len, "one 2 three 4-five", 18, "all in order");
	eq_str(buf_cstr(&b), "one 2 three 4-five", "as a C string");
	eq_num(b.len, 18, "the NUL is not counted");
	buf_reset(&b);
	ok(b.len == 0 && b.p != NULL, "reset keeps the memory");
	buf_fini(&b);
	ok(b.p == NULL && b.cap == 0 && b.max == 1000, "fini leaves it empty and usable");
	ok(buf_addf(&b, "%s", "") == 0 && b.len == 0, "formatting nothing");
	eq_str(buf_cstr(&b), "", "an empty C string");
	buf_fini(&b);
}

static void maximum(void)
{
	struct buf b;

	for (size_t max = 0; max < 70; max += 3) {
		buf_init(&b, max);
		for (size_t i = 0; i < max; i++)
			if (buf_addc(&b, 'x') < 0)
				break;
		errno = 0;
		ok(b.len == max && buf_addc(&b, 'y') == -1 && errno == EMSGSIZE && b.len == max,
			"%zu bytes and not one more", max);
		errno = 0;
		ok(buf_addf(&b, "%d", 7) == -1 && errno == EMSGSIZE && b.len == max, "nor formatted");
		ok(buf_cstr(&b) != NULL && strlen(buf_cstr(&b)) == max, "but the NUL fits");
		ok(buf_reserve(&b, 0) == 0 && buf_reserve(&b, SIZE_MAX) == -1, "reserving");
		buf_fini(&b);
	}
	buf_init(&b, 10);
	ok(buf_adds(&b, "12345") == 0 && buf_adds(&b, "123456") == -1, "a string that is too long");
	eq_bytes(b.p, b.len, "12345", 5, "changes nothing");
	ok(buf_addf(&b, "%s", "67890") == 0, "exactly full by format");
	eq_bytes(b.p, b.len, "1234567890", 10, "whole");
	buf_fini(&b);
	buf_init(&b, SIZE_MAX);
	ok(buf_addc(&b, 'x') == 0 && buf_reserve(&b, SIZE_MAX - 1) == -1 && errno == ENOMEM,
		"more than there can be is ENOMEM");
	buf_fini(&b);
}

/* The same operations on a plain array must give the same bytes. */
static void against_model(void)
{
	static char model[300];
	size_t len = 0, next = 0, worst = 0;
	struct buf b;
	bool same = true;

	srand(1);
	buf_init(&b, sizeof(model));
	for (int i = 0; i < 20000 && same; i++) {
		size_t n = (size_t)rand() % 40;

		if (rand() % 2 == 0) {
			char piece[40];

			for (size_t j = 0; j < n; j++)
				piece[j] = (char)next++;
			same = buf_add(&b, piece, n) == (len + n <= sizeof(model) ? 0 : -1);
			if (len + n <= sizeof(model)) {
				memcpy(model + len, piece, n);
				len += n;
			}
		} else {
			if (n > len)
				n = len;
			buf_consume(&b, n);
			memmove(model, model + n, len - n);
			len -= n;
		}
		if (b.cap + b.skip > worst)
			worst = b.cap + b.skip;
		same = same && b.len == len && (len == 0 || memcmp(b.p, model, len) == 0);
	}
	ok(same, "20,000 random additions and consumptions");
	ok(worst <= 2 * sizeof(model) + 1, "never more memory than twice the maximum (%zu)", worst);
	buf_consume(&b, b.len);
	ok(b.len == 0 && b.skip == 0, "consumed whole: back to the front");
	buf_fini(&b);
}

/* A queue that stays nearly full must not move all of it for each byte. */
static void full_queue(void)
{
	struct buf b;
	size_t moves = 0;
	const uint8_t *last;

	buf_init(&b, 100000);
	while (b.len < 100000)
		buf_addc(&b, 'x');
	last = b.p;
	for (int i = 0; i < 100000; i++) {
		buf_consume(&b, 1);
		buf_addc(&b, 'x');
		moves += b.p != last + 1;
		last = b.p;
	}
	ok(moves < 10, "100,000 bytes through a full buffer move it %zu times", moves);
	buf_fini(&b);
}

int main(void)
{
	appending();
	maximum();
	against_model();
	full_queue();
	return tap_done();
}
