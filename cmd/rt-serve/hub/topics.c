/* SPDX-License-Identifier: MIT */
#include "hub/topics.h"

#include <assert.h>
#include <stdlib.h>

#include "hash.h"
#include "topic.h"
#include "zalloc.h"

#define LEVELS_MAX (TOPIC_MAX / 2 + 1)	/* a level takes two bytes, the last one perhaps one */

/**
 * A plain name, or a level of patterns: (here) are the groups whose filter ends at this node,
 * (rest) those that go on with "**". A node without groups and children is freed.
 */
struct topic_node {
	struct table_node node;		/* of a name, or among all children by parent and level */
	struct topic_node *parent;	/* NULL: a plain name, or the root */
	struct topic_node *star;	/* the child "*" */
	struct topic_link *here, *rest;
	unsigned children;		/* without (star) */
	bool is_star;
	uint8_t len;
	char text[];
};

struct topics {
	struct table groups, names, levels;
	struct topic_node *root;	/* of the trie */
	uint64_t search;		/* number of the current one */
	uint64_t steps;
};

struct topics *topics_new(void)
{
	struct topics *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->root = calloc(1, sizeof(*t->root));
	if (t->root == NULL) {
		free(t);
		return NULL;
	}
	return t;
}

void topics_free(struct topics *t)
{
	if (t == NULL)
		return;
	assert(t->groups.n == 0 && t->names.n == 0 && t->levels.n == 0);
	free(t->root);
	free(t);
}

/* --- nodes ----------------------------------------------------------------------------------- */

static struct topic_node *node_find(struct table *in, uint64_t hash, struct topic_node *parent,
	struct str text, uint64_t *steps)
{
	struct table_node *p;

	for (p = table_find(in, hash); p != NULL; p = table_more(p)) {
		struct topic_node *node = (struct topic_node *)p;

		++*steps;
		if (node->parent == parent && str_eq((struct str){node->text, node->len}, text))
			return node;
	}
	return NULL;
}

static struct topic_node *node_alloc(struct topic_node *parent, struct str text)
{
	struct topic_node *node = zalloc(sizeof(*node) + text.n);

	if (node == NULL)
		return NULL;
	node->parent = parent;
	node->len = (uint8_t)text.n;
	memcpy(node->text, text.p, text.n);
	return node;
}

static struct topic_node *node_get(struct topics *t, struct table *in, uint64_t hash,
	struct topic_node *parent, struct str text)
{
	struct topic_node *node = node_find(in, hash, parent, text, &t->steps);

	if (node != NULL)
		return node;
	node = node_alloc(parent, text);
	if (node == NULL)
		return NULL;
	if (table_add(in, &node->node, hash) != 0) {
		free(node);
		return NULL;
	}
	if (parent != NULL)
		parent->children++;
	return node;
}

static uint64_t level_hash(const struct topic_node *parent, uint64_t hash)
{
	return table_mix(hash, (uint64_t)(uintptr_t)parent);
}

static struct topic_node *child_get(struct topics *t, struct topic_node *parent, struct str level)
{
	if (!str_is(level, "*"))
		return node_get(t, &t->levels, level_hash(parent, hash_bytes(level.p, level.n)),
			parent, level);
	if (parent->star == NULL) {
		parent->star = node_alloc(parent, level);
		if (parent->star != NULL)
			parent->star->is_star = true;
	}
	return parent->star;
}

/* Free (node) if nothing needs it any more, then its parents likewise. */
static void node_prune(struct topics *t, struct topic_node *node)
{
	struct topic_node *parent;

	while (node != t->root && node->here == NULL && node->rest == NULL && node->star == NULL &&
			node->children == 0) {
		parent = node->parent;
		if (node->is_star) {
			parent->star = NULL;
		} else {
			table_remove(parent == NULL ? &t->names : &t->levels, &node->node);
			if (parent != NULL)
				parent->children--;
		}
		free(node);
		if (parent == NULL)
			return;
		node = parent;
	}
}

/* --- groups ---------------------------------------------------------------------------------- */

static void link_in(struct topic_link *l, struct topic_node *node, struct topic_link **list)
{
	l->node = node;
	l->next = *list;
	l->pprev = list;
	if (l->next != NULL)
		l->next->pprev = &l->next;
	*list = l;
}

static int link_pattern(struct topics *t, struct topic_link *l, struct str pattern)
{
	struct topic_node *node = t->root, *child;

	while (pattern.p != NULL) {
		struct str level = topic_next_level(&pattern);

		if (str_is(level, "**")) {
			link_in(l, node, &node->rest);
			return 0;
		}
		child = child_get(t, node, level);
		if (child == NULL) {
			node_prune(t, node);
			return -1;
		}
		node = child;
	}
	link_in(l, node, &node->here);
	return 0;
}

static int link_filter(struct topics *t, struct topic_link *l, struct str filter)
{
	struct topic_node *node;

	if (topic_is_pattern(filter))
		return link_pattern(t, l, filter);
	node = node_get(t, &t->names, hash_bytes(filter.p, filter.n), NULL, filter);
	if (node == NULL)
		return -1;
	link_in(l, node, &node->here);
	return 0;
}

static void unlink_filter(struct topics *t, struct topic_link *l)
{
	if (l->node == NULL)
		return;
	*l->pprev = l->next;
	if (l->next != NULL)
		l->next->pprev = l->pprev;
	node_prune(t, l->node);
}

static void group_free(struct topics *t, struct group *g)
{
	for (unsigned i = 0; i < g->filters->n; i++)
		unlink_filter(t, &g->links[i]);
	filters_unref(g->filters);
	free(g);
}

static struct group *group_new(struct topics *t, struct filters *f, uint64_t hash)
{
	struct group *g = zalloc(sizeof(*g) + f->n * sizeof(g->links[0]));

	if (g == NULL)
		return NULL;
	g->filters = filters_ref(f);
	for (unsigned i = 0; i < f->n; i++) {
		g->links[i].group = g;
		if (link_filter(t, &g->links[i], f->items[i]) != 0)
			goto fail;
	}
	if (table_add(&t->groups, &g->node, hash) != 0)
		goto fail;
	return g;
fail:
	group_free(t, g);
	return NULL;
}

static uint64_t filters_hash(const struct filters *f)
{
	uint64_t hash = f->n;

	for (unsigned i = 0; i < f->n; i++)
		hash = table_mix(hash_bytes(f->items[i].p, f->items[i].n), hash);
	return hash;
}

static bool filters_equal(const struct filters *a, const struct filters *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (!str_eq(a->items[i], b->items[i]))
			return false;
	return true;
}

static struct group *group_find(const struct topics *t, const struct filters *f, uint64_t hash)
{
	struct table_node *p;

	for (p = table_find(&t->groups, hash); p != NULL; p = table_more(p))
		if (filters_equal(((struct group *)p)->filters, f))
			return (struct group *)p;
	return NULL;
}

struct group *topics_join(struct topics *t, struct filters *f)
{
	uint64_t hash = filters_hash(f);
	struct group *g = group_find(t, f, hash);

	if (g == NULL)
		g = group_new(t, f, hash);
	if (g != NULL)
		g->members++;
	return g;
}

void topics_leave(struct topics *t, struct group *g)
{
	if (--g->members > 0)
		return;
	table_remove(&t->groups, &g->node);
	group_free(t, g);
}

struct filters *topics_share(const struct topics *t, struct filters *f)
{
	struct group *g = group_find(t, f, filters_hash(f));

	if (g == NULL)
		return f;
	filters_unref(f);
	return filters_ref(g->filters);
}

void topics_each(struct topics *t, void (*each)(void *arg, struct group *g), void *arg)
{
	for (size_t i = 0; i < t->groups.cap; i++)
		for (struct table_node *p = t->groups.slots[i]; p != NULL; p = p->next)
			each(arg, (struct group *)p);
}

uint64_t topics_steps(const struct topics *t)
{
	return t->steps;
}

/* --- searching ------------------------------------------------------------------------------- */

struct search {
	struct topics *t;
	void (*found)(void *arg, struct group *g);
	void *arg;
	bool reserved;		/* the topic begins with "$": no wildcard as the first level */
	unsigned nlevels, nhashed;
	struct str levels[LEVELS_MAX];
	uint64_t hashes[LEVELS_MAX];	/* the first (nhashed) */
};

static void visit(struct search *s, struct topic_link *l)
{
	for (; l != NULL; l = l->next) {
		s->t->steps++;
		if (l->group->seen == s->t->search)
			continue;
		l->group->seen = s->t->search;
		s->found(s->arg, l->group);
	}
}

static struct topic_node *child_of(struct search *s, struct topic_node *node, unsigned depth)
{
	if (node->children == 0)
		return NULL;
	for (; s->nhashed <= depth; s->nhashed++)
		s->hashes[s->nhashed] = hash_bytes(s->levels[s->nhashed].p, s->levels[s->nhashed].n);
	return node_find(&s->t->levels, level_hash(node, s->hashes[depth]), node, s->levels[depth],
		&s->t->steps);
}

/* (node) matches the first (depth) levels. As deep as a topic has levels. */
static void descend(struct search *s, struct topic_node *node, unsigned depth)
{
	struct topic_node *child;

	s->t->steps++;
	if (depth == s->nlevels) {
		visit(s, node->here);
		return;
	}
	if (depth > 0 || !s->reserved) {
		visit(s, node->rest);
		if (node->star != NULL)
			descend(s, node->star, depth + 1);
	}
	child = child_of(s, node, depth);
	if (child != NULL)
		descend(s, child, depth + 1);
}

static void match_patterns(struct search *s, struct str topic)
{
	s->reserved = topic_is_reserved(topic);
	s->nhashed = 0;
	for (s->nlevels = 0; topic.p != NULL && s->nlevels < LEVELS_MAX; s->nlevels++)
		s->levels[s->nlevels] = topic_next_level(&topic);
	descend(s, s->t->root, 0);
}

static bool has_patterns(const struct topics *t)
{
	return t->levels.n > 0 || t->root->star != NULL || t->root->rest != NULL;
}

void topics_match(struct topics *t, struct str topic, uint64_t hash,
	void (*found)(void *arg, struct group *g), void *arg)
{
	struct search s;
	struct topic_node *node;

	s.t = t;
	s.found = found;
	s.arg = arg;
	t->search++;
	node = node_find(&t->names, hash, NULL, topic, &t->steps);
	if (node != NULL)
		visit(&s, node->here);
	if (has_patterns(t))
		match_patterns(&s, topic);
}
