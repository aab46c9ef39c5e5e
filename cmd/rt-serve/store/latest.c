/* SPDX-License-Identifier: MIT */
#include "store/latest.h"

#include <stdlib.h>

#include "hash.h"

#define FIRST_CAP 64

void latest_init(struct latest *l)
{
	*l = (struct latest){NULL, 0};
}

void latest_fini(struct latest *l)
{
	free(l->slots);
	latest_init(l);
}

static uint64_t hash_of(const struct event *e)
{
	struct str key = event_key(e);

	return key.p == NULL ? e->topic_hash : e->topic_hash * 31 + hash_bytes(key.p, key.n);
}

static bool is_same(const struct event *a, const struct event *b)
{
	return a->has_key == b->has_key && str_eq(event_topic(a), event_topic(b)) &&
		str_eq(event_key(a), event_key(b));
}

/* The slot of (e), or the free one where it belongs. */
static struct latest_slot *find(const struct latest *l, const struct read *r, const struct event *e,
	uint64_t hash)
{
	uint32_t i = (uint32_t)hash & (l->cap - 1);

	while (l->slots[i].at != 0 && (l->slots[i].hash != hash ||
			!is_same(r->events[l->slots[i].at - 1], e)))
		i = (i + 1) & (l->cap - 1);
	return &l->slots[i];
}

static int grow(struct latest *l)
{
	struct latest fresh = {NULL, l->cap > 0 ? l->cap * 2 : FIRST_CAP};
	uint32_t i;

	fresh.slots = calloc(fresh.cap, sizeof(*fresh.slots));
	if (fresh.slots == NULL)
		return -1;
	for (uint32_t k = 0; k < l->cap; k++) {
		if (l->slots[k].at == 0)
			continue;
		for (i = (uint32_t)l->slots[k].hash; fresh.slots[i & (fresh.cap - 1)].at != 0; )
			i++;
		fresh.slots[i & (fresh.cap - 1)] = l->slots[k];
	}
	free(l->slots);
	*l = fresh;
	return 0;
}

int latest_add(struct latest *l, struct read *r, struct event *e)
{
	uint64_t hash = hash_of(e);
	struct latest_slot *slot;

	if (r->n * 2 >= l->cap && grow(l) < 0)
		return -1;
	slot = find(l, r, e, hash);
	if (slot->at != 0)
		return 1;
	if (r->n >= r->max_events) {
		r->truncated = true;
		return 0;
	}
	if (read_add_event(r, e) < 0)
		return -1;
	*slot = (struct latest_slot){hash, (uint32_t)r->n};
	return 1;
}

void latest_finish(struct read *r)
{
	struct event *e;

	for (size_t i = 0; i < r->n / 2; i++) {
		e = r->events[i];
		r->events[i] = r->events[r->n - 1 - i];
		r->events[r->n - 1 - i] = e;
	}
}
