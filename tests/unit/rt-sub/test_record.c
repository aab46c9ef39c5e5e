/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "cmd/rt-sub/record.h"
#include "tests/unit/tap.h"

static char *copy;

/* From exact-size memory, so that a read past the end is noticed. */
static bool parse(struct envelope *e, const char *text, bool whole)
{
	size_t n = strlen(text);

	free(copy);
	copy = malloc(n > 0 ? n : 1);
	memcpy(copy, text, n);
	return record_parse(e, (struct str){copy, n}, whole);
}

static void same(const char *text, const char *id, const char *topic, uint64_t seq)
{
	struct envelope e;

	for (int whole = 0; whole < 2; whole++) {
		ok(parse(&e, text, whole), "%s is a record", text);
		eq_bytes(e.id.p, e.id.n, id, id == NULL ? 0 : strlen(id), "its id");
		eq_bytes(e.topic.p, e.topic.n, topic, strlen(topic), "its topic");
		ok(record_seq(&e) == seq, "its seq");
		eq_bytes(e.line.p, e.line.n, text, strlen(text), "the line");
	}
}

int main(void)
{
	static const char usual[] =
		"{\"id\":\"17\",\"topic\":\"a/b\",\"seq\":3,\"time\":\"2025-11-24T02:06:40.123Z\",\"data\":1}";
	struct envelope e;
	char cut[sizeof(usual)];
	bool refused = true;

	same(usual, "\"17\"", "\"a/b\"", 3);
	same("{\"topic\":\"a\",\"time\":\"x\",\"data\":1}", NULL, "\"a\"", 0);
	same("{\"id\":\"p:1\",\"topic\":\"a\",\"time\":\"x\",\"data\":1}", "\"p:1\"", "\"a\"", 0);
	same("{\"data\":1,\"topic\":\"a\",\"seq\":9,\"id\":\"1\"}", "\"1\"", "\"a\"", 9);
	same("{\"id\":\"1\",\"topic\":\"a\\u0062\",\"seq\":9,\"time\":\"x\",\"data\":1}", "\"1\"", "\"a\\u0062\"", 9);
	same("{ \"id\":\"1\",\"topic\":\"a\",\"seq\":9,\"time\":\"x\",\"data\":1}", "\"1\"", "\"a\"", 9);

	for (size_t n = 0; n + 1 < sizeof(usual) - 1; n++) {
		memcpy(cut, usual, n);
		cut[n] = '\0';
		refused = refused && !parse(&e, cut, false) && !parse(&e, cut, true);
	}
	ok(refused, "cut anywhere it is none");
	ok(parse(&e, "{\"gap\":{\"topic\":\"a\"}}", false) && e.gap.p != NULL, "a gap is one");
	ok(!parse(&e, "{\"id\":\"1\"}", false) && !parse(&e, "[1]", false) && !parse(&e, "", false) &&
		!parse(&e, "{\"id\":\"1\",\"topic\":\"a\",\"seq\":,\"time\":\"x\"}", false), "others are not");

	parse(&e, "{\"topic\":\"a\",\"type\":\"d\\u006fne\"}", true);
	ok(record_is(e.type, "done") && !record_is(e.type, "don"), "a type with escapes");
	ok(record_is(e.topic, "a") && !record_is(e.key, "a"), "and without, and none");
	free(copy);
	return tap_done();
}
