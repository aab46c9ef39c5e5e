/* SPDX-License-Identifier: MIT */
#include "utf8.h"

#include <string.h>

static bool is_tail(unsigned char c)
{
	return (c & 0xC0) == 0x80;
}

/* The second byte decides what is overlong, a surrogate, or too large (RFC 3629, section 4). */
static unsigned decode3(const unsigned char *s, uint32_t *cp)
{
	if (!is_tail(s[1]) || !is_tail(s[2]))
		return 0;
	if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F))
		return 0;
	*cp = (uint32_t)(s[0] & 0x0F) << 12 | (uint32_t)(s[1] & 0x3F) << 6 | (s[2] & 0x3F);
	return 3;
}

static unsigned decode4(const unsigned char *s, uint32_t *cp)
{
	if (!is_tail(s[1]) || !is_tail(s[2]) || !is_tail(s[3]))
		return 0;
	if ((s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))
		return 0;
	*cp = (uint32_t)(s[0] & 0x07) << 18 | (uint32_t)(s[1] & 0x3F) << 12 |
		(uint32_t)(s[2] & 0x3F) << 6 | (s[3] & 0x3F);
	return 4;
}

unsigned utf8_decode(const char *p, size_t n, uint32_t *cp)
{
	const unsigned char *s = (const unsigned char *)p;

	if (s[0] < 0x80) {
		*cp = s[0];
		return 1;
	}
	if (s[0] < 0xC2 || s[0] > 0xF4)
		return 0;
	if (s[0] < 0xE0) {
		if (n < 2 || !is_tail(s[1]))
			return 0;
		*cp = (uint32_t)(s[0] & 0x1F) << 6 | (s[1] & 0x3F);
		return 2;
	}
	if (s[0] < 0xF0)
		return n < 3 ? 0 : decode3(s, cp);
	return n < 4 ? 0 : decode4(s, cp);
}

unsigned utf8_encode(char *dst, uint32_t cp)
{
	if (cp < 0x80) {
		dst[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		dst[0] = (char)(0xC0 | cp >> 6);
		dst[1] = (char)(0x80 | (cp & 0x3F));
		return 2;
	}
	if (cp < 0x10000) {
		dst[0] = (char)(0xE0 | cp >> 12);
		dst[1] = (char)(0x80 | (cp >> 6 & 0x3F));
		dst[2] = (char)(0x80 | (cp & 0x3F));
		return 3;
	}
	dst[0] = (char)(0xF0 | cp >> 18);
	dst[1] = (char)(0x80 | (cp >> 12 & 0x3F));
	dst[2] = (char)(0x80 | (cp >> 6 & 0x3F));
	dst[3] = (char)(0x80 | (cp & 0x3F));
	return 4;
}

/* How many bytes at (p) are ASCII, in steps of eight. */
static size_t ascii_run(const char *p, size_t n)
{
	size_t i = 0;
	uint64_t x;

	for (; n - i >= sizeof(x); i += sizeof(x)) {
		memcpy(&x, p + i, sizeof(x));
		if ((x & UINT64_C(0x8080808080808080)) != 0)
			break;
	}
	return i;
}

bool utf8_valid(const char *p, size_t n)
{
	uint32_t cp;
	unsigned len;
	size_t i = 0;

	while (i < n) {
		i += ascii_run(p + i, n - i);
		if (i == n)
			break;
		len = utf8_decode(p + i, n - i, &cp);
		if (len == 0)
			return false;
		i += len;
	}
	return true;
}

/* General category Cf, with Zl and Zp (U+2028, U+2029), of Unicode 15. Sorted. */
static const struct range {
	uint32_t first, last;
} format_ranges[] = {
	{0x00AD, 0x00AD},	/* soft hyphen */
	{0x0600, 0x0605},	/* Arabic number signs */
	{0x061C, 0x061C},	/* Arabic letter mark */
	{0x06DD, 0x06DD},	/* Arabic end of ayah */
	{0x070F, 0x070F},	/* Syriac abbreviation mark */
	{0x0890, 0x0891},	/* Arabic pound and piastre marks above */
	{0x08E2, 0x08E2},	/* Arabic disputed end of ayah */
	{0x180E, 0x180E},	/* Mongolian vowel separator */
	{0x200B, 0x200F},	/* zero width, left-to-right and right-to-left marks */
	{0x2028, 0x202E},	/* line and paragraph separators, bidi embeddings and overrides */
	{0x2060, 0x2064},	/* word joiner, invisible operators */
	{0x2066, 0x206F},	/* bidi isolates, deprecated format characters */
	{0xFEFF, 0xFEFF},	/* byte order mark */
	{0xFFF9, 0xFFFB},	/* interlinear annotation */
	{0x110BD, 0x110BD},	/* Kaithi number sign */
	{0x110CD, 0x110CD},	/* Kaithi number sign above */
	{0x13430, 0x1343F},	/* Egyptian hieroglyph format controls */
	{0x1BCA0, 0x1BCA3},	/* shorthand format controls */
	{0x1D173, 0x1D17A},	/* musical beams, ties, slurs, phrases */
	{0xE0001, 0xE0001},	/* language tag */
	{0xE0020, 0xE007F},	/* tags */
};

bool utf8_is_control(uint32_t cp)
{
	size_t lo = 0, hi = sizeof(format_ranges) / sizeof(format_ranges[0]);

	if (cp < 0xA0)
		return cp < 0x20 || cp >= 0x7F;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (cp > format_ranges[mid].last)
			lo = mid + 1;
		else if (cp < format_ranges[mid].first)
			hi = mid;
		else
			return true;
	}
	return false;
}
