/* SPDX-License-Identifier: MIT */

/*
 * The contract of store.h holds for a store with two ordering domains: nothing in it needs an id
 * to be a cursor, or cursors to be in one order.
 */
#include <stdlib.h>

#include "helper_store.h"
#include "helper_twodomain.h"
#include "tests/unit/tap.h"

static void is(char *got, const char *want, const char *what)
{
	eq_str(got, want, what);
	free(got);
}

static unsigned done;

static void count_done(struct read *r)
{
	(void)r;
	done++;
}

static void test_cursors(struct store *s)
{
	struct event *out[8];
	int n = store_tail(s, 0, out, 8);

	eq_num(n, 4, "the tail has all events, in the order they came");
	ok(n == 4 && str_is(event_id(out[2]), "a2") && str_is(event_cursor(out[2]), "2.1"),
		"id and cursor are two things");
	for (int i = 0; i < n; i++)
		event_unref(out[i]);
	eq_num(store_cursor_compare(s, STR_LIT("2.1"), STR_LIT("2.2")), -1, "a cursor is earlier");
	eq_num(store_cursor_compare(s, STR_LIT("3.1"), STR_LIT("2.1")), 1, "or later");
	eq_num(store_cursor_compare(s, STR_LIT("1.2"), STR_LIT("2.1")), -2, "or neither");
	ok(store_cursor_valid(s, STR_LIT("1.2")) && !store_cursor_valid(s, STR_LIT("a1")), "what one is");
}

static void test_reads(struct store *s)
{
	struct read *r;

	is(helper_all(s, "**", READ_ALL, NULL, 1), "1 2 3 4", "all, page by page");
	is(helper_all(s, "**", READ_CURSOR, "0.1", 1), "1 3 4", "each domain from its own position");
	is(helper_all(s, "**", READ_CURSOR, "2.0", 1), "2 4", "however they lie");
	is(helper_all(s, "b", READ_ALL, NULL, 1), "1 3", "one topic");
	is(helper_all(s, "**", READ_ID, "a2", 1), "4", "after an id");
	r = helper_new_read("**", READ_LAST, NULL);
	r->last = 2;
	helper_do(s, r);
	is(helper_rest(s, r), "3 4", "the newest two");
	read_free(r);
	r = helper_read(s, "**", READ_CURSOR, "9.9");
	ok(r->ngaps == 1 && r->n == 0, "ahead in any domain is a gap");
	read_free(r);
	twodomain_drop(s, 0, 1);
	r = helper_read(s, "**", READ_CURSOR, "0.1");
	ok(r->n == 2 && r->ngaps == 1 && str_is(r->gaps[0].until, "1.1"), "a loss is in one domain");
	read_free(r);
}

static void test_held(struct store *s)
{
	struct read *r = helper_new_read("**", READ_CURSOR, "1.1");

	r->done = count_done;
	twodomain_hold(s, true);
	ok(!store_read(s, r) && done == 0, "a read may come later");
	eq_num(twodomain_finish(s, 5), 1, "when told");
	ok(done == 1 && r->n == 2 && r->at_end && r->end_pos == 4, "with the same result");
	read_free(r);
	twodomain_forget_tail(s, 2);
	eq_num(store_tail(s, 1, NULL, 0), -1, "the tail may have gone");
}

int main(void)
{
	struct store *s = twodomain_new();

	ok(twodomain_of(STR_LIT("b")) == 0 && twodomain_of(STR_LIT("a")) == 1, "topics have domains");
	helper_put(s, "b", NULL, "1");
	helper_put(s, "a", NULL, "2");
	helper_put(s, "b", NULL, "3");
	helper_put(s, "a", NULL, "4");
	test_cursors(s);
	test_reads(s);
	test_held(s);
	store_close(s);
	return tap_done();
}
