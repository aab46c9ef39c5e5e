/* SPDX-License-Identifier: MIT */

/*
 * The start of the SQLite store: the topics, and as many of the newest events as the window holds.
 */

#include "hash.h"
#include "log.h"
#include "store/sources.h"
#include "store/sqlite.h"

#define AHEAD_US 60000000	/* a log so far ahead of the clock is worth a word */
#define FILL_ROWS 20000		/* rows looked at to fill the window: keeps the start quick */
#define BODY_GROWS 3		/* an event takes about so much more room in memory */

static int get_meta(struct sqlite *s, const char *name, uint64_t *number)
{
	sqlite3_stmt *st = database_statement(&s->out, SQL_GET_META);
	int ret = -1;

	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	if (sqlite3_step(st) == SQLITE_ROW) {
		*number = database_u64(st, 0);
		ret = 0;
	}
	sqlite3_reset(st);
	return ret;
}

static int get_identity(struct sqlite *s)
{
	sqlite3_stmt *st = database_statement(&s->out, SQL_GET_META);
	int ret = -1;

	sqlite3_bind_text(st, 1, "identity", -1, SQLITE_STATIC);
	if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_bytes(st,
			0) == sizeof(s->identity) - 1) {
		memcpy(s->identity, sqlite3_column_text(st, 0), sizeof(s->identity));
		ret = 0;
	}
	sqlite3_reset(st);
	return ret;
}

/* --- topics --------------------------------------------------------------------------------- */

static void place_topic(struct window *w, struct topic *t)
{
	catalog_to_front(&w->catalog, t, CATALOG_NEWEST);
	if (t->dropped > 0) {
		t->drop_gen = w->drop_gen = 1;
		catalog_to_front(&w->catalog, t, CATALOG_DROPPED);
	}
	if (t->dropped > w->dropped_max)
		w->dropped_max = t->dropped;
	w->events += t->events;
	w->weight += t->bytes;
	if (t->newest > w->last)
		w->last = t->newest;
	if (t->id >= w->next_id)
		w->next_id = t->id + 1;
	window_entomb(w, t);
	/* The last run may have dropped events whose rows are still there. */
	if (t->rule != NULL && t->dropped > 0)
		catalog_to_front(&w->catalog, t, CATALOG_DUE);
}

/* All its events are on disk only, for now. 0, or -1 without memory. */
static int add_topic(struct window *w, sqlite3_stmt *st)
{
	struct str name = {(const char *)sqlite3_column_text(st, 1),
		(size_t)sqlite3_column_bytes(st, 1)};
	struct topic *t;

	if (name.n == 0 || name.n > TOPIC_MAX)
		return 0;
	t = catalog_add(&w->catalog, name, hash_bytes(name.p, name.n), database_u64(st, 0));
	if (t == NULL)
		return -1;
	t->seq = database_u64(st, 2);
	t->newest = database_u64(st, 3);
	t->dropped = database_u64(st, 4);
	t->oldest = database_u64(st, 5);
	t->events = database_u64(st, 6);
	t->bytes = database_u64(st, 7);
	t->evicted = t->events > 0 ? t->newest : 0;
	t->saved = true;
	t->rule = retention_rule(&w->retention, topic_name(t));
	place_topic(w, t);
	window_trim(w, t, 0);
	return 0;
}

static int load_topics(struct sqlite *s)
{
	sqlite3_stmt *st = database_statement(&s->out, SQL_ALL_TOPICS);
	int rc;

	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (add_topic(&s->window, st) < 0)
			break;
	}
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

/* --- the newest events ---------------------------------------------------------------------- */

/* The first order of the commit to begin with. */
static int find_start(struct sqlite *s, uint64_t *start)
{
	sqlite3_stmt *st = database_statement(&s->out, SQL_CHUNKS_BACK);
	uint64_t bytes = 0, commit = 0, most = s->window.budget / BODY_GROWS;
	int rc, n;

	*start = s->window.last + 1;
	sqlite3_bind_int64(st, 1, (sqlite3_int64)*start);
	for (n = 0; (rc = sqlite3_step(st)) == SQLITE_ROW; n++) {
		/* Commits are taken whole, since their chunks overlap. */
		if (database_u64(st, 3) != commit && (bytes > most || n >= FILL_ROWS))
			break;
		commit = database_u64(st, 3);
		bytes += database_u64(st, 4);
		*start = database_u64(st, 0);
	}
	sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

/* What begins before (start) stays on disk. */
static void set_evicted(struct window *w, uint64_t start)
{
	struct topic *t;

	for (size_t i = 0; i < w->catalog.n; i++) {
		t = w->catalog.all[i];
		t->evicted = 0;
		if (t->events == 0 || t->oldest >= start)
			continue;
		t->evicted = t->newest < start ? t->newest : start - 1;
		if (t->evicted > w->evicted)
			w->evicted = t->evicted;
	}
}

static bool want_any(void *arg, uint64_t id, uint64_t last, struct rows_topic *out)
{
	struct sqlite *s = arg;
	const struct topic *t = catalog_by_id(&s->window.catalog, id);

	if (t == NULL || last <= t->dropped)
		return false;
	sources_copy_topic(out, t);
	return true;
}

static int load_event(struct window *w, struct event *e)
{
	struct topic *t = catalog_find(&w->catalog, event_topic(e), e->topic_hash);

	if (t == NULL || window_reserve(w, 1) < 0 || topic_reserve(t, 1) < 0)
		return -1;
	window_load(w, t, e);
	return 0;
}

/* The topic's events have to come from the disk, or a read would not notice what is missing. */
static void load_damage(struct sqlite *s, const struct rows *rows)
{
	struct str topic = {rows->damaged.topic.name, rows->damaged.topic.name_len};
	struct topic *t = catalog_find_name(&s->window.catalog, topic);

	sqlite_found_damage(s, topic, rows->damaged.first, rows->damaged.last);
	t->evicted = t->newest;
	if (t->evicted > s->window.evicted)
		s->window.evicted = t->evicted;
}

/* Until there is a pause: then *after says where to go on. */
static enum rows_result load_some(struct sqlite *s, uint64_t *after)
{
	struct rows_query q = {.after = *after, .upto = UINT64_MAX, .want = want_any, .arg = s};
	enum rows_result res;
	struct event *e;
	struct rows rows;

	res = rows_begin(&rows, &s->out, &q);
	while (res == ROWS_EVENT || res == ROWS_DAMAGED) {
		res = rows_next(&rows, &e);
		if (res == ROWS_DAMAGED)
			load_damage(s, &rows);
		if (res != ROWS_EVENT)
			continue;
		if (load_event(&s->window, e) < 0)
			res = ROWS_NOMEM;
		event_unref(e);
	}
	*after = rows.resume;
	rows_end(&rows);
	return res;
}

static int load_events(struct sqlite *s, uint64_t start)
{
	uint64_t after = start - 1;
	enum rows_result res;

	do {
		res = load_some(s, &after);
	} while (res == ROWS_PAUSE);
	return res == ROWS_END ? 0 : -1;
}

static int load_floor(struct sqlite *s)
{
	sqlite3_stmt *st = database_statement(&s->out, SQL_OLDEST);
	int rc;

	sqlite3_bind_int(st, 1, 1);
	rc = sqlite3_step(st);
	s->window.floor = rc == SQLITE_ROW ? database_u64(st, 0) - 1 : s->window.last;
	sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

static int count_keys(struct sqlite *s)
{
	sqlite3_stmt *st = database_statement(&s->out, SQL_COUNT_KEYS);
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		s->nkeys = database_u64(st, 0);
	sqlite3_reset(st);
	return rc == SQLITE_ROW ? 0 : -1;
}

static int load(struct sqlite *s)
{
	struct window *w = &s->window;
	uint64_t start;

	if (get_identity(s) < 0 || get_meta(s, "begin", &w->begin) < 0 ||
			get_meta(s, "forgotten", &w->forgotten) < 0)
		return -1;
	w->last = w->forgotten > w->begin ? w->forgotten : w->begin;
	w->dropped_max = w->forgotten;
	w->drop_gen = w->forgotten_gen = w->forgotten > 0;
	if (load_topics(s) < 0 || load_floor(s) < 0 || count_keys(s) < 0 ||
			find_start(s, &start) < 0)
		return -1;
	set_evicted(w, start);
	return load_events(s, start);
}

int sqlite_load(struct sqlite *s, struct buf *why)
{
	uint64_t now_us = s->now_us();
	int rc;

	if (load(s) < 0) {
		rc = sqlite3_errcode(s->out.db);
		buf_addf(why,
			"the store %s is damaged (%s); restore it from a backup, or move it away "
			"to begin with an empty one", s->path, rc == SQLITE_OK || rc == SQLITE_DONE ||
			rc == SQLITE_ROW ?
			"its content makes no sense" : sqlite3_errmsg(s->out.db));
		return -1;
	}
	s->stage = (struct stage){.window = &s->window, .last = s->window.last};
	if (s->window.last > now_us + AHEAD_US)
		log_warn("the log of %s is %llu s ahead of the clock: new events get ids and times "
			"from there on until the clock has caught up", s->path,
			(unsigned long long)((s->window.last - now_us) / 1000000));
	return 0;
}
