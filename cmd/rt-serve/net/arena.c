/* SPDX-License-Identifier: MIT */
#include "net/arena.h"

#include <assert.h>
#include <stdlib.h>

#define POOL_MAX 16		/* spare blocks of an arena: 1 MiB */
#define POOL_MARKS_MAX 4096	/* a spare block keeps at most so much room for marks */

static void block_empty(struct arena *a, struct block *b)
{
	for (uint32_t i = 0; i < b->nmarks; i++)
		if (b->marks[i].tag != NULL)
			a->release(b->marks[i].tag);
	b->nmarks = 0;
	b->len = 0;
}

static void block_free(struct block *b)
{
	free(b->marks);
	free(b);
}

struct block *block_new(size_t cap)
{
	struct block *b;

	if (cap > UINT32_MAX || (b = malloc(sizeof(*b) + cap)) == NULL)
		return NULL;
	*b = (struct block){.refs = 1, .cap = (uint32_t)cap};
	return b;
}

void block_ref(struct block *b)
{
	b->refs++;
}

void block_unref(struct arena *a, struct block *b)
{
	assert(b->refs > 0);
	if (--b->refs > 0)
		return;
	block_empty(a, b);
	if (b->cap != BLOCK_SIZE || a->npool == POOL_MAX || b->capmarks > POOL_MARKS_MAX) {
		block_free(b);
		return;
	}
	b->next = a->pool;
	a->pool = b;
	a->npool++;
}

void arena_init(struct arena *a, void (*release)(void *tag))
{
	*a = (struct arena){.release = release};
}

void arena_fini(struct arena *a)
{
	struct block *b, *next;

	for (b = a->filling; b != NULL; b = next) {
		next = b->next;
		block_unref(a, b);
	}
	for (b = a->pool; b != NULL; b = next) {
		next = b->next;
		block_free(b);
	}
	*a = (struct arena){.release = a->release};
}

static struct block *arena_take(struct arena *a, size_t n)
{
	struct block *b = a->pool;

	if (n > BLOCK_SIZE)
		return block_new(n);
	if (b == NULL)
		return block_new(BLOCK_SIZE);
	a->pool = b->next;
	a->npool--;
	b->refs = 1;
	b->next = NULL;
	return b;
}

static int block_mark_room(struct block *b)
{
	struct mark *m;
	uint32_t cap;

	if (b->nmarks < b->capmarks)
		return 0;
	cap = b->capmarks == 0 ? 64 : b->capmarks * 2;
	if ((m = realloc(b->marks, cap * sizeof(*m))) == NULL)
		return -1;
	b->marks = m;
	b->capmarks = cap;
	return 0;
}

/*
 * The head of the list at (filling) is being filled; those behind it were filled earlier in this
 * turn. The arena holds one reference to each, so that they live until arena_turn.
 */
uint8_t *arena_reserve(struct arena *a, size_t n)
{
	struct block *b = a->filling;

	if (b == NULL || b->cap - b->len < n) {
		if ((b = arena_take(a, n)) == NULL)
			return NULL;
		b->next = a->filling;
		a->filling = b;
	}
	if (block_mark_room(b) != 0)
		return NULL;
	return b->bytes + b->len;
}

struct slice arena_commit_unmarked(struct arena *a, size_t n)
{
	struct block *b = a->filling;
	struct slice s = {b, b->len, (uint32_t)n};

	assert(n <= b->cap - b->len);
	b->len += (uint32_t)n;
	return s;
}

struct slice arena_commit(struct arena *a, size_t n, void *tag)
{
	struct slice s = arena_commit_unmarked(a, n);
	struct block *b = s.block;

	b->marks[b->nmarks++] = (struct mark){b->len, tag};
	return s;
}

void arena_turn(struct arena *a)
{
	struct block *b = a->filling, *next;

	a->turn++;
	if (b == NULL)
		return;
	for (struct block *full = b->next; full != NULL; full = next) {
		next = full->next;
		block_unref(a, full);
	}
	b->next = NULL;
	if (b->refs > 1)
		return;
	if (b->cap == BLOCK_SIZE) {
		block_empty(a, b);
		return;
	}
	a->filling = NULL;
	block_unref(a, b);
}
