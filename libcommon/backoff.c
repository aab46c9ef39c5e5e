/* SPDX-License-Identifier: MIT */
#include "backoff.h"

#include "client.h"
#include "hash.h"
#include "units.h"

void backoff_init(struct backoff *b, uint64_t first_ms, uint64_t cap_ms)
{
	*b = (struct backoff){ .first_ms = first_ms, .cap_ms = cap_ms };
}

void backoff_success(struct backoff *b)
{
	b->tries = 0;
}

static uint64_t random_below(uint64_t n)
{
	uint64_t r;

	hash_random(&r, sizeof(r));
	return r % n;
}

int64_t backoff_next(struct backoff *b, const struct client_config *c, uint64_t at_least_ms)
{
	uint64_t now = units_monotonic_ms(), ceiling = b->first_ms, wait, left;

	if (b->tries++ == 0)
		b->since_ms = now;
	if (c->retry >= 0 && b->tries > (uint64_t)c->retry)
		return -1;
	for (unsigned i = 1; i < b->tries && ceiling < b->cap_ms; i++)
		ceiling *= 2;
	if (ceiling > b->cap_ms)
		ceiling = b->cap_ms;
	wait = at_least_ms + random_below(ceiling + 1);
	if (c->retry_max_time_ms == 0)
		return (int64_t)wait;
	if (now - b->since_ms >= c->retry_max_time_ms)
		return -1;
	/* The last try comes when time is nearly up, unless the server asked for more than that. */
	left = c->retry_max_time_ms - (now - b->since_ms);
	if (at_least_ms > left)
		return -1;
	return (int64_t)(wait < left ? wait : left);
}
