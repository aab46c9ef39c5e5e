/* SPDX-License-Identifier: MIT */

/*
 * The memory store: the window is all there is. Appending happens on the caller's thread under
 * the window's lock, which is the one sequencer; a thread of its own drops what grows too old.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hash.h"
#include "store/cursor.h"
#include "store/keys.h"
#include "store/listing.h"
#include "store/quiet.h"
#include "store/seek.h"
#include "store/stage.h"
#include "store/store.h"
#include "store/window.h"
#include "units.h"

#define KEYS_BYTES (64u << 20)	/* of their answers */
#define EXPIRE_MS 500		/* how often old events are looked for */
#define EXPIRE_STEP 1000	/* topics looked at, or events dropped, per hold of the lock */

struct memory {
	struct store store;
	struct window window;
	struct stage stage;		/* this and all below: under the window's lock */
	struct keys *keys;
	uint64_t key_ms;
	uint64_t (*now_us)(void);
	uint64_t appended, commits, failed, replayed, commit_us_sum, commit_us_max;
	bool closed;
	pthread_t keeper;
	pthread_cond_t closing;
	char identity[17];
};

static struct memory *memory_of(const struct store *s)
{
	return (struct memory *)s;
}

/* --- append --------------------------------------------------------------------------------- */

/* True if the key was used before: the batch is answered. */
static bool answer_from_key(struct memory *m, struct batch *b, const struct key_id *id,
	uint64_t now_us)
{
	const struct key_entry *known = keys_find(m->keys, id, now_us);

	if (known == NULL)
		return false;
	b->status = STORE_KEY_CONFLICT;
	if (memcmp(known->body, b->key->hash, sizeof(known->body)) == 0) {
		b->status = STORE_REPLAYED;
		m->replayed++;
		if (buf_add(&b->answer, known->answer, known->len) < 0)
			b->status = STORE_NOMEM;
	}
	return true;
}

/* 0, or -1 without memory. */
static int keep_answer(struct memory *m, struct batch *b, const struct key_id *id, uint64_t now_us)
{
	if (b->write_answer(b, &b->answer) < 0)
		return -1;
	return keys_add(m->keys, id, b->key->hash, buf_str(&b->answer), now_us + m->key_ms * 1000);
}

static void commit(struct memory *m, struct batch *b, uint64_t now_us)
{
	uint64_t last = m->stage.last;
	struct key_id id;

	if (b->key != NULL) {
		id = key_id_of(b->key);
		if (answer_from_key(m, b, &id, now_us))
			return;
	}
	b->status = STORE_NOMEM;
	if (stage_batch(&m->stage, b, now_us) < 0)
		return;
	stage_commit(b, now_us);
	if (b->key != NULL && keep_answer(m, b, &id, now_us) < 0) {
		stage_undo(&m->stage, b, last);
		return;
	}
	stage_publish(&m->window, b, 0, b->n);
	b->status = STORE_OK;
}

static void count(struct memory *m, const struct batch *b, uint64_t began_us)
{
	uint64_t us = m->now_us() - began_us;

	if (b->status != STORE_OK) {
		m->failed += b->status != STORE_REPLAYED && b->status != STORE_KEY_CONFLICT;
		return;
	}
	for (size_t i = 0; i < b->n; i++)
		m->appended += b->events[i]->refusal == EVENT_ACCEPTED;
	m->commits++;
	if (us > INT64_MAX)	/* the clock was set back */
		us = 0;
	m->commit_us_sum += us;
	if (us > m->commit_us_max)
		m->commit_us_max = us;
}

static void memory_append(struct store *s, struct batch *b)
{
	struct memory *m = memory_of(s);
	uint64_t now_us = m->now_us();

	b->ack = STORE_ACK_MEMORY;
	b->status = STORE_CLOSED;
	if (b->key != NULL)
		key_answer_init(b);
	window_lock(&m->window);
	if (!m->closed) {
		commit(m, b, now_us);
		count(m, b, now_us);
	}
	window_unlock(&m->window);
	if (b->status == STORE_OK && b->n > 0)
		window_wake(&m->window);
	b->done(b);
}

static size_t memory_queued(const struct store *s)
{
	(void)s;
	return 0;
}

/* --- reading -------------------------------------------------------------------------------- */

static bool memory_read(struct store *s, struct read *r)
{
	struct seek k;

	seek_init(&k);
	window_seek(&memory_of(s)->window, r, &k);
	seek_fini(&k);
	return true;
}

static bool memory_is_quiet(struct store *s, const struct filters *f, struct str position,
	uint64_t *pos)
{
	return quiet_after(&memory_of(s)->window, f, position, pos);
}

static uint64_t memory_tail_pos(const struct store *s)
{
	return window_tail_pos(&memory_of(s)->window);
}

static int memory_tail(struct store *s, uint64_t after, struct event **out, size_t max)
{
	return window_tail(&memory_of(s)->window, after, out, max);
}

static char *memory_tail_cursor(struct store *s, uint64_t *pos)
{
	return window_tail_cursor(&memory_of(s)->window, pos);
}

static void memory_watch(struct store *s, void (*wake)(void *arg), void *arg)
{
	window_watch(&memory_of(s)->window, wake, arg);
}

static const char *memory_identity(const struct store *s)
{
	return memory_of(s)->identity;
}

static bool memory_began_after(const struct store *s, struct str text)
{
	uint64_t order;

	return cursor_parse(text, &order) && order < memory_of(s)->window.begin;
}

static bool memory_cursor_valid(const struct store *s, struct str text)
{
	uint64_t order;

	(void)s;
	return cursor_parse(text, &order);
}

static int memory_cursor_compare(const struct store *s, struct str a, struct str b)
{
	(void)s;
	return cursor_compare(a, b);
}

static void memory_topics(struct store *s, struct str after, struct str pattern, size_t max,
	bool (*fn)(void *arg, const struct topic_info *t), void *arg)
{
	listing_topics(&memory_of(s)->window, after, pattern, max, fn, arg);
}

static void memory_stats(struct store *s, struct store_stats *out)
{
	struct memory *m = memory_of(s);

	*out = (struct store_stats){0};
	listing_stats(&m->window, out);
	window_lock(&m->window);
	out->appended = m->appended;
	out->commits = m->commits;
	out->failed = m->failed;
	out->replayed = m->replayed;
	out->commit_us_sum = m->commit_us_sum;
	out->commit_us_max = m->commit_us_max;
	window_unlock(&m->window);
}

/* --- life ----------------------------------------------------------------------------------- */

static int memory_reconfigure(struct store *s, const struct store_config *c)
{
	struct memory *m = memory_of(s);
	struct retention fresh;

	if (retention_init(&fresh, c) < 0)
		return -1;
	window_take_over(&m->window, &fresh, c->max_topics);
	window_lock(&m->window);
	m->key_ms = c->key_ms;
	keys_limit(m->keys, c->max_keys);
	window_unlock(&m->window);
	return 0;
}

/* Wait a while, or until the store closes. The lock is held. */
static void wait_a_while(struct memory *m)
{
	struct timespec until = units_monotonic_after(EXPIRE_MS);

	while (!m->closed && pthread_cond_timedwait(&m->closing, &m->window.lock,
			&until) != ETIMEDOUT)
		;
}

static void *keep(void *arg)
{
	struct memory *m = arg;

	window_lock(&m->window);
	while (!m->closed) {
		wait_a_while(m);
		while (!m->closed && !window_expire(&m->window, m->now_us(), EXPIRE_STEP)) {
			window_unlock(&m->window);
			window_lock(&m->window);
		}
	}
	window_unlock(&m->window);
	return NULL;
}

static void memory_free(struct memory *m)
{
	pthread_cond_destroy(&m->closing);
	window_fini(&m->window);
	keys_free(m->keys);
	free(m);
}

static void memory_close(struct store *s)
{
	struct memory *m = memory_of(s);

	window_lock(&m->window);
	m->closed = true;
	pthread_cond_signal(&m->closing);
	window_unlock(&m->window);
	pthread_join(m->keeper, NULL);
	memory_free(m);
}

static const struct store_ops memory_ops = {
	.append = memory_append,
	.queued = memory_queued,
	.read = memory_read,
	.is_quiet = memory_is_quiet,
	.tail_pos = memory_tail_pos,
	.tail = memory_tail,
	.tail_cursor = memory_tail_cursor,
	.watch = memory_watch,
	.identity = memory_identity,
	.began_after = memory_began_after,
	.cursor_valid = memory_cursor_valid,
	.cursor_compare = memory_cursor_compare,
	.topics = memory_topics,
	.stats = memory_stats,
	.reconfigure = memory_reconfigure,
	.close = memory_close,
};

static void init_condition(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
}

struct store *memory_store_open(const struct store_config *c, struct buf *why)
{
	struct memory *m = calloc(1, sizeof(*m));
	uint8_t random[8];

	if (m == NULL)
		goto no_memory;
	m->store.ops = &memory_ops;
	m->now_us = c->now_us != NULL ? c->now_us : units_now_us;
	m->key_ms = c->key_ms;
	if (window_init(&m->window, c, false, m->now_us()) < 0)
		goto free_store;
	m->stage = (struct stage){.window = &m->window, .last = m->window.last};
	hash_random(random, sizeof(random));
	hash_hex(m->identity, random, sizeof(random));
	init_condition(&m->closing);
	m->keys = keys_new(c->max_keys, KEYS_BYTES);
	if (m->keys == NULL || pthread_create(&m->keeper, NULL, keep, m) != 0) {
		memory_free(m);
		goto no_memory;
	}
	return &m->store;
free_store:
	free(m);
no_memory:
	buf_adds(why, "not enough memory for the store");
	return NULL;
}
