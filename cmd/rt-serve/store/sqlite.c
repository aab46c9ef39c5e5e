/* SPDX-License-Identifier: MIT */
#include "store/sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/cursor.h"
#include "store/listing.h"
#include "store/quiet.h"
#include "units.h"

/* --- what needs no disk --------------------------------------------------------------------- */

static size_t sqlite_queued(const struct store *s)
{
	return atomic_load_explicit(&sqlite_of(s)->queued, memory_order_relaxed);
}

static bool sqlite_is_quiet(struct store *s, const struct filters *f, struct str position,
	uint64_t *pos)
{
	return quiet_after(&sqlite_of(s)->window, f, position, pos);
}

static uint64_t sqlite_tail_pos(const struct store *s)
{
	return window_tail_pos(&sqlite_of(s)->window);
}

static int sqlite_tail(struct store *s, uint64_t after, struct event **out, size_t max)
{
	return window_tail(&sqlite_of(s)->window, after, out, max);
}

static char *sqlite_tail_cursor(struct store *s, uint64_t *pos)
{
	return window_tail_cursor(&sqlite_of(s)->window, pos);
}

static void sqlite_watch(struct store *s, void (*wake)(void *arg), void *arg)
{
	window_watch(&sqlite_of(s)->window, wake, arg);
}

static const char *sqlite_identity(const struct store *s)
{
	return sqlite_of(s)->identity;
}

static bool sqlite_cursor_valid(const struct store *s, struct str text)
{
	uint64_t order;

	(void)s;
	return cursor_parse(text, &order);
}

static int sqlite_cursor_compare(const struct store *s, struct str a, struct str b)
{
	(void)s;
	return cursor_compare(a, b);
}

static void sqlite_topics(struct store *s, struct str after, struct str pattern, size_t max,
	bool (*fn)(void *arg, const struct topic_info *t), void *arg)
{
	listing_topics(&sqlite_of(s)->window, after, pattern, max, fn, arg);
}

static uint64_t file_bytes(const char *path, const char *suffix)
{
	struct stat st = {0};
	char *name = NULL;

	if (asprintf(&name, "%s%s", path, suffix) < 0)
		return 0;
	if (stat(name, &st) < 0)
		st.st_size = 0;
	free(name);
	return (uint64_t)st.st_size;
}

static void sqlite_stats(struct store *store, struct store_stats *out)
{
	struct sqlite *s = sqlite_of(store);

	*out = (struct store_stats){
		.disk_bytes = file_bytes(s->path, ""), .wal_bytes = file_bytes(s->path, "-wal"),
	};
	listing_stats(&s->window, out);
	window_lock(&s->window);
	out->appended = s->appended_n;
	out->commits = s->commits;
	out->failed = s->failed;
	out->replayed = s->replayed;
	out->commit_us_sum = s->commit_us_sum;
	out->commit_us_max = s->commit_us_max;
	out->damaged = s->ndamaged;
	window_unlock(&s->window);
}

/* --- life ----------------------------------------------------------------------------------- */

/* The writer alone changes the window: it takes the new rules over before its next group. */
static int sqlite_reconfigure(struct store *store, const struct store_config *c)
{
	struct sqlite *s = sqlite_of(store);
	struct retention *fresh = malloc(sizeof(*fresh)), *old;

	if (fresh == NULL || retention_init(fresh, c) < 0) {
		free(fresh);
		return -1;
	}
	pthread_mutex_lock(&s->lock);
	old = s->fresh;
	s->fresh = fresh;
	s->fresh_topics = c->max_topics;
	atomic_store(&s->key_ms, c->key_ms);
	atomic_store(&s->max_keys, c->max_keys);
	pthread_cond_signal(&s->appended);
	pthread_mutex_unlock(&s->lock);
	if (old != NULL)
		retention_fini(old);
	free(old);
	return 0;
}

static void sqlite_free(struct sqlite *s)
{
	database_close(&s->in);
	database_close(&s->out);
	window_fini(&s->window);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	if (s->fresh != NULL)
		retention_fini(s->fresh);
	free(s->fresh);
	free(s->damaged);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->appended);
	pthread_cond_destroy(&s->asked);
	pthread_cond_destroy(&s->rested);
	free(s->path);
	free(s);
}

static void stop(struct sqlite *s)
{
	pthread_mutex_lock(&s->lock);
	atomic_store(&s->closing, true);
	pthread_cond_signal(&s->appended);
	pthread_cond_signal(&s->asked);
	pthread_mutex_unlock(&s->lock);
}

static void sqlite_close(struct store *store)
{
	struct sqlite *s = sqlite_of(store);

	stop(s);
	pthread_join(s->writer, NULL);
	pthread_join(s->reader, NULL);
	sqlite_free(s);
}

static int note_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct sqlite *s = arg;

	(void)db;
	(void)name;
	s->wal_pages = pages;
	if (pages > s->wal_high)
		s->wal_high = pages;
	return SQLITE_OK;
}

static struct sqlite *sqlite_new(const struct store_config *c)
{
	struct sqlite *s = calloc(1, sizeof(*s));
	pthread_condattr_t attr;

	if (s == NULL)
		return NULL;
	s->path = strdup(c->path);
	if (s->path == NULL || window_init(&s->window, c, true, 0) < 0) {
		free(s->path);
		free(s);
		return NULL;
	}
	s->lock_fd = -1;
	s->sync = c->sync;
	s->now_us = c->now_us != NULL ? c->now_us : units_now_us;
	s->key_ms = c->key_ms;
	s->max_keys = c->max_keys;
	s->queue_end = &s->queue;
	s->jobs_end = &s->jobs;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->appended, &attr);
	pthread_cond_init(&s->asked, NULL);
	pthread_cond_init(&s->rested, NULL);
	pthread_condattr_destroy(&attr);
	return s;
}

static int open_files(struct sqlite *s, struct buf *why)
{
	s->lock_fd = database_claim(&s->path, why);
	if (s->lock_fd < 0)
		return -1;
	if (database_open(&s->out, s->path, s->sync, true, s->now_us(), why) < 0 ||
			database_open(&s->in, s->path, s->sync, false, 0, why) < 0)
		return -1;
	sqlite3_wal_hook(s->out.db, note_wal, s);
	return sqlite_load(s, why);
}

static int start_threads(struct sqlite *s, struct buf *why)
{
	if (pthread_create(&s->writer, NULL, sqlite_write_thread, s) != 0) {
		buf_adds(why, "cannot start a thread for the store");
		return -1;
	}
	if (pthread_create(&s->reader, NULL, sqlite_read_thread, s) != 0) {
		buf_adds(why, "cannot start a thread for the store");
		stop(s);
		pthread_join(s->writer, NULL);
		return -1;
	}
	return 0;
}

struct store *sqlite_store_open(const struct store_config *c, struct buf *why)
{
	static const struct store_ops ops = {
		.append = sqlite_append,
		.queued = sqlite_queued,
		.read = sqlite_read,
		.is_quiet = sqlite_is_quiet,
		.tail_pos = sqlite_tail_pos,
		.tail = sqlite_tail,
		.tail_cursor = sqlite_tail_cursor,
		.watch = sqlite_watch,
		.identity = sqlite_identity,
		.cursor_valid = sqlite_cursor_valid,
		.cursor_compare = sqlite_cursor_compare,
		.topics = sqlite_topics,
		.stats = sqlite_stats,
		.reconfigure = sqlite_reconfigure,
		.close = sqlite_close,
	};
	struct sqlite *s = sqlite_new(c);

	if (s == NULL) {
		buf_adds(why, "not enough memory for the store");
		return NULL;
	}
	s->store.ops = &ops;
	if (open_files(s, why) < 0 || start_threads(s, why) < 0) {
		sqlite_free(s);
		return NULL;
	}
	return &s->store;
}
