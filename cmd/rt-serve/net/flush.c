/* SPDX-License-Identifier: MIT */
/*
 * The flush: every dirty connection of a loop is written once in a turn. The only place that writes.
 */
#include <errno.h>
#include <stdlib.h>

#include "net/output.h"
#include "net/ring.h"

/* --- one write ------------------------------------------------------------------------------- */

/* As many of the pieces from (at) on as fit into (max) parts; (*total): their bytes. */
static int iov_fill(const struct output *o, struct progress at, struct iovec *iov, int max,
	size_t *total)
{
	int n = 0;

	*total = 0;
	for (unsigned i = at.i; i < o->n; i++) {
		const struct piece *p = &o->pieces[i];
		uint32_t skip = i == at.i ? at.done : 0;
		uint8_t *base = p->block->bytes + p->off + skip;
		struct iovec *last = n > 0 ? &iov[n - 1] : NULL;

		if (last != NULL && (uint8_t *)last->iov_base + last->iov_len == base) {
			last->iov_len += p->len - skip;
		} else if (n == max) {
			break;
		} else {
			iov[n++] = (struct iovec){base, p->len - skip};
		}
		*total += p->len - skip;
	}
	return n;
}

static void progress_add(const struct output *o, struct progress *at, size_t n)
{
	while (n > 0) {
		uint32_t left = o->pieces[at->i].len - at->done;

		if (n < left) {
			at->done += (uint32_t)n;
			return;
		}
		n -= left;
		at->i++;
		at->done = 0;
	}
}

enum flushed { FLUSHED_ALL, FLUSHED_FULL, FLUSHED_BROKEN };

/* The socket took (n) of (total) bytes, or (n) is a negative errno. */
static enum flushed conn_wrote(struct conn *c, struct progress *at, ssize_t n, size_t total)
{
	struct loop *l = c->loop;

	l->stats.writes++;
	if (n < 0)
		return n == -EAGAIN || n == -EWOULDBLOCK || n == -ENOBUFS ? FLUSHED_FULL : FLUSHED_BROKEN;
	progress_add(c->out, at, (size_t)n);
	c->bytes_out += (uint64_t)n;
	l->stats.bytes_out += (uint64_t)n;
	c->sent = true;
	c->active_ms = (uint32_t)l->now_ms;
	return (size_t)n < total ? FLUSHED_FULL : FLUSHED_ALL;
}

/* Write what is behind (at). */
static enum flushed conn_writev(struct conn *c, struct progress *at)
{
	enum flushed f = FLUSHED_ALL;
	struct loop *l = c->loop;

	while (f == FLUSHED_ALL && at->i < c->out->n) {
		size_t total;
		int niov = iov_fill(c->out, *at, l->iov, LOOP_IOVS, &total);
		ssize_t n = c->env->transport->writev(conn_transport(c), c->io.fd, l->iov, niov);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == TRANSPORT_WANT_WRITE || n == TRANSPORT_WANT_READ)
			n = -EAGAIN;
		else if (n == -1)
			n = -errno;
		f = conn_wrote(c, at, n, total);
	}
	return f;
}

/* --- one connection -------------------------------------------------------------------------- */

/* All is written. True: somebody is to be told. */
static bool conn_whole(struct conn *c)
{
	struct output *o = c->out;
	struct loop *l = c->loop;

	if (o == NULL)
		return false;

	if (o->waiting == NULL && !o->drained && !o->stalled) {
		c->out = NULL;
		output_give(l, o);
		return false;
	}
	for (unsigned i = 0; i < o->n; i++)
		if (o->pieces[i].held)
			block_unref(&l->arena, o->pieces[i].block);
	o->n = 0;
	o->bytes = o->turn_bytes = 0;
	o->drained = o->drained || o->stalled;
	o->stalled = false;
	return true;
}

/*
 * Nothing was left behind, and nobody waits for the end of a stall. Then the flush can only have made
 * room for input, which is of no interest where it is read already.
 */
static bool conn_at_ease(const struct conn *c)
{
	return !c->ending && ev_is_active(&c->io) && (c->io.events & (EV_READ | EV_WRITE)) == EV_READ;
}

/* It was written up to (at). True: there is room again and somebody waits for it. */
static bool conn_flushed(struct conn *c, struct progress at, enum flushed f)
{
	bool tell = false;

	if (f == FLUSHED_BROKEN) {
		conn_close(c, CONN_RESET);
		return false;
	}
	if (f == FLUSHED_FULL)
		conn_stall(c, at);
	else
		tell = conn_whole(c);
	if (f == FLUSHED_ALL && conn_at_ease(c))
		return tell;
	if (f == FLUSHED_ALL && c->ending && !c->lingering)
		conn_shut(c);
	conn_update(c);
	return tell && !c->closing;
}

/* True: there is room again and somebody waits for it. */
static bool conn_flush(struct conn *c)
{
	struct progress at = {0, 0};

	if (c->closing)
		return false;
	c->loop->stats.flushes++;
	return conn_flushed(c, at, c->out == NULL ? FLUSHED_ALL : conn_writev(c, &at));
}

static struct conn *take_dirty(struct loop *l)
{
	struct conn *c = l->dirty;

	if (c != NULL) {
		l->dirty = c->flush_next;
		c->linked = false;
		if (l->dirty != NULL)	/* while this one is written */
			__builtin_prefetch(&l->dirty->out);
	}
	return c;
}

/* --- many at once ---------------------------------------------------------------------------- */

#define FLUSH_MIN 8	/* below so many a ring costs more than it saves */
#define FLUSH_IOVS 4	/* parts of one send; what is behind them is written after it */
#define FLUSH_MULTI 64	/* sends of several parts at a time */
#define FLUSH_AHEAD 4	/* meanwhile the kernel had the cache to itself */

/* Small, and read in order: what it takes from the cache is missing elsewhere. */
struct flush {
	struct ring *ring;
	struct conn *conns[RING_SENDS];
	size_t totals[RING_SENDS];
	unsigned nmulti;
	struct {
		struct msghdr msg;
		struct iovec iov[FLUSH_IOVS];
	} multi[FLUSH_MULTI];
};

void conn_flush_fini(struct loop *l)
{
	if (l->flush == NULL)
		return;
	ring_free(l->flush->ring);
	free(l->flush);
	l->flush = NULL;
}

/* Made by the first turn that has use for it, on the thread whose it is. Without memory: no ring. */
static struct flush *flush_of(struct loop *l)
{
	const struct conn *c = l->dirty;

	for (unsigned n = 1; c != NULL && n < FLUSH_MIN; n++)
		c = c->flush_next;
	if (c == NULL)
		return NULL;
	if (l->flush != NULL || !l->ring_wanted)
		return l->flush;
	l->ring_wanted = false;
	l->flush = calloc(1, sizeof(*l->flush));
	if (l->flush != NULL && (l->flush->ring = ring_new()) == NULL)
		conn_flush_fini(l);
	return l->flush;
}

static void flush_queue(struct flush *f, struct conn *c)
{
	unsigned i = ring_queued(f->ring);
	struct iovec *iov = f->multi[f->nmulti].iov;
	struct msghdr *m = &f->multi[f->nmulti].msg;
	int n = iov_fill(c->out, (struct progress){0, 0}, iov, FLUSH_IOVS, &f->totals[i]);

	f->conns[i] = c;
	if (n == 1) {
		ring_send(f->ring, c->io.fd, iov->iov_base, iov->iov_len);
		return;
	}
	*m = (struct msghdr){.msg_iov = iov, .msg_iovlen = (size_t)n};
	f->nmulti++;
	ring_sendmsg(f->ring, c->io.fd, m);
}

/* What the kernel did not take is written the usual way. */
static void flush_one(struct conn *c, size_t total, int result)
{
	struct progress at = {0, 0};
	enum flushed f = FLUSHED_ALL;

	c->loop->stats.flushes++;
	if (result != RING_NOT_SENT && result != -EINTR) {
		c->loop->stats.ring_sends++;
		f = conn_wrote(c, &at, result, total);
	}
	if (f == FLUSHED_ALL && at.i < c->out->n)
		f = conn_writev(c, &at);
	if (conn_flushed(c, at, f))
		conn_link(c, &c->loop->early);
}

static void fetch_ahead(const struct flush *f, unsigned i, unsigned n)
{
	if (i + FLUSH_AHEAD < n) {
		__builtin_prefetch(&f->conns[i + FLUSH_AHEAD]->out, 1);
		__builtin_prefetch(&f->conns[i + FLUSH_AHEAD]->io);
	}
	if (i + FLUSH_AHEAD / 2 < n)
		__builtin_prefetch(f->conns[i + FLUSH_AHEAD / 2]->out, 1);
}

static void flush_submit(struct flush *f)
{
	unsigned n = ring_queued(f->ring);
	const int *results = n > 0 ? ring_submit(f->ring) : NULL;

	for (unsigned i = 0; i < n; i++) {
		fetch_ahead(f, i, n);
		flush_one(f->conns[i], f->totals[i], results[i]);
	}
	f->nmulti = 0;
}

/* Those that cannot go through the ring are written on the way. */
static void flush_many(struct loop *l, struct flush *f)
{
	struct conn *c;

	while ((c = take_dirty(l)) != NULL) {
		if (!c->closing && c->out != NULL && c->out->n > 0 && c->env->transport->plain) {
			flush_queue(f, c);
			if (ring_queued(f->ring) == RING_SENDS || f->nmulti == FLUSH_MULTI)
				flush_submit(f);
		} else if (conn_flush(c)) {
			conn_link(c, &l->early);
		}
	}
	flush_submit(f);
}

void conn_flush_dirty(struct loop *l)
{
	struct flush *f;
	struct conn *c;

	while ((f = flush_of(l)) != NULL)
		flush_many(l, f);
	while ((c = take_dirty(l)) != NULL)
		if (conn_flush(c))
			conn_link(c, &l->early);
}

/* --- room again ------------------------------------------------------------------------------ */

/* First come, first served; when the room is used up the others go on waiting. */
static void owners_drained(struct conn *c)
{
	struct output *o = c->out;
	struct conn_owner *owner;
	unsigned n = o->nwaiting;

	for (; n > 0 && o->waiting != NULL && !conn_over(c) && !output_full(c); n--) {
		owner = output_unwait(o, o->waiting->next);
		owner->ops->drained(owner);
	}
}

static void conn_drained(struct conn *c)
{
	c->out->drained = false;
	owners_drained(c);
	if (!conn_over(c) && c->proto->drained != NULL)
		c->proto->drained(c);
	conn_input_later(c);
	/* Whoever found no room in this round is asked again in the next turn. */
	conn_link(c, &c->loop->dirty);
}

/*
 * What was queued earlier in this turn stays for its flush: whoever is told of a stall there
 * must find all of the turn's messages among those taken back.
 */
static bool conn_has_room(struct conn *c)
{
	if (c->closing || c->out == NULL)
		return false;
	return !c->out->stalled || conn_flush(c);
}

void conn_run_early(struct loop *l)
{
	struct conn *c, *list = l->early;

	l->early = NULL;
	while ((c = list) != NULL) {
		list = c->flush_next;
		c->linked = false;
		if (conn_has_room(c))
			conn_drained(c);
	}
}
