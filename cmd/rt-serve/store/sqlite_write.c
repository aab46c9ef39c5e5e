/* SPDX-License-Identifier: MIT */

/*
 * The writer. Everything that waits is committed in one transaction, bounded in bytes; the next
 * one starts when the last ends. After the commit the events are published: the window takes
 * them, watchers are woken, batches are done.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "store/chunk.h"
#include "store/keys.h"
#include "store/sqlite.h"
#include "units.h"

#define COMMIT_BYTES (1u << 20)		/* of events, unless a single batch is larger */
#define CHUNK_BYTES (64u << 10)		/* the event that makes a body so large is its last */
#define KEEP_BUILDERS 256		/* idle memory: at most so many bodies, */
#define KEEP_BODY (256u << 10)		/* none larger than this */
#define PUBLISH_STEP 1024		/* events per hold of the window's lock */
#define TICK_MS 250

/* --- queue ---------------------------------------------------------------------------------- */

void sqlite_append(struct store *store, struct batch *b)
{
	struct sqlite *s = sqlite_of(store);
	bool closing;

	b->next = NULL;
	if (b->key != NULL)
		key_answer_init(b);
	pthread_mutex_lock(&s->lock);
	closing = s->closing;
	if (!closing) {
		atomic_fetch_add_explicit(&s->queued, b->bytes, memory_order_relaxed);
		*s->queue_end = b;
		s->queue_end = &b->next;
		pthread_cond_signal(&s->appended);
	}
	pthread_mutex_unlock(&s->lock);
	if (closing) {
		b->status = STORE_CLOSED;
		b->done(b);
	}
}

static void wait_tick(struct sqlite *s)
{
	struct timespec until = units_monotonic_after(TICK_MS);

	while (s->queue == NULL && !s->closing && s->fresh == NULL) {
		if (pthread_cond_timedwait(&s->appended, &s->lock, &until) == ETIMEDOUT)
			break;
	}
}

static void take_over(struct sqlite *s)
{
	if (s->fresh == NULL)
		return;
	window_take_over(&s->window, s->fresh, s->fresh_topics);
	free(s->fresh);
	s->fresh = NULL;
}

/* The next group, NULL if nothing came for a while. (*end): nothing will come any more. */
static struct batch *take_group(struct sqlite *s, bool wait, bool *end)
{
	struct batch *group, **p;
	size_t bytes = 0;

	pthread_mutex_lock(&s->lock);
	if (wait)
		wait_tick(s);
	take_over(s);
	group = s->queue;
	for (p = &s->queue; *p != NULL && (bytes == 0 || bytes + (*p)->bytes <= COMMIT_BYTES);
			p = &(*p)->next)
		bytes += (*p)->bytes;
	s->queue = *p;
	if (s->queue == NULL)
		s->queue_end = &s->queue;
	*p = NULL;
	*end = s->closing && group == NULL;
	pthread_mutex_unlock(&s->lock);
	return group;
}

/* --- chunks --------------------------------------------------------------------------------- */

static struct builder *new_builder(struct sqlite *s, struct topic *t)
{
	unsigned cap = s->cap_builders > 0 ? s->cap_builders * 2 : 16;
	struct builder *b;

	if (s->nbuilders == s->cap_builders) {
		b = realloc(s->builders, cap * sizeof(*b));
		if (b == NULL)
			return NULL;
		memset(b + s->cap_builders, 0, (cap - s->cap_builders) * sizeof(*b));
		s->builders = b;
		s->cap_builders = cap;
	}
	b = &s->builders[s->nbuilders++];
	b->topic = t;
	b->n = 0;
	b->full = false;
	b->body.max = UINT32_MAX;
	buf_reset(&b->body);
	t->builder = s->nbuilders;
	return b;
}

static int build_event(struct sqlite *s, const struct event *e)
{
	struct topic *t = catalog_find(&s->window.catalog, event_topic(e), e->topic_hash);
	struct builder *b = t->builder > 0 ? &s->builders[t->builder - 1] : NULL;

	if (b == NULL || b->full)
		b = new_builder(s, t);
	if (b == NULL)
		return -1;
	if (b->n == 0)
		b->first = b->last = e->order;
	if (chunk_add(&b->body, e, b->last) < 0)
		return -1;
	b->last = e->order;
	b->n++;
	b->full = b->body.len >= CHUNK_BYTES;
	return 0;
}

static int build_batch(struct sqlite *s, const struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		if (!b->events[i]->ephemeral && b->events[i]->refusal == EVENT_ACCEPTED &&
				build_event(s, b->events[i]) < 0)
			return -1;
	}
	return 0;
}

static void end_builders(struct sqlite *s, bool saved)
{
	struct builder *b;

	for (unsigned i = 0; i < s->nbuilders; i++) {
		b = &s->builders[i];
		if (saved)
			b->topic->saved = true;
		b->topic->builder = 0;
		if (i >= KEEP_BUILDERS || b->body.cap > KEEP_BODY)
			buf_fini(&b->body);
	}
	s->nbuilders = 0;
}

/* --- statements ----------------------------------------------------------------------------- */

static void bind(sqlite3_stmt *st, int i, uint64_t v)
{
	sqlite3_bind_int64(st, i, (sqlite3_int64)v);
}

static void bind_bytes(sqlite3_stmt *st, int i, const void *p, size_t n)
{
	sqlite3_bind_blob64(st, i, n > 0 ? p : "", n, SQLITE_STATIC);
}

static int begin_transaction(struct sqlite *s)
{
	if (s->in_transaction)
		return 0;
	database_statement(&s->out, SQL_BEGIN);
	if (database_run(&s->out, SQL_BEGIN) < 0)
		return -1;
	s->in_transaction = true;
	return 0;
}

static int put_chunk(struct sqlite *s, const struct builder *b)
{
	const struct chunk_row row = {b->topic->id, b->first, b->last, s->stage.last, b->n};
	sqlite3_stmt *st = database_statement(&s->out, SQL_PUT_CHUNK);

	bind(st, 1, row.first);
	bind(st, 2, row.topic);
	bind(st, 3, row.last);
	bind(st, 4, row.upto);
	bind(st, 5, row.n);
	bind(st, 6, chunk_sum(&row, b->body.p, b->body.len));
	bind_bytes(st, 7, b->body.p, b->body.len);
	return database_run(&s->out, SQL_PUT_CHUNK);
}

int sqlite_save_topic(struct sqlite *s, struct topic *t)
{
	enum statement which = t->saved ? SQL_SET_TOPIC : SQL_PUT_TOPIC;
	sqlite3_stmt *st = database_statement(&s->out, which);
	bool staged = t->builder > 0;

	bind(st, 1, t->id);
	bind(st, 2, t->seq + t->staged);
	bind(st, 3, staged ? s->builders[t->builder - 1].last : t->newest);
	bind(st, 4, t->dropped);
	bind(st, 5, t->events > 0 || !staged ? t->oldest : t->dropped + 1);
	bind(st, 6, t->events + t->staged);
	bind(st, 7, t->bytes + t->staged_bytes);
	if (!t->saved)
		sqlite3_bind_text(st, 8, t->name, t->name_len, SQLITE_STATIC);
	return database_run(&s->out, which);
}

/* The writer has to forget topics whose room was needed. */
static void note_forgotten(void *arg, const struct topic *t)
{
	struct sqlite *s = arg;
	unsigned cap = s->cap_forgotten > 0 ? s->cap_forgotten * 2 : 16;
	uint64_t *ids;

	if (!t->saved)
		return;
	if (s->nforgotten == s->cap_forgotten) {
		ids = realloc(s->forgotten, cap * sizeof(*ids));
		if (ids == NULL)
			return;		/* its empty row stays in the file */
		s->forgotten = ids;
		s->cap_forgotten = cap;
	}
	s->forgotten[s->nforgotten++] = t->id;
}

static int delete_forgotten(struct sqlite *s)
{
	sqlite3_stmt *st = database_statement(&s->out, SQL_SET_META);

	if (s->nforgotten == 0)
		return 0;
	sqlite3_bind_text(st, 1, "forgotten", -1, SQLITE_STATIC);
	bind(st, 2, s->window.forgotten);
	if (database_run(&s->out, SQL_SET_META) < 0)
		return -1;
	for (unsigned i = 0; i < s->nforgotten; i++) {
		if (database_run1(&s->out, SQL_FORGET_TOPIC, s->forgotten[i]) < 0 ||
				database_run1(&s->out, SQL_FORGET_CHUNKS, s->forgotten[i]) < 0)
			return -1;
	}
	return 0;
}

/* --- keys ----------------------------------------------------------------------------------- */

/* 1: answered from an earlier request; 0: the key is new; -1: an error of the database. */
static int answer_from_key(struct sqlite *s, struct batch *b, const struct key_id *id,
	uint64_t now_us)
{
	sqlite3_stmt *st = database_statement(&s->out, SQL_FIND_KEY);
	int rc;

	bind_bytes(st, 1, id->bytes, sizeof(id->bytes));
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW && database_u64(st, 2) <= now_us) {
		rc = database_run1(&s->out, SQL_DELETE_KEY, database_u64(st, 0)) < 0 ?
			SQLITE_ERROR : SQLITE_DONE;
	} else if (rc == SQLITE_ROW) {
		b->status = STORE_KEY_CONFLICT;
		if (sqlite3_column_bytes(st, 1) == sizeof(b->key->hash) &&
				memcmp(sqlite3_column_blob(st, 1), b->key->hash,
					sizeof(b->key->hash)) == 0) {
			b->status = STORE_REPLAYED;
			if (buf_add(&b->answer, sqlite3_column_blob(st, 3),
					(size_t)sqlite3_column_bytes(st, 3)) < 0)
				b->status = STORE_NOMEM;
		}
	}
	sqlite3_reset(st);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : -1;
}

static int keep_answer(struct sqlite *s, const struct batch *b, const struct key_id *id,
	uint64_t now_us)
{
	sqlite3_stmt *st = database_statement(&s->out, SQL_PUT_KEY);

	bind_bytes(st, 1, id->bytes, sizeof(id->bytes));
	bind_bytes(st, 2, b->key->hash, sizeof(b->key->hash));
	bind(st, 3, now_us + s->key_ms * 1000);
	bind_bytes(st, 4, b->answer.p, b->answer.len);
	s->new_keys++;
	return database_run(&s->out, SQL_PUT_KEY);
}

/* --- a group -------------------------------------------------------------------------------- */

static bool is_staged(const struct batch *b)
{
	return b->status == STORE_OK;
}

static size_t stored_events(const struct batch *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++)
		n += !b->events[i]->ephemeral && b->events[i]->refusal == EVENT_ACCEPTED;
	return n;
}

/* What (b) will be worth once it is committed: its answer, which is written before, names it. */
static enum store_ack ack_of(const struct sqlite *s, const struct batch *b)
{
	if (b->n > 0 && stored_events(b) == 0)
		return STORE_ACK_MEMORY;
	return s->sync == STORE_SYNC_FULL ? STORE_ACK_SYNCED : STORE_ACK_WRITTEN;
}

/* Stage the events and write the answer. 0, or -1: without memory, and nothing is staged. */
static int stage_one(struct sqlite *s, struct batch *b, uint64_t now_us)
{
	uint64_t last = s->stage.last;
	int ret;

	window_lock(&s->window);
	ret = stage_batch(&s->stage, b, now_us);
	window_unlock(&s->window);
	if (ret < 0)
		return -1;
	stage_commit(b, now_us);
	b->ack = ack_of(s, b);
	if (b->key == NULL || b->write_answer(b, &b->answer) == 0)
		return 0;
	window_lock(&s->window);
	stage_undo(&s->stage, b, last);
	window_unlock(&s->window);
	return -1;
}

/* 0, also if this batch is refused; -1: the transaction cannot go on. */
static int prepare_batch(struct sqlite *s, struct batch *b, uint64_t now_us)
{
	struct key_id id;
	int known = 0;

	if (b->key != NULL) {
		id = key_id_of(b->key);
		if (begin_transaction(s) < 0)
			return -1;
		known = answer_from_key(s, b, &id, now_us);
		if (known != 0)
			return known < 0 ? -1 : 0;
	}
	if (stage_one(s, b, now_us) < 0) {
		b->status = STORE_NOMEM;
		return 0;
	}
	b->status = STORE_OK;
	if (build_batch(s, b) < 0)
		return -1;
	return b->key != NULL ? keep_answer(s, b, &id, now_us) : 0;
}

static int write_group(struct sqlite *s)
{
	struct topic *t;

	if (s->nbuilders > 0 && begin_transaction(s) < 0)
		return -1;
	if (!s->in_transaction)
		return 0;
	if (delete_forgotten(s) < 0)
		return -1;
	for (unsigned i = 0; i < s->nbuilders; i++) {
		t = s->builders[i].topic;
		if (put_chunk(s, &s->builders[i]) < 0)
			return -1;
		if (t->builder == i + 1 && sqlite_save_topic(s, t) < 0)
			return -1;
	}
	database_statement(&s->out, SQL_COMMIT);
	if (database_run(&s->out, SQL_COMMIT) < 0)
		return -1;
	s->in_transaction = false;
	s->nforgotten = 0;
	return 0;
}

static int commit_group(struct sqlite *s, struct batch *group, uint64_t now_us)
{
	for (struct batch *b = group; b != NULL; b = b->next) {
		if (prepare_batch(s, b, now_us) < 0)
			return -1;
	}
	return write_group(s);
}

/* Take everything back. What was not looked at any more has another status than STORE_OK. */
static void undo_group(struct sqlite *s, struct batch *group, uint64_t last, enum store_status why)
{
	if (s->in_transaction)
		database_rollback(&s->out);
	s->in_transaction = false;
	window_lock(&s->window);
	for (struct batch *b = group; b != NULL; b = b->next) {
		if (is_staged(b))
			stage_undo(&s->stage, b, last);
		b->status = why;
	}
	window_unlock(&s->window);
}

static void note_failure(struct sqlite *s, enum store_status why)
{
	if (!s->failing)
		log_error("the store %s takes no events: %s", s->path, why == STORE_FULL ?
			"no room on the disk" : why == STORE_NOMEM ? "not enough memory" :
			sqlite3_errmsg(s->out.db));
	s->failing = true;
}

static void note_success(struct sqlite *s)
{
	if (s->failing)
		log_warn("the store %s takes events again", s->path);
	s->failing = false;
}

/* --- publishing ----------------------------------------------------------------------------- */

static void publish_batch(struct sqlite *s, const struct batch *b)
{
	size_t to;

	for (size_t from = 0; from < b->n; from = to) {
		to = b->n - from > PUBLISH_STEP ? from + PUBLISH_STEP : b->n;
		window_lock(&s->window);
		stage_publish(&s->window, b, from, to);
		window_unlock(&s->window);
	}
}

static void count_group(struct sqlite *s, const struct batch *group, uint64_t us)
{
	bool committed = false;

	window_lock(&s->window);
	for (const struct batch *b = group; b != NULL; b = b->next) {
		committed = committed || b->status == STORE_OK;
		s->appended_n += b->status == STORE_OK ? b->n : 0;
		s->replayed += b->status == STORE_REPLAYED;
		s->failed += b->status != STORE_OK && b->status != STORE_REPLAYED &&
			b->status != STORE_KEY_CONFLICT;
	}
	if (committed) {
		s->commits++;
		s->commit_us_sum += us;
		if (us > s->commit_us_max)
			s->commit_us_max = us;
	}
	window_unlock(&s->window);
}

static void publish_group(struct sqlite *s, struct batch *group)
{
	bool moved = false;

	for (struct batch *b = group; b != NULL; b = b->next) {
		if (!is_staged(b))
			continue;
		publish_batch(s, b);
		moved = moved || b->n > 0;
	}
	if (moved)
		window_wake(&s->window);
}

static void finish_group(struct sqlite *s, struct batch *group)
{
	struct batch *next;
	size_t bytes;

	for (; group != NULL; group = next) {
		next = group->next;
		bytes = group->bytes;
		group->done(group);
		atomic_fetch_sub_explicit(&s->queued, bytes, memory_order_relaxed);
	}
}

static uint64_t monotonic_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void handle_group(struct sqlite *s, struct batch *group)
{
	uint64_t last = s->stage.last, began = monotonic_us();
	enum store_status why;

	/* Until it is looked at, a batch is nothing that could be taken back. */
	for (struct batch *b = group; b != NULL; b = b->next)
		b->status = STORE_FAILED;
	s->new_keys = 0;
	if (commit_group(s, group, s->now_us()) == 0) {
		s->nkeys += s->new_keys;
		end_builders(s, true);
		note_success(s);
		publish_group(s, group);
	} else {
		why = database_status(&s->out);
		note_failure(s, why);
		undo_group(s, group, last, why);
		end_builders(s, false);
	}
	count_group(s, group, monotonic_us() - began);
	finish_group(s, group);
}

void *sqlite_write_thread(void *arg)
{
	struct sqlite *s = arg;
	bool end = false, more = false;
	struct batch *group;

	s->stage.forgot = note_forgotten;
	s->stage.arg = s;
	while (!end) {
		group = take_group(s, !more, &end);
		if (group != NULL)
			handle_group(s, group);
		more = sqlite_tidy(s, group == NULL);
	}
	for (unsigned i = 0; i < s->cap_builders; i++)
		buf_fini(&s->builders[i].body);
	free(s->builders);
	free(s->forgotten);
	return NULL;
}
