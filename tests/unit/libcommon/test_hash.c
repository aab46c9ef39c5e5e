/* SPDX-License-Identifier: MIT */
#include "libcommon/hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tap.h"

/* SipHash-1-3 as OpenSSL computes it. */
static uint64_t oracle(const uint8_t key[16], const void *p, size_t n)
{
	unsigned c = 1, d = 3;
	size_t size = 8, got = 0;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_uint(OSSL_MAC_PARAM_C_ROUNDS, &c),
		OSSL_PARAM_construct_uint(OSSL_MAC_PARAM_D_ROUNDS, &d),
		OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	uint8_t out[8] = {0};
	uint64_t v = 0;

	if (EVP_MAC_init(ctx, key, 16, params) != 1 || EVP_MAC_update(ctx, p, n) != 1 ||
			EVP_MAC_final(ctx, out, &got, sizeof(out)) != 1 || got != 8)
		ok(false, "OpenSSL's SipHash");
	for (int i = 7; i >= 0; i--)
		v = v << 8 | out[i];
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return v;
}

static void siphash(void)
{
	uint8_t key[16];
	uint64_t words[2];
	unsigned wrong = 0;

	hash_random(key, sizeof(key));
	for (int w = 0; w < 2; w++) {
		words[w] = 0;
		for (int i = 7; i >= 0; i--)
			words[w] = words[w] << 8 | key[8 * w + i];
	}
	for (size_t n = 0; n < 300; n++) {
		uint8_t *p = malloc(n > 0 ? n : 1);

		hash_random(p, n);
		wrong += hash_siphash13(words, p, n) != oracle(key, p, n);
		free(p);
	}
	eq_num(wrong, 0, "the same as OpenSSL's SipHash-1-3 for 0 to 299 bytes");
}

/* The hash of "x" in another process. */
static uint64_t elsewhere(void)
{
	int fd[2];
	uint64_t v = 0;
	pid_t pid;

	if (pipe(fd) < 0)
		return 0;
	pid = fork();
	if (pid == 0) {
		v = hash_bytes("x", 1);
		_exit(write(fd[1], &v, sizeof(v)) == sizeof(v) ? 0 : 1);
	}
	close(fd[1]);
	if (read(fd[0], &v, sizeof(v)) != sizeof(v))
		v = 0;
	close(fd[0]);
	waitpid(pid, NULL, 0);
	return v;
}

static void keyed(void)
{
	/* Before this process has a seed, so that each child takes its own. */
	uint64_t a = elsewhere(), b = elsewhere();

	ok(a != 0 && a != b, "two processes hash differently");
	ok(hash_bytes("abc", 3) == hash_bytes("abc", 3), "one process always the same");
	ok(hash_bytes("abc", 3) != hash_bytes("abd", 3), "different texts differently");
	ok(hash_bytes("", 0) != hash_bytes("\0", 1), "length counts");
}

static void sha256(void)
{
	uint8_t out[HASH_SHA256_LEN];
	char hex[2 * HASH_SHA256_LEN + 1];

	hash_sha256(out, "abc", 3);
	hash_hex(hex, out, sizeof(out));
	eq_str(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "FIPS 180: abc");
	hash_sha256(out, "", 0);
	hash_hex(hex, out, sizeof(out));
	eq_str(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "nothing");
	hash_hex(hex, out, 0);
	eq_str(hex, "", "no digits");
}

static void sha1(void)
{
	uint8_t out[HASH_SHA1_LEN];
	char hex[2 * HASH_SHA1_LEN + 1];

	hash_sha1(out, "abc", 3);
	hash_hex(hex, out, sizeof(out));
	eq_str(hex, "a9993e364706816aba3e25717850c26c9cd0d89d", "FIPS 180: abc, SHA-1");
}

static bool no_memory;

static void *take(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return no_memory ? NULL : malloc(n);
}

static void *take_again(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return no_memory ? NULL : realloc(p, n);
}

static void give(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

/* A server that is out of memory drops a connection; a hash must not end all of it. */
static void without_memory(void)
{
	no_memory = true;
	sha256();
	sha1();
	no_memory = false;
}

static void randomness(void)
{
	uint8_t a[32] = {0}, b[32] = {0}, zero[32] = {0};

	hash_random(a, sizeof(a));
	hash_random(b, sizeof(b));
	ok(memcmp(a, b, sizeof(a)) != 0 && memcmp(a, zero, sizeof(a)) != 0, "different each time");
	hash_random(zero, 0);
}

int main(void)
{
	CRYPTO_set_mem_functions(take, take_again, give);
	keyed();
	siphash();
	sha256();
	sha1();
	without_memory();
	randomness();
	return tap_done();
}
