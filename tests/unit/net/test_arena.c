/* SPDX-License-Identifier: MIT */

#include "net/arena.h"
#include "tests/unit/tap.h"

static unsigned released;

static void release(void *tag)
{
	(void)tag;
	released++;
}

static struct slice lay(struct arena *a, size_t n, void *tag)
{
	uint8_t *p = arena_reserve(a, n);

	memset(p, 'x', n);
	return arena_commit(a, n, tag);
}

int main(void)
{
	struct arena a;
	struct slice s1, s2, big, held;
	int tag;

	arena_init(&a, release);
	s1 = lay(&a, 100, &tag);
	s2 = lay(&a, 50, NULL);
	ok(s1.block == s2.block && s2.off == s1.off + s1.len, "messages lie one behind the other");
	eq_num(s1.block->nmarks, 2, "each has a mark");
	eq_num(s1.block->marks[1].end, 150, "the mark is its end");
	arena_turn(&a);
	eq_num(released, 1, "nobody held them: the tag is released at the end of the turn");
	held = lay(&a, 10, &tag);
	ok(held.block == s1.block && held.off == 0, "and the block is filled anew");
	block_ref(held.block);
	arena_turn(&a);
	eq_num(released, 1, "a held block keeps its tags");
	s1 = lay(&a, 10, &tag);
	ok(s1.block == held.block && s1.off == 10, "and goes on being filled");
	big = lay(&a, BLOCK_SIZE + 1, &tag);
	ok(big.block != held.block && big.block->cap == BLOCK_SIZE + 1, "a large one has its own block");
	s1 = lay(&a, BLOCK_SIZE, &tag);
	ok(s1.block != held.block && s1.block != big.block, "a full block is followed by another");
	arena_turn(&a);
	eq_num(released, 3, "what was only queued is gone, the held one stays");
	block_unref(&a, held.block);
	eq_num(released, 5, "the last reference empties it");
	eq_num(a.npool, 1, "and it goes to the pool");
	s1 = lay(&a, BLOCK_SIZE, NULL);
	s1 = lay(&a, 1, NULL);
	ok(s1.block == held.block && a.npool == 0, "from where it is taken again");
	s1 = lay(&a, 20, &tag);
	arena_fini(&a);
	eq_num(released, 6, "the end releases what is left");
	ok(arena_reserve(&a, (size_t)1 << 33) == NULL, "no block is larger than 4 GiB");
	return tap_done();
}
