/* SPDX-License-Identifier: MIT */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "terminal.h"

#define WRITE_AT (64 * 1024)	/* a flood is written in pieces of this size */
#define WRITE_MOST (2 * WRITE_AT)	/* with more than this left the reader counts as behind */
#define KEEP_MAX (1024 * 1024)	/* memory that a rare, large event may leave behind */

struct output {
	const struct output_ops *ops;
	void *arg;
	struct ev_loop *loop;
	const struct format *format;
	char end;
	bool terminal;
	enum terminal_text json;	/* how to write JSON on it */
	int fd;
	bool fd_is_ours;
	ssize_t (*put)(int fd, const void *p, size_t n);
	struct buf out;
	size_t write_at;	/* so much of it is worth a try */
	struct buf scratch;	/* one event on its way to a terminal */
	ev_io writable;		/* started while the reader is behind */
	ev_io hangup;		/* for a reader that goes away while nothing is written */
	bool blocked, broken;
};

/* --- ways to write ---------------------------------------------------------------------------- */

static ssize_t put_plain(int fd, const void *p, size_t n)
{
	return write(fd, p, n);
}

static ssize_t put_socket(int fd, const void *p, size_t n)
{
	return send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static ssize_t put_polled(int fd, const void *p, size_t n)
{
	struct pollfd pfd = {.fd = fd, .events = POLLOUT};

	if (poll(&pfd, 1, 0) == 0) {
		errno = EAGAIN;
		return -1;
	}
	return write(fd, p, n < PIPE_BUF ? n : PIPE_BUF);
}

static int reopen(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* Choose how to write to (fd), as the header explains. */
static void choose(struct output *o, int fd)
{
	struct stat st;
	int own;

	o->fd = fd;
	o->put = put_plain;
	if (fstat(fd, &st) != 0 || S_ISREG(st.st_mode) || S_ISBLK(st.st_mode) ||
	    (S_ISCHR(st.st_mode) && !o->terminal))
		return;	/* files, disks, /dev/null: never wait for a reader */
	if (S_ISSOCK(st.st_mode)) {
		o->put = put_socket;
		return;
	}
	own = reopen(fd);
	if (own >= 0) {
		o->fd = own;
		o->fd_is_ours = true;
	} else {
		o->put = put_polled;
	}
}

/* --- writing ---------------------------------------------------------------------------------- */

static void set_blocked(struct output *o, bool blocked)
{
	if (o->blocked == blocked)
		return;
	o->blocked = blocked;
	if (blocked)
		ev_io_start(o->loop, &o->writable);
	else
		ev_io_stop(o->loop, &o->writable);
	o->ops->blocked(o->arg, blocked);
}

static void fail(struct output *o, int err)
{
	if (o->broken)
		return;
	o->broken = true;
	ev_io_stop(o->loop, &o->writable);
	ev_io_stop(o->loop, &o->hangup);
	buf_fini(&o->out);
	o->ops->broken(o->arg, err);
}

/* Write all there is. False: the reader does not take it now, or never will. */
static bool write_all(struct output *o)
{
	while (!o->broken && o->out.len > 0) {
		ssize_t n = o->put(o->fd, o->out.p, o->out.len);

		if (n >= 0) {
			buf_consume(&o->out, (size_t)n);
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			set_blocked(o, true);
			return false;
		} else if (errno != EINTR) {
			fail(o, errno);
		}
	}
	return !o->broken;
}

/*
 * More input is on its way: the end of a piece that a pipe has no room for now goes with the
 * next one, before the reader counts as behind.
 */
static void write_some(struct output *o)
{
	ssize_t n = o->put(o->fd, o->out.p, o->out.len);

	if (n >= 0) {
		buf_consume(&o->out, (size_t)n);
	} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
		o->write_at = WRITE_MOST;	/* not again with each event */
	} else {
		output_flush(o);
		return;
	}
	if (o->out.len >= WRITE_MOST)
		output_flush(o);
}

void output_flush(struct output *o)
{
	o->write_at = WRITE_AT;
	do {
		if (!write_all(o))
			return;
		if (o->out.cap > KEEP_MAX)
			buf_fini(&o->out);
		set_blocked(o, false);	/* may bring more at once */
	} while (o->out.len > 0);
}

static void on_writable(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	output_flush(io->data);
}

/*
 * epoll reports a reader that went away to whoever asks for anything at all. Asked to read from
 * an end that is for writing, it reports nothing else; should it, watching was in vain and ends.
 */
static void on_hangup(struct ev_loop *loop, ev_io *io, int events)
{
	struct output *o = io->data;
	struct pollfd pfd = {.fd = io->fd};

	(void)events;
	if (poll(&pfd, 1, 0) > 0 && (pfd.revents & (POLLERR | POLLHUP)) != 0)
		fail(o, EPIPE);
	else
		ev_io_stop(loop, io);
}

/* --- what the owner calls --------------------------------------------------------------------- */

/* An event was added: a write where enough has gathered. */
static void added(struct output *o)
{
	if (o->out.len >= o->write_at && !o->blocked)
		write_some(o);
}

/* Add an event as it came. */
static int add_line(struct output *o, struct str line)
{
	struct buf *b = &o->out;

	if (b->cap - b->len <= line.n && buf_reserve(b, line.n + 1) != 0)
		return -1;
	memcpy(b->p + b->len, line.p, line.n);
	b->p[b->len + line.n] = (uint8_t)o->end;
	b->len += line.n + 1;
	added(o);
	return 0;
}

static int add_formatted(struct output *o, const struct envelope *e)
{
	size_t before = o->out.len;

	if (format_add(o->format, &o->out, e) != 0 || buf_addc(&o->out, o->end) != 0) {
		o->out.len = before;	/* not half of it */
		return -1;
	}
	added(o);
	return 0;
}

static int add_to_terminal(struct output *o, struct str text, enum terminal_text kind)
{
	if (terminal_add(&o->out, text, kind) != 0 || buf_addc(&o->out, o->end) != 0)
		return -1;
	added(o);
	return 0;
}

int output_event(struct output *o, const struct envelope *e)
{
	if (o->broken)
		return 0;
	if (!o->terminal)
		return o->format == NULL ? add_line(o, e->line) : add_formatted(o, e);
	buf_reset(&o->scratch);
	if (format_add(o->format, &o->scratch, e) != 0)
		return -1;
	return add_to_terminal(o, buf_str(&o->scratch),
		o->format == NULL ? o->json : TERMINAL_PLAIN);
}

int output_text(struct output *o, struct str text)
{
	if (o->broken)
		return 0;
	return o->terminal ? add_to_terminal(o, text, o->json) : add_line(o, text);
}

bool output_pending(const struct output *o)
{
	return !o->broken && o->out.len > 0;
}

bool output_written(const struct output *o)
{
	return !o->broken && o->out.len == 0;
}

struct output *output_new(struct ev_loop *loop, int fd, const struct format *format, char end,
	const struct output_ops *ops, void *arg)
{
	struct output *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	o->ops = ops;
	o->arg = arg;
	o->loop = loop;
	o->format = format;
	o->end = end;
	o->write_at = WRITE_AT;
	o->terminal = isatty(fd) == 1;
	o->json = terminal_json();
	choose(o, fd);
	/*
	 * Bounded by what holds back the input once the reader is behind: one read of the network
	 * beyond WRITE_AT, in the form that the format gives it.
	 */
	buf_init(&o->out, SIZE_MAX / 2);
	buf_init(&o->scratch, SIZE_MAX / 2);
	ev_io_init(&o->writable, on_writable, o->fd, EV_WRITE);
	o->writable.data = o;
	ev_io_init(&o->hangup, on_hangup, o->fd, EV_READ);
	o->hangup.data = o;
	if (o->put != put_plain || (o->fd_is_ours && !o->terminal))
		ev_io_start(loop, &o->hangup);
	return o;
}

void output_free(struct output *o)
{
	if (o == NULL)
		return;
	ev_io_stop(o->loop, &o->writable);
	ev_io_stop(o->loop, &o->hangup);
	if (o->fd_is_ours)
		close(o->fd);
	buf_fini(&o->out);
	buf_fini(&o->scratch);
	free(o);
}
