/* SPDX-License-Identifier: MIT */
#include "token.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "shell.h"
#include "units.h"

#define TOKEN_MAX 16384
#define COMMAND_LIMIT_MS 30000

extern char **environ;

struct token {
	const char *file, *command;
	char *text;
	bool ambient;
};

/* Trims the text of a token in place. NULL if it could not be a header's value. */
static char *trim(char *s)
{
	size_t n = strlen(s);

	while (n > 0 && strchr(" \t\r\n", s[n - 1]) != NULL)
		s[--n] = '\0';
	s += strspn(s, " \t\r\n");
	if (*s == '\0')
		return NULL;
	for (const char *p = s; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			return NULL;
	return s;
}

/* Reads (fd) to its end, until (deadline) if not 0. Length, or -1 with errno. */
static ssize_t read_all(int fd, char *dst, uint64_t deadline)
{
	size_t len = 0;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		uint64_t now = units_monotonic_ms();
		ssize_t n;

		if (deadline != 0) {
			if (now >= deadline) {
				errno = ETIMEDOUT;
				return -1;
			}
			if (poll(&p, 1, (int)(deadline - now)) <= 0)
				continue;
		}
		n = read(fd, dst + len, TOKEN_MAX + 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? n : (ssize_t)len;
		len += (size_t)n;
		if (len > TOKEN_MAX) {
			errno = EFBIG;
			return -1;
		}
	}
}

/* The token in the (n) bytes at (text), which (origin) gave; n < 0: it failed, errno says how. */
static char *keep(char *text, ssize_t n, const char *origin)
{
	char *trimmed;

	if (n < 0) {
		log_error("%s: %s", origin, strerror(errno));
		return NULL;
	}
	text[n] = '\0';
	trimmed = strlen(text) == (size_t)n ? trim(text) : NULL;
	if (trimmed == NULL) {
		log_error("%s: gives no token: one line of printable characters is expected",
			origin);
		return NULL;
	}
	return strdup(trimmed);
}

static char *from_file(const char *path)
{
	char text[TOKEN_MAX + 2];
	ssize_t n = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int saved;

	if (fd >= 0) {
		n = read_all(fd, text, 0);
		saved = errno;
		close(fd);
		errno = saved;
	}
	return keep(text, n, path);
}

static char *from_command(const char *command)
{
	char text[TOKEN_MAX + 2];
	int out[2], status = 0, err;
	ssize_t n;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) != 0)
		return keep(text, -1, "--token-cmd");
	err = shell_spawn(command, -1, out[1], environ, &pid);	/* our stdin is data */
	close(out[1]);
	if (err != 0) {
		close(out[0]);
		errno = err;
		return keep(text, -1, "--token-cmd");
	}
	n = read_all(out[0], text, units_monotonic_ms() + COMMAND_LIMIT_MS);
	err = errno;
	close(out[0]);
	if (n < 0)
		kill(pid, SIGTERM);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (n >= 0 && status != 0) {
		log_error("--token-cmd: the command failed with status %d",
			WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
		return NULL;
	}
	errno = err;
	return keep(text, n, "--token-cmd");
}

static char *from_environment(const char *value)
{
	char *copy = strdup(value), *trimmed = copy == NULL ? NULL : trim(copy);
	char *text = trimmed == NULL ? NULL : strdup(trimmed);

	if (text == NULL)
		log_error("RT_TOKEN: is no token: one line of printable characters is expected");
	free(copy);
	return text;
}

static char *load(const struct token *t)
{
	return t->command != NULL ? from_command(t->command) : from_file(t->file);
}

struct token *token_new(const char *file, const char *command)
{
	struct token *t = calloc(1, sizeof(*t));
	const char *env = getenv("RT_TOKEN");

	if (t == NULL) {
		log_error("out of memory");
		return NULL;
	}
	t->file = file;
	t->command = command;
	t->ambient = file == NULL && command == NULL;
	if (t->ambient && (env == NULL || *env == '\0'))
		return t;
	t->text = t->ambient ? from_environment(env) : load(t);
	if (t->text != NULL)
		return t;
	free(t);
	return NULL;
}

void token_free(struct token *t)
{
	if (t == NULL)
		return;
	free(t->text);
	free(t);
}

const char *token_text(const struct token *t)
{
	return t->text;
}

bool token_is_ambient(const struct token *t)
{
	return t->ambient;
}

bool token_refresh(struct token *t)
{
	char *fresh;
	bool changed;

	if (t->ambient)
		return false;
	fresh = load(t);
	if (fresh == NULL)
		return false;
	changed = strcmp(fresh, t->text) != 0;
	free(t->text);
	t->text = fresh;
	return changed;
}
