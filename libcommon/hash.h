/* SPDX-License-Identifier: MIT */
#ifndef RT_HASH_H
#define RT_HASH_H

/*
 * Hashes of strings from outside, keyed with a random seed per process so that nobody can
 * choose names that collide (SipHash-1-3), and SHA-256 for what is compared across runs. None of
 * them needs memory, so none fails.
 */
#include <stddef.h>
#include <stdint.h>

/** Keyed hash for tables of this process; differs from run to run. Thread-safe after the first call. */
uint64_t hash_bytes(const void *p, size_t n);

/** The hash below hash_bytes, with a key of one's own. */
uint64_t hash_siphash13(const uint64_t key[2], const void *p, size_t n);

#define HASH_SHA256_LEN 32

/** SHA-256 of the (n) bytes at (p). */
void hash_sha256(uint8_t out[HASH_SHA256_LEN], const void *p, size_t n);

#define HASH_SHA1_LEN 20

/** SHA-1, for the handshake of WebSocket alone. */
void hash_sha1(uint8_t out[HASH_SHA1_LEN], const void *p, size_t n);

/** (n) unpredictable bytes, from the kernel. Never fails: ends the process if there are none. */
void hash_random(void *out, size_t n);

/** Write (n) bytes as 2n hexadecimal digits and a NUL. */
void hash_hex(char *dst, const uint8_t *p, size_t n);

#endif
