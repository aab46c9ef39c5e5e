/* SPDX-License-Identifier: MIT */
#include "load/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load/clock.h"
#include "load/worker.h"
#include "wire/socket.h"

/*
 * Of what is incomplete and longer, the connection has a buffer of its own, which is read to behind it, and
 * which grows. Less is copied to the thread's buffer for each read.
 */
#define OWN_LEAST (64u << 10)

/* Framing, names of fields, an id: what may stand around an event that is as long as --max-event allows. */
#define AROUND_MOST (64u << 10)

/* What has been read and not yet handed up: first bytes without framing, then such with. */
struct input {
	char *keep;
	size_t nkeep;
	char *raw, *end;
};

static void on_io(struct ev_loop *loop, ev_io *io, int revents);

void conn_init(struct conn *c, struct worker *w, const struct conn_ops *ops)
{
	*c = (struct conn){.w = w, .ops = ops, .fd = -1};
	ev_init(&c->io, on_io);
}

static void set_events(struct conn *c, int events)
{
	if (ev_is_active(&c->io) && c->io.events == events)
		return;
	ev_io_stop(c->w->loop, &c->io);
	if (events == 0)
		return;
	ev_io_set(&c->io, c->fd, events);
	ev_io_start(c->w->loop, &c->io);
}

static void drop_rest(struct conn *c)
{
	free(c->rest);
	c->rest = NULL;
	c->nrest = c->rest_cap = c->nunframed = 0;
}

static size_t max_event(const struct conn *c)
{
	return c->w->b->c->max_event;
}

void conn_close(struct conn *c)
{
	if (c->fd < 0)
		return;
	ev_io_stop(c->w->loop, &c->io);
	close(c->fd);
	c->fd = -1;
	drop_rest(c);
}

static void lose(struct conn *c, enum conn_end how)
{
	int saved = errno;

	conn_close(c);
	errno = saved;
	c->ops->lost(c, how);
}

void conn_open(struct conn *c, const struct target *t)
{
	c->connecting = true;
	c->upgraded = c->in_message = c->paused = false;
	answer_init(&c->answer);
	c->fd = socket_connect(t, worker_source(c->w));
	if (c->fd < 0) {
		c->ops->lost(c, CONN_CONNECT);
		return;
	}
	set_events(c, EV_WRITE);
}

/* --- writing --------------------------------------------------------------------------------- */

void conn_refuse(struct conn *c)
{
	lose(c, CONN_TOO_LONG);
}

bool conn_write(struct conn *c, struct str s)
{
	ssize_t n = socket_write(c->fd, s.p, s.n);

	if (n == (ssize_t)s.n)
		return true;
	if (n >= 0)
		errno = ENOBUFS;
	lose(c, CONN_BROKEN);
	return false;
}

/* A control frame. As conn_write. */
static void write_control(struct conn *c, unsigned opcode, struct str payload)
{
	char text[FRAME_HEAD_MAX + FRAME_CONTROL_MAX];
	uint32_t mask = worker_random(c->w);
	size_t head;

	if (payload.n > FRAME_CONTROL_MAX)
		payload.n = FRAME_CONTROL_MAX;
	head = frame_head(text, opcode, payload.n, mask);
	if (payload.n > 0)
		memcpy(text + head, payload.p, payload.n);
	frame_mask(text + head, payload.n, mask);
	conn_write(c, (struct str){text, head + payload.n});
}

void conn_want_write(struct conn *c, bool want)
{
	set_events(c, (c->paused ? 0 : EV_READ) | (want ? EV_WRITE : 0));
}

void conn_pause(struct conn *c, bool pause)
{
	c->paused = pause;
	if (c->fd >= 0 && !c->connecting)
		conn_want_write(c, false);
}

/* --- taking framing off ---------------------------------------------------------------------- */

/*
 * Framing was between what was left of earlier pieces and (piece): the shorter of them moves to the other. So
 * only what is incomplete is ever moved, and what is long stays where it is.
 */
static struct str join(struct input *in, struct str piece)
{
	char *to = (char *)piece.p - in->nkeep;

	if (in->nkeep > 0 && to != in->keep) {
		if (in->nkeep <= piece.n) {
			memmove(to, in->keep, in->nkeep);
		} else {
			to = in->keep;
			memmove(to + in->nkeep, piece.p, piece.n);
		}
	}
	piece = (struct str){to, in->nkeep + piece.n};
	in->nkeep = 0;
	return piece;
}

static void keep(struct input *in, struct str s, size_t done)
{
	in->keep = (char *)s.p + done;
	in->nkeep = s.n - done;
}

/* Frames or chunks that another connection had, byte for byte. */
static void skip_known(struct conn *c, struct input *in, uint64_t now)
{
	size_t n = 1;

	if (c->ops->known == NULL)
		return;
	while (n > 0 && in->raw < in->end &&
	       (c->upgraded || answer_begins_chunk(&c->answer, in->raw, (size_t)(in->end - in->raw)))) {
		n = c->ops->known(c, in->raw, (size_t)(in->end - in->raw), now);
		in->raw += n;
	}
}

/* What was handed up last is done with. Was it all that there is from (start) on? */
static void tell_framed(struct conn *c, const struct input *in, const char *start)
{
	if (c->fd >= 0 && in->nkeep == 0 && c->ops->framed != NULL)
		c->ops->framed(c, (struct str){start, (size_t)(in->raw - start)});
}

static void take_control(struct conn *c, const struct frame *f)
{
	if (f->opcode == FRAME_PING) {
		write_control(c, FRAME_PONG, f->payload);
	} else if (f->opcode == FRAME_CLOSE) {
		write_control(c, FRAME_CLOSE, (struct str){f->payload.p, f->payload.n < 2 ? 0 : 2});
		if (c->fd >= 0)
			lose(c, CONN_CLOSED);
	}
}

static bool take_data(struct conn *c, struct input *in, const struct frame *f, uint64_t now)
{
	struct str message;

	if ((f->opcode == FRAME_CONTINUATION) != c->in_message)
		return false;
	if (!c->in_message)
		c->opcode = (uint8_t)f->opcode;
	message = join(in, f->payload);
	c->in_message = !f->fin;
	if (c->in_message)
		keep(in, message, 0);
	else
		c->ops->message(c, c->opcode, message, now);
	return true;
}

static void take_frames(struct conn *c, struct input *in, uint64_t now)
{
	struct frame f;

	while (c->fd >= 0 && in->raw < in->end) {
		bool alone = !c->in_message;
		const char *start;
		ssize_t n;

		if (alone)
			skip_known(c, in, now);
		start = in->raw;
		n = frame_parse(&f, in->raw, (size_t)(in->end - in->raw), max_event(c));
		if (n == 0)
			return;
		if (n > 0 && f.opcode < FRAME_CLOSE && in->nkeep + f.payload.n > max_event(c))
			n = FRAME_TOO_LONG;
		if (n > 0)
			in->raw += n;
		if (n > 0 && f.opcode >= FRAME_CLOSE) {
			take_control(c, &f);
		} else if (n < 0 || !take_data(c, in, &f, now)) {
			if (c->fd >= 0)
				lose(c, n == FRAME_TOO_LONG ? CONN_TOO_LONG : CONN_PROTOCOL);
			return;
		} else if (alone && f.fin) {
			tell_framed(c, in, start);
		}
	}
}

/* (start): where its chunk begins, if there is nothing before it that belongs to it. */
static void take_body(struct conn *c, struct input *in, struct str piece, const char *start, uint64_t now)
{
	bool alone = start != NULL && in->nkeep == 0;
	size_t left = answer_end_chunk(&c->answer, in->raw, (size_t)(in->end - in->raw));

	/* Events end with a line: of a long one, what came before is not looked through again and again. */
	bool goes_on = in->nkeep >= OWN_LEAST && memchr(piece.p, '\n', piece.n) == NULL;

	in->raw += left;
	piece = join(in, piece);
	keep(in, piece, goes_on ? 0 : c->ops->data(c, piece, now));
	if (alone && left > 0)
		tell_framed(c, in, start);
}

/* (n) bytes of a head or a body, which are handed up whole. True: that is too much. */
static bool refuse(struct conn *c, size_t n)
{
	if (n <= max_event(c))
		return false;
	lose(c, CONN_TOO_LONG);
	return true;
}

static void take_head(struct conn *c, struct str head, uint64_t now)
{
	c->upgraded = c->answer.status == 101;
	c->ops->head(c, head, now);
}

/* Takes answers off until more is needed, or the connection is closed or no HTTP any more. */
static void take_answers(struct conn *c, struct input *in, uint64_t now)
{
	struct str piece = STR_NULL;
	size_t used;

	while (c->fd >= 0 && !c->upgraded) {
		const char *start = NULL;
		enum answer_step step;

		if (in->nkeep == 0)
			skip_known(c, in, now);
		if (answer_begins_chunk(&c->answer, in->raw, 0))
			start = in->raw;
		step = answer_next(&c->answer, in->raw, (size_t)(in->end - in->raw), &used, &piece);
		in->raw += used;
		switch (step) {
		case ANSWER_HEAD:
			if (!refuse(c, used))
				take_head(c, piece, now);
			break;
		case ANSWER_DATA:
			take_body(c, in, piece, start, now);
			break;
		case ANSWER_END:
			piece = (struct str){in->keep, in->nkeep};
			in->nkeep = 0;
			if (!refuse(c, piece.n))
				c->ops->end(c, piece, now);
			break;
		case ANSWER_MALFORMED:
			lose(c, CONN_PROTOCOL);
			return;
		case ANSWER_MORE:
			return;
		}
	}
}

/*
 * Keep what is incomplete until more comes: in (own), if that is where it is and it is long. Else (own) is
 * freed.
 */
static void save(struct conn *c, const struct input *in, char *own, size_t cap, bool in_own)
{
	size_t nraw = (size_t)(in->end - in->raw), n = in->nkeep + nraw;
	char *rest = own;

	if (n == 0 || n > max_event(c) + AROUND_MOST) {
		free(own);
		if (n > 0)
			lose(c, CONN_TOO_LONG);
		return;
	}
	if (!in_own || n < OWN_LEAST) {
		rest = malloc(n);
		if (rest == NULL) {
			free(own);
			errno = ENOMEM;
			lose(c, CONN_BROKEN);
			return;
		}
		cap = n;
	}
	if (rest != in->keep)
		memmove(rest, in->keep, in->nkeep);
	if (rest + in->nkeep != in->raw)
		memmove(rest + in->nkeep, in->raw, nraw);
	if (rest != own)
		free(own);
	c->rest = rest;
	c->nrest = (uint32_t)n;
	c->rest_cap = (uint32_t)cap;
	c->nunframed = (uint32_t)in->nkeep;
}

/* There are (n) bytes at (p), (fresh) of them were just read. */
static void take(struct conn *c, char *p, size_t n, size_t fresh, uint64_t now)
{
	struct input in = {p, c->nunframed, p + c->nunframed, p + n};
	char *own = c->rest;
	size_t cap = c->rest_cap;

	/* Who closes the connection does not free what is being looked at. */
	c->rest = NULL;
	drop_rest(c);
	if (!c->upgraded)
		take_answers(c, &in, now);
	if (c->fd >= 0 && c->upgraded)
		take_frames(c, &in, now);
	c->ops->after(c, fresh, now);
	if (c->fd >= 0)
		save(c, &in, own, cap, p == own);
	else
		free(own);
}

/* --- the socket ------------------------------------------------------------------------------ */

static void on_end(struct conn *c, uint64_t now)
{
	/* A body may end with the connection; then that is no loss. */
	if (!c->upgraded && !answer_idle(&c->answer) && answer_closed(&c->answer)) {
		answer_init(&c->answer);
		if (!refuse(c, c->nunframed))
			c->ops->end(c, (struct str){c->rest, c->nunframed}, now);
		if (c->fd < 0)
			return;
	}
	lose(c, CONN_CLOSED);
}

/* Where to read to, *room bytes behind what is left of before, which is there. NULL without memory. */
static char *input_buffer(struct conn *c, size_t *room)
{
	size_t cap = (size_t)c->nrest * 2, most = max_event(c) + AROUND_MOST + OWN_LEAST;
	char *p;

	if (c->nrest < OWN_LEAST) {
		p = worker_input(c->w, c->nrest, room);
		if (p != NULL && c->nrest > 0)
			memcpy(p, c->rest, c->nrest);
		return p;
	}
	if (c->rest_cap - c->nrest < OWN_LEAST) {
		if (cap > most)
			cap = most;
		p = realloc(c->rest, cap);
		if (p == NULL)
			return NULL;
		c->rest = p;
		c->rest_cap = (uint32_t)cap;
	}
	*room = c->rest_cap - c->nrest;
	return c->rest;
}

static void on_readable(struct conn *c)
{
	size_t room;
	char *p = input_buffer(c, &room);
	ssize_t n;
	uint64_t now;

	if (p == NULL) {
		errno = ENOMEM;
		lose(c, CONN_BROKEN);
		return;
	}
	n = socket_read(c->fd, p + c->nrest, room);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	if (n < 0) {
		lose(c, CONN_BROKEN);
		return;
	}
	now = clock_ns();
	if (n == 0) {
		on_end(c, now);
		return;
	}
	take(c, p, c->nrest + (size_t)n, (size_t)n, now);
}

static void on_io(struct ev_loop *loop, ev_io *io, int revents)
{
	struct conn *c = (struct conn *)((char *)io - offsetof(struct conn, io));

	(void)loop;
	if (c->connecting) {
		if (socket_connected(c->fd) != 0) {
			lose(c, CONN_CONNECT);
			return;
		}
		c->connecting = false;
		set_events(c, c->paused ? 0 : EV_READ);
		c->ops->connected(c);
		return;
	}
	if (revents & EV_WRITE)
		c->ops->writable(c);
	if ((revents & EV_READ) && c->fd >= 0 && !c->paused)
		on_readable(c);
}
