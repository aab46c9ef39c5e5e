/* SPDX-License-Identifier: MIT */
#include "cmd/rt-pub/answer.h"

#include "tests/unit/tap.h"

static char seen[256];

static void on_refused(void *arg, uint64_t n, struct str error)
{
	size_t len = strlen(seen);

	(void)arg;
	snprintf(seen + len, sizeof(seen) - len, "%d:%.*s;", (int)n, (int)error.n, error.p);
}

static void test_summary(void)
{
	static const char *const bad[] = {
		"", "x", "[]", "{}", "{\"accepted\":1}", "{\"accepted\":-1,\"refused\":0}",
		"{\"accepted\":\"1\",\"refused\":0}", "{\"accepted\":1,\"refused\":0,\"errors\":{}}",
		"{\"accepted\":1,\"refused\":1,\"errors\":[{\"line\":\"1\",\"error\":\"x\"}]}",
		"{\"accepted\":1,\"refused\":1,\"errors\":[5]}", "{\"accepted\":1,\"refused\":0",
	};
	struct answer a;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		eq_num(answer_summary(str_of(bad[i]), &a, on_refused, NULL), -1, bad[i]);
	seen[0] = '\0';
	eq_num(answer_summary(STR_LIT("{\"accepted\":3,\"refused\":200,\"last\":\"5\",\"errors\":["
		"{\"line\":2,\"error\":\"a\\n\"},{\"error\":\"b\",\"line\":4}]}\n"), &a, on_refused, NULL),
		0, "a summary");
	ok(a.accepted == 3 && a.refused == 200, "its counts");
	eq_str(seen, "2:\"a\\n\";4:\"b\";", "its errors");
	eq_num(answer_summary(STR_LIT("{\"accepted\":3,\"refused\":0}"), &a, on_refused, NULL), 0,
		"errors may be absent");
}

static void test_event(void)
{
	struct str id, seq;

	eq_num(answer_event(STR_LIT("{\"id\":\"17\",\"seq\":4,\"ack\":\"synced\"}"), &id, &seq), 0, "an event");
	eq_bytes(id.p, id.n, "\"17\"", 4, "its id, raw");
	eq_bytes(seq.p, seq.n, "4", 1, "its seq");
	eq_num(answer_event(STR_LIT("{\"id\":null,\"seq\":null}"), &id, &seq), 0, "an ephemeral one");
	eq_bytes(id.p, id.n, "null", 4, "has null");
	eq_num(answer_event(STR_LIT("{\"id\":\"17\"}"), &id, &seq), 0, "a store that does not count");
	eq_bytes(seq.p, seq.n, "null", 4, "gives null");
	eq_num(answer_event(STR_LIT("{\"accepted\":1}"), &id, &seq), -1, "something else");
	eq_num(answer_event(STR_LIT("<html>"), &id, &seq), -1, "no JSON");
}

int main(void)
{
	test_summary();
	test_event();
	return tap_done();
}
