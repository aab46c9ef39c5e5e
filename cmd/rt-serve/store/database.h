/* SPDX-License-Identifier: MIT */
#ifndef RT_DATABASE_H
#define RT_DATABASE_H

/*
 * The SQLite file: making, checking and locking it, and connections with prepared statements.
 *
 *   meta     identity (text); begin, forgotten (orders)
 *   topics   one row each, kept when it is empty: its newest order and seq go on
 *   chunks   the events of one topic in one commit, bounded in size. (first) is the order of its
 *            first event, (last) of its last, (upto) of the last event of the whole commit: chunks
 *            of one commit overlap, those of different ones never do. (sum) guards the row
 *   keys     Idempotency-Keys, oldest first
 */
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "store/store.h"

/** Chunks are kilobytes: small pages would be half empty, or need chains. */
#define DATABASE_PAGE 16384

/** How long a statement waits for a person who looks at the file with sqlite3(1). */
#define DATABASE_BUSY_MS 5000

enum statement {
	SQL_BEGIN, SQL_COMMIT, SQL_ROLLBACK, SQL_BEGIN_READ,
	SQL_GET_META, SQL_SET_META,
	SQL_ALL_TOPICS, SQL_PUT_TOPIC, SQL_SET_TOPIC, SQL_FORGET_TOPIC, SQL_FORGET_CHUNKS,
	SQL_PUT_CHUNK, SQL_DELETE_CHUNK, SQL_GET_CHUNK,
	SQL_CHUNKS_FROM, SQL_CHUNKS_BACK, SQL_TOPIC_AFTER, SQL_TOPIC_FROM, SQL_TOPIC_BACK,
	SQL_OLDEST, SQL_OLDEST_OF_TOPIC,
	SQL_FIND_KEY, SQL_PUT_KEY, SQL_OLDEST_KEYS, SQL_COUNT_KEYS, SQL_DELETE_KEY,
	SQL_USED_PAGES,
	SQL_STATEMENTS,
};

/** A connection; for one thread at a time. */
struct database {
	sqlite3 *db;
	sqlite3_stmt *statements[SQL_STATEMENTS];
	int os_error;		/* errno of the last statement that failed */
};

/**
 * Create the file at (*path) if there is none, and its directory, and lock it. (*path), malloc'd,
 * becomes the file's own path, without symbolic links. Returns the lock's fd, to be closed last,
 * or -1 with a sentence in (why).
 */
int database_claim(char **path, struct buf *why);

/**
 * Connect to a file that was claimed. The first connection (create) writes the schema into an
 * empty file; (now_us) becomes its beginning. 0, or -1 with a sentence in (why).
 */
int database_open(struct database *d, const char *path, enum store_sync sync, bool create,
	uint64_t now_us, struct buf *why);
void database_close(struct database *d);

/** The statement, reset, to be bound and stepped. */
sqlite3_stmt *database_statement(struct database *d, enum statement s);

/** Step a statement that gives no row, then reset it. 0, or -1. */
int database_run(struct database *d, enum statement s);

/** The same for a statement with one parameter. */
int database_run1(struct database *d, enum statement s, uint64_t a);

/** End a transaction that failed. */
void database_rollback(struct database *d);

/** What the last error means for who waits. */
enum store_status database_status(const struct database *d);

static inline uint64_t database_u64(sqlite3_stmt *s, int column)
{
	return (uint64_t)sqlite3_column_int64(s, column);
}

#endif
