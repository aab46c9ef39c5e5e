/* SPDX-License-Identifier: MIT */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/tap.h"

static char dir[] = "/tmp/rt-test-state-XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[4][256];
	static unsigned n;
	char *p = path[n++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (f != NULL) {
		fputs(text, f);
		fclose(f);
	}
}

static const char *read_file(const char *path)
{
	static char text[8192];
	FILE *f = fopen(path, "r");
	size_t n = f == NULL ? 0 : fread(text, 1, sizeof(text) - 1, f);

	if (f != NULL)
		fclose(f);
	text[n] = '\0';
	return text;
}

static void test_round_trip(void)
{
	const char *path = in_dir("round");
	enum state_error err;
	struct state *s = state_open(path, "http://x a \"b\"", &err);

	ok(s != NULL, "a state that does not exist is opened");
	ok(state_get(s, "cursor") == NULL, "it has no cursor");
	eq_num(state_save(s, true), 0, "saving nothing is fine");
	ok(access(path, F_OK) != 0, "and makes no file");
	eq_num(state_set(s, "cursor", "17 \"quoted\" \n\x7f \xC3\xA9"), 0, "any UTF-8 can be kept");
	eq_num(state_set(s, "etag", "W/\"x\""), 0, "an etag too");
	eq_num(state_save(s, true), 0, "saved");
	ok(access(in_dir("round.tmp"), F_OK) != 0, "no temporary file is left");
	state_free(s);

	s = state_open(path, "http://x a \"b\"", &err);
	ok(s != NULL, "opened again");
	eq_str(state_get(s, "cursor"), "17 \"quoted\" \n\x7f \xC3\xA9", "the cursor is what it was");
	eq_str(state_get(s, "etag"), "W/\"x\"", "the etag too");
	eq_num(state_set(s, "etag", NULL), 0, "removed");
	eq_num(state_save(s, false), 0, "saved without fsync");
	state_free(s);
	eq_num(strchr(read_file(path), '\n') - read_file(path) + 1, (long)strlen(read_file(path)),
		"one line");
	ok(strstr(read_file(path), "etag") == NULL, "what was removed is gone");
}

static void test_untouched(void)
{
	const char *path = in_dir("same");
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	enum state_error err;
	struct state *s = state_open(path, "q", &err);
	struct stat a, b;

	state_set(s, "hash", "1");
	state_save(s, true);
	utimensat(AT_FDCWD, path, old, 0);
	stat(path, &a);
	state_set(s, "hash", "1");
	state_set(s, "etag", NULL);
	eq_num(state_save(s, true), 0, "the same values again");
	stat(path, &b);
	ok(a.st_ino == b.st_ino && a.st_mtime == b.st_mtime, "leave the file untouched");
	state_set(s, "hash", "2");
	eq_num(state_save(s, true), 0, "another value");
	stat(path, &b);
	ok(b.st_mtime != 1000, "is written");
	state_free(s);
}

static void test_lock(void)
{
	enum state_error err;
	struct state *s = state_open(in_dir("locked"), "q", &err), *t;

	t = state_open(in_dir("locked"), "q", &err);
	ok(t == NULL && err == STATE_LOCKED, "a second one is refused while the first is open");
	state_free(s);
	t = state_open(in_dir("locked"), "q", &err);
	ok(t != NULL, "not after that");
	state_free(t);
}

static void test_bound(void)
{
	enum state_error err;
	struct state *s = state_open(in_dir("bound"), "q1", &err);

	state_set(s, "cursor", "1");
	state_save(s, false);
	state_free(s);
	s = state_open(in_dir("bound"), "q2", &err);
	ok(s == NULL && err == STATE_FOREIGN, "a state belongs to its question");
	s = state_open(in_dir("bound"), "bad \xff", &err);
	ok(s == NULL && err == STATE_IO && errno == EINVAL, "a question must be UTF-8");
}

static void test_damaged(void)
{
	static const char *const bad[] = {
		"x", "[]", "{}", "{\"for\":1}", "{\"for\":\"q\",\"cursor\":5}", "{\"for\":\"q\"} {}",
		"{\"for\":\"q\",\"cursor\":\"a\\u0000b\"}", "{\"for\":\"q\",\"cur",
	};
	enum state_error err;
	struct state *s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_file(in_dir("bad"), bad[i]);
		s = state_open(in_dir("bad"), "q", &err);
		ok(s == NULL && err == STATE_DAMAGED, "damaged: %s", bad[i]);
		eq_str(read_file(in_dir("bad")), bad[i], "and left alone");
	}
	write_file(in_dir("bad"), "");
	s = state_open(in_dir("bad"), "q", &err);
	ok(s != NULL, "an empty file, as of mktemp, is a new state");
	state_free(s);
	ok(mkfifo(in_dir("fifo"), 0600) == 0, "what is no file");
	s = state_open(in_dir("fifo"), "q", &err);
	ok(s == NULL && err == STATE_DAMAGED, "is no state, and is not waited for");
	s = state_open(in_dir("none/state"), "q", &err);
	ok(s == NULL && err == STATE_IO && errno == ENOENT, "a folder that is missing");
}

static void test_limits(void)
{
	static char text[STATE_VALUE_MAX + 2];
	enum state_error err;
	struct state *s = state_open(in_dir("limits"), "q", &err);

	memset(text, 1, STATE_VALUE_MAX);
	eq_num(state_set(s, "cursor", text), 0, "the longest value");
	eq_num(state_save(s, false), 0, "all of it escaped, is saved");
	state_free(s);
	s = state_open(in_dir("limits"), "q", &err);
	ok(s != NULL && strcmp(state_get(s, "cursor"), text) == 0, "and read");
	text[STATE_VALUE_MAX] = 'x';
	ok(state_set(s, "cursor", text) == -1 && errno == EMSGSIZE, "one byte more is refused");
	ok(state_set(s, "cursor", "\xff") == -1 && errno == EINVAL, "so is what is not UTF-8");
	eq_num(strlen(state_get(s, "cursor")), STATE_VALUE_MAX, "and the value stays");
	state_free(s);
}

static void test_files(void)
{
	enum state_error err;
	struct state *s;
	struct stat st;

	write_file(in_dir("real"), "");
	chmod(in_dir("real"), 0640);
	symlink(in_dir("real"), in_dir("link"));
	s = state_open(in_dir("link"), "q", &err);
	state_set(s, "cursor", "1");
	eq_num(state_save(s, false), 0, "saved through a symbolic link");
	state_free(s);
	lstat(in_dir("link"), &st);
	ok(S_ISLNK(st.st_mode), "which stays one");
	stat(in_dir("real"), &st);
	eq_num(st.st_mode & 07777, 0640, "and the file keeps its mode");

	s = state_open(NULL, "q", &err);
	ok(s != NULL && state_set(s, "cursor", "1") == 0 && state_save(s, true) == 0,
		"in memory only, without a path");
	eq_str(state_get(s, "cursor"), "1", "it keeps values");
	state_free(s);
	state_free(NULL);
}

/* What is on the disk when the new one cannot be written is the old one, whole. */
static void test_failure(void)
{
	enum state_error err;
	struct state *s = state_open(in_dir("fail"), "q", &err);

	state_set(s, "cursor", "1");
	state_save(s, false);
	mkdir(in_dir("fail.tmp"), 0700);
	state_set(s, "cursor", "2");
	eq_num(state_save(s, false), -1, "a save that fails says so");
	ok(strstr(read_file(in_dir("fail")), "\"1\"") != NULL, "and the old state is still there");
	rmdir(in_dir("fail.tmp"));
	eq_num(state_save(s, false), 0, "it can be tried again");
	ok(strstr(read_file(in_dir("fail")), "\"2\"") != NULL, "then the new one is");
	state_free(s);
}

int main(void)
{
	char command[64];

	if (mkdtemp(dir) == NULL)
		return 1;
	test_round_trip();
	test_untouched();
	test_lock();
	test_bound();
	test_damaged();
	test_limits();
	test_files();
	test_failure();
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command) != 0)
		return 1;
	return tap_done();
}
