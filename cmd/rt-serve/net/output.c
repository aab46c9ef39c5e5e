/* SPDX-License-Identifier: MIT */
/* What is to be written to a connection: queued here, and written by the flush of each turn. */
#include "net/output.h"

#include <stdlib.h>
#include <string.h>

#define OUTPUTS_KEEP 64		/* spare ones of a loop at rest */
#define OUTPUTS_TIDY_MS 5000	/* those nobody needed for so long are given back */
#define PIECES_KEEP 16		/* a spare output keeps at most so much room */

/* --- the pool -------------------------------------------------------------------------------- */

static void output_free(struct output *o)
{
	if (o->pieces != &o->one)
		free(o->pieces);
	free(o);
}

static struct output *output_pop(struct loop *l)
{
	struct output *o = l->outputs.free;

	l->outputs.free = o->next;
	l->outputs.n--;
	return o;
}

static struct output *output_take(struct loop *l)
{
	struct output *o;

	if (l->outputs.free != NULL) {
		o = output_pop(l);
	} else if ((o = calloc(1, sizeof(*o))) != NULL) {
		o->pieces = &o->one;
		o->cap = 1;
	} else {
		return NULL;
	}
	if (l->outputs.n < l->outputs_least)
		l->outputs_least = l->outputs.n;
	l->outputs.lent++;
	return o;
}

/* An event for all has each connection borrow one: they stay while that goes on. */
static void outputs_tidy(struct loop *l, struct loop_timer *t)
{
	for (; l->outputs_least > 0 && l->outputs.n > OUTPUTS_KEEP; l->outputs_least--)
		output_free(output_pop(l));
	l->outputs_least = l->outputs.n;
	if (l->outputs.n > OUTPUTS_KEEP)
		loop_timer_set(l, t, OUTPUTS_TIDY_MS);
}

void output_give(struct loop *l, struct output *o)
{
	for (unsigned i = 0; i < o->n; i++)
		if (o->pieces[i].held)
			block_unref(&l->arena, o->pieces[i].block);
	l->outputs.lent--;
	if (o->cap > PIECES_KEEP) {
		output_free(o);
		return;
	}
	o->next = l->outputs.free;
	o->n = 0;
	o->bytes = o->turn_bytes = 0;
	o->waiting = NULL;
	o->nwaiting = 0;
	o->stalled = o->drained = false;
	l->outputs.free = o;
	if (++l->outputs.n <= OUTPUTS_KEEP || loop_timer_armed(&l->outputs_timer))
		return;
	l->outputs_least = l->outputs.n;
	loop_timer_set(l, &l->outputs_timer, OUTPUTS_TIDY_MS);
}

void output_pool_init(struct loop *l)
{
	loop_timer_init(&l->outputs_timer, outputs_tidy);
}

void output_pool_free(struct loop *l)
{
	loop_timer_cancel(l, &l->outputs_timer);
	while (l->outputs.free != NULL)
		output_free(output_pop(l));
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

static bool output_grow(struct output *o)
{
	unsigned cap = o->cap == 1 ? 4 : o->cap * 2;
	bool first = o->pieces == &o->one;
	struct piece *p = realloc(first ? NULL : o->pieces, cap * sizeof(*p));

	if (p == NULL)
		return false;
	if (first)
		*p = o->one;
	o->pieces = p;
	o->cap = cap;
	return true;
}

static bool output_add(struct output *o, struct slice s, struct conn_owner *owner, bool fixed,
	bool held)
{
	struct piece *last = o->n > 0 ? &o->pieces[o->n - 1] : NULL;

	if (last != NULL && !held && !last->held && last->block == s.block
		&& last->off + last->len == s.off && last->owner == owner && last->fixed == fixed) {
		last->len += s.len;
		o->bytes += s.len;
		return true;
	}
	if (o->n == o->cap && !output_grow(o))
		return false;
	o->pieces[o->n++] = (struct piece){s.block, owner, s.off, s.len, held, fixed};
	o->bytes += s.len;
	return true;
}

void output_wait(struct output *o, struct conn_owner *owner)
{
	if (owner == NULL || owner->next != NULL)
		return;
	if (o->waiting == NULL) {
		owner->next = owner;
	} else {
		owner->next = o->waiting->next;
		o->waiting->next = owner;
	}
	o->waiting = owner;
	o->nwaiting++;
}

struct conn_owner *output_unwait(struct output *o, struct conn_owner *owner)
{
	struct conn_owner *before = o->waiting;

	while (before->next != owner)
		before = before->next;
	before->next = owner->next;
	if (o->waiting == owner)
		o->waiting = before == owner ? NULL : before;
	owner->next = NULL;
	o->nwaiting--;
	return owner;
}

bool output_full(const struct conn *c)
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
	if (o->next != NULL)
		output_unwait(c->out, o);
}
