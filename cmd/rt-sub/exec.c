/* SPDX-License-Identifier: MIT */
#include "exec.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "format.h"
#include "log.h"
#include "shell.h"

#define QUEUE_MAX 256			/* events that wait; more than run at once are of no use */
#define QUEUE_BYTES_MAX (1024 * 1024)
#define NVARS 7

extern char **environ;

enum phase { WAITING, RUNNING, DONE };

/* An event and its command. */
struct run {
	struct run *next;
	struct exec *exec;
	ev_child child;
	enum phase phase;
	bool failed;
	struct position at;
	struct buf text;	/* stdin, until it has started */
	char *vars[NVARS];	/* "RT_ID=…"; NULL: the event has none */
};

struct exec {
	struct ev_loop *loop;
	const struct config *config;
	const struct exec_ops *ops;
	void *arg;
	struct run *first, **last;	/* in the order of events, until all before have ended */
	struct run *to_start;
	size_t waiting, waiting_bytes, running;
	bool full, stopped, any_failed;
};

struct exec *exec_new(struct ev_loop *loop, const struct config *c, const struct exec_ops *ops,
	void *arg)
{
	struct exec *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return NULL;
	x->loop = loop;
	x->config = c;
	x->ops = ops;
	x->arg = arg;
	x->last = &x->first;
	return x;
}

static void run_free(struct run *r)
{
	ev_child_stop(r->exec->loop, &r->child);
	buf_fini(&r->text);
	for (size_t i = 0; i < NVARS; i++)
		free(r->vars[i]);
	free(r);
}

void exec_free(struct exec *x)
{
	if (x == NULL)
		return;
	while (x->first != NULL) {
		struct run *r = x->first;

		x->first = r->next;
		run_free(r);
	}
	free(x);
}

/* --- one command ------------------------------------------------------------------------------ */

/* "NAME=value", decoded; what follows a NUL cannot be in an environment. */
static char *variable(const char *name, struct str raw)
{
	struct buf b;
	char *copy = NULL;

	buf_init(&b, raw.n + strlen(name) + 1);
	if (buf_adds(&b, name) == 0 && buf_addc(&b, '=') == 0 &&
	    (raw.p[0] == '"' ? json_unquote_add(&b, raw) : buf_addstr(&b, raw)) == 0)
		copy = strndup((const char *)b.p, b.len);
	buf_fini(&b);
	return copy;
}

static int set_variables(struct run *r, const struct envelope *e)
{
	const struct { const char *name; struct str raw; } vars[NVARS] = {
		{ "RT_TOPIC", e->topic }, { "RT_ID", e->id }, { "RT_SEQ", e->seq },
		{ "RT_TYPE", e->type }, { "RT_KEY", e->key }, { "RT_TIME", e->time },
		{ "RT_FROM", e->from },
	};

	for (size_t i = 0; i < NVARS; i++) {
		if (vars[i].raw.p == NULL || vars[i].raw.n == 0)
			continue;
		r->vars[i] = variable(vars[i].name, vars[i].raw);
		if (r->vars[i] == NULL)
			return -1;
	}
	return 0;
}

static bool is_event_variable(const char *s)
{
	static const char *const names[NVARS] = { "RT_TOPIC=", "RT_ID=", "RT_SEQ=", "RT_TYPE=",
		"RT_KEY=", "RT_TIME=", "RT_FROM=" };

	for (size_t i = 0; i < NVARS; i++)
		if (strncmp(s, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* Our environment with the event's variables instead of any such of our own. */
static char **environment(const struct run *r)
{
	size_t n = 0, have = 0;
	char **env;

	while (environ[have] != NULL)
		have++;
	env = calloc(have + NVARS + 1, sizeof(*env));
	if (env == NULL)
		return NULL;
	for (size_t i = 0; i < have; i++)
		if (!is_event_variable(environ[i]))
			env[n++] = environ[i];
	for (size_t i = 0; i < NVARS; i++)
		if (r->vars[i] != NULL)
			env[n++] = r->vars[i];
	return env;
}

/* The event as a file in memory: unlike a pipe it needs nobody who feeds it. */
static int stdin_of(const struct run *r)
{
	int fd = memfd_create("event", MFD_CLOEXEC), saved;

	for (size_t at = 0; fd >= 0 && at < r->text.len;) {
		ssize_t n = write(fd, r->text.p + at, r->text.len - at);

		if (n < 0 && errno != EINTR) {
			saved = errno;
			close(fd);
			errno = saved;
			return -1;
		}
		at += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

static const char *event_name(const struct run *r)
{
	return r->vars[1] != NULL ? r->vars[1] + strlen("RT_ID=") : "without id";
}

static void on_exit_of_child(struct ev_loop *loop, ev_child *child, int events);

static int start(struct run *r)
{
	char **env = environment(r);
	int in = -1, err = ENOMEM;
	pid_t pid;

	if (env != NULL) {
		in = stdin_of(r);
		err = in < 0 ? errno : shell_spawn(r->exec->config->command, in, -1, env, &pid);
	}
	if (in >= 0)
		close(in);
	free(env);
	buf_fini(&r->text);
	if (err != 0) {
		log_error("event %s: the command cannot be started: %s", event_name(r), strerror(err));
		return -1;
	}
	r->phase = RUNNING;
	ev_child_init(&r->child, on_exit_of_child, pid, 0);
	ev_child_start(r->exec->loop, &r->child);
	return 0;
}

/* --- the queue -------------------------------------------------------------------------------- */

static void set_full(struct exec *x)
{
	bool full = x->waiting >= QUEUE_MAX || x->waiting_bytes >= QUEUE_BYTES_MAX;
	bool room = x->waiting <= QUEUE_MAX / 2 && x->waiting_bytes <= QUEUE_BYTES_MAX / 2;

	if (x->full ? !room : !full)
		return;
	x->full = !x->full;
	x->ops->full(x->arg, x->full);
}

/* What ended at the front of the queue lets the cursor move on, up to a failure. */
static void settle(struct exec *x)
{
	while (x->first != NULL && x->first->phase == DONE) {
		struct run *r = x->first;

		if (r->failed && !x->config->keep_going)
			return;
		x->first = r->next;
		if (x->first == NULL)
			x->last = &x->first;
		x->ops->progress(x->arg, &r->at);
		run_free(r);
	}
}

static void ended(struct run *r, bool failed)
{
	struct exec *x = r->exec;
	bool first = failed && !x->any_failed;

	r->phase = DONE;
	r->failed = failed;
	x->any_failed |= failed;
	if (first && !x->config->keep_going) {
		exec_stop(x);
		x->ops->failed(x->arg);
	}
	settle(x);
}

static void start_more(struct exec *x)
{
	while (x->to_start != NULL && x->running < x->config->parallel) {
		struct run *r = x->to_start;

		x->to_start = r->next;
		x->waiting--;
		x->waiting_bytes -= r->text.len;
		if (start(r) == 0)
			x->running++;
		else
			ended(r, true);
	}
	set_full(x);
}

static void on_exit_of_child(struct ev_loop *loop, ev_child *child, int events)
{
	struct run *r = (struct run *)((char *)child - offsetof(struct run, child));
	struct exec *x = r->exec;
	int status = child->rstatus;

	(void)events;
	ev_child_stop(loop, child);
	x->running--;
	if (WIFSIGNALED(status))
		log_warn("event %s: the command was ended by signal %d", event_name(r), WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		log_warn("event %s: the command failed with status %d", event_name(r),
			WEXITSTATUS(status));
	ended(r, status != 0);
	start_more(x);
}

int exec_push(struct exec *x, const struct envelope *e, const struct position *at)
{
	struct run *r;

	if (x->stopped)
		return 0;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return -1;
	r->exec = x;
	ev_init(&r->child, on_exit_of_child);
	position_copy(&r->at, at);
	buf_init(&r->text, SIZE_MAX / 2);	/* an event's limit holds already */
	if (format_add(x->config->format, &r->text, e) != 0 || buf_addc(&r->text, '\n') != 0 ||
	    set_variables(r, e) != 0) {
		run_free(r);
		return -1;
	}
	*x->last = r;
	x->last = &r->next;
	if (x->to_start == NULL)
		x->to_start = r;
	x->waiting++;
	x->waiting_bytes += r->text.len;
	start_more(x);
	return 0;
}

void exec_move(struct exec *x, const struct position *at)
{
	struct run *r;

	if (x->stopped)
		return;
	if (x->first == NULL) {
		x->ops->progress(x->arg, at);
		return;
	}
	r = (struct run *)((char *)x->last - offsetof(struct run, next));
	position_copy(&r->at, at);
}

void exec_stop(struct exec *x)
{
	struct run **p = &x->first;

	if (x->stopped)
		return;
	x->stopped = true;
	x->to_start = NULL;
	x->waiting = 0;
	x->waiting_bytes = 0;
	while (*p != NULL) {
		struct run *r = *p;

		if (r->phase != WAITING) {
			p = &r->next;
			continue;
		}
		*p = r->next;
		run_free(r);
	}
	x->last = p;
}

bool exec_busy(const struct exec *x)
{
	return x->running > 0 || x->waiting > 0;
}

bool exec_has_failed(const struct exec *x)
{
	return x->any_failed;
}
