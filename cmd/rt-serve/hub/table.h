/* SPDX-License-Identifier: MIT */
#ifndef RT_TABLE_H
#define RT_TABLE_H

/*
 * A hash table of nodes that are embedded in what they stand for. It allocates only its slots,
 * and grows and shrinks with what it holds; comparing keys is the caller's: walk from
 * table_find() along table_more().
 */
#include <stddef.h>
#include <stdint.h>

struct table_node {
	struct table_node *next;
	uint64_t hash;
};

struct table {
	struct table_node **slots;	/* NULL while empty */
	size_t n, cap;			/* cap: a power of two, or 0 */
};

/** Add (node), whose hash is set here. 0, or -1 without memory for the first slots. */
int table_add(struct table *t, struct table_node *node, uint64_t hash);

/** Remove (node), which is in (t). */
void table_remove(struct table *t, struct table_node *node);

/** Free the slots; the nodes are the caller's. (t) is empty then. */
void table_fini(struct table *t);

/** First node with this (hash), or NULL. */
static inline struct table_node *table_find(const struct table *t, uint64_t hash)
{
	struct table_node *node = t->cap == 0 ? NULL : t->slots[hash & (t->cap - 1)];

	while (node != NULL && node->hash != hash)
		node = node->next;
	return node;
}

/** The next one with the same hash, or NULL. */
static inline struct table_node *table_more(const struct table_node *after)
{
	struct table_node *node = after->next;

	while (node != NULL && node->hash != after->hash)
		node = node->next;
	return node;
}

/** Mix two hashes into one. Not secret: at least one of them is keyed. */
static inline uint64_t table_mix(uint64_t a, uint64_t b)
{
	uint64_t x = (a ^ (b * 0x9e3779b97f4a7c15u)) * 0xd6e8feb86659fd93u;

	return x ^ (x >> 32);
}

#endif
