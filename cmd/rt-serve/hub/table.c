/* SPDX-License-Identifier: MIT */
#include "hub/table.h"

#include <stdlib.h>

#define TABLE_MIN 16

/* Without memory it stays as it is: longer chains, nothing lost. */
static void resize(struct table *t, size_t cap)
{
	struct table_node **slots = calloc(cap, sizeof(*slots));
	struct table_node *node, *next;

	if (slots == NULL)
		return;
	for (size_t i = 0; i < t->cap; i++) {
		for (node = t->slots[i]; node != NULL; node = next) {
			next = node->next;
			node->next = slots[node->hash & (cap - 1)];
			slots[node->hash & (cap - 1)] = node;
		}
	}
	free(t->slots);
	t->slots = slots;
	t->cap = cap;
}

int table_add(struct table *t, struct table_node *node, uint64_t hash)
{
	struct table_node **slot;

	if (t->n >= t->cap)
		resize(t, t->cap == 0 ? TABLE_MIN : t->cap * 2);
	if (t->cap == 0)
		return -1;
	slot = &t->slots[hash & (t->cap - 1)];
	node->hash = hash;
	node->next = *slot;
	*slot = node;
	t->n++;
	return 0;
}

void table_remove(struct table *t, struct table_node *node)
{
	struct table_node **slot = &t->slots[node->hash & (t->cap - 1)];

	while (*slot != node)
		slot = &(*slot)->next;
	*slot = node->next;
	node->next = NULL;
	t->n--;
	if (t->n == 0)
		table_fini(t);
	else if (t->cap > TABLE_MIN && t->n < t->cap / 8)
		resize(t, t->cap / 2);
}

void table_fini(struct table *t)
{
	free(t->slots);
	*t = (struct table){NULL, 0, 0};
}
