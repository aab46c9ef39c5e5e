/* SPDX-License-Identifier: MIT */
#include "libcommon/line.h"

#include <stdlib.h>

#include "tests/unit/tap.h"

#define MAX 5

/* Write what comes out as text: "[line]" or "!" for one that is too long. */
static void drain(struct line *l, const char *p, size_t n, struct buf *log)
{
	char *exact = malloc(n > 0 ? n : 1);
	struct str in = {exact, n}, out;
	enum line_result r;

	if (n > 0)
		memcpy(exact, p, n);
	while ((r = line_next(l, &in, &out)) != LINE_MORE) {
		if (r == LINE_READY)
			buf_addf(log, "[%.*s]", (int)out.n, out.p);
		else
			buf_addc(log, '!');
	}
	if (in.n != 0)
		buf_adds(log, "(left over)");
	free(exact);
}

static void finish(struct line *l, struct buf *log)
{
	struct str out;

	switch (line_end(l, &out)) {
	case LINE_READY:
		buf_addf(log, "[%.*s", (int)out.n, out.p);
		break;
	case LINE_MORE:
		break;
	default:
		buf_addc(log, '!');
	}
	if (line_end(l, &out) != LINE_MORE)
		buf_adds(log, "(twice)");
}

/* The same by looking at the whole text at once. */
static void oracle(const char *p, size_t n, struct buf *log, uint64_t *lines)
{
	*lines = 0;
	while (n > 0) {
		const char *lf = memchr(p, '\n', n);
		size_t len = lf != NULL ? (size_t)(lf - p) : n, used = len + (lf != NULL);

		if (lf != NULL && len > 0 && p[len - 1] == '\r')
			len--;
		++*lines;
		if (len > MAX)
			buf_addc(log, '!');
		else
			buf_addf(log, lf != NULL ? "[%.*s]" : "[%.*s", (int)len, p);
		p += used;
		n -= used;
	}
}

static bool same(const struct buf *a, const struct buf *b)
{
	return str_eq(buf_str(a), buf_str(b));
}

/* Feed in pieces cut at (a) and (b). */
static bool cut_at(const char *p, size_t n, size_t a, size_t b, const struct buf *want, uint64_t lines)
{
	struct line l;
	struct buf got;
	bool good;

	buf_init(&got, 4096);
	line_init(&l, MAX);
	drain(&l, p, a, &got);
	drain(&l, p + a, b - a, &got);
	drain(&l, p + b, n - b, &got);
	finish(&l, &got);
	good = same(&got, want) && l.number == lines;
	line_fini(&l);
	buf_fini(&got);
	return good;
}

static bool all_cuts(const char *p, size_t n)
{
	struct buf want;
	uint64_t lines;
	bool good = true;

	buf_init(&want, 4096);
	oracle(p, n, &want, &lines);
	for (size_t a = 0; a <= n; a++)
		for (size_t b = a; b <= n; b++)
			good = good && cut_at(p, n, a, b, &want, lines);
	buf_fini(&want);
	return good;
}

static void texts(void)
{
	static const char *const texts[] = {"", "\n", "\r\n", "a", "a\nb", "a\r\nb\r\n",
		"\n\n\r\n\n", "12345\n", "12345\r\n", "123456\nx\n", "123456\r\nx", "12345\rx\ny\n",
		"12345\r", "\r", "a\rb\n", "a\r\r\n", "1234567890123\n\nok\n", "1234567890123",
		"\r\r\r\r\r\r\r\n\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ok(all_cuts(texts[i], strlen(texts[i])), "text %zu, in up to three pieces", i);
}

static void random_texts(void)
{
	unsigned wrong = 0;

	srand(1);
	for (int i = 0; i < 500; i++) {
		char text[24];
		size_t n = (size_t)rand() % sizeof(text);

		for (size_t j = 0; j < n; j++)
			text[j] = "\r\n\nabcd\0"[rand() % 8];
		wrong += !all_cuts(text, n);
	}
	eq_num(wrong, 0, "500 random texts, in up to three pieces");
}

static void not_copied(void)
{
	const char text[] = "one\r\ntwo\nthr";
	struct str in = {text, sizeof(text) - 1}, out;
	struct line l;

	line_init(&l, 100);
	ok(line_next(&l, &in, &out) == LINE_READY && out.p == text && out.n == 3, "a line in the input");
	ok(line_next(&l, &in, &out) == LINE_READY && out.p == text + 5 && out.n == 3, "and the next");
	ok(l.partial.p == NULL, "without any memory");
	ok(line_next(&l, &in, &out) == LINE_MORE && l.number == 2, "the rest waits");
	in = STR_LIT("ee\nfour\n");
	ok(line_next(&l, &in, &out) == LINE_READY, "completed");
	eq_bytes(out.p, out.n, "three", 5, "from both pieces");
	eq_num(l.number, 3, "its number");
	ok(line_next(&l, &in, &out) == LINE_READY && str_is(out, "four"), "and what follows it");
	line_fini(&l);
}

int main(void)
{
	texts();
	random_texts();
	not_copied();
	return tap_done();
}
