/* SPDX-License-Identifier: MIT */

/*
 * What is dropped, and how readers hear of it: for the memory store, for SQLite with its events in
 * memory, and with nearly all of them on disk only.
 */
#include <stdlib.h>

#include "helper_store.h"
#include "tests/unit/tap.h"

#define T0 UINT64_C(1800000000000000)
#define HOUR_US UINT64_C(3600000000)

static const char *variant;
static struct store_config config;

static bool is_memory(void)
{
	return strcmp(variant, "memory") == 0;
}

static struct store *open_empty(void)
{
	static unsigned n;
	char name[32];

	if (!is_memory()) {
		snprintf(name, sizeof(name), "retention%u.db", n++);
		config.path = helper_path(name);
	}
	return helper_open(&config);
}

static bool all_is(struct store *s, const char *filters, const char *want)
{
	char *got = helper_all(s, filters, READ_ALL, NULL, 100);
	bool same = strcmp(got, want) == 0;

	free(got);
	return same;
}

static uint64_t retained(struct store *s)
{
	struct store_stats st;

	store_stats(s, &st);
	return st.events;
}

static void reset_rules(void)
{
	config.rules = NULL;
	config.nrules = 0;
	config.max_age_ms = config.max_bytes = 0;
}

static void test_count(void)
{
	const struct retention_rule rules[] = {
		{.pattern = STR_LIT("keep/*")},
		{.pattern = STR_LIT("*/*"), .events = 3},
		{.pattern = STR_LIT("one"), .events = 1},
	};
	struct store *s;

	config.rules = rules;
	config.nrules = 3;
	s = open_empty();
	helper_fill(s, "a/b", 10, false);
	helper_fill(s, "keep/b", 10, false);
	helper_fill(s, "one", 2, true);
	helper_fill(s, "free", 10, true);
	ok(helper_wait(all_is(s, "a/b", "8 9 10")), "the newest three are kept");
	ok(helper_wait(all_is(s, "one", "2")), "the newest one");
	ok(all_is(s, "keep/b", "1 2 3 4 5 6 7 8 9 10"), "the first rule that matches counts");
	ok(all_is(s, "free", "1 2 3 4 5 6 7 8 9 10"), "without a rule all are kept");
	helper_put(s, "a/b", NULL, "11");
	ok(helper_wait(all_is(s, "a/b", "9 10 11")), "and it goes on");
	eq_num(retained(s), 24, "the figures follow");
	store_close(s);
	reset_rules();
}

static void test_bytes(void)
{
	const struct retention_rule rules[] = {{.pattern = STR_LIT("a"), .bytes = 100}};
	struct store *s;

	config.rules = rules;
	config.nrules = 1;
	s = open_empty();
	helper_fill(s, "a", 9, false);		/* 17 bytes each */
	ok(helper_wait(all_is(s, "a", "5 6 7 8 9")), "as many as there are bytes for");
	helper_put(s, "a", NULL, "\"12345678901234567890123456789012345678901234567890"
		"12345678901234567890123456789012345678901234567890\"");
	ok(helper_wait(retained(s) == 1), "but one in any case");
	store_close(s);
	reset_rules();
}

static void test_rule_age(void)
{
	const struct retention_rule rules[] = {{.pattern = STR_LIT("a"), .age_ms = HOUR_US / 1000}};
	struct store *s;

	helper_set_now_us(T0);
	config.now_us = helper_now_us;
	config.rules = rules;
	config.nrules = 1;
	s = open_empty();
	helper_fill(s, "a", 3, true);
	helper_fill(s, "b", 3, true);
	helper_set_now_us(T0 + HOUR_US / 2);
	helper_put(s, "a", NULL, "4");
	helper_set_now_us(T0 + HOUR_US + 100);
	ok(helper_wait(all_is(s, "a", "4")), "what is too old goes, without anybody writing");
	ok(all_is(s, "b", "1 2 3"), "of that topic only");
	helper_set_now_us(T0 + 2 * HOUR_US);
	ok(helper_wait(all_is(s, "a", "")), "in the end all of it");
	helper_put(s, "a", NULL, "5");
	ok(all_is(s, "a", "5"), "a new event");
	{
		struct read *r = helper_read(s, "a", READ_ALL, NULL);

		ok(r->n == 1 && r->events[0]->seq == 5, "continues the seq");
		read_free(r);
	}
	store_close(s);
	reset_rules();
	config.now_us = NULL;
}

static void test_age(void)
{
	struct store *s;

	helper_set_now_us(T0);
	config.now_us = helper_now_us;
	config.max_age_ms = HOUR_US / 1000;
	s = open_empty();
	helper_fill(s, "a", 300, true);
	helper_fill(s, "b", 300, false);
	helper_set_now_us(T0 + HOUR_US / 2);
	helper_fill(s, "c", 3, true);
	helper_set_now_us(T0 + HOUR_US + 10000);
	ok(helper_wait(retained(s) == 3), "what is too old goes in all topics");
	ok(all_is(s, "*", "1 2 3"), "the rest is there");
	store_close(s);
	reset_rules();
	config.now_us = NULL;
}

/* Who follows the tail sees what a rule drops in the same moment. */
static void test_tail(void)
{
	const struct retention_rule rules[] = {{.pattern = STR_LIT("a"), .events = 1}};
	struct event *out[20];
	struct store *s;
	int n;

	config.rules = rules;
	config.nrules = 1;
	s = open_empty();
	helper_fill(s, "a", 10, false);
	ok(helper_wait(retained(s) == 1), "one of ten is kept");
	n = store_tail(s, 0, out, 20);
	if (config.memory_bytes > 1000)
		eq_num(n, 10, "and ten are in the tail");
	for (int i = 0; i < n; i++)
		event_unref(out[i]);
	store_close(s);
	reset_rules();
}

/* Gaps: who was at (cursor) hears of what he missed, once. */
static void test_gaps(void)
{
	const struct retention_rule rules[] = {{.pattern = STR_LIT("a"), .events = 2}};
	struct store *s;
	uint64_t id[8];
	struct read *r;

	config.rules = rules;
	config.nrules = 1;
	s = open_empty();
	id[0] = helper_put(s, "b", NULL, "b1");
	for (int i = 1; i < 6; i++)
		id[i] = helper_put(s, "a", NULL, "1");
	id[6] = helper_put(s, "b", NULL, "b2");
	helper_wait(retained(s) == 4);
	r = helper_read(s, "b", READ_CURSOR, helper_id(id[0]));
	ok(r->ngaps == 0 && r->n == 1, "another topic's loss is none of mine");
	read_free(r);
	r = helper_read(s, "a,b", READ_CURSOR, helper_id(id[0]));
	ok(r->ngaps == 1 && r->n == 3, "a gap comes with what is left");
	if (r->ngaps == 1) {
		ok(str_is(r->gaps[0].topic, "a") && strcmp(r->gaps[0].reason, "retention") == 0,
			"of the filter");
		ok(str_is(r->gaps[0].after, helper_id(id[0])), "from the cursor");
		ok(str_is(r->gaps[0].until, helper_id(id[3])), "to the newest that was dropped");
	}
	read_free(r);
	r = helper_read(s, "**", READ_CURSOR, helper_id(id[2]));
	ok(r->ngaps == 1 && str_is(r->gaps[0].until, helper_id(id[3])), "patterns have gaps");
	read_free(r);
	r = helper_read(s, "a", READ_CURSOR, helper_id(id[3]));
	eq_num(r->ngaps, 0, "at the newest dropped event nothing is missing");
	read_free(r);
	r = helper_new_read("**", READ_CURSOR, helper_id(id[0]));
	r->max_events = 1;
	helper_do(s, r);
	eq_num(r->ngaps, 1, "in pages: the first one tells");
	read_next(r);
	free(r->position);
	r->position = strdup(helper_id(id[1]));
	helper_do(s, r);
	eq_num(r->ngaps, 0, "the next ones do not tell again");
	id[7] = helper_put(s, "a", NULL, "6");
	helper_wait(retained(s) == 4);
	read_next(r);
	free(r->position);
	r->position = strdup(helper_id(id[1]));
	helper_do(s, r);
	ok(r->ngaps == 1 && str_is(r->gaps[0].until, helper_id(id[4])),
		"but of what is dropped since they do");
	read_free(r);
	r = helper_read(s, "**", READ_ALL, NULL);
	eq_num(r->ngaps, 0, "who wants all there is has no gap");
	read_free(r);
	store_close(s);
	reset_rules();
}

/* Everything is gone: the cursor moves past the gap, so that it is told once. */
static void test_gap_to_the_end(void)
{
	struct store *s;
	uint64_t id;
	struct read *r;
	char *end;

	helper_set_now_us(T0);
	config.now_us = helper_now_us;
	config.max_age_ms = HOUR_US / 1000;
	s = open_empty();
	id = helper_put(s, "a", NULL, "1");
	helper_put(s, "a", NULL, "2");
	helper_set_now_us(T0 + 2 * HOUR_US);
	helper_wait(retained(s) == 0);
	r = helper_read(s, "a", READ_CURSOR, helper_id(id));
	ok(r->ngaps == 1 && r->n == 0 && r->at_end, "nothing but a gap");
	end = strdup(r->end);
	read_free(r);
	r = helper_read(s, "a", READ_CURSOR, end);
	ok(r->ngaps == 0, "which is not told again");
	eq_str(r->end, end, "and the cursor stays");
	read_free(r);
	free(end);
	for (int i = 0; i < 2; i++) {
		r = helper_read(s, i == 0 ? "a" : "*", READ_ALL, NULL);
		end = strdup(r->start);
		read_free(r);
		r = helper_read(s, i == 0 ? "a" : "*", READ_CURSOR, end);
		eq_num(r->ngaps, 0, "all there is begins after what was dropped");
		read_free(r);
		free(end);
	}
	store_close(s);
	reset_rules();
	config.now_us = NULL;
}

static void test_forgotten(void)
{
	const struct retention_rule rules[] = {{.pattern = STR_LIT("**"),
		.age_ms = HOUR_US / 1000}};
	struct store *s;
	uint64_t id;
	struct read *r;

	helper_set_now_us(T0);
	config.now_us = helper_now_us;
	config.rules = rules;
	config.nrules = 1;
	config.max_topics = 2;
	s = open_empty();
	id = helper_put(s, "a", NULL, "1");
	helper_put(s, "b", NULL, "1");
	ok(helper_put(s, "c", NULL, "1") == 0, "no room for a third topic");
	helper_set_now_us(T0 + 2 * HOUR_US);
	ok(helper_wait(retained(s) == 0), "all is dropped");
	ok(helper_put(s, "c", NULL, "1") != 0, "an empty topic makes room");
	ok(helper_put(s, "d", NULL, "1") != 0, "and another");
	ok(helper_put(s, "e", NULL, "1") == 0, "then none is left");
	r = helper_read(s, "a", READ_CURSOR, helper_id(id - 1));
	eq_num(r->ngaps, 1, "a cursor from before the forgotten topics has a gap");
	read_free(r);
	r = helper_read(s, "*", READ_CURSOR, helper_id(id - 1));
	eq_num(r->ngaps, 1, "with a pattern too");
	read_free(r);
	r = helper_read(s, "a", READ_NOW, NULL);
	eq_num(r->ngaps, 0, "not one from now");
	read_free(r);
	if (!is_memory()) {
		store_close(s);
		s = helper_open(&config);
		r = helper_read(s, "a", READ_CURSOR, helper_id(id - 1));
		eq_num(r->ngaps, 1, "also after a restart");
		read_free(r);
	}
	store_close(s);
	reset_rules();
	config.now_us = NULL;
	config.max_topics = 10000;
}

static void test_reconfigure(void)
{
	const struct retention_rule rules[] = {{.pattern = STR_LIT("a"), .events = 2}};
	struct store *s = open_empty();

	helper_fill(s, "a", 5, true);
	config.rules = rules;
	config.nrules = 1;
	eq_num(store_reconfigure(s, &config), 0, "new rules are taken over");
	ok(helper_wait(all_is(s, "a", "4 5")), "and hold for what is there");
	store_close(s);
	reset_rules();
}

/* --- one store only ------------------------------------------------------------------------- */

static void test_memory_budget(void)
{
	struct store_config c = helper_config("memory:");
	struct store_stats st;
	struct store *s;
	uint64_t first;
	struct read *r;

	c.memory_bytes = 100000;
	s = helper_open(&c);
	first = helper_put(s, "quiet", NULL, "1");
	helper_fill(s, "a", 1000, false);
	store_stats(s, &st);
	ok(st.memory_bytes <= 100000 && st.events < 1000 && st.events > 100,
		"memory stays in its budget");
	eq_num(st.expired, 1001 - st.events, "the oldest went");
	r = helper_read(s, "quiet", READ_CURSOR, helper_id(first - 1));
	ok(r->n == 0 && r->ngaps == 1, "which is told");
	read_free(r);
	store_close(s);
}

/* A rule that keeps little of a busy topic leaves the room to others. */
static void test_memory_holes(void)
{
	const struct retention_rule rules[] = {{.pattern = STR_LIT("busy"), .events = 1}};
	struct store_config c = helper_config("memory:");
	struct store *s;

	c.memory_bytes = 8 << 20;
	c.rules = rules;
	c.nrules = 1;
	s = helper_open(&c);
	helper_put(s, "quiet", NULL, "\"here\"");
	for (int i = 0; i < 100; i++)
		helper_fill(s, "busy", 1000, false);
	ok(all_is(s, "quiet", "\"here\""), "a quiet topic outlives the bytes of a busy one");
	ok(all_is(s, "busy", "1000"), "of which one is left");
	store_close(s);
}

/* Another log took the place of the one that a cursor is from, and nobody tells which it was. */
static void test_restart(const char *name, const char *path, const char *other)
{
	struct store_config c = helper_config(path);
	struct store *s = helper_open(&c);
	uint64_t id = helper_put(s, "a", NULL, "1");
	struct read *r;

	store_close(s);
	c.path = other;
	s = helper_open(&c);
	r = helper_read(s, "a", READ_ALL, NULL);
	ok(r->ngaps == 0, "%s: who wants all there is has no gap", name);
	read_free(r);
	helper_put(s, "a", NULL, "2");
	r = helper_read(s, "a", READ_CURSOR, helper_id(id));
	ok(r->n == 1 && r->ngaps == 1 && strcmp(r->gaps[0].reason, "restart") == 0,
		"%s: a cursor from before the log", name);
	ok(store_began_after(s, str_of(helper_id(id))) == (strcmp(other, "memory:") == 0) &&
		!store_began_after(s, str_of(r->end)),
		"%s: which store_began_after says of a store in memory, though it is another one", name);
	ok(r->ngaps == 1 && str_is(r->gaps[0].after, helper_id(id)) &&
		str_is(r->gaps[0].until, r->start),
		"%s: misses what was until then", name);
	read_free(r);
	store_close(s);
}

static void test_file_size(void)
{
	struct store_config c = helper_config(helper_path("size.db"));
	struct store_stats st;
	struct store *s;
	char data[1000];

	memset(data, '1', sizeof(data) - 1);
	data[sizeof(data) - 1] = '\0';
	c.max_bytes = 1 << 20;
	s = helper_open(&c);
	for (int k = 0; k < 8; k++) {
		struct event *e[500];

		for (int i = 0; i < 500; i++)
			e[i] = helper_event(i % 2 ? "a" : "b", NULL, data);
		helper_append(s, e, 500, NULL, NULL, NULL);
		for (int i = 0; i < 500; i++)
			event_unref(e[i]);
		ok(helper_wait(retained(s) < 1050), "the oldest go when the file is full");
	}
	store_stats(s, &st);
	ok(st.events > 500, "but not too many");
	store_close(s);
	s = helper_open(&c);
	store_stats(s, &st);
	ok(st.disk_bytes < 4 << 20, "and the file does not grow");
	store_close(s);
}

/* What was dropped stays dropped, also when only a part of a chunk was. */
static void test_reopen(void)
{
	const struct retention_rule rules[] = {{.pattern = STR_LIT("a"), .events = 3}};
	struct store_config c = helper_config(helper_path("reopen.db"));
	uint64_t id;
	struct read *r;
	struct store *s;

	c.rules = rules;
	c.nrules = 1;
	s = helper_open(&c);
	id = helper_put(s, "a", NULL, "0");
	helper_fill(s, "a", 10, false);
	ok(helper_wait(all_is(s, "a", "8 9 10")), "three are left");
	store_close(s);
	for (int i = 0; i < 2; i++) {
		c.memory_bytes = i == 0 ? 64 << 20 : 1;
		s = helper_open(&c);
		ok(helper_wait(all_is(s, "a", "8 9 10")), "after a restart too");
		r = helper_read(s, "a", READ_CURSOR, helper_id(id));
		ok(r->n == 3 && r->ngaps == 1 && r->events[0]->seq == 9, "the gap is still known");
		read_free(r);
		store_close(s);
	}
}

static void test_all(const char *name, uint64_t memory_bytes)
{
	printf("# %s\n", name);
	variant = name;
	config = helper_config("memory:");
	config.memory_bytes = memory_bytes;
	test_count();
	test_bytes();
	test_rule_age();
	test_age();
	test_tail();
	test_gaps();
	test_gap_to_the_end();
	test_forgotten();
	test_reconfigure();
}

int main(void)
{
	test_all("memory", 64 << 20);
	test_all("sqlite", 64 << 20);
	test_all("sqlite from disk", 1000);
	test_memory_budget();
	test_memory_holes();
	test_restart("memory", "memory:", "memory:");
	test_restart("sqlite", helper_path("first.db"), helper_path("second.db"));
	test_file_size();
	test_reopen();
	helper_remove_dir();
	return tap_done();
}
