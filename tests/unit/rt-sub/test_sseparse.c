/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "cmd/rt-sub/sseparse.h"
#include "tests/unit/tap.h"

#define LOG_MAX 65536

/* What the callbacks saw, as text: E[type|id or -|data] I[id] R[ms]. */
static char log_text[LOG_MAX];
static size_t log_len;
static int stop_with;

static void add(const char *p, size_t n)
{
	if (log_len + n < LOG_MAX) {
		memcpy(log_text + log_len, p, n);
		log_len += n;
		log_text[log_len] = '\0';
	}
}

static int on_event(void *arg, const struct sseparse_event *e)
{
	(void)arg;
	add("E[", 2);
	add(e->type.p, e->type.n);
	add(e->has_id ? "|+" : "|-", 2);
	add(e->last_id.p, e->last_id.n);
	add("|", 1);
	add(e->data.p, e->data.n);
	add("]", 1);
	return stop_with;
}

static int on_id_only(void *arg, struct str id)
{
	(void)arg;
	add("I[", 2);
	add(id.p, id.n);
	add("]", 1);
	return 0;
}

static void on_retry(void *arg, uint64_t ms)
{
	char text[32];

	(void)arg;
	add(text, (size_t)snprintf(text, sizeof(text), "R[%llu]", (unsigned long long)ms));
}

static const struct sseparse_ops ops = { on_event, on_id_only, on_retry };

/* Feed a copy of exactly (n) bytes, so that a read past them is noticed by a sanitizer. */
static int feed(struct sseparse *s, const char *p, size_t n)
{
	char *copy = malloc(n > 0 ? n : 1);
	int r;

	memcpy(copy, p, n);
	r = sseparse_feed(s, (struct str){copy, n});
	free(copy);
	return r;
}

static void begin(struct sseparse *s, size_t max)
{
	log_len = 0;
	log_text[0] = '\0';
	sseparse_init(s, &ops, NULL, max);
}

static bool split_at(const char *in, size_t n, size_t at, const char *want)
{
	struct sseparse s;
	bool same;

	begin(&s, 1000);
	same = feed(&s, in, at) == 0 && feed(&s, in + at, n - at) == 0;
	same = same && strcmp(log_text, want) == 0;
	if (!same)
		printf("#   split at %zu: %s\n", at, log_text);
	sseparse_fini(&s);
	return same;
}

static bool bytewise(const char *in, size_t n, const char *want)
{
	struct sseparse s;
	bool same = true;

	begin(&s, 1000);
	for (size_t i = 0; i < n; i++)
		same = feed(&s, in + i, 1) == 0 && same;
	same = same && strcmp(log_text, want) == 0;
	if (!same)
		printf("#   byte by byte: %s\n", log_text);
	sseparse_fini(&s);
	return same;
}

static void check_n(const char *what, const char *in, size_t n, const char *want)
{
	struct sseparse s;
	bool same = true;

	begin(&s, 1000);
	ok(feed(&s, in, n) == 0, "%s: is taken", what);
	eq_str(log_text, want, what);
	sseparse_fini(&s);
	for (size_t at = 0; at <= n; at++)
		same = split_at(in, n, at, want) && same;
	ok(same, "%s: the same split at each byte", what);
	ok(bytewise(in, n, want), "%s: the same byte by byte", what);
}

#define CHECK(what, in, want) check_n(what, in, sizeof(in) - 1, want)

static void test_standard(void)
{
	/* The examples of the standard, 9.2.6. */
	CHECK("two lines of data", "data: YHOO\ndata: +2\ndata: 10\n\n", "E[message|-|YHOO\n+2\n10]");
	CHECK("comment, id, an id reset, a space kept",
		": test stream\n\ndata: first event\nid: 1\n\n"
		"data:second event\nid\n\ndata:  third event\n\n",
		"E[message|+1|first event]E[message|+|second event]E[message|-| third event]");
	CHECK("empty data", "data\n\ndata\ndata\n\ndata:\n", "E[message|-|]E[message|-|\n]");
	CHECK("with and without space", "data:test\n\ndata: test\n\n",
		"E[message|-|test]E[message|-|test]");
}

/* Events as rt-serve writes them are taken at once; whatever is not quite so is not. */
static void test_usual(void)
{
	CHECK("usual events", "id: 1763950000123456\ndata: {\"a\":1}\n\nid: 2\ndata: b\n\nid: 3\n\n",
		"E[message|+1763950000123456|{\"a\":1}]E[message|+2|b]I[3]");
	CHECK("two lines of data after an id", "id: 12345678\ndata: a\ndata: b\n\nid: 2\ndata: c\n\n",
		"E[message|+12345678|a\nb]E[message|+2|c]");
	CHECK("an id in the middle", "data: a\nid: 12345678\ndata: b\n\ndata: c\n\n",
		"E[message|+12345678|a\nb]E[message|-12345678|c]");
	CHECK("a type in front", "event: x\nid: 12345678\ndata: b\n\nid: 12345679\ndata: c\n\n",
		"E[x|+12345678|b]E[message|+12345679|c]");
	CHECK("two ids", "id: 12345678\nid: 12345679\ndata: b\n\ndata: c\n\n12345678",
		"E[message|+12345679|b]E[message|-12345679|c]");
	CHECK("data like an id", "data: id: 12345678\ndata: b\n\n12345678",
		"E[message|-|id: 12345678\nb]");
	CHECK("a type like an id", "event: id: 12345678\ndata: b\n\n12345678", "E[id: 12345678|-|b]");
	CHECK("an empty id first", "id: \ndata: a\n\n12345678", "E[message|+|a]");
	CHECK("CR in the data", "id: 12345678\ndata: a\rdata: b\n\nid: 2\ndata: c\n\n",
		"E[message|+12345678|a\nb]E[message|+2|c]");
	CHECK("CR in the id", "id: 1234\r5678\ndata: a\n\n12345678", "E[message|+1234|a]");
	CHECK("NUL in the id", "id: 1\n\nid: 12\0" "45678\ndata: a\n\n12345678", "I[1]E[message|-1|a]");
	CHECK("a tab and a space in the id", "id:  a\tb\ndata:  c\n\n12345678", "E[message|+ a\tb| c]");
	CHECK("an empty id, empty data", "id: 1\n\nid: \ndata: \n\ndata: b\n\n12345678",
		"I[1]E[message|+|]E[message|-|b]");
	CHECK("id without the space", "id:12345678\ndata: a\n\nid: 12345679\ndata:b\n\n12345678",
		"E[message|+12345678|a]E[message|+12345679|b]");
	CHECK("UTF-8 in the id", "id: \xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\ndata: a\n\n12345678",
		"E[message|+\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4|a]");
}

static void test_lines(void)
{
	CHECK("CRLF", "id: 1\r\ndata: a\r\n\r\ndata: b\r\n\r\n", "E[message|+1|a]E[message|-1|b]");
	CHECK("CR", "id: 1\rdata: a\r\rdata: b\r\r", "E[message|+1|a]E[message|-1|b]");
	CHECK("mixed", "data: a\r\n\ndata: b\n\r\ndata: c\r\r\n",
		"E[message|-|a]E[message|-|b]E[message|-|c]");
	CHECK("LF CR is two ends", "data: a\n\rdata: b\n\n", "E[message|-|a]E[message|-|b]");
	CHECK("unfinished event is dropped", "data: a\n\ndata: b\n", "E[message|-|a]");
	CHECK("unfinished line is dropped", "data: a\n\ndata: b", "E[message|-|a]");
	CHECK("empty lines alone", "\n\n\r\n\r\r", "");
}

static void test_bom(void)
{
	CHECK("one BOM is skipped", "\xEF\xBB\xBF" "data: a\n\n", "E[message|-|a]");
	CHECK("a second BOM is not", "\xEF\xBB\xBF\xEF\xBB\xBF" "data: a\n\ndata: b\n\n", "E[message|-|b]");
	CHECK("a BOM later is not", "data: a\n\n\xEF\xBB\xBF" "data: b\n\n", "E[message|-|a]");
	CHECK("half a BOM is text", "\xEF\xBB" "data: a\ndata: b\n\n", "E[message|-|b]");
	CHECK("BOM before CRLF", "\xEF\xBB\xBF\r\ndata: b\r\n\r\n", "E[message|-|b]");
}

static void test_fields(void)
{
	CHECK("type, for one event only", "event: add\ndata: 1\n\ndata: 2\n\n", "E[add|-|1]E[message|-|2]");
	CHECK("type without data is forgotten", "event: add\n\ndata: 2\n\n", "E[message|-|2]");
	CHECK("the last type counts", "event: a\nevent: b\ndata: 1\n\n", "E[b|-|1]");
	CHECK("unknown fields, and names in capitals",
		"foo: bar\nData: no\ndata : no\n data: no\ndata: x\n\n", "E[message|-|x]");
	CHECK("colons in a value", "data: a: b::\n\n", "E[message|-|a: b::]");
	CHECK("id persists", "id: 7\ndata: 1\n\ndata: 2\n\n", "E[message|+7|1]E[message|-7|2]");
	CHECK("id without data", "id: 7\n\ndata: 2\n\n", "I[7]E[message|-7|2]");
	CHECK("id with NUL is ignored", "id: 7\ndata: 1\n\nid: 8\0x\ndata: 2\n\nid: \0\n\n",
		"E[message|+7|1]E[message|-7|2]");
	CHECK("retry of digits", "retry: 10\nretry:0\nretry: 0020\n", "R[10]R[0]R[20]");
	CHECK("retry of anything else",
		"retry: 1s\nretry: -1\nretry:\nretry\nretry: 1 \nretry:  1\nretry: +1\n", "");
	CHECK("retry without bound", "retry: 99999999999999999999999\n", "R[86400000]");
}

static void test_limits(void)
{
	struct sseparse s;

	begin(&s, 10);
	ok(feed(&s, "data: 0123456789\n\n", 18) == 0, "an event of the limit");
	eq_str(log_text, "E[message|-|0123456789]", "comes whole");
	ok(feed(&s, "data: 0123456789x\n\n", 19) == -1 && errno == EMSGSIZE, "one byte more is too much");
	sseparse_fini(&s);

	begin(&s, 10);
	ok(feed(&s, "id: 1\ndata: 0123456789\n\n", 24) == 0 &&
		feed(&s, "id: 0123456789\ndata: a\n\n", 24) == 0, "an id and an event of the limit");
	eq_str(log_text, "E[message|+1|0123456789]E[message|+0123456789|a]", "come whole");
	ok(feed(&s, "id: 2\ndata: 0123456789x\n\n", 25) == -1 && errno == EMSGSIZE,
		"one byte more of the event is too much");
	sseparse_fini(&s);
	begin(&s, 10);
	ok(feed(&s, "id: 0123456789x\ndata: a\n\n", 26) == -1 && errno == EMSGSIZE, "or of the id");
	sseparse_fini(&s);

	begin(&s, 10);
	ok(feed(&s, "data: 01234\ndata: 56789\n", 24) == -1 && errno == EMSGSIZE,
		"so is one in several lines");
	sseparse_fini(&s);

	begin(&s, 10);
	ok(feed(&s, ":0123456789", 11) == 0 && feed(&s, "0123456789", 10) == 0 &&
		feed(&s, "0123456789", 10) == -1 && errno == EMSGSIZE, "a line that never ends");
	sseparse_fini(&s);

	begin(&s, 10);
	ok(feed(&s, "id: 0123456789\ndata: 1\n\n", 24) == 0, "an id of the limit");
	ok(feed(&s, "id: 0123456789x\ndata: 1\n\n", 25) == -1 && errno == EMSGSIZE,
		"one byte more is too much, where there is room for it, too");
	sseparse_fini(&s);
}

static void test_resume(void)
{
	struct sseparse s;

	begin(&s, 100);
	ok(sseparse_set_last_id(&s, STR_LIT("5")) == 0, "resume from 5");
	feed(&s, "data: 1\n\nid: 6\ndata: 2\n\n", 25);
	eq_str(log_text, "E[message|-5|1]E[message|+6|2]",
		"an event without id keeps it, one with id goes on");
	sseparse_fini(&s);
}

static void test_stop(void)
{
	struct sseparse s;

	begin(&s, 100);
	stop_with = 7;
	ok(feed(&s, "data: 1\n\ndata: 2\n\n", 18) == 7, "a callback stops the feed");
	eq_str(log_text, "E[message|-|1]", "at its event");
	stop_with = 0;
	sseparse_fini(&s);
}

/* A stream that ends lines with CR must not be searched for LF to its end at each line. */
static void test_many_cr(void)
{
	enum { N = 1 << 20 };
	char *in = malloc(N);
	struct sseparse s;

	memset(in, '\r', N);
	begin(&s, 100);
	ok(feed(&s, in, N) == 0, "a million empty lines ended by CR take no time");
	sseparse_fini(&s);
	free(in);
}

int main(void)
{
	test_standard();
	test_usual();
	test_lines();
	test_bom();
	test_fields();
	test_limits();
	test_resume();
	test_stop();
	test_many_cr();
	return tap_done();
}
