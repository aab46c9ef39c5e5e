/* SPDX-License-Identifier: MIT */
#include "cmd/rt-sub/seqs.h"
#include "tests/unit/tap.h"

static uint64_t missing;

static enum seqs_result see(struct seqs *s, const char *topic, uint64_t seq)
{
	missing = 0;
	return seqs_see(s, str_of(topic), seq, &missing);
}

static void test_many(void)
{
	struct seqs *s = seqs_new();
	unsigned kept = 0, wrong = 0;
	char topic[32];

	for (unsigned round = 1; round <= 2; round++)
		for (unsigned i = 0; i < 10000; i++) {
			snprintf(topic, sizeof(topic), "topic/%u", i);
			wrong += see(s, topic, round) != SEQS_NEXT;
		}
	ok(wrong == 0, "ten thousand topics are told apart");
	for (unsigned i = 0; i < 10000; i++) {
		snprintf(topic, sizeof(topic), "topic/%u", i);
		kept += see(s, topic, 2) == SEQS_REPEATED;
	}
	ok(kept > 9900, "and remembered (%u)", kept);
	for (unsigned i = 0; i < 300000; i++) {
		snprintf(topic, sizeof(topic), "other/%u", i);
		see(s, topic, 5);
	}
	ok(see(s, "other/299999", 6) == SEQS_NEXT, "the newest of many more is");
	ok(see(s, "topic/0", 9) == SEQS_NEXT, "an old one is forgotten, and taken on trust");
	seqs_free(s);
}

int main(void)
{
	struct seqs *s = seqs_new();

	ok(see(s, "a", 7) == SEQS_NEXT, "the first may be any");
	ok(see(s, "a", 8) == SEQS_NEXT, "the next");
	ok(see(s, "b", 1) == SEQS_NEXT, "of another topic");
	ok(see(s, "a", 8) == SEQS_REPEATED && see(s, "a", 3) == SEQS_REPEATED, "repeated");
	ok(see(s, "a", 12) == SEQS_HOLE && missing == 3, "three are missing");
	ok(see(s, "a", 13) == SEQS_NEXT, "told once");
	seqs_forget(s, STR_LIT("a"));
	ok(see(s, "a", 1) == SEQS_NEXT && see(s, "b", 1) == SEQS_REPEATED, "one is forgotten");
	seqs_forget_all(s);
	ok(see(s, "a", 1) == SEQS_NEXT && see(s, "b", 1) == SEQS_NEXT, "all are forgotten");
	seqs_free(s);
	seqs_free(NULL);
	test_many();
	return tap_done();
}
