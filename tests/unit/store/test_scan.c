/* SPDX-License-Identifier: MIT */

/*
 * Patterns that match too many topics to be merged: all rows of the file are looked at, commit by
 * commit, in pages and with pauses. From whatever cursor, forwards and backwards, each wanted
 * event comes once and in order, though the rows of one commit overlap.
 */
#include <stdlib.h>

#include "helper_store.h"
#include "tests/unit/tap.h"

#define WANTED 150	/* topics w/N, more than are merged */
#define OTHERS 250	/* topics x/N */
#define EVENTS_MAX 100000
#define CURSORS 40
#define LARGE 9000	/* more than twice what is looked at at once */

static uint64_t orders[EVENTS_MAX];	/* of the wanted events */
static size_t norders;
static unsigned seed = 1;

static unsigned pick(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % n;
}

/* One commit of (n) events; (wanted) in a hundred are. */
static void commit(struct store *s, unsigned n, unsigned wanted)
{
	struct event *e[400];
	char topic[16];
	bool is_wanted;

	for (unsigned i = 0; i < n; i++) {
		is_wanted = pick(100) < wanted;
		snprintf(topic, sizeof(topic), "%c/%u", is_wanted ? 'w' : 'x',
			pick(is_wanted ? WANTED : OTHERS));
		e[i] = helper_event(topic, NULL, "1");
	}
	if (helper_append(s, e, n, NULL, NULL, NULL) != STORE_OK)
		abort();
	for (unsigned i = 0; i < n; i++) {
		if (event_topic(e[i]).p[0] == 'w')
			orders[norders++] = e[i]->order;
		event_unref(e[i]);
	}
}

/* Stretches with nothing that is wanted, longer than what is looked at at once, and others. */
static void fill(struct store *s)
{
	for (int stretch = 0; stretch < 3; stretch++) {
		for (int i = 0; i < 25; i++)
			commit(s, 400, 0);
		for (int i = 0; i < 200; i++)
			commit(s, 1 + pick(60), pick(40));
	}
}

/* Reads on to the end: is it orders[from], orders[from + 1], … to the last? */
static bool reads(struct store *s, struct read *r, size_t from)
{
	bool good = true;

	helper_do(s, r);
	for (;;) {
		good = good && r->status == STORE_OK && r->ngaps == 0 && r->n <= norders - from;
		for (size_t i = 0; good && i < r->n; i++)
			good = r->events[i]->order == orders[from++];
		if (!good || r->at_end)
			break;
		read_next(r);
		helper_do(s, r);
	}
	read_free(r);
	return good && from == norders;
}

static void test_forwards(struct store *s)
{
	unsigned bad = 0;
	size_t from;

	ok(reads(s, helper_new_read("w/*", READ_ALL, NULL), 0), "all that is wanted");
	for (int i = 0; i < CURSORS; i++) {
		from = pick((unsigned)norders);
		bad += !reads(s, helper_new_read("w/*", READ_CURSOR, helper_id(orders[from])), from + 1);
		bad += !reads(s, helper_new_read("w/*", READ_CURSOR, helper_id(orders[from] - 1)), from);
	}
	eq_num(bad, 0, "from any cursor, also in the middle of a commit, the identical rest");
}

/* The pauses are counted from the end, so let it be another one each time. */
static void test_backwards(struct store *s)
{
	unsigned bad = 0;
	struct read *r;

	for (int i = 0; i < CURSORS; i++) {
		commit(s, 1 + pick(60), pick(40));
		r = helper_new_read("w/*", READ_LAST, NULL);
		r->last = 1 + pick((unsigned)norders);
		bad += !reads(s, r, norders - r->last);
	}
	eq_num(bad, 0, "the newest so many");
}

/* One commit with more rows than are looked at at once: those that are wanted come last, or first. */
static void test_large_commit(bool last)
{
	struct store_config c = helper_config(helper_path(last ? "last.db" : "first.db"));
	static struct event *e[LARGE];
	struct store *s;
	struct read *r;
	char topic[16];

	c.memory_bytes = 1000;
	s = helper_open(&c);
	for (unsigned i = 0; i < LARGE; i++) {
		bool is_wanted = last ? i >= LARGE - WANTED : i < WANTED;

		snprintf(topic, sizeof(topic), "%c/%u", is_wanted ? 'w' : 'x', i);
		e[i] = helper_event(topic, NULL, "1");
	}
	if (helper_append(s, e, LARGE, NULL, NULL, NULL) != STORE_OK)
		abort();
	norders = 0;
	for (unsigned i = 0; i < LARGE; i++) {
		if (event_topic(e[i]).p[0] == 'w')
			orders[norders++] = e[i]->order;
		event_unref(e[i]);
	}
	ok(reads(s, helper_new_read("w/*", READ_ALL, NULL), 0), "all, %s in a large commit",
		last ? "last" : "first");
	r = helper_new_read("w/*", READ_LAST, NULL);
	r->last = WANTED - 1;
	ok(reads(s, r, 1), "the newest of them");
	store_close(s);
}

/* A server that ends before the rows of what was dropped could be deleted starts again. */
static void test_left_behind(void)
{
	const struct retention_rule rules[] = {{.pattern = STR_LIT("a"), .events = 1}};
	struct store_config c = helper_config(helper_path("left.db"));
	struct store *s = helper_open(&c);
	struct store_stats st;

	helper_fill(s, "a", LARGE, true);
	c.rules = rules;
	c.nrules = 1;
	store_reconfigure(s, &c);
	helper_put(s, "a", NULL, "\"newest\"");
	store_close(s);
	s = helper_open(&c);
	ok(helper_wait((store_stats(s, &st), st.events == 1)),
		"a start passes over many rows that are dropped already");
	store_close(s);
}

int main(void)
{
	struct store_config c = helper_config(helper_path("scan.db"));
	struct store *s;

	c.memory_bytes = 1000;
	s = helper_open(&c);
	fill(s);
	test_forwards(s);
	test_backwards(s);
	store_close(s);
	test_large_commit(true);
	test_large_commit(false);
	test_left_behind();
	helper_remove_dir();
	return tap_done();
}
