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

static void test_line(void)
{
	struct answer_line l;

	eq_num(answer_line(STR_LIT("{\"line\":2,\"id\":\"17\",\"seq\":4,\"ack\":\"synced\"}"), &l), 0,
		"an event");
	eq_num(l.n, 2, "its line");
	eq_bytes(l.id.p, l.id.n, "\"17\"", 4, "its id, raw");
	eq_bytes(l.seq.p, l.seq.n, "4", 1, "its seq");
	ok(l.error.p == NULL, "no error");
	eq_num(answer_line(STR_LIT("{\"line\":1,\"id\":null,\"seq\":null}"), &l), 0, "an ephemeral one");
	eq_bytes(l.id.p, l.id.n, "null", 4, "has null");
	eq_num(answer_line(STR_LIT("{\"line\":1,\"id\":\"17\"}"), &l), 0, "a store that does not count");
	eq_bytes(l.seq.p, l.seq.n, "null", 4, "gives null");
	eq_num(answer_line(STR_LIT("{\"line\":3,\"error\":\"no\"}"), &l), 0, "a refusal");
	eq_bytes(l.error.p, l.error.n, "\"no\"", 4, "says why");
	eq_num(answer_line(STR_LIT("{\"line\":3}"), &l), -1, "neither");
	eq_num(answer_line(STR_LIT("{\"id\":\"17\"}"), &l), -1, "no line");
	eq_num(answer_line(STR_LIT("<html>"), &l), -1, "no JSON");
}

int main(void)
{
	test_summary();
	test_line();
	return tap_done();
}
