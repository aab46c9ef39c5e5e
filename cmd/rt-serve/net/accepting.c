/* SPDX-License-Identifier: MIT */
#include "net/accepting.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "net/conn_internal.h"

struct accepting_entry {
	struct accepting_entry *next;
	uint8_t family;
	uint8_t addr[16];
	unsigned count;
};

struct accepting *accepting_of(struct loop *l)
{
	struct accepting *a = l->accepting;

	if (a == NULL && (a = calloc(1, sizeof(*a))) != NULL) {
		pthread_mutex_init(&a->lock, NULL);
		atomic_init(&a->refs, 1);
		l->accepting = a;
	}
	return a;
}

void accepting_unref(struct accepting *a)
{
	if (a == NULL || atomic_fetch_sub(&a->refs, 1) > 1)
		return;
	pthread_mutex_destroy(&a->lock);
	free(a);
}

static struct accepting_entry **entry_slot(struct accepting *a, const struct peer *p)
{
	uint8_t key[17];
	struct accepting_entry **slot;

	key[0] = p->family;
	memcpy(key + 1, p->addr, 16);
	slot = &a->slots[hash_bytes(key, sizeof(key)) % ACCEPTING_SLOTS];
	while (*slot != NULL && ((*slot)->family != p->family || memcmp((*slot)->addr, p->addr, 16) != 0))
		slot = &(*slot)->next;
	return slot;
}

static bool entry_take(struct accepting *a, const struct peer *p, unsigned max)
{
	struct accepting_entry **slot, *e;
	bool room;

	pthread_mutex_lock(&a->lock);
	slot = entry_slot(a, p);
	e = *slot;
	if (e == NULL && (e = calloc(1, sizeof(*e))) != NULL) {
		e->family = p->family;
		memcpy(e->addr, p->addr, 16);
		*slot = e;
	}
	room = e != NULL && e->count < max;
	if (room)
		e->count++;
	pthread_mutex_unlock(&a->lock);
	return room;
}

static void entry_give(struct accepting *a, const struct peer *p)
{
	struct accepting_entry **slot, *e;

	pthread_mutex_lock(&a->lock);
	slot = entry_slot(a, p);
	e = *slot;
	if (--e->count == 0) {
		*slot = e->next;
		free(e);
	}
	pthread_mutex_unlock(&a->lock);
}

bool conn_count_address(struct conn *c)
{
	unsigned max = c->env->limits->max_per_address;

	if (max == 0 || c->env->accepting == NULL || c->peer.family == AF_UNIX)
		return true;
	return c->counted = entry_take(c->env->accepting, &c->peer, max);
}

void conn_uncount(struct conn *c)
{
	if (c->counted)
		entry_give(c->env->accepting, &c->peer);
	c->counted = false;
	if (c->limited)
		atomic_fetch_sub(&c->env->accepting->connections, 1);
	c->limited = false;
}
