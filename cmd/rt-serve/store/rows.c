/* SPDX-License-Identifier: MIT */
#include "store/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

/*
 * What lies in the heap: the next row of a topic (or of all), or an opened chunk. The key of a
 * chunk is its next event; that of a row a bound for all that comes from it and from the rows
 * after it: its first order forwards, the end of its commit backwards.
 */
struct rows_run {
	uint64_t key;
	bool is_open;
	bool wanted;		/* a row: its chunk is to be opened */
	uint64_t first, last;	/* a row */
	struct rows_topic topic;
	struct chunk chunk;
	void *body;
	uint32_t at, end;	/* of the chunk's events; backwards they are taken from the end */
};

/* --- the heap ------------------------------------------------------------------------------- */

static bool comes_first(const struct rows *r, const struct rows_run *a, const struct rows_run *b)
{
	if (a->key != b->key)
		return r->q.back ? a->key > b->key : a->key < b->key;
	return !a->is_open && b->is_open;
}

static void sift_down(struct rows *r)
{
	struct rows_run *run = r->heap[0];
	unsigned i = 0, child;

	while ((child = 2 * i + 1) < r->n) {
		if (child + 1 < r->n && comes_first(r, r->heap[child + 1], r->heap[child]))
			child++;
		if (!comes_first(r, r->heap[child], run))
			break;
		r->heap[i] = r->heap[child];
		i = child;
	}
	r->heap[i] = run;
}

static enum rows_result push(struct rows *r, struct rows_run *run)
{
	unsigned cap = r->cap > 0 ? r->cap * 2 : 16, i;
	struct rows_run **heap;

	if (r->n == r->cap) {
		heap = realloc(r->heap, cap * sizeof(struct rows_run *));
		if (heap == NULL)
			return ROWS_NOMEM;
		r->heap = heap;
		r->cap = cap;
	}
	for (i = r->n++; i > 0 && comes_first(r, run, r->heap[(i - 1) / 2]); i = (i - 1) / 2)
		r->heap[i] = r->heap[(i - 1) / 2];
	r->heap[i] = run;
	r->open += run->is_open;
	return ROWS_EVENT;
}

static void free_run(struct rows_run *run)
{
	if (run->is_open)
		chunk_fini(&run->chunk);
	free(run->body);
	free(run);
}

static void drop_top(struct rows *r)
{
	r->open -= r->heap[0]->is_open;
	free_run(r->heap[0]);
	r->heap[0] = r->heap[--r->n];
	if (r->n > 0)
		sift_down(r);
}

/* --- rows ----------------------------------------------------------------------------------- */

static enum rows_result failed(const struct rows *r)
{
	if (sqlite3_errcode(r->d->db) == SQLITE_NOMEM)
		return ROWS_NOMEM;
	log_error("cannot read the store: %s", sqlite3_errmsg(r->d->db));
	return ROWS_FAILED;
}

static void take_row(const struct rows *r, struct rows_run *row, sqlite3_stmt *s)
{
	row->first = database_u64(s, 0);
	row->last = database_u64(s, 2);
	if (row->last < row->first)
		row->last = row->first;		/* it is damaged: found out when it is opened */
	row->key = r->q.back ? database_u64(s, 3) : row->first;
}

/* Of all rows the next that is wanted; or one that is not, when many were looked at. */
static enum rows_result next_of_all(struct rows *r, struct rows_run *row)
{
	sqlite3_stmt *s = r->d->statements[r->q.back ? SQL_CHUNKS_BACK : SQL_CHUNKS_FROM];
	int rc;

	do {
		rc = sqlite3_step(s);
		if (rc != SQLITE_ROW)
			return rc == SQLITE_DONE ? ROWS_END : failed(r);
		take_row(r, row, s);
		row->wanted = (r->q.back || row->last > r->q.after) &&
			r->q.want(r->q.arg, database_u64(s, 1), row->last, &row->topic);
	} while (!row->wanted && ++r->visited % ROWS_VISIT_MAX != 0);
	return ROWS_EVENT;
}

static enum rows_result one_row(struct rows *r, struct rows_run *row, enum statement which,
	uint64_t bound)
{
	sqlite3_stmt *s = database_statement(r->d, which);
	int rc;

	sqlite3_bind_int64(s, 1, (sqlite3_int64)row->topic.id);
	sqlite3_bind_int64(s, 2, (sqlite3_int64)bound);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		take_row(r, row, s);
	sqlite3_reset(s);
	return rc == SQLITE_ROW ? ROWS_EVENT : rc == SQLITE_DONE ? ROWS_END : failed(r);
}

static enum rows_result next_row(struct rows *r, struct rows_run *row)
{
	if (r->q.topics == NULL)
		return next_of_all(r, row);
	return one_row(r, row, r->q.back ? SQL_TOPIC_BACK : SQL_TOPIC_AFTER, row->last);
}

/* --- the first rows ------------------------------------------------------------------------- */

/* The row that begins below (before), the last such; the chunks of a topic do not overlap. */
static enum rows_result last_row_of_topic(struct rows *r, struct rows_run *row)
{
	enum rows_result found = one_row(r, row, SQL_TOPIC_FROM, r->q.before);

	if (found == ROWS_EVENT && row->first < r->q.before)
		return found;
	if (found != ROWS_EVENT && found != ROWS_END)
		return found;
	return one_row(r, row, SQL_TOPIC_BACK, r->q.before);
}

/*
 * Rows of one commit overlap: to begin after (after), begin with the first row of the commit it
 * lies in.
 */
static enum rows_result first_row_after(struct rows *r, uint64_t *first)
{
	sqlite3_stmt *s = database_statement(r->d, SQL_CHUNKS_BACK);
	int rc;

	*first = r->q.after + 1;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)*first);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW && database_u64(s, 3) > r->q.after)
		*first = database_u64(s, 0);
	sqlite3_reset(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? ROWS_EVENT : failed(r);
}

static enum rows_result begin_all(struct rows *r)
{
	uint64_t bound = r->q.before;
	sqlite3_stmt *s;

	if (!r->q.back && first_row_after(r, &bound) != ROWS_EVENT)
		return ROWS_FAILED;
	s = database_statement(r->d, r->q.back ? SQL_CHUNKS_BACK : SQL_CHUNKS_FROM);
	sqlite3_bind_int64(s, 1, (sqlite3_int64)bound);
	return ROWS_EVENT;
}

static enum rows_result first_row(struct rows *r, struct rows_run *row)
{
	if (r->q.topics == NULL)
		return next_of_all(r, row);
	row->wanted = true;
	if (r->q.back)
		return last_row_of_topic(r, row);
	return one_row(r, row, SQL_TOPIC_AFTER, r->q.after);
}

/* Put the first row of topic number (i), or of all, on the heap. */
static enum rows_result add_stream(struct rows *r, unsigned i)
{
	struct rows_run *row = calloc(1, sizeof(*row));
	enum rows_result found;

	if (row == NULL)
		return ROWS_NOMEM;
	if (r->q.topics != NULL)
		row->topic = r->q.topics[i];
	found = first_row(r, row);
	if (found == ROWS_EVENT)
		found = push(r, row);
	if (found == ROWS_EVENT)
		return ROWS_EVENT;
	free(row);
	return found == ROWS_END ? ROWS_EVENT : found;
}

enum rows_result rows_begin(struct rows *r, struct database *d, const struct rows_query *q)
{
	unsigned n = q->topics != NULL ? q->ntopics : 1;
	enum rows_result res = ROWS_EVENT;

	*r = (struct rows){.d = d, .q = *q};
	database_statement(d, SQL_BEGIN_READ);
	if (database_run(d, SQL_BEGIN_READ) < 0)
		return failed(r);
	if (q->topics == NULL)
		res = begin_all(r);
	for (unsigned i = 0; i < n && res == ROWS_EVENT; i++)
		res = add_stream(r, i);
	return res;
}

void rows_end(struct rows *r)
{
	for (unsigned i = 0; i < r->n; i++)
		free_run(r->heap[i]);
	free(r->heap);
	for (int i = SQL_CHUNKS_FROM; i <= SQL_TOPIC_BACK; i++)
		sqlite3_reset(r->d->statements[i]);
	database_statement(r->d, SQL_COMMIT);
	if (database_run(r->d, SQL_COMMIT) < 0)
		database_rollback(r->d);
}

/* --- chunks --------------------------------------------------------------------------------- */

static void set_key(const struct rows *r, struct rows_run *run)
{
	run->key = run->chunk.marks[r->q.back ? run->end - 1 : run->at].order;
}

struct rows_chunk rows_chunk(sqlite3_stmt *s)
{
	struct rows_chunk c = {
		.row = {
			.first = database_u64(s, 0), .topic = database_u64(s, 1),
			.last = database_u64(s, 2), .upto = database_u64(s, 3),
			.n = (uint32_t)sqlite3_column_int64(s, 4),
		},
		.body = sqlite3_column_blob(s, 6), .len = (size_t)sqlite3_column_bytes(s, 6),
	};

	if (c.body == NULL && sqlite3_errcode(sqlite3_db_handle(s)) == SQLITE_NOMEM)
		c.error = ENOMEM;
	else if (c.body == NULL || chunk_sum(&c.row, c.body, c.len) != database_u64(s, 5))
		c.error = EBADMSG;
	return c;
}

/* A copy of (c), taken apart. */
static enum rows_result open_body(struct rows_run *run, const struct rows_chunk *c)
{
	if (c->error != 0)
		return c->error == ENOMEM ? ROWS_NOMEM : ROWS_DAMAGED;
	run->body = malloc(c->len + 1);
	if (run->body == NULL)
		return ROWS_NOMEM;
	memcpy(run->body, c->body, c->len);
	errno = 0;
	if (chunk_init(&run->chunk, run->body, c->len, c->row.first, c->row.n) < 0)
		return errno == EBADMSG ? ROWS_DAMAGED : ROWS_NOMEM;
	run->is_open = true;
	return ROWS_EVENT;
}

/* Fetch the body of (row) into (run). Nothing is deleted meanwhile: what the index has is there. */
static enum rows_result fetch(struct rows *r, const struct rows_run *row, struct rows_run *run)
{
	sqlite3_stmt *s = database_statement(r->d, SQL_GET_CHUNK);
	struct rows_chunk c;
	enum rows_result res;
	int rc;

	sqlite3_bind_int64(s, 1, (sqlite3_int64)row->first);
	rc = sqlite3_step(s);
	if (rc != SQLITE_ROW) {
		res = rc == SQLITE_DONE || rc == SQLITE_CORRUPT ? ROWS_DAMAGED : failed(r);
		sqlite3_reset(s);
		return res;
	}
	c = rows_chunk(s);
	res = open_body(run, &c);
	sqlite3_reset(s);
	return res;
}

/* Which of its events are asked for. */
static void narrow(const struct rows *r, struct rows_run *run)
{
	uint64_t after = run->topic.dropped;

	if (!r->q.back && r->q.after > after)
		after = r->q.after;
	run->at = chunk_upto(&run->chunk, after);
	run->end = r->q.back ? chunk_upto(&run->chunk, r->q.before - 1) : run->chunk.n;
}

static enum rows_result open_chunk(struct rows *r, const struct rows_run *row)
{
	struct rows_run *run = calloc(1, sizeof(*run));
	enum rows_result res;

	if (run == NULL)
		return ROWS_NOMEM;
	run->topic = row->topic;
	res = fetch(r, row, run);
	if (res == ROWS_EVENT) {
		narrow(r, run);
		if (run->at < run->end) {
			set_key(r, run);
			res = push(r, run);
			if (res == ROWS_EVENT)
				return res;
		}
	}
	free_run(run);
	return res;
}

static void note_damage(struct rows *r, const struct rows_run *row)
{
	r->damaged.topic = row->topic;
	r->damaged.first = row->first;
	r->damaged.last = row->last;
}

/*
 * Enough rows were looked at, and nothing of them is left to be taken. All rows of a commit may have
 * to be looked at again: a pause that would go on no further than this began is none.
 */
static bool may_pause(struct rows *r, const struct rows_run *row)
{
	if (r->q.topics != NULL || r->open > 0 || r->visited < ROWS_VISIT_MAX)
		return false;
	r->resume = r->q.back ? row->key + 1 : row->first - 1;
	return r->q.back ? r->resume < r->q.before : r->resume > r->q.after;
}

/* The row on top has its turn: open its chunk, and let the next row take its place. */
static enum rows_result turn_row(struct rows *r)
{
	struct rows_run *row = r->heap[0];
	enum rows_result res;
	bool damaged;

	if (may_pause(r, row))
		return ROWS_PAUSE;
	/* Off the heap, so that opening may put the chunk there. */
	r->heap[0] = r->heap[--r->n];
	if (r->n > 0)
		sift_down(r);
	res = row->wanted ? open_chunk(r, row) : ROWS_EVENT;
	damaged = res == ROWS_DAMAGED;
	if (damaged)
		note_damage(r, row);
	if (res == ROWS_EVENT || damaged)
		res = next_row(r, row);
	if (res == ROWS_EVENT)
		res = push(r, row);
	if (res != ROWS_EVENT)
		free(row);
	if (res != ROWS_EVENT && res != ROWS_END)
		return res;
	return damaged ? ROWS_DAMAGED : ROWS_EVENT;
}

static enum rows_result take_event(struct rows *r, struct event **e)
{
	struct rows_run *run = r->heap[0];
	uint32_t i = r->q.back ? run->end - 1 : run->at;

	*e = chunk_event(&run->chunk, i, (struct str){run->topic.name, run->topic.name_len});
	if (*e == NULL)
		return ROWS_NOMEM;
	if (r->q.back)
		run->end--;
	else
		run->at++;
	if (run->at == run->end) {
		drop_top(r);
	} else {
		set_key(r, run);
		sift_down(r);
	}
	return ROWS_EVENT;
}

enum rows_result rows_next(struct rows *r, struct event **e)
{
	enum rows_result res;

	while (r->n > 0) {
		if (!r->q.back && r->heap[0]->key > r->q.upto)
			return ROWS_END;
		if (r->heap[0]->is_open)
			return take_event(r, e);
		res = turn_row(r);
		if (res != ROWS_EVENT)
			return res;
	}
	return ROWS_END;
}
