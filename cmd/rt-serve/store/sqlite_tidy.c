/* SPDX-License-Identifier: MIT */

/*
 * What the writer does between commits: retention in small steps, expired keys, checkpoints.
 *
 * Retention comes in passes, two a second: the oldest rows of all (age and size of the file), then
 * rules with an age, then topics that are over their rule, then keys. What is dropped is dropped in
 * the window first, so that nobody can miss it without a gap; the rows follow. If they cannot be
 * deleted now, a later pass finds them again.
 */
#include <errno.h>

#include "log.h"
#include "store/chunk.h"
#include "store/sqlite.h"
#include "units.h"

#define PASS_MS 500
#define STEP_ROWS 100		/* rows per step, each at most one chunk; */
#define STEP_MS 3		/* and about this long, commits wait meanwhile */
#define STEP_TOPICS 50
#define STEP_KEYS 500
#define EXPIRE_STEP 1000

#define WAL_PAGES_IDLE ((1 << 20) / DATABASE_PAGE)	/* checkpoint when nothing waits */
#define WAL_PAGES_MAX ((32 << 20) / DATABASE_PAGE)	/* checkpoint even so */
#define QUIET_MS 2000		/* then the WAL is cut to nothing */

/* --- dropping ------------------------------------------------------------------------------- */

static bool breaks_rule(const struct topic *t, uint64_t order, uint64_t events, uint64_t bytes,
	uint64_t now_us)
{
	const struct retention_rule *r = t->rule;

	if (r == NULL)
		return false;
	return (r->events > 0 && events > r->events) ||
		(r->bytes > 0 && bytes > r->bytes && events > 1) ||
		order < retention_cutoff(r->age_ms, now_us);
}

/* What is to go of a row, counted before the window is told. */
struct loss {
	uint64_t upto;		/* the newest order that goes; 0: none */
	uint64_t next;		/* the oldest that stays */
	uint64_t events, bytes;
};

/* All that is left of a row, or what breaks the rule of (t). 0, or why it cannot be read. */
static int assess(const struct topic *t, const struct rows_chunk *r, bool all, uint64_t now_us,
	struct loss *l)
{
	struct chunk c;
	uint32_t i;

	if (r->error != 0)
		return r->error;
	if (chunk_init(&c, r->body, r->len, r->row.first, r->row.n) < 0)
		return errno;
	for (i = chunk_upto(&c, t->dropped); i < c.n; i++) {
		l->next = c.marks[i].order;
		if (!all && !breaks_rule(t, l->next, t->events - l->events, t->bytes - l->bytes,
				now_us))
			break;
		l->upto = l->next;
		l->events++;
		l->bytes += chunk_weight(&c, i);
	}
	chunk_fini(&c);
	return 0;
}

/* Nothing in it can be relied on, nor when it says that it ends. */
static struct loss lose(struct sqlite *s, const struct topic *t, const struct chunk_row *row)
{
	sqlite_found_damage(s, topic_name(t), row->first, row->last);
	return (struct loss){
		.upto = row->last < t->newest ? row->last : t->newest,
		.events = row->n < t->events ? row->n : t->events,
	};
}

/* Nothing before it is left: (t) is not due again until this has expired. */
static void keep_from(struct sqlite *s, struct topic *t, uint64_t order)
{
	window_lock(&s->window);
	if (order > t->oldest)
		t->oldest = order;
	window_unlock(&s->window);
}

/* Drop events of a row, as assess has it. True when nothing of it is left. */
static bool drop_events(struct sqlite *s, struct topic *t, const struct rows_chunk *r, bool all,
	uint64_t now_us)
{
	struct loss l = {.next = r->row.first};
	int error;

	if (r->row.last <= t->dropped)
		return true;
	error = assess(t, r, all, now_us, &l);
	if (error == ENOMEM)
		return false;
	if (error != 0 && !all && !breaks_rule(t, r->row.first, t->events, t->bytes, now_us)) {
		keep_from(s, t, r->row.first);
		return false;
	}
	if (error != 0)
		l = lose(s, t, &r->row);
	window_lock(&s->window);
	if (l.upto > 0)
		window_drop(&s->window, t, l.upto, l.events, l.bytes);
	if (l.upto < r->row.last && error == 0)
		t->oldest = l.next;
	window_unlock(&s->window);
	return l.upto == r->row.last || error != 0;
}

static int begin(struct sqlite *s)
{
	database_statement(&s->out, SQL_BEGIN);
	return database_run(&s->out, SQL_BEGIN);
}

/* End the step: commit, or leave it to a later pass. 0 or -1. */
static int end(struct sqlite *s, int ret)
{
	if (ret == 0) {
		database_statement(&s->out, SQL_COMMIT);
		ret = database_run(&s->out, SQL_COMMIT);
	}
	if (ret < 0) {
		log_debug("retention: %s", sqlite3_errmsg(s->out.db));
		database_rollback(&s->out);
	}
	return ret;
}

static int delete_row(struct sqlite *s, const struct rows_chunk *r)
{
	return database_run1(&s->out, SQL_DELETE_CHUNK, r->row.first);
}

/* --- the oldest of all ---------------------------------------------------------------------- */

static uint64_t used_bytes(struct sqlite *s)
{
	sqlite3_stmt *st = database_statement(&s->out, SQL_USED_PAGES);
	uint64_t bytes = sqlite3_step(st) == SQLITE_ROW ? database_u64(st, 0) : 0;

	sqlite3_reset(st);
	return bytes;
}

struct oldest {
	uint64_t cutoff;	/* rows that end below are too old */
	uint64_t excess;	/* bytes that the file is too large by */
	uint64_t deadline_ms;
};

/* Drop and delete one row if it has to go. 1: it went, 0: it stays, -1: an error. */
static int drop_oldest(struct sqlite *s, struct oldest *o, const struct rows_chunk *r)
{
	struct topic *t = catalog_by_id(&s->window.catalog, r->row.topic);

	if (t != NULL && r->row.last >= o->cutoff && o->excess == 0)
		return 0;
	if (t != NULL && !drop_events(s, t, r, true, 0))
		return 0;
	o->excess -= r->len < o->excess ? r->len : o->excess;
	if (delete_row(s, r) < 0 || (t != NULL && sqlite_save_topic(s, t) < 0))
		return -1;
	return 1;
}

static void set_floor(struct sqlite *s, uint64_t floor)
{
	window_lock(&s->window);
	if (floor > s->window.floor)
		s->window.floor = floor;
	window_unlock(&s->window);
}

/* 1: rows went and there may be more, 0: nothing more has to go, -1: an error. */
static int drop_oldest_rows(struct sqlite *s, struct oldest *o)
{
	sqlite3_stmt *st = database_statement(&s->out, SQL_OLDEST);
	struct rows_chunk r;
	int went = 1, n, rc = SQLITE_ROW;

	sqlite3_bind_int(st, 1, STEP_ROWS);
	for (n = 0; went == 1 && units_monotonic_ms() <= o->deadline_ms; n++) {
		rc = sqlite3_step(st);
		if (rc != SQLITE_ROW)
			break;
		r = rows_chunk(st);
		went = drop_oldest(s, o, &r);
		set_floor(s, went == 1 ? r.row.first : r.row.first - 1);
	}
	sqlite3_reset(st);
	if (rc == SQLITE_DONE)
		return n == STEP_ROWS;
	return rc == SQLITE_ROW ? went : -1;
}

static bool step_oldest(struct sqlite *s)
{
	const struct retention *r = &s->window.retention;
	struct oldest o = {
		.cutoff = retention_cutoff(r->max_age_ms, s->now_us()),
		.deadline_ms = units_monotonic_ms() + STEP_MS,
	};
	uint64_t used = r->max_bytes > 0 ? used_bytes(s) : 0;
	int ret;

	if (used > r->max_bytes && r->max_bytes > 0)
		o.excess = used - r->max_bytes;
	if ((o.cutoff == 0 && o.excess == 0) || begin(s) < 0)
		return true;
	ret = drop_oldest_rows(s, &o);
	return end(s, ret < 0 ? -1 : 0) < 0 || ret == 0;
}

/* --- rules ---------------------------------------------------------------------------------- */

static bool step_ages(struct sqlite *s)
{
	bool around;

	window_lock(&s->window);
	around = window_expire(&s->window, s->now_us(), EXPIRE_STEP);
	window_unlock(&s->window);
	return around;
}

/* 0: (t) is tidy; 1: there is more to do; -1: an error. */
static int tidy_topic(struct sqlite *s, struct topic *t)
{
	sqlite3_stmt *st = database_statement(&s->out, SQL_OLDEST_OF_TOPIC);
	uint64_t now_us = s->now_us();
	struct rows_chunk r;
	int rc, ret = 0;

	sqlite3_bind_int(st, 1, STEP_ROWS);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)t->id);
	for (int i = 0; (rc = sqlite3_step(st)) == SQLITE_ROW && ret == 0; i++) {
		r = rows_chunk(st);
		if (!drop_events(s, t, &r, false, now_us))
			break;
		ret = delete_row(s, &r) < 0 ? -1 : i + 1 == STEP_ROWS;
	}
	sqlite3_reset(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return -1;
	return sqlite_save_topic(s, t) < 0 ? -1 : ret;
}

static void not_due(struct sqlite *s, struct topic **t, unsigned n)
{
	window_lock(&s->window);
	for (unsigned i = 0; i < n; i++)
		catalog_unlist(&s->window.catalog, t[i], CATALOG_DUE);
	window_unlock(&s->window);
}

static bool step_topics(struct sqlite *s)
{
	uint64_t deadline_ms = units_monotonic_ms() + STEP_MS;
	struct topic *tidy[STEP_TOPICS], *t;
	unsigned n = 0;
	bool damaged;
	int ret = 0;

	if (s->window.catalog.last[CATALOG_DUE] == NULL || begin(s) < 0)
		return true;
	t = s->window.catalog.last[CATALOG_DUE];
	while (n < STEP_TOPICS && t != NULL && units_monotonic_ms() <= deadline_ms) {
		ret = tidy_topic(s, t);
		if (ret != 0)
			break;
		tidy[n++] = t;
		t = t->prev[CATALOG_DUE];
	}
	damaged = ret < 0 && sqlite3_errcode(s->out.db) == SQLITE_CORRUPT;
	if (end(s, ret < 0 ? -1 : 0) < 0) {
		/* Whose rows cannot be found keeps no others: it has its turn when it is due again. */
		if (damaged)
			not_due(s, &t, 1);
		return !damaged;
	}
	not_due(s, tidy, n);
	return s->window.catalog.last[CATALOG_DUE] == NULL;
}

/* --- keys ----------------------------------------------------------------------------------- */

static bool step_keys(struct sqlite *s)
{
	sqlite3_stmt *st = database_statement(&s->out, SQL_OLDEST_KEYS);
	uint64_t now_us = s->now_us(), max = s->max_keys, keys[STEP_KEYS];
	int n = 0, ret = 0;

	if (s->nkeys == 0)
		return true;
	sqlite3_bind_int(st, 1, STEP_KEYS);
	while (n < STEP_KEYS && sqlite3_step(st) == SQLITE_ROW &&
			(database_u64(st, 1) <= now_us ||
			(max > 0 && s->nkeys > max + (unsigned)n)))
		keys[n++] = database_u64(st, 0);
	sqlite3_reset(st);
	if (n == 0 || begin(s) < 0)
		return true;
	for (int i = 0; i < n && ret == 0; i++)
		ret = database_run1(&s->out, SQL_DELETE_KEY, keys[i]);
	if (end(s, ret) == 0)
		s->nkeys -= (unsigned)n < s->nkeys ? (unsigned)n : s->nkeys;
	return n < STEP_KEYS;
}

/* --- checkpoints ---------------------------------------------------------------------------- */

/*
 * As only this thread writes, and the reader rests meanwhile, a checkpoint comes to the end of the
 * WAL, which then begins anew with the next commit. It waits for nobody else: if a person reads
 * the file, it comes not so far (false), and has to be tried again.
 */
static bool run_checkpoint(struct sqlite *s, int mode)
{
	int pages = 0, moved = 0, rc;

	sqlite_pause_reader(s, true);
	sqlite3_busy_timeout(s->out.db, 0);
	rc = sqlite3_wal_checkpoint_v2(s->out.db, NULL, mode, &pages, &moved);
	sqlite3_busy_timeout(s->out.db, DATABASE_BUSY_MS);
	sqlite_pause_reader(s, false);
	return rc == SQLITE_OK && moved == pages;
}

static void checkpoint(struct sqlite *s, bool idle)
{
	uint64_t now_ms = units_monotonic_ms();

	if (!idle)
		s->quiet_since_ms = now_ms;
	if (s->wal_pages > (idle ? WAL_PAGES_IDLE : WAL_PAGES_MAX + s->wal_held)) {
		s->wal_held = run_checkpoint(s, SQLITE_CHECKPOINT_PASSIVE) ? 0 : s->wal_pages;
		s->wal_pages = 0;
	}
	if (s->wal_high > WAL_PAGES_IDLE && now_ms - s->quiet_since_ms >= QUIET_MS) {
		if (run_checkpoint(s, SQLITE_CHECKPOINT_TRUNCATE))
			s->wal_high = 0;
		s->quiet_since_ms = now_ms;
	}
}

/* --- passes --------------------------------------------------------------------------------- */

static bool step(struct sqlite *s)
{
	switch (s->tidy) {
	case TIDY_OLDEST:
		return step_oldest(s);
	case TIDY_AGES:
		return step_ages(s);
	case TIDY_TOPICS:
		return step_topics(s);
	case TIDY_KEYS:
		return step_keys(s);
	case TIDY_REST:
		break;
	}
	return true;
}

bool sqlite_tidy(struct sqlite *s, bool idle)
{
	uint64_t now_ms = units_monotonic_ms();

	if (s->tidy == TIDY_REST && now_ms - s->tidied_ms >= PASS_MS) {
		s->tidied_ms = now_ms;
		s->tidy = TIDY_OLDEST;
	} else if (s->tidy != TIDY_REST && step(s)) {
		s->tidy = s->tidy == TIDY_KEYS ? TIDY_REST : s->tidy + 1;
	}
	checkpoint(s, idle);
	return s->tidy != TIDY_REST;
}
