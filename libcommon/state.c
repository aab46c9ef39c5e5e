/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "json.h"
#include "state.h"
#include "utf8.h"

/* The member that binds the file to its question, and the values that there are. */
static const char bound_to[] = "for";
static const char *const names[] = { "cursor", "id", "store", "etag", "last-modified", "hash" };

#define NVALUES (sizeof(names) / sizeof(names[0]))
/* Every value at its longest, all of it escaped, and a question of many topics. */
#define FILE_MAX ((NVALUES + 32) * JSON_QUOTE_MAX(STATE_VALUE_MAX))

struct state {
	char *path, *tmp_path;
	char *what;
	char *values[NVALUES];
	int lock_fd;
	bool changed;		/* since it was read or last saved */
	bool exists;		/* then (mode) is kept */
	mode_t mode;
};

static int value_index(const char *name)
{
	for (size_t i = 0; i < NVALUES; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

static char *with_suffix(const char *path, const char *suffix)
{
	char *s;

	return asprintf(&s, "%s%s", path, suffix) < 0 ? NULL : s;
}

/* A symbolic link stays one: rename would otherwise put a file in its place. */
static char *resolve(const char *path)
{
	char *real = realpath(path, NULL);

	if (real == NULL && errno == ENOENT)
		real = strdup(path);
	return real;
}

static int lock(const char *path)
{
	char *lock_path = with_suffix(path, ".lock");
	int fd, saved;

	if (lock_path == NULL)
		return -1;
	fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	free(lock_path);
	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/* All of a regular file into (b): 0; 1 if there is none; -1 with errno, EINVAL: no regular file. */
static int read_file(const char *path, struct buf *b, mode_t *mode)
{
	struct stat st;
	ssize_t n;
	int fd, saved;

	/* O_NONBLOCK: a FIFO must be refused, not waited for. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? 1 : -1;
	if (fstat(fd, &st) != 0)
		goto fail;
	*mode = st.st_mode & 07777;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		goto fail;
	}
	do {
		if (buf_reserve(b, 4096) != 0)
			goto fail;
		n = read(fd, b->p + b->len, 4096);
		if (n < 0 && errno != EINTR)
			goto fail;
		b->len += n > 0 ? (size_t)n : 0;
	} while (n != 0);
	close(fd);
	return 0;

fail:
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* A decoded string of at most (max) bytes, or NULL: too long, with a NUL in it, or no memory. */
static char *decode(struct str raw, size_t max)
{
	char *s = malloc(raw.n + 1);
	size_t n;

	if (s == NULL)
		return NULL;
	n = json_unquote(s, raw);
	if (n > max || memchr(s, '\0', n) != NULL) {
		free(s);
		return NULL;
	}
	s[n] = '\0';
	return s;
}

static enum state_error load_values(struct state *s, const struct json_member *m)
{
	for (size_t i = 0; i < NVALUES; i++) {
		if (m[i].raw.p == NULL)
			continue;
		if (m[i].type != JSON_STRING)
			return STATE_DAMAGED;
		s->values[i] = decode(m[i].raw, STATE_VALUE_MAX);
		if (s->values[i] == NULL)
			return STATE_DAMAGED;
	}
	return STATE_OK;
}

static enum state_error parse(struct state *s, struct str text)
{
	struct json_member m[NVALUES + 1] = { 0 };
	struct json_member *bound = &m[NVALUES];
	char *what;
	bool ours;

	for (size_t i = 0; i < NVALUES; i++)
		m[i].name = names[i];
	bound->name = bound_to;
	if (json_check(text.p, text.n, NULL) != JSON_OK ||
	    json_members(text, m, NVALUES + 1, NULL) != 0 || bound->type != JSON_STRING)
		return STATE_DAMAGED;
	what = decode(bound->raw, SIZE_MAX);
	if (what == NULL)
		return STATE_DAMAGED;
	ours = strcmp(what, s->what) == 0;
	free(what);
	return ours ? load_values(s, m) : STATE_FOREIGN;
}

static enum state_error load(struct state *s)
{
	enum state_error err = STATE_OK;
	struct buf b;
	int r;

	buf_init(&b, FILE_MAX);
	r = read_file(s->path, &b, &s->mode);
	if (r < 0)
		err = errno == EINVAL || errno == EMSGSIZE ? STATE_DAMAGED : STATE_IO;
	s->exists = r == 0;
	/* An empty file is what mktemp leaves: a state that was never saved. */
	if (r == 0 && b.len > 0)
		err = parse(s, buf_str(&b));
	r = errno;
	buf_fini(&b);
	errno = r;
	return err;
}

static enum state_error open_file(struct state *s, const char *path)
{
	s->path = resolve(path);
	if (s->path == NULL)
		return STATE_IO;
	s->tmp_path = with_suffix(s->path, ".tmp");
	if (s->tmp_path == NULL)
		return STATE_IO;
	s->lock_fd = lock(s->path);
	if (s->lock_fd < 0)
		return errno == EWOULDBLOCK ? STATE_LOCKED : STATE_IO;
	return load(s);
}

struct state *state_open(const char *path, const char *what, enum state_error *err)
{
	struct state *s = calloc(1, sizeof(*s));
	int saved;

	*err = STATE_IO;
	if (s == NULL)
		return NULL;
	s->lock_fd = -1;
	if (!utf8_valid(what, strlen(what))) {
		errno = EINVAL;
		goto fail;
	}
	s->what = strdup(what);
	if (s->what == NULL)
		goto fail;
	*err = path == NULL ? STATE_OK : open_file(s, path);
	if (*err == STATE_OK)
		return s;

fail:
	saved = errno;
	state_free(s);
	errno = saved;
	return NULL;
}

const char *state_get(const struct state *s, const char *name)
{
	int i = value_index(name);

	return i < 0 ? NULL : s->values[i];
}

int state_set(struct state *s, const char *name, const char *value)
{
	int i = value_index(name);
	char *copy = NULL;

	assert(i >= 0);
	if (value == NULL ? s->values[i] == NULL :
	    s->values[i] != NULL && strcmp(s->values[i], value) == 0)
		return 0;
	if (value != NULL) {
		size_t n = strlen(value);

		if (n > STATE_VALUE_MAX || !utf8_valid(value, n)) {
			errno = n > STATE_VALUE_MAX ? EMSGSIZE : EINVAL;
			return -1;
		}
		copy = strdup(value);
		if (copy == NULL)
			return -1;
	}
	free(s->values[i]);
	s->values[i] = copy;
	s->changed = true;
	return 0;
}

static int format_member(struct buf *b, const char *name, const char *value)
{
	if (buf_addf(b, "%s\"%s\":", b->len == 0 ? "{" : ",", name) != 0)
		return -1;
	return json_quote(b, str_of(value));
}

static int format(const struct state *s, struct buf *b)
{
	if (format_member(b, bound_to, s->what) != 0)
		return -1;
	for (size_t i = 0; i < NVALUES; i++)
		if (s->values[i] != NULL && format_member(b, names[i], s->values[i]) != 0)
			return -1;
	return buf_adds(b, "}\n");
}

static int write_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

/* The name itself survives power loss only once its directory does. */
static int sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash == NULL ? strdup(".") :
		strndup(path, slash == path ? 1 : (size_t)(slash - path));
	int fd, r;

	if (dir == NULL)
		return -1;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	if (fd < 0)
		return -1;
	r = fsync(fd);
	close(fd);
	/* Some file systems have nothing to sync there. */
	return r != 0 && errno == EINVAL ? 0 : r;
}

static int write_tmp(const struct state *s, struct str text, bool durable)
{
	int fd, saved;

	/* A leftover of a crash; O_EXCL, so that nobody else's link is followed. */
	unlink(s->tmp_path);
	fd = open(s->tmp_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return -1;
	if ((s->exists && fchmod(fd, s->mode) != 0) ||
	    write_all(fd, (const uint8_t *)text.p, text.n) != 0 || (durable && fsync(fd) != 0)) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return close(fd);
}

int state_save(struct state *s, bool durable)
{
	struct buf b;
	int saved;

	if (!s->changed || s->path == NULL)
		return 0;
	buf_init(&b, FILE_MAX);
	if (format(s, &b) != 0 || write_tmp(s, buf_str(&b), durable) != 0 ||
	    rename(s->tmp_path, s->path) != 0)
		goto fail;
	buf_fini(&b);
	s->changed = false;
	return durable ? sync_directory(s->path) : 0;

fail:
	saved = errno;
	unlink(s->tmp_path);
	buf_fini(&b);
	errno = saved;
	return -1;
}

void state_free(struct state *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < NVALUES; i++)
		free(s->values[i]);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s->what);
	free(s->path);
	free(s->tmp_path);
	free(s);
}

const char *state_error_text(enum state_error err)
{
	switch (err) {
	case STATE_OK: return "is fine";
	case STATE_LOCKED: return "is in use by another run";
	case STATE_FOREIGN:
		return "belongs to another server, other topics or another URL: "
			"use a file per question";
	case STATE_DAMAGED:
		return "is not a state file: name another, or remove it to start over";
	case STATE_IO: return "cannot be read or locked";
	}
	return "cannot be used";
}
