/* SPDX-License-Identifier: MIT */
#ifndef RT_ARENA_H
#define RT_ARENA_H

/*
 * An arena: blocks in which wire bytes live until every connection has written them. Encodings of
 * successive messages are laid one behind the other, so that a burst for a connection is one run of
 * bytes, one iovec. Marks say where a message ends, for the connection that could not take all of
 * it. A block belongs to one loop; its count is a plain int.
 */
#include <stddef.h>
#include <stdint.h>

#define BLOCK_SIZE 65536	/* larger messages get a block of their own */

struct mark {
	uint32_t end;		/* offset just behind a message */
	void *tag;		/* what the layer above knows the message by; the block's reference */
};

struct block {
	uint32_t refs, len, cap;
	uint32_t nmarks, capmarks;
	struct mark *marks;	/* ascending */
	struct block *next;	/* in the pool */
	uint8_t bytes[];
};

/** A run of bytes of a block. Holds no reference by itself. */
struct slice {
	struct block *block;
	uint32_t off, len;
};

/** Where a loop lays encodings: one block being filled, spare ones in a pool. */
struct arena {
	struct block *filling, *pool;
	unsigned npool;
	uint64_t turn;	/* counts arena_turn: slices nobody holds are void once it differs */
	void (*release)(void *tag);	/* called for each mark's tag when its block is emptied */
};

/** An empty arena; (release, may be NULL) as above. Nothing may hold a block at arena_fini. */
void arena_init(struct arena *a, void (*release)(void *tag));
void arena_fini(struct arena *a);

/**
 * Room for a message of at most (n) bytes behind the last one; write there, then commit. The
 * reservation is void after any other call on (a). NULL without memory.
 */
uint8_t *arena_reserve(struct arena *a, size_t n);

/**
 * The (n) bytes written are a message, known as (tag) (given to release later; NULL: none).
 * The slice stays valid while somebody holds its block, at least until arena_turn.
 */
struct slice arena_commit(struct arena *a, size_t n, void *tag);

/** The same without a mark: for bytes that are never handed back. */
struct slice arena_commit_unmarked(struct arena *a, size_t n);

/** At the end of a turn: slices that nobody holds by now are gone. */
void arena_turn(struct arena *a);

/** A block of its own for (cap) bytes, with one reference. NULL without memory. */
struct block *block_new(size_t cap);
void block_ref(struct block *b);
void block_unref(struct arena *a, struct block *b);

#endif
