/* SPDX-License-Identifier: MIT */
/* A socket did not take all: what stays, what goes back to whoever queued it. */
#include <string.h>

#include "net/output.h"

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
		owner->ops->stalled(owner, last);
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

void conn_stall(struct conn *c, struct progress at)
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
