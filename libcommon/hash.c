/* SPDX-License-Identifier: MIT */
/*
 * EVP asks for memory with each digest, and so may fail in the middle of a server that survives
 * without memory; the functions below are called deprecated, and cannot.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "hash.h"

#include <endian.h>
#include <errno.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "exitcode.h"
#include "log.h"

void hash_random(void *out, size_t n)
{
	uint8_t *p = out;
	ssize_t got;

	while (n > 0) {
		got = getrandom(p, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			log_error("no random numbers from the kernel: %s", strerror(errno));
			exit(EXIT_RESOURCES);
		}
		p += got;
		n -= (size_t)got;
	}
}

/* --- SipHash-1-3: one round per word, three at the end --- */

static pthread_once_t seed_once = PTHREAD_ONCE_INIT;
static uint64_t seed[2];

static void make_seed(void)
{
	hash_random(seed, sizeof(seed));
}

static inline uint64_t rotl(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] = rotl(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] = rotl(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

uint64_t hash_siphash13(const uint64_t key[2], const void *p, size_t n)
{
	uint64_t v[4] = {
		key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
		key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573),
	};
	const uint8_t *in = p;
	uint64_t word;
	size_t left;

	for (left = n; left >= sizeof(word); left -= sizeof(word), in += sizeof(word)) {
		memcpy(&word, in, sizeof(word));
		sip_word(v, le64toh(word));
	}
	word = 0;
	if (left > 0)
		memcpy(&word, in, left);
	sip_word(v, le64toh(word) | (uint64_t)n << 56);
	v[2] ^= 0xFF;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t hash_bytes(const void *p, size_t n)
{
	pthread_once(&seed_once, make_seed);
	return hash_siphash13(seed, p, n);
}

/* --- SHA-256 --- */

void hash_sha256(uint8_t out[HASH_SHA256_LEN], const void *p, size_t n)
{
	SHA256_CTX ctx;

	SHA256_Init(&ctx);
	SHA256_Update(&ctx, p, n);
	SHA256_Final(out, &ctx);
}

void hash_sha1(uint8_t out[HASH_SHA1_LEN], const void *p, size_t n)
{
	SHA_CTX ctx;

	SHA1_Init(&ctx);
	SHA1_Update(&ctx, p, n);
	SHA1_Final(out, &ctx);
}

void hash_hex(char *dst, const uint8_t *p, size_t n)
{
	static const char digits[16] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*dst++ = digits[p[i] >> 4];
		*dst++ = digits[p[i] & 0xF];
	}
	*dst = '\0';
}
