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

#include "utf8.h"

#define WRITE_AT (64 * 1024)	/* a flood is written in pieces of this size */
#define KEEP_MAX (1024 * 1024)	/* memory that a rare, large event may leave behind */

#define COLOUR_NAME "\x1b[36m"
#define COLOUR_OFF "\x1b[0m"

struct output {
	const struct output_ops *ops;
	void *arg;
	struct ev_loop *loop;
	const struct format *format;
	char end;
	bool terminal, colour;
	int fd;
	bool fd_is_ours;
	ssize_t (*put)(int fd, const void *p, size_t n);
	struct buf out;
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

void output_flush(struct output *o)
{
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

/* --- terminals -------------------------------------------------------------------------------- */

/* A control character must not reach a terminal. In JSON \u escapes it, and it stays JSON. */
static int add_escaped(struct output *o, uint32_t cp, bool json)
{
	if (!json && (cp == '\n' || cp == '\t'))
		return buf_addc(&o->out, (char)cp);
	if (cp > 0xffff)
		return json ? buf_addf(&o->out, "\\u%04x\\u%04x", 0xd800 + ((cp - 0x10000) >> 10),
			0xdc00 + ((cp - 0x10000) & 0x3ff)) : buf_addf(&o->out, "\\U%08x", cp);
	if (!json && cp < 0x80)
		return buf_addf(&o->out, "\\x%02x", cp);
	return buf_addf(&o->out, "\\u%04x", cp);
}

static int add_character(struct output *o, const char *p, unsigned len, uint32_t cp, bool json)
{
	if (len == 0)
		return buf_addf(&o->out, "\\x%02x", (unsigned char)*p);
	return utf8_is_control(cp) ? add_escaped(o, cp, json) : buf_add(&o->out, p, len);
}

/* Where we are in the text of an envelope, so as to tell the names of its own members. */
struct scan {
	unsigned depth;
	bool in_string, escaped, name_next;
};

/* Colour goes around a name: on before its first quote, off after its last. */
static int step(struct output *o, struct scan *s, char c, bool before)
{
	bool name = s->depth == 1 && s->name_next;

	if (before)
		return c == '"' && !s->in_string && name ? buf_adds(&o->out, COLOUR_NAME) : 0;
	if (s->in_string) {
		if (c == '"' && !s->escaped) {
			s->in_string = false;
			if (name) {
				s->name_next = false;
				return buf_adds(&o->out, COLOUR_OFF);
			}
		}
		s->escaped = c == '\\' && !s->escaped;
		return 0;
	}
	if (c == '"') {
		s->in_string = true;
		s->escaped = false;
	} else if (c == '{' || c == '[') {
		s->depth++;
		s->name_next = c == '{';
	} else if (c == '}' || c == ']') {
		s->depth--;
	} else if (c == ',' && s->depth == 1) {
		s->name_next = true;
	}
	return 0;
}

static int add_for_terminal(struct output *o, struct str text, bool json)
{
	struct scan s = {0};
	bool colour = json && o->colour;
	unsigned len;
	uint32_t cp = 0;

	for (size_t i = 0; i < text.n; i += len == 0 ? 1 : len) {
		len = utf8_decode(text.p + i, text.n - i, &cp);
		if (colour && step(o, &s, text.p[i], true) != 0)
			return -1;
		if (add_character(o, text.p + i, len, cp, json) != 0)
			return -1;
		if (colour && step(o, &s, text.p[i], false) != 0)
			return -1;
	}
	return 0;
}

/* --- what the owner calls --------------------------------------------------------------------- */

/* After each event: its end, and a write where enough has gathered. */
static int ended(struct output *o)
{
	if (buf_addc(&o->out, o->end) != 0)
		return -1;
	if (o->out.len >= WRITE_AT && !o->blocked)
		output_flush(o);
	return 0;
}

int output_event(struct output *o, const struct envelope *e)
{
	size_t before = o->out.len;

	if (o->broken)
		return 0;
	if (!o->terminal) {
		if (format_add(o->format, &o->out, e) != 0) {
			o->out.len = before;	/* not half of it */
			return -1;
		}
		return ended(o);
	}
	buf_reset(&o->scratch);
	if (format_add(o->format, &o->scratch, e) != 0 ||
	    add_for_terminal(o, buf_str(&o->scratch), o->format == NULL) != 0)
		return -1;
	return ended(o);
}

int output_text(struct output *o, struct str text)
{
	if (o->broken)
		return 0;
	if (o->terminal ? add_for_terminal(o, text, true) != 0 : buf_addstr(&o->out, text) != 0)
		return -1;
	return ended(o);
}

bool output_pending(const struct output *o)
{
	return !o->broken && o->out.len > 0;
}

static bool wants_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no == NULL || *no == '\0') && term != NULL && strcmp(term, "dumb") != 0;
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
	o->terminal = isatty(fd) == 1;
	o->colour = o->terminal && wants_colour();
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
