/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "cmd/rt-sub/chunked.h"
#include "tests/unit/tap.h"

#define OUT_MAX 4096

static char out[OUT_MAX];
static size_t out_len;

/* Feed a copy of exactly (n) bytes, so that a read past them is noticed by a sanitizer. */
static int feed(struct chunked *c, const char *p, size_t n)
{
	char *copy = malloc(n > 0 ? n : 1);
	struct str in = {copy, n}, part;
	int r;

	memcpy(copy, p, n);
	while ((r = chunked_next(c, &in, &part)) > 0) {
		memcpy(out + out_len, part.p, part.n);
		out_len += part.n;
	}
	if (r == 0 && in.n != 0)
		r = -2;
	free(copy);
	return r;
}

/* Whole, split at each byte, and byte by byte: always (want), and (ends): -1 if it is malformed. */
static void check(const char *text, const char *want, int ends)
{
	size_t n = strlen(text);
	bool same = true;
	struct chunked c;
	int r;

	for (size_t at = 0; at <= n; at++) {
		out_len = 0;
		chunked_init(&c);
		r = feed(&c, text, at);
		if (r == 0)
			r = feed(&c, text + at, n - at);
		same = same && r == ends && out_len == strlen(want) && memcmp(out, want, out_len) == 0;
	}
	out_len = 0;
	chunked_init(&c);
	r = 0;
	for (size_t at = 0; at < n && r == 0; at++)
		r = feed(&c, text + at, 1);
	ok(same && r == ends && out_len == strlen(want) && memcmp(out, want, out_len) == 0, "%s", want);
}

int main(void)
{
	check("3\r\nabc\r\n0\r\n\r\n", "abc", 0);
	check("3\r\nabc\r\n4\r\ndefg\r\n10\r\n0123456789abcdef\r\nA\r\n0123456789\r\n0\r\n\r\n",
		"abcdefg0123456789abcdef0123456789", 0);
	check("3;name=\"value\"\r\nabc\r\n00004 \r\ndefg\r\n1\r\nx\r\n000\r\nX-Trailer: 1\r\n\r\n",
		"abcdefgx", 0);
	check("3\nabc\n2\nde\n0\n\n", "abcde", 0);
	check("5\r\n\r\n1\r\n\r\n2\r\n\r\n\r\n0\r\n\r\n", "\r\n1\r\n\r\n", 0);
	check("3\r\nabc\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n", "abc", 0);
	check("3\r\nab", "ab", 0);
	check("3\r\nabcX\r\n", "abc", -1);
	check("3\r\nabc\r\nx\r\nabc\r\nabcdefgh", "abc", -1);
	check("3\r\nabc\r\n\r\nabcdefghijk", "abc", -1);
	check("3\r\nabc\r\n-1\r\nabcdefghij", "abc", -1);
	check("\r\nabc", "", -1);
	check("00000000000000003\r\nabc", "", -1);
	check("8000000000000000\r\nabc", "", -1);
	check("7fffffffffffffff\r\nabc", "abc", 0);
	check("1\r\na\r\n123456789\r\nabcdefghij", "aabcdefghij", 0);
	return tap_done();
}
