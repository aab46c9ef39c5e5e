/* SPDX-License-Identifier: MIT */
#include "libcommon/base64.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "tests/unit/tap.h"

static void vectors(void)
{
	static const char *const pairs[][2] = {	/* RFC 4648, section 10 */
		{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}, {"\xFB\xFF\xBF", "+/+/"},
	};
	char out[32];

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const char *plain = pairs[i][0], *text = pairs[i][1];
		ssize_t n;

		eq_bytes(out, base64_encode(out, plain, strlen(plain)), text, strlen(text), "encode");
		n = base64_decode(out, text, strlen(text));
		ok(n >= 0, "%s is well-formed", text);
		eq_bytes(out, n < 0 ? 0 : (size_t)n, plain, strlen(plain), "decode");
	}
}

static void against_openssl(void)
{
	unsigned wrong = 0;

	srand(1);
	for (size_t n = 0; n < 400; n++) {
		unsigned char *in = malloc(n > 0 ? n : 1), *want = malloc(BASE64_ENCODED_LEN(n) + 1);
		char *got = malloc(n > 0 ? BASE64_ENCODED_LEN(n) : 1);
		size_t len = BASE64_ENCODED_LEN(n);

		for (size_t i = 0; i < n; i++)
			in[i] = (unsigned char)rand();
		EVP_EncodeBlock(want, in, (int)n);
		wrong += base64_encode(got, in, n) != len || memcmp(got, want, len) != 0;
		/* In place, as envelope.c does. */
		wrong += base64_decode(got, got, len) != (ssize_t)n || memcmp(got, in, n) != 0;
		free(in);
		free(want);
		free(got);
	}
	eq_num(wrong, 0, "0 to 399 random bytes as OpenSSL has them, and back");
}

static void malformed(void)
{
	static const char *const bad[] = {"Z", "Zg", "Zg=", "=", "====", "Z===", "Zg==Zg==", "Zg==\n",
		"Zm8=Zm8=", "Z=g=", "Zm9v\n", "Zm 9", "Zm9-", "Zm9_", "Zh==", "Zm9=", "Zm\xC3\xBC",
		"\0\0\0\0"};
	char out[16];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t n = i + 1 == sizeof(bad) / sizeof(bad[0]) ? 4 : strlen(bad[i]);
		char *exact = malloc(n);

		memcpy(exact, bad[i], n);
		ok(base64_decode(out, exact, n) == -1, "malformed: %s", bad[i]);
		free(exact);
	}
}

/* Exactly the 64 characters are digits. */
static void alphabet(void)
{
	unsigned good = 0;
	char out[3];

	for (int c = 0; c < 256; c++) {
		char text[4] = {'A', 'A', 'A', (char)c};

		good += base64_decode(out, text, 4) == 3;
	}
	eq_num(good, 64, "64 digits");
}

int main(void)
{
	vectors();
	against_openssl();
	malformed();
	alphabet();
	return tap_done();
}
