/* SPDX-License-Identifier: MIT */

/*
 * Rows of the SQLite store whose bytes are not those that were written. Nobody gets them, everybody
 * gets past them, and whoever asks for what was in them is told that it is missing: no event is
 * absent without a gap record that has it, and none is told twice.
 */
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "helper_store.h"
#include "store/cursor.h"
#include "topic.h"
#include "tests/unit/tap.h"

#define EVENTS_MAX 20000

static struct {
	uint64_t order;
	unsigned topic;
	bool damaged;
} log_[EVENTS_MAX];		/* what was stored, in order */
static unsigned nlog;

static void execute(const char *path, const char *sql)
{
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK || sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		printf("Bail out! %s\n", sqlite3_errmsg(db));
	sqlite3_close(db);
}

static void topic_text(char *text, unsigned topic)
{
	sprintf(text, "t/%u", topic);
}

/* --- a log with holes ------------------------------------------------------------------------- */

/* (n) commits of a few events in random topics. */
static void fill(struct store *s, unsigned n, unsigned ntopics)
{
	struct event *e[12];
	char topic[16];

	for (nlog = 0; n > 0; n--) {
		size_t k = 1 + (size_t)rand() % 12;

		for (size_t i = 0; i < k; i++) {
			log_[nlog + i].topic = (unsigned)rand() % ntopics;
			log_[nlog + i].damaged = false;
			topic_text(topic, log_[nlog + i].topic);
			e[i] = helper_event(topic, NULL, "\"event\"");
		}
		if (helper_append(s, e, k, NULL, NULL, NULL) != STORE_OK)
			printf("Bail out! append\n");
		for (size_t i = 0; i < k; i++) {
			log_[nlog++].order = e[i]->order;
			event_unref(e[i]);
		}
	}
}

static void mark(const char *topic, uint64_t first, uint64_t last)
{
	char name[16];

	for (unsigned i = 0; i < nlog; i++) {
		topic_text(name, log_[i].topic);
		if (log_[i].order >= first && log_[i].order <= last && strcmp(name, topic) == 0)
			log_[i].damaged = true;
	}
}

/* Damage one row in (every), and the newest one if (newest). */
static unsigned damage(const char *path, int every, bool newest)
{
	sqlite3_stmt *st;
	char sql[120];
	unsigned n = 0;
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK || sqlite3_prepare_v2(db,
			"SELECT c.first, c.last, t.name, c.first = (SELECT max(first) FROM chunks) FROM"
			" chunks c JOIN topics t ON t.id = c.topic", -1, &st, NULL) != SQLITE_OK)
		printf("Bail out! %s\n", sqlite3_errmsg(db));
	while (sqlite3_step(st) == SQLITE_ROW) {
		bool is_newest = sqlite3_column_int(st, 3) != 0;

		if (is_newest ? !newest : rand() % every != 0)
			continue;
		mark((const char *)sqlite3_column_text(st, 2), (uint64_t)sqlite3_column_int64(st, 0),
			(uint64_t)sqlite3_column_int64(st, 1));
		sprintf(sql, "UPDATE chunks SET body = zeroblob(length(body)) WHERE first = %lld",
			(long long)sqlite3_column_int64(st, 0));
		if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
			printf("Bail out! %s\n", sqlite3_errmsg(db));
		n++;
	}
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

/* --- a subscriber ----------------------------------------------------------------------------- */

struct told {
	uint64_t after, until;
	struct str filter;
	unsigned used;		/* events that are missing in it */
};

struct sight {
	struct read *r;
	unsigned at;		/* what of the log was accounted for */
	struct told told[EVENTS_MAX];
	size_t ntold;
	unsigned silent, wrong, twice;
};

static bool asked_for(const struct read *r, unsigned topic)
{
	char name[16];

	topic_text(name, topic);
	return filters_match(r->filters, str_of(name));
}

/* Was the loss of event (i) announced? And once, but for patterns: their topics' losses overlap. */
static void look_up(struct sight *s, unsigned i)
{
	unsigned n = 0;
	char name[16];

	topic_text(name, log_[i].topic);
	for (size_t k = 0; k < s->ntold; k++) {
		struct told *g = &s->told[k];

		if (log_[i].order > g->after && log_[i].order <= g->until &&
				topic_match(g->filter, str_of(name))) {
			g->used++;
			n++;
		}
	}
	s->silent += n == 0;
	s->twice += n > 1 && !s->r->filters->has_pattern;
}

/* All up to (order) has to be accounted for now: it came, or was told to be missing. */
static void account(struct sight *s, uint64_t order)
{
	for (; s->at < nlog && log_[s->at].order <= order; s->at++) {
		if (!asked_for(s->r, log_[s->at].topic))
			continue;
		if (log_[s->at].damaged)
			look_up(s, s->at);
		else
			s->wrong++;	/* it did not come, and is whole */
	}
}

static void see_page(struct sight *s)
{
	struct read *r = s->r;

	for (size_t i = 0; i < r->ngaps; i++) {
		struct told *g = &s->told[s->ntold++];

		*g = (struct told){.filter = r->gaps[i].topic};
		s->wrong += strcmp(r->gaps[i].reason, "damaged") != 0 ||
			!cursor_parse(r->gaps[i].after, &g->after) ||
			!cursor_parse(r->gaps[i].until, &g->until) || g->after >= g->until;
	}
	for (size_t i = 0; i < r->n; i++) {
		uint64_t order = r->events[i]->order;

		account(s, order - 1);
		s->wrong += s->at == nlog || log_[s->at].order != order || log_[s->at].damaged;
		s->at++;
	}
}

/* Read (filters) after the (from)th event to the end, in pages of (page). */
static bool read_all(struct store *store, const char *filters, unsigned from, unsigned page)
{
	struct sight *s = calloc(1, sizeof(*s));
	unsigned idle = 0;
	bool good;

	s->r = helper_new_read(filters, READ_CURSOR, helper_id(from > 0 ? log_[from - 1].order :
		log_[0].order - 1));
	s->at = from;
	s->r->max_events = page;
	for (unsigned pages = 0; ; read_next(s->r)) {
		helper_do(store, s->r);
		if (s->r->status != STORE_OK || ++pages > 3 * EVENTS_MAX)
			break;
		see_page(s);
		if (s->r->at_end)
			break;
	}
	good = s->r->status == STORE_OK && s->r->at_end;
	account(s, UINT64_MAX);
	for (size_t i = 0; i < s->ntold; i++)
		idle += s->told[i].used == 0;
	if (!good || s->silent + s->wrong + s->twice + idle > 0)
		printf("# %s from %u by %u: status %d, %u silent, %u wrong, %u twice, %u for nothing\n",
			filters, from, page, s->r->status, s->silent, s->wrong, s->twice, idle);
	good = good && s->silent + s->wrong + s->twice + idle == 0;
	read_free(s->r);
	free(s);
	return good;
}

/* The log goes to a file; how many lines it has. */
static unsigned log_lines(void)
{
	FILE *f = fopen(helper_path("log"), "r");
	unsigned n = 0;
	int c;

	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

/* Subscribers of all kinds, whatever memory holds. */
static void test_readers(unsigned ntopics, size_t memory, bool newest)
{
	static const char *const filters[] = {"t/0", "t/*", "t/1,t/2", "**", "t/3,t/0,t/1"};
	static const unsigned pages[] = {1, 7, 100000};
	char path[200] = "";
	struct store_config c = helper_config(path);
	struct store_stats st;
	struct store *s;
	unsigned bad = 0, n;

	snprintf(path, sizeof(path), "%s", helper_path("model.db"));
	unlink(path);
	c.memory_bytes = memory;
	c.sync = STORE_SYNC_NONE;
	s = helper_open(&c);
	fill(s, 150, ntopics);
	store_close(s);
	n = damage(path, 6, newest);
	if (freopen(helper_path("log"), "w", stderr) == NULL)
		printf("Bail out! no log\n");
	s = helper_open(&c);
	for (size_t f = 0; f < sizeof(filters) / sizeof(filters[0]); f++)
		for (size_t p = 0; p < sizeof(pages) / sizeof(pages[0]); p++)
			for (unsigned from = 0; from < nlog; from += 1 + (unsigned)rand() % (nlog / 4))
				bad += !read_all(s, filters[f], from, pages[p]);
	ok(bad == 0, "%u topics, %zu bytes of memory%s: %u of the rows are missing, and told to be",
		ntopics, memory, newest ? ", the newest row too" : "", n);
	store_stats(s, &st);
	eq_num(st.damaged, n, "each is counted once");
	eq_num(log_lines(), n, "and once in the log");
	store_close(s);
}

/* --- by hand ---------------------------------------------------------------------------------- */

static char path[200];
static uint64_t ids[5];		/* of 111 to 555, in the topic a; 222 and 444 are damaged */

static struct store *open_damaged(struct store_config *c)
{
	static const char *const data[] = {"111", "222", "333", "444", "555"};
	struct store *s;

	snprintf(path, sizeof(path), "%s", helper_path("byte.db"));
	unlink(path);
	*c = helper_config(path);
	s = helper_open(c);
	for (int i = 0; i < 5; i++)
		ids[i] = helper_put(s, "a", i % 2 == 0 ? "even" : "odd", data[i]);
	store_close(s);
	execute(path, "UPDATE chunks SET body = CAST(replace(CAST(body AS TEXT), '222', '223') AS BLOB)");
	execute(path, "UPDATE chunks SET body = CAST(replace(CAST(body AS TEXT), '444', '445') AS BLOB)");
	return helper_open(c);
}

static void is_gap(const struct read *r, size_t i, uint64_t after, uint64_t until, const char *what)
{
	ok(r->ngaps > i && str_is(r->gaps[i].after, helper_id(after)) &&
		str_is(r->gaps[i].until, helper_id(until)) && str_is(r->gaps[i].topic, "a") &&
		strcmp(r->gaps[i].reason, "damaged") == 0, "%s", what);
}

/* Reads that begin at the end: the newest events are those that can be read. */
static void test_backwards(void)
{
	struct store_config c;
	struct store *s = open_damaged(&c);
	struct read *r = helper_new_read("a", READ_LAST, NULL);
	char *text;

	r->last = 2;
	helper_do(s, r);
	ok(r->n == 1 && r->ngaps == 0, "the last two begin with a page up to the damage");
	read_next(r);
	helper_do(s, r);
	is_gap(r, 0, ids[3] - 1, ids[3], "which is told before what follows");
	text = helper_rest(s, r);
	eq_str(text, "555", "the last two that can be read are 333 and 555");
	free(text);
	read_free(r);
	r = helper_read(s, "a", READ_LATEST, NULL);
	ok(r->n == 1 && str_is(event_data(r->events[0]), "555"), "the newest of each key that is left");
	ok(r->ngaps == 1, "with one record");
	is_gap(r, 0, ids[1] - 1, ids[3], "of what may have been newer");
	read_free(r);
	store_close(s);
}

/* More of them in a row than is looked at backwards at once. */
static void test_nearly_all(void)
{
	struct store_config c = helper_config(path);
	struct store *s;
	struct read *r;

	snprintf(path, sizeof(path), "%s", helper_path("nearly.db"));
	s = helper_open(&c);
	helper_fill(s, "a", 20500, true);
	store_close(s);
	execute(path, "UPDATE chunks SET body = zeroblob(length(body))"
		" WHERE first > (SELECT min(first) FROM chunks)");
	c.memory_bytes = 1;
	s = helper_open(&c);
	r = helper_new_read("a", READ_LAST, NULL);
	r->last = 1;
	helper_do(s, r);
	ok(r->n == 1 && str_is(event_data(r->events[0]), "1"), "the last one is that before all damage");
	read_free(r);
	store_close(s);
}

/* What is told stays told: not again with the same subscription, again for another one. */
static void test_again(void)
{
	struct store_config c;
	struct store *s = open_damaged(&c);
	struct read *r = helper_read(s, "a", READ_CURSOR, helper_id(ids[0]));

	ok(r->status == STORE_OK && r->n == 1, "a page ends where the next damage begins");
	is_gap(r, 0, ids[1] - 1, ids[1], "and begins with its own");
	read_free(r);
	r = helper_read(s, "a", READ_CURSOR, helper_id(ids[4]));
	ok(r->at_end && r->ngaps == 0, "behind it there is none");
	read_free(r);
	helper_put(s, "a", NULL, "666");
	r = helper_read(s, "a", READ_CURSOR, helper_id(ids[4]));
	ok(r->n == 1 && r->ngaps == 0, "new events are read as always");
	read_free(r);
	store_close(s);
}

/* Retention gets rid of it; then it is a gap like others. */
static void test_retention(void)
{
	const struct retention_rule rules[] = {{.pattern = STR_LIT("a"), .events = 1}};
	struct store_config c;
	struct store *s = open_damaged(&c);
	struct store_stats st;
	struct read *r;

	store_stats(s, &st);
	eq_num(st.damaged, 2, "damage is found at the start, and that does not keep it from starting");
	c.rules = rules;
	c.nrules = 1;
	store_reconfigure(s, &c);
	ok(helper_wait((store_stats(s, &st), st.events == 1)), "retention drops it");
	r = helper_read(s, "a", READ_CURSOR, helper_id(ids[0]));
	ok(r->status == STORE_OK && r->n == 1 && r->ngaps == 1 &&
		strcmp(r->gaps[0].reason, "retention") == 0, "which is told as a gap");
	read_free(r);
	store_close(s);
}

/* Only the index has it from now on. */
static void lose_row(uint64_t first)
{
	char sql[80];

	execute(path, "CREATE TABLE saved AS SELECT * FROM sqlite_schema WHERE name = 'chunks_of_topic';"
		"PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'chunks_of_topic'");
	snprintf(sql, sizeof(sql), "DELETE FROM chunks WHERE first = %s", helper_id(first));
	execute(path, sql);
	execute(path, "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema SELECT * FROM saved;"
		"DROP TABLE saved");
}

/* A row that only the index still has. */
static void test_lost_row(void)
{
	struct store_config c;
	struct store *s = open_damaged(&c);
	struct read *r;

	store_close(s);
	lose_row(ids[0]);
	c.memory_bytes = 1;
	s = helper_open(&c);
	r = helper_read(s, "a", READ_CURSOR, helper_id(ids[0] - 1));
	ok(r->n == 1 && str_is(event_data(r->events[0]), "333"), "what is behind a lost row is read");
	is_gap(r, 0, ids[0] - 1, ids[1], "it is told with its neighbour, which is damaged");
	read_free(r);
	store_close(s);
}

/* Retention gets no further with its topic, and goes on with others. */
static void test_lost_row_stays(void)
{
	const struct retention_rule rules[] = {{.pattern = STR_LIT("*"), .events = 1}};
	struct store_config c;
	struct store *s = open_damaged(&c);
	struct store_stats st;

	helper_fill(s, "b", 5, true);
	store_close(s);
	lose_row(ids[0]);
	c.memory_bytes = 1;
	s = helper_open(&c);
	c.rules = rules;
	c.nrules = 1;
	store_reconfigure(s, &c);
	ok(helper_wait((store_stats(s, &st), st.events == 6)), "a lost row keeps no other topic's events");
	store_close(s);
}

static uint64_t number_of(const char *sql)
{
	sqlite3_stmt *st;
	sqlite3 *db;
	uint64_t n;

	if (sqlite3_open(path, &db) != SQLITE_OK || sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK ||
			sqlite3_step(st) != SQLITE_ROW)
		printf("Bail out! %s\n", sqlite3_errmsg(db));
	n = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

/* Until then it stays: perhaps somebody can mend it. */
static void test_kept(void)
{
	const struct retention_rule rules[] = {{.pattern = STR_LIT("a"), .events = 4}};
	struct store_config c;
	struct store *s = open_damaged(&c);
	struct store_stats st;
	struct read *r;

	c.rules = rules;
	c.nrules = 1;
	store_reconfigure(s, &c);
	ok(helper_wait((store_stats(s, &st), st.events < 5)), "retention drops the first");
	store_close(s);
	eq_num(number_of("SELECT oldest FROM topics"), ids[1], "what is left begins with the damaged one");
	s = helper_open(&c);
	store_stats(s, &st);
	eq_num(st.events, 4, "but not the damaged one behind it, which the rule allows");
	r = helper_read(s, "a", READ_CURSOR, helper_id(ids[0]));
	is_gap(r, 0, ids[1] - 1, ids[1], "it is told as before");
	read_free(r);
	store_close(s);
}

/* Of a row, the first events were dropped: each of the two gaps is told of what it is about. */
static void test_half_dropped(void)
{
	const struct retention_rule rules[] = {{.pattern = STR_LIT("a"), .events = 2}};
	struct store_config c = helper_config(path);
	struct event *e[5];
	struct store *s;
	struct read *r;

	snprintf(path, sizeof(path), "%s", helper_path("half.db"));
	s = helper_open(&c);
	for (int i = 0; i < 5; i++)
		e[i] = helper_event("a", NULL, "1");
	helper_append(s, e, 5, NULL, NULL, NULL);
	for (int i = 0; i < 5; i++) {
		ids[i] = e[i]->order;
		event_unref(e[i]);
	}
	c.rules = rules;
	c.nrules = 1;
	store_reconfigure(s, &c);
	helper_put(s, "a", NULL, "2");
	store_close(s);
	execute(path, "UPDATE chunks SET body = zeroblob(length(body)) WHERE n = 5");
	c.nrules = 0;
	s = helper_open(&c);
	r = helper_read(s, "a", READ_CURSOR, helper_id(ids[0] - 1));
	ok(r->n == 1 && r->ngaps == 2, "a row that was dropped in part, and is damaged: two gaps");
	is_gap(r, 0, ids[2], ids[4], "the damage begins behind what was dropped");
	ok(r->ngaps == 2 && strcmp(r->gaps[1].reason, "retention") == 0 &&
		str_is(r->gaps[1].until, helper_id(ids[2])), "which retention is blamed for");
	read_free(r);
	store_close(s);
}

/* Where the newest row ends is damaged as well: nothing is told of what is behind the log's end. */
static void test_bounds(void)
{
	struct store_config c;
	struct store *s = open_damaged(&c);
	struct read *r;
	char sql[160];

	store_close(s);
	sprintf(sql, "UPDATE chunks SET last = first + 1000000000000, body = zeroblob(length(body))"
		" WHERE first = %llu", (unsigned long long)ids[4]);
	execute(path, sql);
	s = helper_open(&c);
	r = helper_read(s, "a", READ_CURSOR, helper_id(ids[3]));
	ok(r->n == 0 && r->at_end, "nothing is left behind it");
	is_gap(r, 0, ids[4] - 1, ids[4], "which is told");
	eq_num(r->ngaps, 1, "and nothing else");
	ok(str_is(str_of(r->end), helper_id(ids[4])), "a cursor behind it is the log's end");
	read_free(r);
	store_close(s);
}

/* More of it than anybody reads in a log: so many rows are told one by one, and counted. */
static void test_many(void)
{
	enum { ROWS = 1100, NAMED = 1000 };
	struct store_stats st;
	struct store_config c;
	struct store *s;

	snprintf(path, sizeof(path), "%s", helper_path("many.db"));
	unlink(path);
	c = helper_config(path);
	c.sync = STORE_SYNC_NONE;
	s = helper_open(&c);
	for (int i = 0; i < ROWS; i++)
		helper_put(s, "a", NULL, "1");
	store_close(s);
	execute(path, "UPDATE chunks SET body = zeroblob(length(body))");
	if (freopen(helper_path("log"), "w", stderr) == NULL)
		printf("Bail out! no log\n");
	s = helper_open(&c);
	store_stats(s, &st);
	eq_num(st.damaged, NAMED, "so many are counted");
	eq_num(log_lines(), NAMED + 1, "and told, with a line that says that there are more");
	store_close(s);
}

int main(void)
{
	srand(7);
	for (int newest = 0; newest < 2; newest++) {
		test_readers(4, 1, newest != 0);
		test_readers(4, 100000, newest != 0);
		test_readers(4, 10000000, newest != 0);
		test_readers(100, 1, newest != 0);
		test_readers(100, 100000, newest != 0);
	}
	test_backwards();
	test_again();
	test_nearly_all();
	test_retention();
	test_lost_row();
	test_lost_row_stays();
	test_kept();
	test_half_dropped();
	test_bounds();
	test_many();
	helper_remove_dir();
	return tap_done();
}
