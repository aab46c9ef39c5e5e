/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "cmd/rt-sub/record.h"
#include "tests/unit/tap.h"

static char *copy;
static uint64_t got_seq;

/* From exact-size memory, so that a read past the end is noticed. */
static bool parse_after(struct record_memo *memo, struct envelope *e, const char *text, bool whole)
{
	size_t n = strlen(text);
	struct record r;
	bool is;

	free(copy);
	copy = malloc(n > 0 ? n : 1);
	memcpy(copy, text, n);
	is = record_parse(&r, (struct str){copy, n}, whole, memo);
	*e = r.envelope;
	got_seq = r.seq;
	return is;
}

static bool parse(struct envelope *e, const char *text, bool whole)
{
	return parse_after(NULL, e, text, whole);
}

static void same(const char *text, const char *id, const char *topic, uint64_t seq)
{
	struct envelope e;

	for (int whole = 0; whole < 2; whole++) {
		ok(parse(&e, text, whole), "%s is a record", text);
		eq_bytes(e.id.p, e.id.n, id, id == NULL ? 0 : strlen(id), "its id");
		eq_bytes(e.topic.p, e.topic.n, topic, strlen(topic), "its topic");
		ok(got_seq == seq, "its seq");
		eq_bytes(e.line.p, e.line.n, text, strlen(text), "the line");
	}
}

/* Whatever was remembered of the event before, what is found in the next one is the same. */
static void test_memo(void)
{
	static const char *const texts[] = {
		"{\"id\":\"17\",\"topic\":\"a/b\",\"seq\":3,\"time\":\"x\",\"data\":1}",
		"{\"id\":\"18\",\"topic\":\"a/b\",\"seq\":4,\"time\":\"x\",\"data\":1}",
		"{\"id\":\"18\",\"topic\":\"a/b\",\"seq\":4}",
		"{\"id\":\"18\",\"topic\":\"a/b\",\"seq\":4,\"time",
		"{\"id\":\"1\\\",\"topic\":\"a/b\",\"seq\":4,\"time\":\"x\"}",
		"{\"id\":\"\"1\",\"topic\":\"a/b\",\"seq\":4,\"time\":\"x\"}",
		"{\"id\":\"18\",\"topic\":\"a/c\",\"seq\":5,\"time\":\"x\"}",
		"{\"id\":\"118\",\"topic\":\"a/b\",\"seq\":5,\"time\":\"x\"}",
		"{\"id\":\"18\",\"topic\":\"a/b\",\"seq\":,\"time\":\"x\"}",
		"{\"id\":\"18\",\"topic\":\"a/b\",\"seq\":18446744073709551615,\"time\":\"x\"}",
		"{\"id\":\"18\",\"topic\":\"a/b\",\"seq\":18446744073709551616,\"time\":\"x\"}",
		"{\"id\":\"18\",\"topic\":\"a/b\",\"seq\":4.5,\"time\":\"x\"}",
		"{\"id\":\"18\",\"topic\":\"a/b\",\"sec\":4,\"time\":\"x\"}",
		"{\"id\":\"18\",\"tapic\":\"a/b\",\"seq\":4,\"time\":\"x\"}",
		"{\"id\":\"18\",\"topic\":\"a/b\",\"time\":\"x\"}",
		"{\"topic\":\"a/b\",\"time\":\"x\"}", "{\"id\":\"18", "{\"id\":\"", "{}", "",
	};
	const size_t n = sizeof(texts) / sizeof(texts[0]);
	struct envelope alone, after;
	uint64_t seq;
	bool same = true, is;

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++) {
			struct record_memo memo = {0};
			char id[32], topic[32];

			is = parse(&alone, texts[j], false);
			seq = got_seq;
			snprintf(id, sizeof(id), "%.*s", (int)alone.id.n, alone.id.p);
			snprintf(topic, sizeof(topic), "%.*s", (int)alone.topic.n, alone.topic.p);
			parse_after(&memo, &after, texts[i], false);
			if (parse_after(&memo, &after, texts[j], false) != is || (is && (got_seq != seq ||
			    !str_is(after.id, id) || !str_is(after.topic, topic)))) {
				printf("# %s after %s\n", texts[j], texts[i]);
				same = false;
			}
		}
	}
	ok(same, "an event after any other is read as if it were the first");
}

int main(void)
{
	static const char usual[] = "{\"id\":\"17\",\"topic\":\"a/b\",\"seq\":3,"
		"\"time\":\"2025-11-24T02:06:40.123Z\",\"data\":1}";
	struct envelope e;
	char cut[sizeof(usual)];
	bool refused = true;

	same(usual, "\"17\"", "\"a/b\"", 3);
	same("{\"topic\":\"a\",\"time\":\"x\",\"data\":1}", NULL, "\"a\"", 0);
	same("{\"id\":\"p:1\",\"topic\":\"a\",\"time\":\"x\",\"data\":1}", "\"p:1\"", "\"a\"", 0);
	same("{\"data\":1,\"topic\":\"a\",\"seq\":9,\"id\":\"1\"}", "\"1\"", "\"a\"", 9);
	same("{\"id\":\"1\",\"topic\":\"a\\u0062\",\"seq\":9,\"time\":\"x\",\"data\":1}", "\"1\"",
		"\"a\\u0062\"", 9);
	same("{\"id\":\"1\",\"topic\":\"a\",\"seq\":18446744073709551615,\"time\":\"x\",\"data\":1}", "\"1\"",
		"\"a\"", UINT64_MAX);
	same("{\"id\":\"1\",\"topic\":\"a\",\"seq\":18446744073709551617,\"time\":\"x\",\"data\":1}", "\"1\"",
		"\"a\"", 0);
	same("{\"id\":\"1\",\"topic\":\"a\",\"seq\":4.5,\"time\":\"x\",\"data\":1}", "\"1\"", "\"a\"", 0);
	same("{ \"id\":\"1\",\"topic\":\"a\",\"seq\":9,\"time\":\"x\",\"data\":1}", "\"1\"", "\"a\"", 9);

	for (size_t n = 0; n + 1 < sizeof(usual) - 1; n++) {
		memcpy(cut, usual, n);
		cut[n] = '\0';
		refused = refused && !parse(&e, cut, false) && !parse(&e, cut, true);
	}
	ok(refused, "cut anywhere it is none");
	ok(parse(&e, "{\"gap\":{\"topic\":\"a\"}}", false) && e.gap.p != NULL, "a gap is one");
	ok(!parse(&e, "{\"id\":\"1\"}", false) && !parse(&e, "[1]", false) && !parse(&e, "", false) &&
		!parse(&e, "{\"id\":\"1\",\"topic\":\"a\",\"seq\":,\"time\":\"x\"}", false),
		"others are not");

	parse(&e, "{\"topic\":\"a\",\"type\":\"d\\u006fne\"}", true);
	ok(record_is(e.type, "done") && !record_is(e.type, "don"), "a type with escapes");
	ok(record_is(e.topic, "a") && !record_is(e.key, "a"), "and without, and none");
	test_memo();
	free(copy);
	return tap_done();
}
