/* SPDX-License-Identifier: MIT */
#include "hub/conflate.h"

#include <stdlib.h>

#include "hash.h"

/* However few events: what they hold in memory together, because a reader from disk has no share
 * in the memory of the tail. */
#define GATHER_BYTES ((size_t)4 << 20)

struct conflate *conflate_new(bool newest, uint64_t max)
{
	struct conflate *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->newest = newest;
	c->max = max;
	return c;
}

void conflate_free(struct conflate *c)
{
	if (c == NULL)
		return;
	conflate_clear(c);
	free(c);
}

static uint64_t key_hash(const struct event *e)
{
	struct str key = event_key(e);

	return key.p == NULL ? e->topic_hash : table_mix(hash_bytes(key.p, key.n), e->topic_hash);
}

/* An ephemeral event says nothing about the stored ones of its key, and must not replace them. */
static bool same_key(const struct event *a, const struct event *b)
{
	return a->has_key == b->has_key && a->ephemeral == b->ephemeral &&
		str_eq(event_topic(a), event_topic(b)) && str_eq(event_key(a), event_key(b));
}

static void append(struct conflate *c, struct conflate_item *item)
{
	item->next = NULL;
	item->prev = c->last;
	if (c->last != NULL)
		c->last->next = item;
	else
		c->first = item;
	c->last = item;
	c->n++;
	c->bytes += item->event->size;
}

static void take_out(struct conflate *c, struct conflate_item *item)
{
	if (item->prev != NULL)
		item->prev->next = item->next;
	else
		c->first = item->next;
	if (item->next != NULL)
		item->next->prev = item->prev;
	else
		c->last = item->prev;
	c->n--;
	c->bytes -= item->event->size;
}

static bool replace(struct conflate *c, uint64_t hash, struct event *e)
{
	struct table_node *p;

	for (p = table_find(&c->keys, hash); p != NULL; p = table_more(p)) {
		struct conflate_item *item = (struct conflate_item *)p;

		if (!same_key(item->event, e))
			continue;
		take_out(c, item);
		event_ref(e);
		event_unref(item->event);
		item->event = e;
		append(c, item);
		return true;
	}
	return false;
}

int conflate_add(struct conflate *c, struct event *e)
{
	uint64_t hash = c->newest ? key_hash(e) : 0;
	struct conflate_item *item;

	if (c->newest && replace(c, hash, e))
		return 0;
	item = calloc(1, sizeof(*item));
	if (item == NULL)
		return -1;
	if (c->newest && table_add(&c->keys, &item->node, hash) != 0) {
		free(item);
		return -1;
	}
	event_ref(e);
	item->event = e;
	append(c, item);
	return 0;
}

bool conflate_full(const struct conflate *c)
{
	return c->n >= c->max || c->bytes >= GATHER_BYTES;
}

struct conflate_item *conflate_shift(struct conflate *c)
{
	struct conflate_item *item = c->first;

	if (item == NULL)
		return NULL;
	take_out(c, item);
	if (c->newest)
		table_remove(&c->keys, &item->node);
	item->next = NULL;
	return item;
}

void conflate_item_free(struct conflate_item *item)
{
	event_unref(item->event);
	free(item);
}

void conflate_clear(struct conflate *c)
{
	struct conflate_item *item;

	while ((item = conflate_shift(c)) != NULL)
		conflate_item_free(item);
	free(c->reached);
	c->reached = NULL;
}
