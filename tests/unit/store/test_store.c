/* SPDX-License-Identifier: MIT */

/*
 * The contract of store.h, for both embedded stores: memory; SQLite with all events in memory, and
 * with a window so small that nearly every read comes from the disk.
 */
#include "store/store.h"

#include <stdlib.h>

#include "helper_store.h"
#include "tests/unit/tap.h"

static const char *variant;
static struct store_config config;

static struct store *open_empty(void)
{
	static unsigned n;
	char name[32];

	if (strcmp(variant, "memory") != 0) {
		snprintf(name, sizeof(name), "store%u.db", n++);
		config.path = helper_path(name);
	}
	return helper_open(&config);
}

static bool text_is(char *got, const char *want, const char *what)
{
	bool same = eq_str(got, want, what);

	free(got);
	return same;
}

static void test_append(void)
{
	struct store *s = open_empty();
	struct event *e[3] = {helper_event("a", NULL, "1"), helper_event("b", "k", "2"),
		helper_event("a", NULL, "3")};
	enum store_ack ack = STORE_ACK_REPLICATED;

	eq_num(helper_append(s, e, 3, NULL, NULL, &ack), STORE_OK, "a batch is taken");
	ok(ack == (strcmp(variant, "memory") == 0 ? STORE_ACK_MEMORY : STORE_ACK_WRITTEN),
		"the ack says what it is worth");
	ok(e[0]->order < e[1]->order && e[1]->order < e[2]->order, "ids increase over all topics");
	ok(e[0]->seq == 1 && e[1]->seq == 1 && e[2]->seq == 2, "seqs count within a topic");
	ok(e[0]->pos == 1 && e[2]->pos == 3 && store_tail_pos(s) == 3,
		"positions count in the tail");
	eq_num(e[2]->time_ms, e[2]->order / 1000, "the time is the id's");
	eq_num(helper_append(s, NULL, 0, NULL, NULL, NULL), STORE_OK, "an empty batch is fine");
	helper_wait(store_queued(s) == 0);
	eq_num(store_queued(s), 0, "nothing is queued");
	for (int i = 0; i < 3; i++)
		event_unref(e[i]);
	store_close(s);
}

static void test_every_member(void)
{
	struct store *s = open_empty();
	struct event_draft d[2] = {
		{.topic = STR_LIT("t\"x"), .type = STR_LIT(""), .key = STR_LIT("k\1"),
			.from = STR_LIT("ann"), .data = STR_LIT("{ \"a\":1}")},
		{.topic = STR_LIT("t\"x"), .bytes = {"\0\377", 2}},
	};
	struct event *e[2] = {event_new(&d[0]), event_new(&d[1])};
	struct read *r;

	helper_append(s, e, 2, NULL, NULL, NULL);
	helper_fill(s, "filler", 50, true);
	r = helper_read(s, "t\"x", READ_ALL, NULL);
	eq_num(r->n, 2, "both are read");
	for (int i = 0; i < 2 && r->n == 2; i++) {
		eq_bytes(event_json(r->events[i]).p, event_json(r->events[i]).n, event_json(e[i]).p,
			event_json(e[i]).n, "the envelope has the same bytes");
		ok(r->events[i]->seq == e[i]->seq && str_eq(event_key(r->events[i]),
			event_key(e[i])), "and members");
	}
	read_free(r);
	event_unref(e[0]);
	event_unref(e[1]);
	store_close(s);
}

static void test_reads(void)
{
	struct store *s = open_empty();
	uint64_t id[6];
	struct read *r;

	id[0] = helper_put(s, "a/1", NULL, "1");
	id[1] = helper_put(s, "b", NULL, "2");
	id[2] = helper_put(s, "a/2", NULL, "3");
	id[3] = helper_put(s, "a/1", NULL, "4");
	id[4] = helper_put(s, "$sys", NULL, "5");
	id[5] = helper_put(s, "c", NULL, "6");
	text_is(helper_all(s, "a/1", READ_ALL, NULL, 10), "1 4", "one topic");
	text_is(helper_all(s, "a/*", READ_ALL, NULL, 10), "1 3 4", "a pattern");
	text_is(helper_all(s, "**", READ_ALL, NULL, 10), "1 2 3 4 6",
		"all but what belongs to the server");
	text_is(helper_all(s, "**,$sys", READ_ALL, NULL, 10), "1 2 3 4 5 6", "and with it");
	text_is(helper_all(s, "a/**,a/1,**", READ_ALL, NULL, 10), "1 2 3 4 6", "overlaps deliver once");
	text_is(helper_all(s, "nobody", READ_ALL, NULL, 10), "", "an unknown topic is empty");
	text_is(helper_all(s, "**", READ_ID, helper_id(id[2]), 10), "4 6", "after an id");
	text_is(helper_all(s, "b,c", READ_CURSOR, helper_id(id[1]), 10), "6", "after a cursor");
	r = helper_new_read("**", READ_TIME, NULL);
	r->time_us = id[2];
	helper_do(s, r);
	text_is(helper_rest(s, r), "3 4 6", "from a time on, inclusive");
	read_free(r);
	for (unsigned n = 0; n < 8; n++) {
		static const char *const want[] = {"", "6", "4 6", "3 4 6", "2 3 4 6", "1 2 3 4 6",
			"1 2 3 4 6", "1 2 3 4 6"};

		r = helper_new_read("**", READ_LAST, NULL);
		r->last = n;
		r->max_events = 2;
		helper_do(s, r);
		text_is(helper_rest(s, r), want[n], "the newest few");
		ok(r->ngaps == 0, "without a gap");
		read_free(r);
	}
	r = helper_read(s, "**", READ_NOW, NULL);
	ok(r->n == 0 && r->at_end && r->end_pos == 6, "now is the end");
	eq_str(r->end, helper_id(id[5]), "its cursor is the tail's");
	eq_str(r->start, r->end, "and where it began");
	read_free(r);
	r = helper_read(s, "**", READ_CURSOR, "12x");
	eq_num(r->status, STORE_BAD_CURSOR, "no cursor");
	read_free(r);
	store_close(s);
}

/* A poll's ETag must not change before there is something new for its filters. */
static void test_stable_cursor(void)
{
	struct store *s = open_empty();
	struct read *r;
	char *end;

	helper_fill(s, "a", 3, true);
	r = helper_read(s, "a", READ_ALL, NULL);
	end = strdup(r->end);
	read_free(r);
	for (int i = 0; i < 3; i++) {
		helper_fill(s, "other", 30, true);
		r = helper_read(s, i == 0 ? "a" : i == 1 ? "a,none" : "a*,a", READ_CURSOR, end);
		ok(r->n == 0 && r->at_end, "nothing new in a");
		eq_str(r->end, end, "so its cursor stays");
		eq_num(r->end_pos, store_tail_pos(s), "complete up to the tail");
		read_free(r);
	}
	helper_put(s, "a", NULL, "4");
	r = helper_read(s, "a", READ_CURSOR, end);
	ok(r->n == 1 && strcmp(r->end, end) != 0, "then it moves");
	read_free(r);
	r = helper_read(s, "none", READ_ALL, NULL);
	free(end);
	end = strdup(r->end);
	read_free(r);
	helper_put(s, "a", NULL, "5");
	r = helper_read(s, "none", READ_ALL, NULL);
	eq_str(r->end, end, "an empty topic's cursor stays too");
	read_free(r);
	text_is(helper_all(s, "none", READ_CURSOR, end, 5), "", "and is one");
	helper_put(s, "none", NULL, "1");
	text_is(helper_all(s, "none", READ_CURSOR, end, 5), "1", "that misses nothing");
	free(end);
	store_close(s);
}

static char *numbers(unsigned from, unsigned to)
{
	char *text = calloc(to - from + 2, 8), *p = text;

	for (unsigned i = from; i <= to; i++)
		p += sprintf(p, "%s%u", p == text ? "" : " ", i);
	return text;
}

/* Events 1…n over three topics, several in a commit; then from each id and in pages of each size. */
static void test_every_id(void)
{
	enum { N = 120, COMMIT = 7 };
	static const char *const filters[] = {"t/0,t/1,t/2", "t/*", "**"};
	struct store *s = open_empty();
	struct event *e[N];
	char topic[8], data[8], *want;
	unsigned bad = 0, i, n;

	for (i = 0; i < N; i++) {
		snprintf(topic, sizeof(topic), "t/%u", i * i % 3);
		snprintf(data, sizeof(data), "%u", i + 1);
		e[i] = helper_event(topic, NULL, data);
	}
	for (i = 0; i < N; i += n) {
		n = N - i < COMMIT ? N - i : COMMIT;
		helper_append(s, e + i, n, NULL, NULL, NULL);
	}
	for (i = 0; i < N; i++) {
		char *got = helper_all(s, filters[i % 3], READ_CURSOR, helper_id(e[i]->order),
			1 + i % 11);

		want = i + 1 < N ? numbers(i + 2, N) : strdup("");
		bad += strcmp(got, want) != 0;
		free(got);
		free(want);
	}
	eq_num(bad, 0, "from every id the remainder is the same");
	for (i = 0, bad = 0; i < N; i++) {
		struct read *r = helper_new_read(filters[i % 3], READ_LAST, NULL);
		char *got;

		r->last = i + 1;
		r->max_events = 1 + i % 13;
		helper_do(s, r);
		got = helper_rest(s, r);
		want = numbers(N - i, N);
		bad += strcmp(got, want) != 0;
		free(got);
		free(want);
		read_free(r);
	}
	eq_num(bad, 0, "the newest 1, 2, 3, ... are right");
	for (i = 0; i < N; i++)
		event_unref(e[i]);
	store_close(s);
}

static void test_pages(void)
{
	struct store *s = open_empty();
	struct read *r;

	helper_fill(s, "a", 10, false);
	r = helper_new_read("a", READ_ALL, NULL);
	r->max_events = 4;
	helper_do(s, r);
	ok(r->n == 4 && !r->at_end, "a page is full");
	ok(str_is(event_cursor(r->events[3]), r->end), "its end is the last event's cursor");
	read_next(r);
	helper_do(s, r);
	ok(r->n == 4 && !r->at_end, "the next one");
	read_next(r);
	helper_do(s, r);
	ok(r->n == 2 && r->at_end, "the last one is at the end");
	read_free(r);
	r = helper_new_read("a", READ_ALL, NULL);
	r->max_bytes = 1;
	helper_do(s, r);
	eq_num(r->n, 1, "one event is given in any case");
	read_free(r);
	store_close(s);
}

static void test_latest(void)
{
	struct store *s = open_empty();
	struct read *r;
	char *end;

	helper_put(s, "a", "x", "1");
	helper_put(s, "a", "y", "2");
	helper_put(s, "b", "x", "3");
	helper_put(s, "a", NULL, "4");
	helper_put(s, "a", "x", "5");
	helper_put(s, "a", NULL, "6");
	helper_put(s, "c", NULL, "7");
	text_is(helper_all(s, "a", READ_LATEST, NULL, 10), "2 5 6",
		"the newest of each key, in id order");
	text_is(helper_all(s, "*", READ_LATEST, NULL, 10), "2 3 5 6 7", "over topics");
	r = helper_new_read("*", READ_LATEST, NULL);
	r->max_events = 3;
	helper_do(s, r);
	ok(r->truncated && r->at_end, "more keys than wanted are told");
	end = strdup(r->end);
	text_is(helper_rest(s, r), "5 6 7", "then the newest keys are given");
	read_free(r);
	helper_put(s, "a", NULL, "8");
	text_is(helper_all(s, "*", READ_CURSOR, end, 10), "8", "and it goes on from now");
	r = helper_new_read("*", READ_LATEST, NULL);
	r->max_events = 5;
	helper_do(s, r);
	ok(!r->truncated && r->n == 5, "exactly as many keys as wanted are no cut");
	read_free(r);
	free(end);
	store_close(s);
}

static void test_ahead(void)
{
	struct store *s = open_empty();
	struct read *r;

	helper_fill(s, "a", 3, true);
	r = helper_read(s, "a,b", READ_CURSOR, "9000000000000000");
	ok(r->n == 0 && r->at_end, "ahead of the log: nothing");
	eq_num(r->ngaps, 2, "each filter is told");
	if (r->ngaps == 2) {
		ok(str_is(r->gaps[0].topic, "a") && str_is(r->gaps[1].topic, "b"), "by its name");
		ok(strcmp(r->gaps[0].reason, "ahead") == 0 && r->gaps[0].until.p == NULL,
			"and why");
		ok(str_is(r->gaps[0].after, "9000000000000000"), "with the cursor that it was");
	}
	helper_put(s, "a", NULL, "4");
	text_is(helper_all(s, "a", READ_CURSOR, r->end, 10), "4", "it goes on from now");
	read_free(r);
	store_close(s);
}

static void test_tail(void)
{
	struct store *s = open_empty();
	struct event_draft d = {.topic = STR_LIT("a"), .data = STR_LIT("2"), .ephemeral = true};
	struct event *e = event_new(&d), *out[8];
	enum store_ack ack = STORE_ACK_SYNCED;
	uint64_t pos = 99;
	char *cursor;
	int n;

	helper_put(s, "a", NULL, "1");
	eq_num(helper_append(s, &e, 1, NULL, NULL, &ack), STORE_OK, "an ephemeral event is taken");
	eq_num(ack, STORE_ACK_MEMORY, "for what it is worth");
	ok(event_id(e).p == NULL && e->seq == 0, "it has neither id nor seq");
	helper_put(s, "b", NULL, "3");
	n = store_tail(s, 0, out, 8);
	eq_num(n, 3, "the tail has all three");
	ok(n == 3 && out[1] == e && out[2]->pos == 3, "in order");
	for (int i = 0; i < n; i++)
		event_unref(out[i]);
	n = store_tail(s, 1, out, 1);
	ok(n == 1 && out[0] == e, "from a position on, at most so many");
	event_unref(out[0]);
	eq_num(store_tail(s, 3, out, 8), 0, "nothing after the last");
	cursor = store_tail_cursor(s, &pos);
	eq_num(pos, 3, "the tail's position");
	text_is(helper_all(s, "**", READ_CURSOR, cursor, 8), "", "and its cursor belong together");
	free(cursor);
	text_is(helper_all(s, "a", READ_ALL, NULL, 8), "1", "an ephemeral event cannot be read");
	event_unref(e);
	store_close(s);
}

/* What could be seen when. */
static struct {
	struct store *s;
	int wakes, wakes_when_done;
	uint64_t tail_when_woken, tail_when_done;
	bool done;
} seen;

static void see_wake(void *arg)
{
	(void)arg;
	seen.wakes++;
	seen.tail_when_woken = store_tail_pos(seen.s);
}

static void see_done(struct batch *b)
{
	(void)b;
	seen.wakes_when_done = seen.wakes;
	seen.tail_when_done = store_tail_pos(seen.s);
	__atomic_store_n(&seen.done, true, __ATOMIC_RELEASE);
}

/* One sequencer: the tail moves, then watchers are woken, then the publisher has his answer. */
static void test_watch(void)
{
	struct event *e[2] = {helper_event("a", NULL, "1"), helper_event("b", NULL, "2")};
	struct batch b = {.events = e, .n = 2, .bytes = e[0]->size + e[1]->size, .done = see_done};

	memset(&seen, 0, sizeof(seen));
	seen.s = open_empty();
	store_watch(seen.s, see_wake, NULL);
	store_append(seen.s, &b);
	ok(helper_wait(__atomic_load_n(&seen.done, __ATOMIC_ACQUIRE)), "a batch is done");
	eq_num(seen.wakes_when_done, 1, "after the watchers were woken");
	eq_num(seen.tail_when_woken, 2, "after the tail had moved");
	eq_num(seen.tail_when_done, 2, "by all of it");
	event_unref(e[0]);
	event_unref(e[1]);
	store_close(seen.s);
}

static struct batch_key key_of(const char *key, const char *body)
{
	struct batch_key k = {.path = STR_LIT("/topics/a"), .principal = STR_LIT(""),
		.key = str_of(key)};

	snprintf((char *)k.hash, sizeof(k.hash), "%s", body);
	return k;
}

static enum store_status put_keyed(struct store *s, struct batch_key k, const char *data,
	struct buf *answer)
{
	struct event *e = helper_event("a", NULL, data);
	enum store_status st = helper_append(s, &e, 1, &k, answer, NULL);

	event_unref(e);
	return st;
}

static void test_keys(void)
{
	struct store *s = open_empty();
	struct batch_key other = key_of("k1", "x");
	struct buf answer;

	eq_num(put_keyed(s, key_of("k1", "x"), "1", &answer), STORE_OK, "a key is new");
	eq_bytes(answer.p, answer.len, "answer of k1", 12, "its answer");
	buf_fini(&answer);
	eq_num(put_keyed(s, key_of("k1", "x"), "2", &answer), STORE_REPLAYED, "the same again");
	eq_bytes(answer.p, answer.len, "answer of k1", 12, "has the same answer");
	buf_fini(&answer);
	eq_num(put_keyed(s, key_of("k1", "y"), "3", NULL), STORE_KEY_CONFLICT,
		"another body is refused");
	other.principal = STR_LIT("ann");
	eq_num(put_keyed(s, other, "4", NULL), STORE_OK, "keys are by principal");
	other.path = STR_LIT("/events");
	eq_num(put_keyed(s, other, "5", NULL), STORE_OK, "and by path");
	text_is(helper_all(s, "a", READ_ALL, NULL, 10), "1 4 5", "no second event was made");
	store_close(s);
}

static void test_key_expires(void)
{
	struct store *s;

	helper_set_now_us(1800000000000000);
	config.now_us = helper_now_us;
	s = open_empty();
	put_keyed(s, key_of("k", "x"), "1", NULL);
	helper_set_now_us(1800000000000000 + config.key_ms * 1000 + 1);
	eq_num(put_keyed(s, key_of("k", "y"), "2", NULL), STORE_OK,
		"a key is forgotten after its time");
	eq_num(put_keyed(s, key_of("k", "y"), "3", NULL), STORE_REPLAYED, "and used anew");
	store_close(s);
	config.now_us = NULL;
}

static int fail_answer(struct batch *b, struct buf *answer)
{
	(void)b;
	(void)answer;
	return -1;
}

static enum store_status failed_with = STORE_OK;

static void note_status(struct batch *b)
{
	__atomic_store_n(&failed_with, b->status, __ATOMIC_SEQ_CST);
}

/* Beyond the limit the oldest are forgotten; without one all are known. */
static void test_many_keys(void)
{
	enum { N = 1000 };
	unsigned known = 0;
	struct store *s;
	char key[16];

	config.max_keys = 10;
	for (int pass = 0; pass < 2; pass++) {
		s = open_empty();
		for (int i = 0; i < N; i++) {
			snprintf(key, sizeof(key), "k%d", i);
			put_keyed(s, key_of(key, "x"), "1", NULL);
		}
		known = 0;
		for (int i = N; i-- > (pass == 0 ? N - 10 : 0); ) {
			snprintf(key, sizeof(key), "k%d", i);
			known += put_keyed(s, key_of(key, "x"), "1", NULL) == STORE_REPLAYED;
		}
		eq_num(known, pass == 0 ? 10 : N, "as many keys as there may be are known");
		if (pass == 0)
			ok(helper_wait(put_keyed(s, key_of("k0", "y"), "1", NULL) == STORE_OK),
				"and the oldest is not");
		store_close(s);
		config.max_keys = 0;
	}
}

static void test_failed_answer(void)
{
	struct store *s = open_empty();
	struct batch_key k = key_of("k", "x");
	struct event *e = helper_event("a", NULL, "1");
	struct batch b = {.events = &e, .n = 1, .key = &k, .write_answer = fail_answer,
		.done = note_status};

	failed_with = STORE_OK;
	store_append(s, &b);
	ok(helper_wait(__atomic_load_n(&failed_with, __ATOMIC_SEQ_CST) == STORE_NOMEM),
		"no answer, no event");
	buf_fini(&b.answer);
	event_unref(e);
	eq_num(put_keyed(s, k, "2", NULL), STORE_OK, "the key is free");
	text_is(helper_all(s, "a", READ_ALL, NULL, 10), "2", "one event");
	{
		struct read *r = helper_read(s, "a", READ_ALL, NULL);

		ok(r->n == 1 && r->events[0]->seq == 1, "and no seq was used up");
		read_free(r);
	}
	store_close(s);
}

static void test_clock_set_back(void)
{
	struct store *s;
	uint64_t a, b, c;

	helper_set_now_us(1800000000000000);
	config.now_us = helper_now_us;
	s = open_empty();
	a = helper_put(s, "t", NULL, "1");
	helper_set_now_us(1700000000000000);
	b = helper_put(s, "t", NULL, "2");
	c = helper_put(s, "t", NULL, "3");
	ok(a < b && b < c, "ids increase though the clock goes back");
	helper_set_now_us(1900000000000000);
	a = helper_put(s, "t", NULL, "4");
	eq_num(a, 1900000000000000, "and follow it again");
	store_close(s);
	config.now_us = NULL;
}

static void test_max_topics(void)
{
	struct store *s;
	struct event *e[3] = {helper_event("a", NULL, "1"), helper_event("b", NULL, "2"),
		helper_event("c", NULL, "3")};

	config.max_topics = 2;
	s = open_empty();
	eq_num(helper_append(s, e, 3, NULL, NULL, NULL), STORE_OK, "a batch with a topic too many");
	ok(e[0]->refusal == EVENT_ACCEPTED && e[1]->refusal == EVENT_ACCEPTED,
		"the first ones are taken");
	eq_num(e[2]->refusal, EVENT_TOO_MANY_TOPICS, "the other is refused");
	text_is(helper_all(s, "*", READ_ALL, NULL, 10), "1 2", "and is nowhere");
	for (int i = 0; i < 3; i++)
		event_unref(e[i]);
	store_close(s);
	config.max_topics = 10000;
}

static bool add_name(void *arg, const struct topic_info *t)
{
	char *text = arg;

	sprintf(text + strlen(text), "%.*s:%d:%d ", (int)t->name.n, t->name.p, (int)t->events,
		(int)t->seq);
	return true;
}

static void test_topics(void)
{
	struct store *s = open_empty();
	struct store_stats st;
	char text[200] = "";

	helper_fill(s, "b", 2, true);
	helper_fill(s, "a/2", 1, true);
	helper_fill(s, "a/10", 3, true);
	helper_fill(s, "c", 1, true);
	store_topics(s, STR_NULL, STR_NULL, 10, add_name, text);
	eq_str(text, "a/10:3:3 a/2:1:1 b:2:2 c:1:1 ", "all topics, in order");
	text[0] = '\0';
	store_topics(s, STR_LIT("a/10"), STR_NULL, 2, add_name, text);
	eq_str(text, "a/2:1:1 b:2:2 ", "some, after a name");
	text[0] = '\0';
	store_topics(s, STR_NULL, STR_LIT("a/*"), 10, add_name, text);
	eq_str(text, "a/10:3:3 a/2:1:1 ", "those of a pattern");
	store_stats(s, &st);
	ok(st.events == 7 && st.topics == 4 && st.bytes == 7 * 17, "the figures");
	eq_num(st.appended, 7, "and what was appended");
	store_close(s);
}

/* More topics than are merged: they are found by scanning. */
static void test_many_topics(void)
{
	enum { TOPICS = 100, ROUNDS = 5 };
	struct store *s = open_empty();
	struct event *e[TOPICS];
	struct read *r;
	char topic[16], data[16], *want = numbers(1, TOPICS * ROUNDS);

	for (unsigned k = 0; k < ROUNDS; k++) {
		for (unsigned i = 0; i < TOPICS; i++) {
			snprintf(topic, sizeof(topic), "t/%u", i);
			snprintf(data, sizeof(data), "%u", k * TOPICS + i + 1);
			e[i] = helper_event(topic, NULL, data);
		}
		helper_append(s, e, TOPICS, NULL, NULL, NULL);
		for (unsigned i = 0; i < TOPICS; i++)
			event_unref(e[i]);
	}
	text_is(helper_all(s, "t/*", READ_ALL, NULL, 33), want, "all of many topics in order");
	text_is(helper_all(s, "**", READ_ALL, NULL, 1000), want, "in one page too");
	free(want);
	want = numbers(401, 500);
	text_is(helper_all(s, "t/*", READ_LATEST, NULL, 100), want, "the latest of many topics");
	free(want);
	r = helper_new_read("t/*", READ_LAST, NULL);
	r->last = 250;
	r->max_events = 40;
	helper_do(s, r);
	want = numbers(251, 500);
	text_is(helper_rest(s, r), want, "the newest of many topics");
	free(want);
	read_free(r);
	store_close(s);
}

static void test_compare(void)
{
	struct store *s = open_empty();

	ok(store_cursor_compare(s, STR_LIT("9"), STR_LIT("10")) < 0, "cursors compare as numbers");
	ok(store_cursor_compare(s, STR_LIT("10"), STR_LIT("10")) == 0, "equal ones");
	ok(store_cursor_valid(s, STR_LIT("0")) && !store_cursor_valid(s, STR_LIT("")) &&
		!store_cursor_valid(s, STR_LIT("01")) && !store_cursor_valid(s, STR_LIT("1a")) &&
		!store_cursor_valid(s, STR_LIT("12345678901234567890")), "what a cursor is");
	eq_num(strlen(store_identity(s)), 16, "the store has an identity");
	store_close(s);
}

static void test_all(const char *name, uint64_t memory_bytes)
{
	printf("# %s\n", name);
	variant = name;
	config = helper_config("memory:");
	config.sync = STORE_SYNC_NORMAL;
	config.memory_bytes = memory_bytes;
	test_append();
	test_every_member();
	test_reads();
	test_stable_cursor();
	test_every_id();
	test_pages();
	test_latest();
	test_ahead();
	test_watch();
	test_keys();
	test_key_expires();
	test_many_keys();
	test_failed_answer();
	test_clock_set_back();
	test_max_topics();
	test_topics();
	test_many_topics();
	test_compare();
	if (memory_bytes > 10000)
		test_tail();
}

int main(void)
{
	test_all("memory", 64 << 20);
	test_all("sqlite", 64 << 20);
	test_all("sqlite from disk", 1000);
	helper_remove_dir();
	return tap_done();
}
