/* SPDX-License-Identifier: MIT */
/* What is to be written to a connection: queued here, and written by the flush of each turn. */
#include "net/conn_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUTS_KEEP 64		/* spare ones of a loop */
#define PIECES_KEEP 256		/* a spare output keeps at most so much room */

/* --- the pool -------------------------------------------------------------------------------- */

static struct output *output_take(struct loop *l)
{
	struct output *o = l->outputs.free;

	if (o != NULL) {
		l->outputs.free = o->next;
		l->outputs.n--;
	} else if ((o = calloc(1, sizeof(*o))) == NULL) {
		return NULL;
	}
	o->waiting_tail = &o->waiting;
	l->outputs.lent++;
	return o;
}

void output_give(struct loop *l, struct output *o)
{
	for (unsigned i = 0; i < o->n; i++)
		if (o->pieces[i].held)
			block_unref(&l->arena, o->pieces[i].block);
	l->outputs.lent--;
	if (l->outputs.n == OUTPUTS_KEEP || o->cap > PIECES_KEEP) {
		free(o->pieces);
		free(o);
		return;
	}
	*o = (struct output){.next = l->outputs.free, .pieces = o->pieces, .cap = o->cap};
	l->outputs.free = o;
	l->outputs.n++;
}

void output_pool_free(struct loop *l)
{
	struct output *o;

	while ((o = l->outputs.free) != NULL) {
		l->outputs.free = o->next;
		free(o->pieces);
		free(o);
	}
	l->outputs.n = 0;
}

/* --- queueing -------------------------------------------------------------------------------- */

static struct output *conn_output(struct conn *c)
{
	if (c->out == NULL)
		c->out = output_take(c->loop);
	return c->out;
}

void conn_link(struct conn *c, struct conn **list)
{
	if (c->linked || c->closing)
		return;
	c->linked = true;
	c->flush_next = *list;
	*list = c;
}

static bool output_add(struct output *o, struct slice s, struct conn_owner *owner, bool fixed,
	bool held)
{
	struct piece *last = o->n > 0 ? &o->pieces[o->n - 1] : NULL, *p;

	if (last != NULL && !held && !last->held && last->block == s.block
		&& last->off + last->len == s.off && last->owner == owner && last->fixed == fixed) {
		last->len += s.len;
		o->bytes += s.len;
		return true;
	}
	if (o->n == o->cap) {
		unsigned cap = o->cap == 0 ? 4 : o->cap * 2;

		if ((p = realloc(o->pieces, cap * sizeof(*p))) == NULL)
			return false;
		o->pieces = p;
		o->cap = cap;
	}
	o->pieces[o->n++] = (struct piece){s.block, owner, s.off, s.len, held, fixed};
	o->bytes += s.len;
	return true;
}

static void output_wait(struct output *o, struct conn_owner *owner)
{
	if (owner == NULL || owner->waiting)
		return;
	owner->waiting = true;
	owner->next = NULL;
	*o->waiting_tail = owner;
	o->waiting_tail = &owner->next;
}

static struct conn_owner *output_unwait(struct output *o, struct conn_owner *owner)
{
	struct conn_owner **p = &o->waiting;

	while (*p != owner)
		p = &(*p)->next;
	*p = owner->next;
	if (o->waiting_tail == &owner->next)
		o->waiting_tail = p;
	owner->waiting = false;
	owner->next = NULL;
	return owner;
}

static bool output_full(const struct conn *c)
{
	return c->out->stalled || c->out->turn_bytes >= c->env->limits->max_output;
}

bool conn_queue(struct conn *c, struct slice s, struct conn_owner *owner)
{
	if (conn_over(c))
		return false;
	if (conn_output(c) == NULL) {
		conn_close(c, CONN_NOMEM);
		return false;
	}
	if (output_full(c)) {
		output_wait(c->out, owner);
		return false;
	}
	if (s.len == 0)
		return true;
	if (!output_add(c->out, s, owner, owner == NULL, false)) {
		conn_close(c, CONN_NOMEM);
		return false;
	}
	c->out->turn_bytes += s.len;
	conn_link(c, &c->loop->dirty);
	return true;
}

void conn_wait(struct conn *c, struct conn_owner *owner)
{
	if (conn_over(c))
		return;
	if (conn_output(c) == NULL) {
		conn_close(c, CONN_NOMEM);
		return;
	}
	output_wait(c->out, owner);
	if (!c->out->stalled)
		conn_link(c, &c->loop->dirty);
}

/*
 * While the socket takes more, private bytes go to the loop's own arena and out at the end of the
 * turn. Behind a stall they may wait for long: then they get memory of their own.
 */
static bool conn_write_slice(struct conn *c, const void *p, size_t n)
{
	struct loop *l = c->loop;
	struct slice s;
	uint8_t *dst;

	if (c->out->stalled) {
		if ((s.block = block_new(n)) == NULL)
			return false;
		s.off = 0;
		s.block->len = s.len = (uint32_t)n;
		memcpy(s.block->bytes, p, n);
		if (output_add(c->out, s, NULL, true, true))
			return true;
		block_unref(&l->arena, s.block);
		return false;
	}
	if ((dst = arena_reserve(&l->private, n)) == NULL)
		return false;
	memcpy(dst, p, n);
	return output_add(c->out, arena_commit_unmarked(&l->private, n), NULL, true, false);
}

int conn_write(struct conn *c, const void *p, size_t n)
{
	if (c->closing || c->lingering)
		return -1;
	if (n == 0)
		return 0;
	if (conn_output(c) == NULL || !conn_write_slice(c, p, n)) {
		conn_close(c, CONN_NOMEM);
		return -1;
	}
	if (!c->out->stalled)
		conn_link(c, &c->loop->dirty);
	return 0;
}

void conn_fix_output(struct conn *c)
{
	if (c->out == NULL)
		return;
	for (unsigned i = 0; i < c->out->n; i++) {
		c->out->pieces[i].owner = NULL;
		c->out->pieces[i].fixed = true;
	}
}

void conn_forget_owner(struct conn *c, struct conn_owner *o)
{
	if (c->out == NULL)
		return;
	for (unsigned i = 0; i < c->out->n; i++) {
		if (c->out->pieces[i].owner != o)
			continue;
		c->out->pieces[i].owner = NULL;
		c->out->pieces[i].fixed = true;
	}
	if (o->waiting)
		output_unwait(c->out, o);
}

/* --- the flush ------------------------------------------------------------------------------- */

/* How far the pieces of a connection were written. */
struct progress {
	unsigned i;	/* the first piece that is not out */
	uint32_t done;	/* bytes of it that are */
};

static int iov_fill(struct loop *l, const struct output *o, struct progress at, size_t *total)
{
	int n = 0;

	*total = 0;
	for (unsigned i = at.i; i < o->n; i++) {
		const struct piece *p = &o->pieces[i];
		uint32_t skip = i == at.i ? at.done : 0;
		uint8_t *base = p->block->bytes + p->off + skip;
		struct iovec *last = n > 0 ? &l->iov[n - 1] : NULL;

		if (last != NULL && (uint8_t *)last->iov_base + last->iov_len == base) {
			last->iov_len += p->len - skip;
		} else if (n == LOOP_IOVS) {
			break;
		} else {
			l->iov[n++] = (struct iovec){base, p->len - skip};
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

/* The only place that writes. 0: all is out; 1: the socket is full; -1: it is broken. */
static int conn_writev(struct conn *c, struct progress *at)
{
	struct loop *l = c->loop;
	size_t total;
	ssize_t n;

	while (at->i < c->out->n) {
		int niov = iov_fill(l, c->out, *at, &total);

		n = c->env->transport->writev(c->transport, c->io.fd, l->iov, niov);
		l->stats.writes++;
		if (n == TRANSPORT_WANT_WRITE || n == TRANSPORT_WANT_READ)
			return 1;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? 1 : -1;
		progress_add(c->out, at, (size_t)n);
		c->bytes_out += (uint64_t)n;
		l->stats.bytes_out += (uint64_t)n;
		c->sent = true;
		c->active_ms = l->now_ms;
		if ((size_t)n < total)
			return 1;
	}
	return 0;
}

/* Index of the first mark that ends at or behind (off); nmarks if there is none. */
static uint32_t mark_find(const struct block *c, uint32_t off)
{
	uint32_t lo = 0, hi = c->nmarks;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (c->marks[mid].end < off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Where the message ends that is in flight when the piece is written up to (done) bytes. */
static uint32_t piece_keep(const struct piece *p, uint32_t done)
{
	uint32_t i, end = p->off + p->len;

	if (p->fixed || done == 0)
		return p->fixed ? end : p->off;
	i = mark_find(p->block, p->off + done);
	return i < p->block->nmarks && p->block->marks[i].end < end ? p->block->marks[i].end : end;
}

/* The newest tag among the messages of (block) that end in (begin, end]. */
static void *last_tag(const struct block *c, uint32_t begin, uint32_t end)
{
	for (uint32_t i = mark_find(c, end); i != UINT32_MAX; i--) {
		if (i == c->nmarks || c->marks[i].end > end)
			continue;
		if (c->marks[i].end <= begin)
			break;
		if (c->marks[i].tag != NULL)
			return c->marks[i].tag;
	}
	return NULL;
}

/* Of what (owner) queued before piece (i), or in it before (keep): the newest that goes out. */
static void *owner_last(const struct output *o, const struct conn_owner *owner, struct progress at,
	uint32_t keep)
{
	for (unsigned k = at.i + 1; k-- > 0;) {
		const struct piece *p = &o->pieces[k];
		void *tag;

		if (p->owner != owner)
			continue;
		tag = last_tag(p->block, p->off, k == at.i ? keep : p->off + p->len);
		if (tag != NULL)
			return tag;
	}
	return NULL;
}

/* Tell each owner once that something it queued goes back. Callbacks may forget owners. */
static void owners_stalled(struct output *o, struct progress at, uint32_t keep)
{
	for (unsigned i = at.i; i < o->n; i++) {
		struct piece *p = &o->pieces[i];
		struct conn_owner *owner = p->owner;
		void *last;

		if (owner == NULL || p->fixed || (i == at.i && keep == p->off + p->len))
			continue;
		last = owner_last(o, owner, at, keep);
		for (unsigned k = 0; k < o->n; k++)
			if (o->pieces[k].owner == owner)
				o->pieces[k].owner = NULL;
		output_wait(o, owner);
		owner->ops->stalled(owner->arg, last);
	}
}

/* A rest that has to outlive this turn: copy it if it is small, else hold its block. */
static bool piece_hold(struct piece *p)
{
	struct block *copy;

	p->owner = NULL;
	p->fixed = true;
	if (p->held)
		return true;
	p->held = true;
	if (p->len > OUTPUT_COPY) {
		block_ref(p->block);
		return true;
	}
	if ((copy = block_new(p->len)) == NULL) {
		p->held = false;
		return false;
	}
	memcpy(copy->bytes, p->block->bytes + p->off, p->len);
	copy->len = p->len;
	p->block = copy;
	p->off = 0;
	return true;
}

/* Reduce the pieces to what is kept: the message in flight, and all that is fixed. */
static bool output_keep(struct loop *l, struct output *o, struct progress at, uint32_t keep)
{
	unsigned n = 0;
	bool ok = true;

	for (unsigned i = 0; i < o->n; i++) {
		struct piece p = o->pieces[i];

		if (i < at.i || (i > at.i && !p.fixed)) {
			if (p.held)
				block_unref(&l->arena, p.block);
			continue;
		}
		if (i == at.i) {
			p.len = keep > p.off + at.done ? keep - p.off - at.done : 0;
			p.off += at.done;
			if (p.len == 0)
				continue;
		}
		ok = piece_hold(&p) && ok;
		o->pieces[n++] = p;
	}
	o->n = n;
	o->bytes = 0;
	for (unsigned i = 0; i < n; i++)
		o->bytes += o->pieces[i].len;
	return ok;
}

static void conn_stall(struct conn *c, struct progress at)
{
	struct output *o = c->out;
	uint32_t keep = piece_keep(&o->pieces[at.i], at.done);

	if (!o->stalled)
		c->loop->stats.stalls++;
	o->stalled = true;
	o->turn_bytes = 0;
	owners_stalled(o, at, keep);	/* while the written pieces still tell what went out */
	if (!output_keep(c->loop, o, at, keep))
		conn_close(c, CONN_NOMEM);
}

/* All is written. True: somebody is to be told. */
static bool conn_whole(struct conn *c)
{
	struct output *o = c->out;
	struct loop *l = c->loop;

	if (o == NULL)
		return false;

	for (unsigned i = 0; i < o->n; i++)
		if (o->pieces[i].held)
			block_unref(&l->arena, o->pieces[i].block);
	o->n = 0;
	o->bytes = o->turn_bytes = 0;
	o->drained = o->drained || o->stalled;
	o->stalled = false;
	if (o->waiting != NULL || o->drained)
		return true;
	c->out = NULL;
	output_give(l, o);
	return false;
}

/* True: there is room again and somebody waits for it. */
static bool conn_flush(struct conn *c)
{
	struct progress at = {0, 0};
	bool tell = false;
	int full;

	if (c->closing)
		return false;
	c->loop->stats.flushes++;
	full = c->out == NULL ? 0 : conn_writev(c, &at);
	if (full < 0) {
		conn_close(c, CONN_RESET);
		return false;
	}
	if (full > 0)
		conn_stall(c, at);
	else
		tell = conn_whole(c);
	if (full == 0 && c->ending && !c->lingering)
		conn_shut(c);
	conn_update(c);
	return tell && !c->closing;
}

void conn_flush_dirty(struct loop *l)
{
	struct conn *c;

	while ((c = l->dirty) != NULL) {
		l->dirty = c->flush_next;
		c->linked = false;
		if (conn_flush(c))
			conn_link(c, &l->early);
	}
}

/* --- room again ------------------------------------------------------------------------------ */

/* First come, first served; when the room is used up the others go on waiting. */
static void owners_drained(struct conn *c)
{
	struct output *o = c->out;
	struct conn_owner *owner;
	unsigned n = 0;

	for (owner = o->waiting; owner != NULL; owner = owner->next)
		n++;
	for (; n > 0 && o->waiting != NULL && !conn_over(c) && !output_full(c); n--) {
		owner = output_unwait(o, o->waiting);
		owner->ops->drained(owner->arg);
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
