/* SPDX-License-Identifier: MIT */
#include "api/rate.h"

#include <pthread.h>
#include <stdlib.h>

#include "hash.h"

#define RATE_SLOTS 4096	/* addresses remembered; a stranger may inherit a full bucket's slot */

struct bucket {
	uint64_t address;	/* its hash; 0: free */
	double tokens;
	uint64_t at_ms;
};

struct rate {
	pthread_mutex_t lock;
	struct bucket slots[RATE_SLOTS];
};

struct rate *rate_new(void)
{
	struct rate *r = calloc(1, sizeof(*r));

	if (r != NULL)
		pthread_mutex_init(&r->lock, NULL);
	return r;
}

void rate_free(struct rate *r)
{
	if (r == NULL)
		return;
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* A loop whose clock is a little behind that of another one must not make the same time count twice. */
static void refill(struct bucket *b, double per_second, uint64_t now_ms)
{
	if (now_ms > b->at_ms) {
		b->tokens += (double)(now_ms - b->at_ms) * per_second / 1000;
		b->at_ms = now_ms;
	}
	if (b->tokens > per_second)
		b->tokens = per_second;
}

/**
 * The bucket of (address): its own, or the fullest of a few neighbours, which has the least to
 * lose: a full bucket says nothing that a new one doesn't.
 */
static struct bucket *find(struct rate *r, uint64_t address, double per_second, uint64_t now_ms)
{
	struct bucket *best = NULL;

	for (unsigned i = 0; i < 8; i++) {
		struct bucket *b = &r->slots[(address + i) % RATE_SLOTS];

		if (b->address == address)
			return b;
		if (b->address != 0)
			refill(b, per_second, now_ms);
		if (best == NULL || b->address == 0 || (best->address != 0 && b->tokens > best->tokens))
			best = b;
	}
	*best = (struct bucket){address, per_second, now_ms};
	return best;
}

uint64_t rate_take(struct rate *r, struct str address, uint64_t n, uint64_t per_second, uint64_t now_ms)
{
	uint64_t wait = 0, hash;
	struct bucket *b;

	if (per_second == 0)
		return 0;
	hash = hash_bytes(address.p, address.n) | 1;
	pthread_mutex_lock(&r->lock);
	b = find(r, hash, (double)per_second, now_ms);
	refill(b, (double)per_second, now_ms);
	if (b->tokens >= 1 || n == 0)
		b->tokens -= (double)n;
	else
		wait = (uint64_t)((1 - b->tokens) * 1000 / (double)per_second) + 1;
	pthread_mutex_unlock(&r->lock);
	return wait;
}
