/* SPDX-License-Identifier: MIT */
#include "store/database.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hash.h"

#define APPLICATION_ID 0x52745374	/* "RtSt" */
#define VERSION 1

static const char schema[] =
	"CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, "
	" seq INTEGER NOT NULL, last INTEGER NOT NULL, dropped INTEGER NOT NULL,"
	" oldest INTEGER NOT NULL,"
	" events INTEGER NOT NULL, bytes INTEGER NOT NULL);"
	"CREATE TABLE chunks(first INTEGER PRIMARY KEY, topic INTEGER NOT NULL,"
	" last INTEGER NOT NULL, upto INTEGER NOT NULL, n INTEGER NOT NULL,"
	" sum INTEGER NOT NULL, body BLOB NOT NULL);"
	"CREATE INDEX chunks_of_topic ON chunks(topic, last);"
	"CREATE TABLE keys(n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, body BLOB NOT NULL,"
	" expires INTEGER NOT NULL, answer BLOB NOT NULL);";

static const char *const texts[SQL_STATEMENTS] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_BEGIN_READ] = "BEGIN",
	[SQL_GET_META] = "SELECT value FROM meta WHERE name = ?1",
	[SQL_SET_META] = "INSERT INTO meta(name, value) VALUES(?1, ?2)"
		" ON CONFLICT(name) DO UPDATE SET value = ?2",
	[SQL_ALL_TOPICS] = "SELECT id, name, seq, last, dropped, oldest, events, bytes FROM topics"
		" ORDER BY last",
	[SQL_PUT_TOPIC] = "INSERT INTO topics(id, seq, last, dropped, oldest, events, bytes, name)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[SQL_SET_TOPIC] = "UPDATE topics SET seq = ?2, last = ?3, dropped = ?4, oldest = ?5,"
		" events = ?6, bytes = ?7 WHERE id = ?1",
	[SQL_FORGET_TOPIC] = "DELETE FROM topics WHERE id = ?1",
	[SQL_FORGET_CHUNKS] = "DELETE FROM chunks WHERE topic = ?1",
	[SQL_PUT_CHUNK] = "INSERT INTO chunks(first, topic, last, upto, n, sum, body)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[SQL_DELETE_CHUNK] = "DELETE FROM chunks WHERE first = ?1",
	[SQL_GET_CHUNK] = "SELECT first, topic, last, upto, n, sum, body FROM chunks"
		" WHERE first = ?1",
	[SQL_CHUNKS_FROM] =
		"SELECT first, topic, last, upto FROM chunks WHERE first >= ?1 ORDER BY first",
	[SQL_CHUNKS_BACK] =
	"SELECT first, topic, last, upto, length(body) FROM chunks WHERE first < ?1"
		" ORDER BY first DESC",
	[SQL_TOPIC_AFTER] = "SELECT first, topic, last, last FROM chunks"
		" WHERE topic = ?1 AND last > ?2 ORDER BY last LIMIT 1",
	[SQL_TOPIC_FROM] = "SELECT first, topic, last, last FROM chunks"
		" WHERE topic = ?1 AND last >= ?2 ORDER BY last LIMIT 1",
	[SQL_TOPIC_BACK] = "SELECT first, topic, last, last FROM chunks"
		" WHERE topic = ?1 AND last < ?2 ORDER BY last DESC LIMIT 1",
	[SQL_OLDEST] = "SELECT first, topic, last, upto, n, sum, body FROM chunks"
		" ORDER BY first LIMIT ?1",
	[SQL_OLDEST_OF_TOPIC] = "SELECT first, topic, last, upto, n, sum, body FROM chunks"
		" WHERE topic = ?2 ORDER BY last LIMIT ?1",
	[SQL_FIND_KEY] = "SELECT n, body, expires, answer FROM keys WHERE id = ?1",
	[SQL_PUT_KEY] = "INSERT INTO keys(id, body, expires, answer) VALUES(?1, ?2, ?3, ?4)",
	[SQL_OLDEST_KEYS] = "SELECT n, expires FROM keys ORDER BY n LIMIT ?1",
	[SQL_COUNT_KEYS] = "SELECT coalesce(max(n) - (SELECT min(n) FROM keys) + 1, 0) FROM keys",
	[SQL_DELETE_KEY] = "DELETE FROM keys WHERE n = ?1",
	[SQL_USED_PAGES] = "SELECT (p.page_count - f.freelist_count) * s.page_size FROM"
		" pragma_page_count p, pragma_freelist_count f, pragma_page_size s",
};

/* --- the file ------------------------------------------------------------------------------- */

/* Names survive power loss once the folder that has them is synced. */
static void sync_parent(const char *path)
{
	char *copy = strdup(path);
	int fd = copy == NULL ? -1 : open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(copy);
}

/* Make the directories that lead to (path), for the owner alone. */
static int make_directories(const char *path, struct buf *why)
{
	char *copy = strdup(path), *slash;
	int ret = 0;

	if (copy == NULL)
		return buf_adds(why, "not enough memory for the store"), -1;
	for (slash = strchr(copy + 1, '/'); slash != NULL && ret == 0;
	slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0700) == 0) {
			sync_parent(copy);
		} else if (errno != EEXIST) {
			buf_addf(why, "cannot create the directory %s: %s", copy, strerror(errno));
			ret = -1;
		}
		*slash = '/';
	}
	free(copy);
	return ret;
}

static int cannot_open(const char *path, struct buf *why)
{
	buf_addf(why, "cannot open the store %s: %s", path, strerror(errno));
	return -1;
}

/* SQLite gives its other files the mode of this one. */
static int make_file(const char *path, struct buf *why)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return cannot_open(path, why);
	close(fd);
	return 0;
}

/*
 * The file itself, behind symbolic links: by which name ever it is called, it has one lock. It is
 * not opened if it is there, since closing it would take the locks of an SQLite in this process.
 */
static char *resolve(const char *path, struct buf *why)
{
	char *real = realpath(path, NULL);
	struct stat st;

	if (real == NULL && errno == ENOENT) {
		if (make_file(path, why) < 0)
			return NULL;
		real = realpath(path, NULL);
	}
	if (real == NULL || stat(real, &st) < 0) {
		cannot_open(path, why);
	} else if (!S_ISREG(st.st_mode)) {
		buf_addf(why, "cannot open the store %s: not a regular file", path);
	} else {
		return real;
	}
	free(real);
	return NULL;
}

/* The lock's fd, or -1. */
static int lock_file(const char *path, struct buf *why)
{
	char *name = NULL;
	int fd;

	if (asprintf(&name, "%s.lock", path) < 0) {
		buf_adds(why, "not enough memory for the store");
		return -1;
	}
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		buf_addf(why, "cannot open %s: %s", name, strerror(errno));
	} else if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		buf_addf(why,
			"another rt-serve uses the store %s; stop it, or choose another "
			"--store", path);
		close(fd);
		fd = -1;
	}
	free(name);
	return fd;
}

int database_claim(char **path, struct buf *why)
{
	char *real;
	int fd;

	if (make_directories(*path, why) < 0)
		return -1;
	real = resolve(*path, why);
	if (real == NULL)
		return -1;
	free(*path);
	*path = real;
	fd = lock_file(real, why);
	if (fd >= 0 && make_file(real, why) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* --- schema --------------------------------------------------------------------------------- */

static int fail(const struct database *d, const char *path, struct buf *why)
{
	int rc = sqlite3_errcode(d->db);

	if (rc == SQLITE_NOTADB)
		buf_addf(why,
			"%s is not a store of rt-serve, nor any SQLite file; choose another "
			"--store", path);
	else if (rc == SQLITE_CORRUPT)
		buf_addf(why,
			"the store %s is damaged (%s); restore it from a backup, or move it away "
			"to begin with an empty one", path, sqlite3_errmsg(d->db));
	else if (rc == SQLITE_FULL)
		buf_addf(why, "no room on the disk for the store %s", path);
	else
		buf_addf(why, "cannot use the store %s: %s", path, sqlite3_errmsg(d->db));
	return -1;
}

static int get_number(struct database *d, const char *sql, int64_t *out)
{
	sqlite3_stmt *s = NULL;
	int ret = -1;

	if (sqlite3_prepare_v2(d->db, sql, -1, &s, NULL) == SQLITE_OK &&
			sqlite3_step(s) == SQLITE_ROW) {
		*out = sqlite3_column_int64(s, 0);
		ret = 0;
	}
	sqlite3_finalize(s);
	return ret;
}

/* 1: our file; 0: an empty one; -1 with a sentence: neither. */
static int recognize(struct database *d, const char *path, struct buf *why)
{
	int64_t application = 0, version = 0, tables = 0;

	if (get_number(d, "PRAGMA application_id", &application) < 0 ||
			get_number(d, "PRAGMA user_version", &version) < 0 ||
			get_number(d, "SELECT count(*) FROM sqlite_master", &tables) < 0)
		return fail(d, path, why);
	if (application == 0 && version == 0 && tables == 0)
		return 0;
	if (application != APPLICATION_ID) {
		buf_addf(why, "%s is an SQLite file of another program; choose another --store",
			path);
		return -1;
	}
	if (version != VERSION) {
		buf_addf(why,
			"the store %s has format %lld, and this rt-serve knows format %d; use the "
			"rt-serve that made it, or choose another --store", path,
			(long long)version, VERSION);
		return -1;
	}
	return 1;
}

static int execute(struct database *d, const char *format, ...)
{
	char *sql;
	va_list ap;
	int rc;

	va_start(ap, format);
	sql = sqlite3_vmprintf(format, ap);
	va_end(ap);
	if (sql == NULL)
		return -1;
	rc = sqlite3_exec(d->db, sql, NULL, NULL, NULL);
	sqlite3_free(sql);
	return rc == SQLITE_OK ? 0 : -1;
}

static int create_schema(struct database *d, uint64_t now_us)
{
	uint8_t random[8];
	char identity[17];

	hash_random(random, sizeof(random));
	hash_hex(identity, random, sizeof(random));
	return execute(d, "BEGIN IMMEDIATE; %s"
		"INSERT INTO meta VALUES('identity', '%s'), ('begin', %lld), ('forgotten', 0);"
		"PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT;",
		schema, identity, (long long)now_us, APPLICATION_ID, VERSION);
}

/* --- connections ---------------------------------------------------------------------------- */

static int set_up(struct database *d, enum store_sync sync)
{
	static const char *const levels[] = {
		[STORE_SYNC_NONE] = "OFF", [STORE_SYNC_NORMAL] = "NORMAL",
			[STORE_SYNC_FULL] = "FULL",
	};

	sqlite3_busy_timeout(d->db, DATABASE_BUSY_MS);
	sqlite3_extended_result_codes(d->db, 0);
	return execute(d,
		"PRAGMA page_size = %d; PRAGMA journal_mode = WAL; PRAGMA synchronous = %s;"
		"PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -16384;", DATABASE_PAGE,
		levels[sync]);
}

/* Without shared memory, as on some network file systems, SQLite falls back to another mode. */
static bool is_wal(struct database *d)
{
	sqlite3_stmt *s = NULL;
	bool yes = sqlite3_prepare_v2(d->db, "PRAGMA journal_mode", -1, &s, NULL) == SQLITE_OK &&
		sqlite3_step(s) == SQLITE_ROW &&
		strcmp((const char *)sqlite3_column_text(s, 0), "wal") == 0;

	sqlite3_finalize(s);
	return yes;
}

static int prepare(struct database *d)
{
	for (int i = 0; i < SQL_STATEMENTS; i++) {
		if (sqlite3_prepare_v3(d->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
				&d->statements[i],
				NULL) != SQLITE_OK)
			return -1;
	}
	return 0;
}

int database_open(struct database *d, const char *path, enum store_sync sync, bool create,
	uint64_t now_us, struct buf *why)
{
	int found = 1;

	*d = (struct database){.db = NULL};
	if (sqlite3_open_v2(path, &d->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
			NULL) != SQLITE_OK)
		goto failed;
	if (create)
		found = recognize(d, path, why);
	if (found < 0)
		goto close;
	if (set_up(d, sync) < 0)
		goto failed;
	if (!is_wal(d)) {
		buf_addf(why, "the file system of the store %s has no shared memory; choose another "
			"--store", path);
		goto close;
	}
	if ((found == 0 && create_schema(d, now_us) < 0) || prepare(d) < 0)
		goto failed;
	return 0;
failed:
	fail(d, path, why);
close:
	database_close(d);
	return -1;
}

void database_close(struct database *d)
{
	for (int i = 0; i < SQL_STATEMENTS; i++)
		sqlite3_finalize(d->statements[i]);
	sqlite3_close(d->db);
	*d = (struct database){.db = NULL};
}

sqlite3_stmt *database_statement(struct database *d, enum statement s)
{
	sqlite3_reset(d->statements[s]);
	return d->statements[s];
}

int database_run(struct database *d, enum statement s)
{
	int rc = sqlite3_step(d->statements[s]);

	/* What SQLite itself keeps of it is gone after the reset. */
	d->os_error = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : errno;
	sqlite3_reset(d->statements[s]);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : -1;
}

int database_run1(struct database *d, enum statement s, uint64_t a)
{
	sqlite3_bind_int64(database_statement(d, s), 1, (sqlite3_int64)a);
	return database_run(d, s);
}

void database_rollback(struct database *d)
{
	/* Some errors have ended the transaction already. */
	if (!sqlite3_get_autocommit(d->db))
		database_run(d, SQL_ROLLBACK);
}

enum store_status database_status(const struct database *d)
{
	int os = d->os_error;

	switch (sqlite3_errcode(d->db)) {
	case SQLITE_FULL:
		return STORE_FULL;
	case SQLITE_OK:		/* then it was not the database */
	case SQLITE_ROW:
	case SQLITE_DONE:
	case SQLITE_NOMEM:
		return STORE_NOMEM;
	case SQLITE_IOERR:	/* a quota, or a limit of the process, is a kind of full disk */
		return os == ENOSPC || os == EDQUOT || os == EFBIG ? STORE_FULL : STORE_FAILED;
	default:
		return STORE_FAILED;
	}
}
