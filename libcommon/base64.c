/* SPDX-License-Identifier: MIT */
#include "base64.h"

#include <stdint.h>

static const char alphabet[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_encode(char *dst, const void *p, size_t n)
{
	const uint8_t *in = p;
	char *out = dst;
	uint32_t w;

	for (; n >= 3; n -= 3, in += 3) {
		w = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
		*out++ = alphabet[w >> 18];
		*out++ = alphabet[w >> 12 & 63];
		*out++ = alphabet[w >> 6 & 63];
		*out++ = alphabet[w & 63];
	}
	if (n > 0) {
		w = (uint32_t)in[0] << 16 | (n == 2 ? (uint32_t)in[1] << 8 : 0);
		*out++ = alphabet[w >> 18];
		*out++ = alphabet[w >> 12 & 63];
		*out++ = n == 2 ? alphabet[w >> 6 & 63] : '=';
		*out++ = '=';
	}
	return (size_t)(out - dst);
}

/* The six bits that (c) stands for, or -1. */
static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decode the first (n) characters of a quad, 2 to 4; returns the bytes, -1 if malformed. */
static int decode_quad(uint8_t *out, const char *p, unsigned n)
{
	uint32_t w = 0;
	int v;

	for (unsigned i = 0; i < 4; i++) {
		v = i < n ? value_of(p[i]) : 0;
		if (v < 0)
			return -1;
		w = w << 6 | (uint32_t)v;
	}
	/* Bits that padding cuts off must be zero, or one text would have several encodings. */
	if ((n == 2 && (w & 0xFFFF) != 0) || (n == 3 && (w & 0xFF) != 0))
		return -1;
	for (unsigned i = 0; i + 1 < n; i++)
		out[i] = (uint8_t)(w >> (16 - 8 * i));
	return (int)n - 1;
}

ssize_t base64_decode(void *dst, const char *p, size_t n)
{
	uint8_t *out = dst;
	unsigned chars;
	int got;

	if (n % 4 != 0)
		return -1;
	for (; n > 0; n -= 4, p += 4) {
		chars = 4;
		if (n == 4 && p[3] == '=')
			chars = p[2] == '=' ? 2 : 3;
		got = decode_quad(out, p, chars);
		if (got < 0)
			return -1;
		out += got;
	}
	return out - (uint8_t *)dst;
}
