/* SPDX-License-Identifier: MIT */

/*
 * The SQLite store as a file: what survives, what is refused, and what happens when there is no
 * room.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "helper_store.h"
#include "tests/unit/tap.h"

/* --- what is synced: these stand before the C library's, for SQLite too ----------------------- */

static int syncs, folder_syncs;

static int note_sync(int fd, long number)
{
	struct stat st = {0};
	int ret = (int)syscall(number, fd);

	fstat(fd, &st);
	__atomic_add_fetch(S_ISDIR(st.st_mode) ? &folder_syncs : &syncs, 1, __ATOMIC_SEQ_CST);
	return ret;
}

int fsync(int fd)
{
	return note_sync(fd, SYS_fsync);
}

int fdatasync(int fd)
{
	return note_sync(fd, SYS_fdatasync);
}

/* SQLite's way of waiting for somebody else's lock. */
static int naps;

int usleep(useconds_t us)
{
	__atomic_add_fetch(&naps, 1, __ATOMIC_SEQ_CST);
	return nanosleep(&(struct timespec){.tv_nsec = (long)us * 1000}, NULL);
}

/* How often a file is synced before (n) batches, one by one, are acknowledged as (want). */
static int syncs_of(enum store_sync sync, const char *path, int n, enum store_ack want)
{
	struct store_config c = helper_config(path);
	enum store_ack ack = want;
	struct event *e[8];
	struct store *s;
	int before;

	c.sync = sync;
	s = helper_open(&c);
	before = __atomic_load_n(&syncs, __ATOMIC_SEQ_CST);
	for (int i = 0; i < n && ack == want; i++) {
		e[i] = helper_event("a", NULL, "1");
		if (helper_append(s, &e[i], 1, NULL, NULL, &ack) != STORE_OK)
			ack = STORE_ACK_MEMORY;
		event_unref(e[i]);
	}
	before = __atomic_load_n(&syncs, __ATOMIC_SEQ_CST) - before;
	store_close(s);
	return ack == want ? before : -1;
}

/* Power loss cannot be had here; what has to be done before an acknowledgement can. */
static void test_synced(void)
{
	ok(syncs_of(STORE_SYNC_FULL, helper_path("full.db"), 5, STORE_ACK_SYNCED) >= 5,
		"each event acknowledged as synced was");
	eq_num(syncs_of(STORE_SYNC_NORMAL, helper_path("normal.db"), 5, STORE_ACK_WRITTEN), 0,
		"for those that are written, nobody waits for the disk");
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : st.st_mode & 0777;
}

static void test_files(void)
{
	char path[200], name[220];
	struct store_config c;
	struct store *s;

	snprintf(path, sizeof(path), "%s", helper_path("sub"));
	snprintf(name, sizeof(name), "%s/x/rt.db", path);
	c = helper_config(name);
	umask(0);
	s = helper_open(&c);
	umask(022);
	helper_put(s, "a", NULL, "1");
	eq_num(mode_of(name), 0600, "the file is its owner's alone");
	strcat(name, "-wal");
	eq_num(mode_of(name), 0600, "and what SQLite puts beside it");
	name[strlen(name) - 4] = '\0';
	strcat(name, ".lock");
	eq_num(mode_of(name), 0600, "and the lock");
	eq_num(mode_of(path), 0700, "its directories are made");
	ok(folder_syncs >= 3, "and every name on the way is synced");
	store_close(s);
	unlink(name);
	name[strlen(name) - 5] = '\0';
	unlink(name);
	snprintf(name, sizeof(name), "%s/x", path);
	rmdir(name);
	rmdir(path);
}

/* Opening must fail with a sentence that has (word) in it. */
static void refused(const char *path, const char *word, const char *what)
{
	struct store_config c = helper_config(path);
	struct store *s;
	struct buf why;

	buf_init(&why, 1000);
	s = store_open(&c, &why);
	ok(s == NULL && why.len > 0 && strstr(buf_cstr(&why), word) != NULL, "%s", what);
	printf("# %s\n", why.len > 0 ? buf_cstr(&why) : "(nothing)");
	store_close(s);
	buf_fini(&why);
}

static void execute(const char *path, const char *sql)
{
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK || sqlite3_exec(db, sql, NULL, NULL,
			NULL) != SQLITE_OK)
		printf("Bail out! %s\n", sqlite3_errmsg(db));
	sqlite3_close(db);
}

static void write_at(const char *path, off_t at, const char *text, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	if (pwrite(fd, text, n, at) != (ssize_t)n)
		printf("Bail out! cannot write\n");
	close(fd);
}

static void test_refused(void)
{
	const char *path = helper_path("mine.db");
	struct store_config c = helper_config(path);
	struct store *s = helper_open(&c);
	char junk[4096];

	refused(path, "another rt-serve uses", "a second server is refused");
	if (symlink(path, helper_path("link.db")) < 0)
		printf("Bail out! cannot link\n");
	refused(helper_path("link.db"), "another rt-serve uses", "under another name as well");
	helper_put(s, "a", NULL, "1");
	store_close(s);
	execute(path, "PRAGMA user_version = 2");
	refused(path, "format 2", "another version's file is refused");
	execute(path, "PRAGMA user_version = 1");
	s = helper_open(&c);
	store_close(s);
	path = helper_path("foreign.db");
	execute(path, "CREATE TABLE t(x)");
	refused(path, "another program", "another program's file is refused");
	path = helper_path("text.db");
	write_at(path, 0, "This is just some text, no database at all, and more than enough.\n",
		66);
	refused(path, "not a store", "what is no database is refused");
	refused("/proc/nowhere/rt.db", "cannot create", "a directory that cannot be made");
	refused(helper_path(""), "cannot open", "a directory instead of a file");
	refused(":memory:", "memory:", "SQLite's own name for memory");
	sqlite3_vfs_register(sqlite3_vfs_find("unix-none"), 1);
	refused(helper_path("nfs.db"), "shared memory", "a file system without shared memory");
	sqlite3_vfs_register(sqlite3_vfs_find("unix"), 1);
	path = helper_path("damaged.db");
	c.path = path;
	s = helper_open(&c);
	helper_fill(s, "a", 1000, true);
	store_close(s);
	memset(junk, 0x55, sizeof(junk));
	for (off_t at = 16384; at < 16384 * 12; at += sizeof(junk))
		write_at(path, at, junk, sizeof(junk));
	refused(path, "damaged", "a damaged file is refused");
}

static void test_reopen(void)
{
	struct store_config c = helper_config(helper_path("again.db"));
	struct store *s;
	char identity[17], *text;
	uint64_t id, next;

	helper_set_now_us(1800000000000000);
	c.now_us = helper_now_us;
	s = helper_open(&c);
	snprintf(identity, sizeof(identity), "%s", store_identity(s));
	id = helper_put(s, "a", "k", "1");
	store_close(s);
	helper_set_now_us(1700000000000000);
	s = helper_open(&c);
	eq_str(store_identity(s), identity, "the identity stays");
	eq_num(store_tail_pos(s), 1, "what is stored is in memory again");
	next = helper_put(s, "a", NULL, "2");
	ok(next > id, "ids go on from the last, though the clock was set back");
	text = helper_all(s, "a", READ_CURSOR, helper_id(id), 10);
	eq_str(text, "2", "a cursor still holds");
	free(text);
	store_close(s);
	c.path = helper_path("other.db");
	s = helper_open(&c);
	ok(strcmp(store_identity(s), identity) != 0, "another file, another identity");
	store_close(s);
}

/* --- a crash -------------------------------------------------------------------------------- */

static int report;	/* the child tells each acknowledged batch here */

static void acknowledged(struct batch *b)
{
	uint32_t n = b->status == STORE_OK ? (uint32_t)b->n : 0;
	ssize_t ignored = write(report, &n, sizeof(n));

	(void)ignored;
	for (size_t i = 0; i < b->n; i++)
		event_unref(b->events[i]);
	free(b->events);
	free(b);
}

/* Appends without end: batches of 1 to 20 events in topics of their own number, data counts up. */
static void append_forever(struct store *s)
{
	unsigned count = 0;
	struct batch *b;
	char data[16];

	for (;;) {
		b = calloc(1, sizeof(*b));
		b->n = 1 + count % 20;
		b->events = calloc(b->n, sizeof(struct event *));
		for (size_t i = 0; i < b->n; i++) {
			snprintf(data, sizeof(data), "%u", ++count);
			b->events[i] = helper_event(count % 3 ? "a" : "b", NULL, data);
			b->bytes += b->events[i]->size;
		}
		b->done = acknowledged;
		store_append(s, b);
		while (store_queued(s) > 100000)
			helper_pause();
	}
}

static unsigned run_until_killed(const struct store_config *c, unsigned stop_after)
{
	unsigned acked = 0;
	uint32_t n;
	int fds[2], status;
	pid_t pid;

	if (pipe(fds) < 0)
		return 0;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		report = fds[1];
		append_forever(helper_open(c));
	}
	close(fds[1]);
	while (read(fds[0], &n, sizeof(n)) == sizeof(n)) {
		acked += n;
		if (acked >= stop_after)
			kill(pid, SIGKILL);
	}
	waitpid(pid, &status, 0);
	close(fds[0]);
	return acked;
}

static void test_crash(void)
{
	char path[200] = "";
	struct store_config c = helper_config(path);
	unsigned acked, bad = 0, lost = 0;

	snprintf(path, sizeof(path), "%s", helper_path("crash.db"));
	c.sync = STORE_SYNC_FULL;
	for (unsigned round = 0; round < 8; round++) {
		struct store *s;
		struct read *r;
		uint64_t seq[2] = {0, 0}, order = 0;
		unsigned n = 0;

		unlink(path);
		unlink(helper_path("crash.db-wal"));
		unlink(helper_path("crash.db-shm"));
		acked = run_until_killed(&c, 50 + round * 331);
		s = helper_open(&c);
		r = helper_read(s, "a,b", READ_ALL, NULL);
		for (;;) {
			for (size_t i = 0; i < r->n; i++) {
				const struct event *e = r->events[i];
				bool is_a = str_is(event_topic(e), "a");
				char data[16];

				snprintf(data, sizeof(data), "%u", ++n);
				bad += !str_is(event_data(e), data) || e->order <= order ||
					e->seq != ++seq[is_a];
				order = e->order;
			}
			if (r->at_end)
				break;
			read_next(r);
			helper_do(s, r);
		}
		read_free(r);
		lost += n < acked;
		store_close(s);
	}
	eq_num(lost, 0, "a crash loses no acknowledged event");
	eq_num(bad, 0, "what is left is whole, in order, with its seqs");
}

static void test_keyed_crash(void)
{
	struct store_config c = helper_config(helper_path("keyed.db"));
	struct batch_key k = {.path = STR_LIT("/topics/a"), .principal = STR_LIT("ann"),
		.key = STR_LIT("k")};
	struct event *e = helper_event("a", NULL, "1");
	struct store *s;
	struct buf answer;
	int status;
	pid_t pid;
	char *text;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		s = helper_open(&c);
		_exit(helper_append(s, &e, 1, &k, NULL, NULL) == STORE_OK ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a keyed batch, then a crash");
	s = helper_open(&c);
	eq_num(helper_append(s, &e, 1, &k, &answer, NULL), STORE_REPLAYED,
		"the retry is recognized");
	eq_bytes(answer.p, answer.len, "answer of k", 11, "and has its answer");
	buf_fini(&answer);
	k.hash[0] = 1;
	eq_num(helper_append(s, &e, 1, &k, NULL, NULL), STORE_KEY_CONFLICT, "another body is not");
	text = helper_all(s, "a", READ_ALL, NULL, 10);
	eq_str(text, "1", "one event");
	free(text);
	event_unref(e);
	store_close(s);
}

/* A column of one row. */
static int64_t ask(const char *path, const char *sql)
{
	sqlite3_stmt *st = NULL;
	sqlite3 *db = NULL;
	int64_t n = -1;

	if (sqlite3_open(path, &db) == SQLITE_OK &&
			sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK &&
			sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static void put_keyed(struct store *s, const char *key)
{
	struct batch_key k = {.path = STR_LIT("/topics/a"), .principal = STR_LIT(""),
		.key = str_of(key)};
	struct event *e = helper_event("a", NULL, "1");

	helper_append(s, &e, 1, &k, NULL, NULL);
	event_unref(e);
}

/* Keys that are too old, or too many, leave the file. */
static void test_keys_leave(void)
{
	char path[200] = "", key[16];
	struct store_config c = helper_config(path);
	struct store *s;

	snprintf(path, sizeof(path), "%s", helper_path("keys.db"));
	helper_set_now_us(1800000000000000);
	c.now_us = helper_now_us;
	c.max_keys = 10;
	s = helper_open(&c);
	for (int i = 0; i < 30; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		put_keyed(s, key);
	}
	ok(helper_wait(ask(path, "SELECT count(*) FROM keys") == 10), "the newest keys stay");
	eq_num(ask(path, "SELECT min(n) FROM keys"), 21, "the oldest went");
	helper_set_now_us(1800000000000000 + c.key_ms * 1000 + 1);
	ok(helper_wait(ask(path, "SELECT count(*) FROM keys") == 0), "in time all of them");
	store_close(s);
}

/* --- no room -------------------------------------------------------------------------------- */

static enum store_status append_big(struct store *s)
{
	struct event *e[100];
	enum store_status st;
	char data[2000];

	memset(data, '1', sizeof(data) - 1);
	data[sizeof(data) - 1] = '\0';
	for (int i = 0; i < 100; i++)
		e[i] = helper_event("big", NULL, data);
	st = helper_append(s, e, 100, NULL, NULL, NULL);
	for (int i = 0; i < 100; i++)
		event_unref(e[i]);
	return st;
}

static bool has(struct store *s, const char *filters, size_t n, uint64_t last_seq)
{
	struct read *r = helper_read(s, filters, READ_ALL, NULL);
	bool yes = r->status == STORE_OK && r->n == n && r->events[n - 1]->seq == last_seq;

	read_free(r);
	return yes;
}

/* In a child, since a limit of the process is the full disk. The check that failed, or 0. */
static int run_full(const char *path)
{
	struct rlimit limit = {1 << 20, RLIM_INFINITY};
	struct store_config c = helper_config(path);
	enum store_status st = STORE_OK;
	struct store *s;
	uint64_t first;
	size_t n;

	c.max_keys = 3;
	s = helper_open(&c);
	signal(SIGXFSZ, SIG_IGN);
	first = helper_put(s, "t", NULL, "1");
	setrlimit(RLIMIT_FSIZE, &limit);
	for (n = 0; n < 100 && st == STORE_OK; n++)
		st = append_big(s);
	if (st != STORE_FULL)
		return 1;
	if (!has(s, "t", 1, 1) || append_big(s) != STORE_FULL)
		return 2;
	for (int i = 0; i < 5; i++)
		put_keyed(s, "refused");
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	if (append_big(s) != STORE_OK || !has(s, "big", n * 100, n * 100))
		return 3;
	if (helper_put(s, "t", NULL, "2") <= first)
		return 4;
	for (int i = 0; i < 4; i++)
		put_keyed(s, (const char *const []){"k", "l", "m", "n"}[i]);
	if (!helper_wait(ask(path, "SELECT count(*) FROM keys") < 4) ||
			ask(path, "SELECT count(*) FROM keys") != 3)
		return 6;
	store_close(s);
	s = helper_open(&c);
	if (!has(s, "t", 2, 2) || !has(s, "big", n * 100, n * 100))
		return 5;
	store_close(s);
	return 0;
}

static void test_full(void)
{
	const char *path = helper_path("full2.db");
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(run_full(path));
	waitpid(pid, &status, 0);
	eq_num(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0,
		"a full disk refuses events, uses up no seq, and when there is room it goes on");
}

/* --- closing -------------------------------------------------------------------------------- */

static int answered, accepted;

static void count_answer(struct batch *b)
{
	__atomic_add_fetch(&answered, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&accepted, b->status == STORE_OK, __ATOMIC_SEQ_CST);
}

static void test_close(void)
{
	enum { N = 200 };
	struct store_config c = helper_config(helper_path("close.db"));
	struct store *s = helper_open(&c);
	static struct batch b[N];
	struct event *e[N];
	struct store_stats st;

	for (int i = 0; i < N; i++) {
		e[i] = helper_event("a", NULL, "1");
		b[i] = (struct batch){.events = &e[i], .n = 1, .bytes = e[i]->size,
			.done = count_answer};
		store_append(s, &b[i]);
	}
	store_close(s);
	ok(answered == N && accepted == N, "closing answers everything that was handed over");
	for (int i = 0; i < N; i++)
		event_unref(e[i]);
	s = helper_open(&c);
	store_stats(s, &st);
	eq_num(st.events, N, "and all of it is there");
	store_close(s);
}

/* A quiet store gives the space of its WAL back, and reads go on meanwhile. */
static void test_wal(void)
{
	struct store_config c = helper_config(helper_path("wal.db"));
	struct store *s;
	struct store_stats st;
	char *text, data[4000];

	memset(data, '1', sizeof(data) - 1);
	data[sizeof(data) - 1] = '\0';
	c.memory_bytes = 1000;
	s = helper_open(&c);
	for (int i = 0; i < 1000; i++)
		helper_put(s, "a", NULL, data);
	store_stats(s, &st);
	ok(st.wal_bytes > 1 << 20, "writing fills the WAL");
	ok(helper_wait((store_stats(s, &st), st.wal_bytes == 0)), "in quiet times it is emptied");
	text = helper_all(s, "a", READ_ALL, NULL, 7);
	eq_num(strlen(text), 1000 * sizeof(data) - 1, "nothing is missing");
	free(text);
	store_close(s);
}

static atomic_bool enough;

static void *read_on(void *arg)
{
	size_t n = 0;

	while (!atomic_load(&enough)) {
		struct read *r = helper_read(arg, "*", READ_ALL, NULL);

		for (; r->status == STORE_OK && !r->at_end && !atomic_load(&enough); n += r->n) {
			read_next(r);
			helper_do(arg, r);
		}
		read_free(r);
	}
	return n > 0 ? arg : NULL;
}

/* Constant writes, and readers who are always under way: the WAL begins anew all the same. */
static void test_wal_bounded(void)
{
	enum { READERS = 3 };
	struct store_config c = helper_config(helper_path("bounded.db"));
	pthread_t threads[READERS];
	struct store_stats st;
	uint64_t largest = 0;
	struct store *s;
	void *read;

	c.memory_bytes = 1000;
	c.max_bytes = 8 << 20;
	s = helper_open(&c);
	append_big(s);
	atomic_store(&enough, false);
	for (int i = 0; i < READERS; i++)
		pthread_create(&threads[i], NULL, read_on, s);
	for (int i = 0; i < 600; i++) {
		append_big(s);
		store_stats(s, &st);
		if (st.wal_bytes > largest)
			largest = st.wal_bytes;
	}
	atomic_store(&enough, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(threads[i], &read);
	ok(read != NULL && largest > 16 << 20 && largest < 40 << 20, "the WAL has a bound");
	printf("# %llu\n", (unsigned long long)largest);
	store_close(s);
}

/* Nobody waits for a person who has the file open in sqlite3(1), in a transaction. */
static void test_wal_person(void)
{
	struct store_config c = helper_config(helper_path("person.db"));
	struct store *s = helper_open(&c);
	sqlite3 *db = NULL;
	struct store_stats st;
	int before;

	append_big(s);
	if (sqlite3_open(c.path, &db) != SQLITE_OK || sqlite3_exec(db,
			"BEGIN; SELECT count(*) FROM chunks", NULL, NULL, NULL) != SQLITE_OK)
		printf("Bail out! %s\n", sqlite3_errmsg(db));
	for (int i = 0; i < 10; i++)
		append_big(s);
	before = __atomic_load_n(&naps, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 3500 && __atomic_load_n(&naps, __ATOMIC_SEQ_CST) == before; i++)
		helper_pause();
	eq_num(__atomic_load_n(&naps, __ATOMIC_SEQ_CST) - before, 0,
		"a checkpoint does not wait for a person");
	store_stats(s, &st);
	ok(st.wal_bytes > 1 << 20, "whose transaction needs the WAL");
	sqlite3_close(db);
	ok(helper_wait((store_stats(s, &st), st.wal_bytes == 0)), "and which is emptied afterwards");
	store_close(s);
}

int main(void)
{
	test_files();
	test_synced();
	test_refused();
	test_reopen();
	test_crash();
	test_keyed_crash();
	test_keys_leave();
	test_full();
	test_close();
	test_wal();
	test_wal_bounded();
	test_wal_person();
	helper_remove_dir();
	return tap_done();
}
