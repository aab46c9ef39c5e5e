/* SPDX-License-Identifier: MIT */
#include "net/chunk.h"

#include <assert.h>
#include <stdlib.h>

#define POOL_MAX 16		/* spare chunks of an arena: 1 MiB */
#define POOL_MARKS_MAX 4096	/* a spare chunk keeps at most so much room for marks */

static void chunk_empty(struct arena *a, struct chunk *c)
{
	for (uint32_t i = 0; i < c->nmarks; i++)
		if (c->marks[i].tag != NULL)
			a->release(c->marks[i].tag);
	c->nmarks = 0;
	c->len = 0;
}

static void chunk_free(struct chunk *c)
{
	free(c->marks);
	free(c);
}

struct chunk *chunk_new(size_t cap)
{
	struct chunk *c;

	if (cap > UINT32_MAX || (c = malloc(sizeof(*c) + cap)) == NULL)
		return NULL;
	*c = (struct chunk){.refs = 1, .cap = (uint32_t)cap};
	return c;
}

void chunk_ref(struct chunk *c)
{
	c->refs++;
}

void chunk_unref(struct arena *a, struct chunk *c)
{
	assert(c->refs > 0);
	if (--c->refs > 0)
		return;
	chunk_empty(a, c);
	if (c->cap != CHUNK_SIZE || a->npool == POOL_MAX || c->capmarks > POOL_MARKS_MAX) {
		chunk_free(c);
		return;
	}
	c->next = a->pool;
	a->pool = c;
	a->npool++;
}

void arena_init(struct arena *a, void (*release)(void *tag))
{
	*a = (struct arena){.release = release};
}

void arena_fini(struct arena *a)
{
	struct chunk *c, *next;

	for (c = a->filling; c != NULL; c = next) {
		next = c->next;
		chunk_unref(a, c);
	}
	for (c = a->pool; c != NULL; c = next) {
		next = c->next;
		chunk_free(c);
	}
	*a = (struct arena){.release = a->release};
}

static struct chunk *arena_take(struct arena *a, size_t n)
{
	struct chunk *c = a->pool;

	if (n > CHUNK_SIZE)
		return chunk_new(n);
	if (c == NULL)
		return chunk_new(CHUNK_SIZE);
	a->pool = c->next;
	a->npool--;
	c->refs = 1;
	c->next = NULL;
	return c;
}

static int chunk_mark_room(struct chunk *c)
{
	struct mark *m;
	uint32_t cap;

	if (c->nmarks < c->capmarks)
		return 0;
	cap = c->capmarks == 0 ? 64 : c->capmarks * 2;
	if ((m = realloc(c->marks, cap * sizeof(*m))) == NULL)
		return -1;
	c->marks = m;
	c->capmarks = cap;
	return 0;
}

/*
 * The head of the list at (filling) is being filled; those behind it were filled earlier in this
 * turn. The arena holds one reference to each, so that they live until arena_turn.
 */
uint8_t *arena_reserve(struct arena *a, size_t n)
{
	struct chunk *c = a->filling;

	if (c == NULL || c->cap - c->len < n) {
		if ((c = arena_take(a, n)) == NULL)
			return NULL;
		c->next = a->filling;
		a->filling = c;
	}
	if (chunk_mark_room(c) != 0)
		return NULL;
	return c->bytes + c->len;
}

struct slice arena_commit_unmarked(struct arena *a, size_t n)
{
	struct chunk *c = a->filling;
	struct slice s = {c, c->len, (uint32_t)n};

	assert(n <= c->cap - c->len);
	c->len += (uint32_t)n;
	return s;
}

struct slice arena_commit(struct arena *a, size_t n, void *tag)
{
	struct slice s = arena_commit_unmarked(a, n);
	struct chunk *c = s.chunk;

	c->marks[c->nmarks++] = (struct mark){c->len, tag};
	return s;
}

void arena_turn(struct arena *a)
{
	struct chunk *c = a->filling, *next;

	a->turn++;
	if (c == NULL)
		return;
	for (struct chunk *full = c->next; full != NULL; full = next) {
		next = full->next;
		chunk_unref(a, full);
	}
	c->next = NULL;
	if (c->refs > 1)
		return;
	if (c->cap == CHUNK_SIZE) {
		chunk_empty(a, c);
		return;
	}
	a->filling = NULL;
	chunk_unref(a, c);
}
