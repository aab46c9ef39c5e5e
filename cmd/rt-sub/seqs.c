/* SPDX-License-Identifier: MIT */
#include "seqs.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

#define WAYS 4			/* places that one topic can be in */
#define FIRST_SETS 16
#define MAX_SETS 16384
#define LAST_MAX 256		/* longer topics are hashed each time */

/* Topics are told apart by their 64-bit hash alone; seq 0: a free place. */
struct entry {
	uint64_t hash, seq;
};

struct set {
	struct entry entries[WAYS];	/* in order of use, the newest first */
};

struct seqs {
	size_t n_sets;		/* a power of two */
	struct set *sets;
	/* The newest topic, as most often the next event is of the same. */
	uint64_t last_hash;
	size_t last_n;		/* 0: none */
	char last[LAST_MAX];
};

struct seqs *seqs_new(void)
{
	struct seqs *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->n_sets = FIRST_SETS;
	s->sets = calloc(s->n_sets, sizeof(*s->sets));
	if (s->sets == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

void seqs_free(struct seqs *s)
{
	if (s == NULL)
		return;
	free(s->sets);
	free(s);
}

static struct set *set_of(const struct seqs *s, uint64_t hash)
{
	return &s->sets[hash & (s->n_sets - 1)];
}

/* Put it first; what was last falls out. */
static void push(struct set *set, struct entry e)
{
	memmove(&set->entries[1], &set->entries[0], sizeof(e) * (WAYS - 1));
	set->entries[0] = e;
}

/* Twice the sets. Without memory the table stays as it is, and forgets sooner. */
static bool grow(struct seqs *s)
{
	struct seqs bigger = {.n_sets = s->n_sets * 2};

	if (bigger.n_sets > MAX_SETS)
		return false;
	bigger.sets = calloc(bigger.n_sets, sizeof(*bigger.sets));
	if (bigger.sets == NULL)
		return false;
	for (size_t i = 0; i < s->n_sets; i++)
		for (size_t j = WAYS; j-- > 0;)
			if (s->sets[i].entries[j].seq != 0)
				push(set_of(&bigger, s->sets[i].entries[j].hash), s->sets[i].entries[j]);
	free(s->sets);
	s->sets = bigger.sets;
	s->n_sets = bigger.n_sets;
	return true;
}

static void add(struct seqs *s, struct entry e)
{
	while (set_of(s, e.hash)->entries[WAYS - 1].seq != 0 && grow(s))
		;
	push(set_of(s, e.hash), e);
}

static struct entry *find(struct seqs *s, uint64_t hash)
{
	struct set *set = set_of(s, hash);

	for (size_t i = 0; i < WAYS; i++)
		if (set->entries[i].hash == hash && set->entries[i].seq != 0)
			return &set->entries[i];
	return NULL;
}

static void to_front(struct set *set, struct entry *e)
{
	struct entry found = *e;

	memmove(&set->entries[1], &set->entries[0], (size_t)(e - set->entries) * sizeof(*e));
	set->entries[0] = found;
}

static uint64_t hash_of(struct seqs *s, struct str topic)
{
	if (topic.n == s->last_n && topic.n > 0 && memcmp(topic.p, s->last, topic.n) == 0)
		return s->last_hash;
	s->last_hash = hash_bytes(topic.p, topic.n);
	s->last_n = topic.n <= LAST_MAX ? topic.n : 0;
	if (s->last_n > 0)
		memcpy(s->last, topic.p, topic.n);
	return s->last_hash;
}

enum seqs_result seqs_see(struct seqs *s, struct str topic, uint64_t seq, uint64_t *missing)
{
	uint64_t hash = hash_of(s, topic), before;
	struct entry *e = find(s, hash);

	if (e == NULL) {
		add(s, (struct entry){hash, seq});
		return SEQS_NEXT;
	}
	before = e->seq;
	if (seq <= before)
		return SEQS_REPEATED;
	e->seq = seq;
	if (e != set_of(s, hash)->entries)
		to_front(set_of(s, hash), e);
	if (seq == before + 1)
		return SEQS_NEXT;
	*missing = seq - before - 1;
	return SEQS_HOLE;
}

void seqs_forget(struct seqs *s, struct str topic)
{
	struct entry *e = find(s, hash_bytes(topic.p, topic.n));
	struct set *set;

	if (e == NULL)
		return;
	set = set_of(s, e->hash);
	memmove(e, e + 1, (size_t)(&set->entries[WAYS - 1] - e) * sizeof(*e));
	set->entries[WAYS - 1] = (struct entry){0, 0};
}

void seqs_forget_all(struct seqs *s)
{
	memset(s->sets, 0, s->n_sets * sizeof(*s->sets));
}
