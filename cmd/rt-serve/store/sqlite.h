/* SPDX-License-Identifier: MIT */
#ifndef RT_SQLITE_H
#define RT_SQLITE_H

/*
 * The SQLite store, for its own files only. Two threads: the writer commits what was appended in
 * groups, keeps the window up to date and tidies up between commits; the reader fetches what is
 * older than the window. Each has its own connection. Nobody else touches the disk.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/database.h"
#include "store/rows.h"
#include "store/seek.h"
#include "store/stage.h"
#include "store/store.h"
#include "store/window.h"

/** The events of one topic in the commit that is being made, or a part of them. */
struct builder {
	struct topic *topic;
	uint64_t first, last;
	uint32_t n;
	struct buf body;
	bool full;
};

struct sqlite_job;

/** Where a pass of retention stands. */
enum tidy_phase { TIDY_REST, TIDY_OLDEST, TIDY_AGES, TIDY_TOPICS, TIDY_KEYS };

struct sqlite {
	struct store store;
	struct window window;
	char *path;
	char identity[17];
	int lock_fd;
	enum store_sync sync;
	uint64_t (*now_us)(void);

	/* handing over */
	pthread_mutex_t lock;
	pthread_cond_t appended, asked, rested;
	struct batch *queue, **queue_end;
	_Atomic size_t queued;			/* bytes */
	struct sqlite_job *jobs, **jobs_end;
	struct retention *fresh;		/* to be taken over by the writer */
	uint64_t fresh_topics;
	bool pause, reading;			/* the writer needs the reader to rest; it does not yet */
	_Atomic uint64_t key_ms, max_keys;
	atomic_bool closing;			/* set under the lock */
	pthread_t writer, reader;

	/* the writer's */
	struct database out;
	struct stage stage;
	struct builder *builders;
	unsigned nbuilders, cap_builders;
	uint64_t *forgotten;			/* topic ids to be deleted */
	unsigned nforgotten, cap_forgotten;
	bool in_transaction, failing;
	uint64_t nkeys, new_keys;	/* in the file; in the transaction */
	int wal_pages, wal_high;	/* in the WAL since the last checkpoint; since it was cut */
	int wal_held;			/* pages in it when the last checkpoint was held up, or 0 */
	enum tidy_phase tidy;
	uint64_t tidied_ms, quiet_since_ms;	/* monotonic */

	/* the reader's */
	struct database in;

	/* figures, under the window's lock */
	uint64_t appended_n, commits, failed, replayed, commit_us_sum, commit_us_max;
	uint64_t *damaged;		/* rows found damaged, by their first order; */
	size_t ndamaged, cap_damaged;	/* each of the first 1000 counts, and is in the log, once */
};

static inline struct sqlite *sqlite_of(const struct store *s)
{
	return (struct sqlite *)s;
}

/* sqlite_load.c: read topics and the newest events. 0, or -1 with a sentence. */
int sqlite_load(struct sqlite *s, struct buf *why);

/* sqlite_damage.c */
/** The row of (topic) with the orders (first) to (last) cannot be read: if that is new, say so. */
void sqlite_found_damage(struct sqlite *s, struct str topic, uint64_t first, uint64_t last);

/* sqlite_write.c */
void sqlite_append(struct store *store, struct batch *b);
void *sqlite_write_thread(void *arg);
/** Bring the row of (t) up to date, in a transaction. 0 or -1. */
int sqlite_save_topic(struct sqlite *s, struct topic *t);

/* sqlite_tidy.c: what the writer does between commits. True: there is more to do at once. */
bool sqlite_tidy(struct sqlite *s, bool idle);

/* sqlite_read.c */
bool sqlite_read(struct store *store, struct read *r);
void *sqlite_read_thread(void *arg);
/** Wait until the reader has ended its transaction; it begins no other one until (pause) is false. */
void sqlite_pause_reader(struct sqlite *s, bool pause);

#endif
