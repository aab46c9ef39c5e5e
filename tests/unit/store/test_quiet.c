/* SPDX-License-Identifier: MIT */

/*
 * "Nothing new" without a read: whenever a store says so, a read must find neither event nor gap; and at
 * the end of the log of one's own topics it must say so, whatever else was written.
 */
#include <stdlib.h>

#include "helper_store.h"
#include "store/filter.h"
#include "tests/unit/tap.h"

#define T0 UINT64_C(1800000000000000)
#define ROUNDS 3000

static const char *const topics[] = {"a", "b/c", "b/d", "e"};
static const char *const filters[] = {"a", "b/c", "b/*", "**", "never", "a,b/d", "e,b/**", "never,e"};
static unsigned wrong, quiet, asked;

static bool is_quiet(struct store *s, const char *filter, const char *position, uint64_t *pos)
{
	struct read *r = helper_new_read(filter, READ_CURSOR, position);
	bool answer = store_is_quiet(s, r->filters, str_of(position), pos);

	read_free(r);
	return answer;
}

/* Ask for one of the filters after (position), and compare with what a read finds. */
static void compare(struct store *s, const char *filter, const char *position)
{
	struct read *r;
	uint64_t pos = 0;

	asked++;
	if (!is_quiet(s, filter, position, &pos))
		return;
	quiet++;
	r = helper_read(s, filter, READ_CURSOR, position);
	wrong += r->status != STORE_OK || r->n > 0 || r->ngaps > 0 || !r->at_end ||
		strcmp(r->start, position) != 0 || strcmp(r->end, position) != 0 || r->end_pos != pos;
	read_free(r);
}

/* Random appends, with a retention that drops most of what there was, and random questions. */
static void test_against_reads(const char *path)
{
	struct store_config c = helper_config(path);
	struct retention_rule rules[] = {
		{.pattern = STR_LIT("a"), .events = 3}, {.pattern = STR_LIT("b/*"), .events = 20},
	};
	uint64_t ids[64] = {0};
	unsigned nids = 0;
	struct store *s;

	c.rules = rules;
	c.nrules = 2;
	c.max_topics = 3;	/* empty ones are forgotten for others */
	helper_set_now_us(T0);
	c.now_us = helper_now_us;
	s = helper_open(&c);
	wrong = quiet = asked = 0;
	srand(7);
	for (int i = 0; i < ROUNDS; i++) {
		if (rand() % 4 == 0)
			ids[nids++ % 64] = helper_put(s, topics[rand() % 4], NULL, "1");
		helper_set_now_us(T0 + (uint64_t)i * 10);
		compare(s, filters[rand() % 8], helper_id(ids[rand() % 64] + (uint64_t)(rand() % 3)));
		compare(s, filters[rand() % 8], helper_id(ids[(nids + 63) % 64]));
	}
	ok(wrong == 0, "%s: a read finds nothing either, %u of %u times", path, quiet, asked);
	ok(quiet > ROUNDS / 4, "%s: it says so often", path);
	store_close(s);
}

static void test_end_of_log(const char *path)
{
	struct store_config c = helper_config(path);
	struct store *s = helper_open(&c);
	char mine[32];
	uint64_t pos = 0;

	snprintf(mine, sizeof(mine), "%s", helper_id(helper_put(s, "mine", NULL, "1")));
	helper_fill(s, "other", 50, false);
	ok(is_quiet(s, "mine", mine, &pos), "%s: others do not count", path);
	eq_num(pos, store_tail_pos(s), "up to the newest position");
	ok(is_quiet(s, "mine,never", mine, &pos), "nor does a topic that does not exist");
	ok(!is_quiet(s, "other", mine, &pos), "the others' topic has news");
	ok(!is_quiet(s, "**", mine, &pos), "so has a pattern");
	ok(!is_quiet(s, "mine", "x", &pos), "what is no cursor is not quiet");
	ok(!is_quiet(s, "mine", helper_id(T0 * 2), &pos), "nor is one ahead of the log");
	helper_put(s, "mine", NULL, "2");
	ok(!is_quiet(s, "mine", mine, &pos), "nor is anything once an event came");
	store_close(s);
}

int main(void)
{
	test_against_reads("memory:");
	test_against_reads(helper_path("quiet.db"));
	test_end_of_log("memory:");
	test_end_of_log(helper_path("end.db"));
	helper_remove_dir();
	return tap_done();
}
