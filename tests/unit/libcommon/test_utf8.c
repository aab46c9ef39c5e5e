/* SPDX-License-Identifier: MIT */
#include "libcommon/utf8.h"

#include <stdlib.h>

#include "tests/unit/tap.h"

/* Encode by the table of RFC 3629, section 3. */
static size_t encode(unsigned char *p, uint32_t cp)
{
	if (cp < 0x80) {
		p[0] = (unsigned char)cp;
		return 1;
	}
	if (cp < 0x800) {
		p[0] = (unsigned char)(0xC0 + cp / 64);
		p[1] = (unsigned char)(0x80 + cp % 64);
		return 2;
	}
	if (cp < 0x10000) {
		p[0] = (unsigned char)(0xE0 + cp / 4096);
		p[1] = (unsigned char)(0x80 + cp / 64 % 64);
		p[2] = (unsigned char)(0x80 + cp % 64);
		return 3;
	}
	p[0] = (unsigned char)(0xF0 + cp / 262144);
	p[1] = (unsigned char)(0x80 + cp / 4096 % 64);
	p[2] = (unsigned char)(0x80 + cp / 64 % 64);
	p[3] = (unsigned char)(0x80 + cp % 64);
	return 4;
}

static bool surrogate(uint32_t cp)
{
	return cp >= 0xD800 && cp <= 0xDFFF;
}

static void every_code_point(void)
{
	unsigned wrong = 0, cut = 0, written = 0;
	char other[4];

	for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
		unsigned char bytes[4], *exact;
		size_t n = encode(bytes, cp);
		uint32_t got = 0;

		exact = malloc(n);
		memcpy(exact, bytes, n);
		if (utf8_decode((char *)exact, n, &got) != (surrogate(cp) ? 0 : n) ||
				(!surrogate(cp) && got != cp))
			wrong++;
		free(exact);
		written += utf8_encode(other, cp) != n || memcmp(other, bytes, n) != 0;
		for (size_t short_of = 1; short_of < n; short_of++)
			cut += utf8_decode((char *)bytes, short_of, &got) != 0;
	}
	eq_num(wrong, 0, "every code point decodes to itself, surrogates do not");
	eq_num(cut, 0, "none decodes if it is cut short");
	eq_num(written, 0, "every code point is written as RFC 3629 says");
}

/* Any three bytes, and chosen four: what decodes must be what encoding its result gives. */
static void every_sequence(void)
{
	static const unsigned char edge[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF};
	unsigned wrong = 0, good = 0;

	for (uint32_t v = 0; v < 1U << 24; v++) {
		unsigned char in[4] = {v >> 16, v >> 8 & 0xFF, v & 0xFF, 0x80}, back[4];
		uint32_t cp = 0;
		unsigned n = utf8_decode((char *)in, 4, &cp);

		if (n > 0 && (encode(back, cp) != n || memcmp(in, back, n) != 0 || cp > 0x10FFFF ||
				surrogate(cp)))
			wrong++;
		good += n == 4;
	}
	eq_num(wrong, 0, "what decodes is the shortest form of what it gives");
	eq_num(good, (0x110000 - 0x10000) / 64, "as many sequences of four as there should be");
	for (size_t i = 0; i < sizeof(edge); i++) {
		unsigned char in[4] = {0xF1, 0x80, 0x80, edge[i]};
		uint32_t cp;

		if ((utf8_decode((char *)in, 4, &cp) == 4) != (edge[i] >= 0x80 && edge[i] < 0xC0))
			wrong++;
	}
	eq_num(wrong, 0, "the fourth byte is a tail");
}

static void whole_texts(void)
{
	static const char bad[] = "\xC3(";
	char text[40];

	ok(utf8_valid(NULL, 0), "nothing is valid");
	ok(utf8_valid("gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80", 15), "mixed lengths");
	ok(utf8_valid("a\0b", 3), "NUL is a character");
	for (size_t at = 0; at + 2 <= sizeof(text); at++) {
		char *exact = malloc(sizeof(text));

		memset(exact, 'x', sizeof(text));
		if (!utf8_valid(exact, sizeof(text)))
			ok(false, "ASCII");
		memcpy(exact + at, bad, 2);
		if (utf8_valid(exact, sizeof(text)))
			ok(false, "bad bytes at %zu go unnoticed", at);
		memcpy(exact + at, "\xC3\xBC", 2);
		if (!utf8_valid(exact, sizeof(text)))
			ok(false, "good bytes at %zu", at);
		if (utf8_valid(exact, at + 1))
			ok(false, "cut at %zu", at);
		free(exact);
	}
	ok(true, "a bad, a good and a cut sequence at every place");
}

static void controls(void)
{
	static const uint32_t yes[] = {0, 0x1F, 0x7F, 0x80, 0x9F, 0xAD, 0x600, 0x61C, 0x180E, 0x200B,
		0x200D, 0x200F, 0x2028, 0x2029, 0x202A, 0x202E, 0x2060, 0x2066, 0x2069, 0x206F, 0xFEFF,
		0xFFF9, 0xFFFB, 0x110BD, 0x1343F, 0x1D173, 0xE0001, 0xE0020, 0xE007F};
	static const uint32_t no[] = {' ', '~', 0xA0, 0xAC, 0xAE, 0x5FF, 0x606, 0x200A, 0x2010, 0x2027,
		0x202F, 0x2065, 0x2070, 0x3000, 0xFEFE, 0xFFFC, 0xFFFD, 0x1F600, 0xE0000, 0xE0080, 0x10FFFF};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		ok(utf8_is_control(yes[i]), "U+%04X is a control or format character", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		ok(!utf8_is_control(no[i]), "U+%04X is none", no[i]);
}

int main(void)
{
	every_code_point();
	every_sequence();
	whole_texts();
	controls();
	return tap_done();
}
