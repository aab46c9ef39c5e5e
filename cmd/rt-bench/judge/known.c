/* SPDX-License-Identifier: MIT */
#include "judge/known.h"

#include <stdlib.h>
#include <string.h>

/*
 * The first bytes, by which an event is found, reach into its id, whatever its framing. Each has a few
 * places: with only one, two events of the same would push each other out at each subscriber.
 */
#define BEGIN 32
#define LONGEST (KNOWN_BYTES / 8)
#define WAYS 4
#define SETS (KNOWN_EVENTS / 2)

struct entry {
	uint64_t start;		/* in all bytes ever added */
	uint32_t len;		/* 0: none */
	struct known_event event;
};

struct place {
	uint32_t mark;		/* of its first bytes */
	uint32_t number;	/* of the event, among all ever added; 0: none */
};

struct known {
	uint64_t end;		/* of all bytes ever added; (bytes) has the newest, an event in one piece */
	uint32_t added;		/* events ever; they are in (entries) in turn */
	uint32_t guess;		/* what was found last is often followed by what was added after it */
	struct entry entries[KNOWN_EVENTS];
	struct place places[SETS][WAYS];
	char bytes[KNOWN_BYTES];
};

struct known *known_new(void)
{
	return calloc(1, sizeof(struct known));
}

void known_free(struct known *k)
{
	free(k);
}

/* What it finds is compared, so it need not be good, but fast. */
static uint64_t hash_of(const char *p)
{
	uint64_t v[BEGIN / sizeof(uint64_t)], h = 0;

	memcpy(v, p, sizeof(v));
	for (unsigned i = 0; i < BEGIN / sizeof(uint64_t); i++) {
		h = (h ^ v[i]) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;	/* digits differ in high bits of a word, too */
	}
	return h;
}

/* Is it the event of (number) that begins the (n) bytes at (p)? */
static const struct entry *compare(const struct known *k, uint32_t number, const char *p, size_t n)
{
	const struct entry *e = &k->entries[number % KNOWN_EVENTS];

	if (e->len == 0 || e->len > n || k->end - e->start > KNOWN_BYTES)
		return NULL;
	return memcmp(k->bytes + e->start % KNOWN_BYTES, p, e->len) == 0 ? e : NULL;
}

static const struct entry *look_up(struct known *k, const char *p, size_t n)
{
	uint64_t hash = hash_of(p);
	const struct place *at = k->places[hash % SETS];

	for (unsigned i = 0; i < WAYS; i++)
		if (at[i].number != 0 && at[i].mark == hash >> 32) {
			k->guess = at[i].number;
			return compare(k, at[i].number, p, n);
		}
	return NULL;
}

const struct known_event *known_find(struct known *k, const char *p, size_t n, size_t *len)
{
	const struct entry *e;

	if (n < BEGIN)
		return NULL;
	e = compare(k, k->guess, p, n);
	if (e == NULL)
		e = look_up(k, p, n);
	if (e == NULL)
		return NULL;
	k->guess++;
	*len = e->len;
	return &e->event;
}

/* Where one like it was, else where the oldest is. */
static struct place *place_for(struct known *k, uint64_t hash)
{
	struct place *at = k->places[hash % SETS], *oldest = at;

	for (unsigned i = 0; i < WAYS; i++) {
		if (at[i].number != 0 && at[i].mark == hash >> 32)
			return &at[i];
		if (k->added - at[i].number > k->added - oldest->number)
			oldest = &at[i];
	}
	return oldest;
}

void known_add(struct known *k, struct str wire, const struct known_event *e)
{
	uint64_t hash;

	if (wire.n < BEGIN || wire.n > LONGEST)
		return;
	if (k->end % KNOWN_BYTES + wire.n > KNOWN_BYTES)
		k->end += KNOWN_BYTES - k->end % KNOWN_BYTES;
	memcpy(k->bytes + k->end % KNOWN_BYTES, wire.p, wire.n);
	k->added++;
	hash = hash_of(wire.p);
	*place_for(k, hash) = (struct place){(uint32_t)(hash >> 32), k->added};
	k->entries[k->added % KNOWN_EVENTS] = (struct entry){k->end, (uint32_t)wire.n, *e};
	k->end += wire.n;
}
