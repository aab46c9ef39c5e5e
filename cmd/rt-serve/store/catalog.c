/* SPDX-License-Identifier: MIT */
#include "store/catalog.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"

#define FIRST_BUCKETS 64
#define FIRST_RING 4

void catalog_fini(struct catalog *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->all[i]->ring);
		free(c->all[i]);
	}
	free(c->all);
	free(c->by_hash);
	free(c->by_id);
	*c = (struct catalog){0};
}

struct topic *catalog_find(const struct catalog *c, struct str name, uint64_t hash)
{
	struct topic *t;

	if (c->buckets == 0)
		return NULL;
	for (t = c->by_hash[hash & (c->buckets - 1)]; t != NULL; t = t->hash_next) {
		if (t->hash == hash && str_eq(topic_name(t), name))
			return t;
	}
	return NULL;
}

struct topic *catalog_find_name(const struct catalog *c, struct str name)
{
	return catalog_find(c, name, hash_bytes(name.p, name.n));
}

struct topic *catalog_by_id(const struct catalog *c, uint64_t id)
{
	struct topic *t;

	if (c->buckets == 0)
		return NULL;
	t = c->by_id[id & (c->buckets - 1)];
	while (t != NULL && t->id != id)
		t = t->id_next;
	return t;
}

static void link_topic(struct catalog *c, struct topic *t)
{
	struct topic **hash = &c->by_hash[t->hash & (c->buckets - 1)];
	struct topic **id = &c->by_id[t->id & (c->buckets - 1)];

	t->hash_next = *hash;
	*hash = t;
	t->id_next = *id;
	*id = t;
}

static int grow_buckets(struct catalog *c)
{
	size_t n = c->buckets > 0 ? c->buckets * 2 : FIRST_BUCKETS;
	struct topic **hash = calloc(n, sizeof(*hash)), **id = calloc(n, sizeof(*id));

	if (hash == NULL || id == NULL) {
		free(hash);
		free(id);
		return -1;
	}
	free(c->by_hash);
	free(c->by_id);
	c->by_hash = hash;
	c->by_id = id;
	c->buckets = n;
	for (size_t i = 0; i < c->n; i++)
		link_topic(c, c->all[i]);
	return 0;
}

static int make_room(struct catalog *c)
{
	size_t cap = c->cap > 0 ? c->cap * 2 : FIRST_BUCKETS;
	struct topic **all;

	if (c->n == c->buckets && grow_buckets(c) < 0)
		return -1;
	if (c->n < c->cap)
		return 0;
	all = realloc(c->all, cap * sizeof(struct topic *));
	if (all == NULL)
		return -1;
	c->all = all;
	c->cap = cap;
	return 0;
}

struct topic *catalog_add(struct catalog *c, struct str name, uint64_t hash, uint64_t id)
{
	struct topic *t;

	if (make_room(c) < 0)
		return NULL;
	t = calloc(1, sizeof(*t) + name.n);
	if (t == NULL)
		return NULL;
	t->hash = hash;
	t->id = id;
	t->name_len = (uint8_t)name.n;
	memcpy(t->name, name.p, name.n);
	t->index = (uint32_t)c->n;
	c->all[c->n++] = t;
	link_topic(c, t);
	return t;
}

static void unlink_topic(struct catalog *c, struct topic *t)
{
	struct topic **p = &c->by_hash[t->hash & (c->buckets - 1)];

	while (*p != t)
		p = &(*p)->hash_next;
	*p = t->hash_next;
	p = &c->by_id[t->id & (c->buckets - 1)];
	while (*p != t)
		p = &(*p)->id_next;
	*p = t->id_next;
}

void catalog_remove(struct catalog *c, struct topic *t)
{
	for (int list = 0; list < CATALOG_LISTS; list++)
		catalog_unlist(c, t, list);
	unlink_topic(c, t);
	c->all[t->index] = c->all[--c->n];
	c->all[t->index]->index = t->index;
	free(t->ring);
	free(t);
}

void catalog_unlist(struct catalog *c, struct topic *t, enum catalog_list list)
{
	if (!topic_is_on(t, list))
		return;
	*(t->prev[list] != NULL ? &t->prev[list]->next[list] : &c->first[list]) = t->next[list];
	*(t->next[list] != NULL ? &t->next[list]->prev[list] : &c->last[list]) = t->prev[list];
	t->lists &= (uint8_t)~(1u << list);
}

void catalog_to_front(struct catalog *c, struct topic *t, enum catalog_list list)
{
	if (c->first[list] == t)
		return;
	catalog_unlist(c, t, list);
	t->prev[list] = NULL;
	t->next[list] = c->first[list];
	*(c->first[list] != NULL ? &c->first[list]->prev[list] : &c->last[list]) = t;
	c->first[list] = t;
	t->lists |= (uint8_t)(1u << list);
}

/* Move the events to a ring of (cap) places. */
static int resize(struct topic *t, uint32_t cap)
{
	struct event **ring = malloc(cap * sizeof(struct event *));

	if (ring == NULL)
		return -1;
	for (uint32_t i = 0; i < t->n; i++)
		ring[i] = topic_at(t, i);
	free(t->ring);
	t->ring = ring;
	t->cap = cap;
	t->head = 0;
	return 0;
}

int topic_reserve(struct topic *t, uint32_t n)
{
	uint32_t cap = t->cap > 0 ? t->cap : FIRST_RING;

	if (n > UINT32_MAX / 4 - t->n)
		return -1;
	while (cap < t->n + n)
		cap *= 2;
	return cap == t->cap ? 0 : resize(t, cap);
}

void topic_push(struct topic *t, struct event *e)
{
	t->ring[(t->head + t->n++) & (t->cap - 1)] = e;
}

void topic_pop(struct topic *t)
{
	t->head = (t->head + 1) & (t->cap - 1);
	t->n--;
	if (t->staged > 0)
		return;		/* the room is promised */
	if (t->n == 0) {
		free(t->ring);
		t->ring = NULL;
		t->cap = t->head = 0;
	} else if (t->cap > 4 * FIRST_RING && t->n < t->cap / 8) {
		resize(t, t->cap / 4);	/* without memory it stays as it is */
	}
}

uint32_t topic_upto(const struct topic *t, uint64_t order)
{
	uint32_t lo = 0, hi = t->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (topic_at(t, mid)->order <= order)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}
