/* SPDX-License-Identifier: MIT */
#include "store/keys.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 256

struct keys {
	struct key_entry **buckets;
	struct key_entry *oldest, *newest;
	size_t nbuckets, n, bytes, max_bytes;	/* nbuckets: a power of two */
	uint64_t max;
};

struct key_id key_id_of(const struct batch_key *k)
{
	const struct str parts[] = {k->path, k->principal, k->key};
	uint8_t sums[3][HASH_SHA256_LEN];
	struct key_id id;

	/* A hash of hashes: no two different triples give the same text. */
	for (size_t i = 0; i < 3; i++)
		hash_sha256(sums[i], parts[i].n > 0 ? parts[i].p : "", parts[i].n);
	hash_sha256(id.bytes, sums, sizeof(sums));
	return id;
}

void key_answer_init(struct batch *b)
{
	if (b->answer.max == 0)
		buf_init(&b->answer, KEY_ANSWER_MAX);
}

void keys_limit(struct keys *k, uint64_t max)
{
	k->max = max > 0 ? max : UINT64_MAX;
}

struct keys *keys_new(uint64_t max, size_t max_bytes)
{
	struct keys *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->buckets = calloc(FIRST_BUCKETS, sizeof(struct key_entry *));
	if (k->buckets == NULL) {
		free(k);
		return NULL;
	}
	k->nbuckets = FIRST_BUCKETS;
	k->max_bytes = max_bytes;
	keys_limit(k, max);
	return k;
}

static struct key_entry **bucket_of(struct keys *k, const struct key_id *id)
{
	uint32_t hash;

	memcpy(&hash, id->bytes, sizeof(hash));
	return &k->buckets[hash & (k->nbuckets - 1)];
}

/* Without memory it stays as it is: longer chains, nothing lost. */
static void grow(struct keys *k)
{
	struct key_entry **buckets = calloc(k->nbuckets * 2, sizeof(struct key_entry *)), **bucket;

	if (buckets == NULL)
		return;
	free(k->buckets);
	k->buckets = buckets;
	k->nbuckets *= 2;
	for (struct key_entry *e = k->oldest; e != NULL; e = e->newer) {
		bucket = bucket_of(k, &e->id);
		e->hash_next = *bucket;
		*bucket = e;
	}
}

static void drop_oldest(struct keys *k)
{
	struct key_entry *e = k->oldest, **p = bucket_of(k, &e->id);

	while (*p != e)
		p = &(*p)->hash_next;
	*p = e->hash_next;
	k->oldest = e->newer;
	if (k->oldest == NULL)
		k->newest = NULL;
	k->n--;
	k->bytes -= e->len;
	free(e);
}

void keys_free(struct keys *k)
{
	if (k == NULL)
		return;
	while (k->oldest != NULL)
		drop_oldest(k);
	free(k->buckets);
	free(k);
}

const struct key_entry *keys_find(struct keys *k, const struct key_id *id, uint64_t now_us)
{
	struct key_entry *e;

	while (k->oldest != NULL && k->oldest->expires_us <= now_us)
		drop_oldest(k);
	for (e = *bucket_of(k, id); e != NULL; e = e->hash_next) {
		if (memcmp(&e->id, id, sizeof(*id)) == 0)
			return e;
	}
	return NULL;
}

int keys_add(struct keys *k, const struct key_id *id, const uint8_t body[HASH_SHA256_LEN],
	struct str answer, uint64_t expires_us)
{
	struct key_entry *e = malloc(sizeof(*e) + answer.n), **bucket;

	if (e == NULL)
		return -1;
	if (k->n >= k->nbuckets)
		grow(k);
	bucket = bucket_of(k, id);
	*e = (struct key_entry){
		.id = *id, .hash_next = *bucket, .expires_us = expires_us, .len = answer.n,
	};
	memcpy(e->body, body, sizeof(e->body));
	if (answer.n > 0)
		memcpy(e->answer, answer.p, answer.n);
	*bucket = e;
	*(k->newest != NULL ? &k->newest->newer : &k->oldest) = e;
	k->newest = e;
	k->n++;
	k->bytes += answer.n;
	while (k->oldest != e && (k->n > k->max || k->bytes > k->max_bytes))
		drop_oldest(k);
	return 0;
}
