/* SPDX-License-Identifier: MIT */
#ifndef RT_KEYS_H
#define RT_KEYS_H

/*
 * Idempotency keys in memory: what was answered to a request, by path, principal and key. They
 * expire in the order they came; when there are too many, or too many bytes, the oldest go before
 * their time.
 */
#include <stddef.h>
#include <stdint.h>

#include "hash.h"
#include "store/store.h"

/** A batch_key as one number that cannot be forged: SHA-256 of its parts and their lengths. */
struct key_id {
	uint8_t bytes[HASH_SHA256_LEN];
};

struct key_id key_id_of(const struct batch_key *k);

/** Most bytes of an answer that is kept. */
#define KEY_ANSWER_MAX (64u << 20)

/** Make b->answer ready to be written, unless its owner did. */
void key_answer_init(struct batch *b);

struct keys;

/** At most (max) keys (0: no limit) with answers of (max_bytes) in all. NULL without memory. */
struct keys *keys_new(uint64_t max, size_t max_bytes);

/** From now on at most (max) keys. */
void keys_limit(struct keys *k, uint64_t max);
void keys_free(struct keys *k);

struct key_entry {
	struct key_entry *hash_next, *newer;
	struct key_id id;
	uint8_t body[HASH_SHA256_LEN];
	uint64_t expires_us;
	size_t len;
	char answer[];
};

/** The entry of (id), not expired at (now_us), or NULL. Valid until the next call. */
const struct key_entry *keys_find(struct keys *k, const struct key_id *id, uint64_t now_us);

/** Keep an answer under a key that is not there. 0, or -1 without memory. */
int keys_add(struct keys *k, const struct key_id *id, const uint8_t body[HASH_SHA256_LEN],
	struct str answer, uint64_t expires_us);

#endif
