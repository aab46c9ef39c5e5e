/* SPDX-License-Identifier: MIT */
#include "judge/payload.h"

#include <endian.h>
#include <string.h>

#include "utf8.h"

/* Offsets of the fields; between two of them stands a '-'. */
#define MARKER "{\"rtb\":\""
#define MARKER_ESCAPED "{\\\"rtb\\\":\\\""
#define PAD_NAME "\",\"pad\":"
#define RUN_AT (sizeof(MARKER) - 1)
#define STREAM_AT (RUN_AT + 8 + 1)
#define N_AT (STREAM_AT + 8 + 1)
#define DUE_AT (N_AT + 10 + 1)
#define LEN_AT (DUE_AT + 16 + 1)
#define SUM_AT (LEN_AT + 8 + 1)
#define PAD_NAME_AT (SUM_AT + 16)
#define PAD_AT (PAD_NAME_AT + sizeof(PAD_NAME) - 1)
#define SHORTEST (PAD_AT + 1 + 1)	/* a pad of one digit */

/* --- checksum -------------------------------------------------------------------------------- */

/*
 * Each step is a bijection of the state for a given word, and of the word for a given state: one
 * changed word always changes the result; several do but for one case in 2^64. Words take turns in two
 * states, as one step waits for the one before. The length is in it, too.
 */
struct sum {
	uint64_t a, b;
};

static uint64_t mix(uint64_t state, uint64_t word)
{
	state = (state ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return state ^ state >> 29;
}

static uint64_t load64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static uint32_t load32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

/* The last (n) < 8 bytes as a word, without reading more; the loads may overlap. */
static uint64_t load_rest(const char *p, size_t n)
{
	uint64_t v = 0;

	if (n >= 4)
		return load32(p) | (uint64_t)load32(p + n - 4) << (8 * (n - 4));
	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)(unsigned char)p[i] << (8 * i);
	return v;
}

static void sum_begin(struct sum *s, size_t len)
{
	s->a = len;
	s->b = ~(uint64_t)len;
}

/* Pieces but the last have a multiple of 16 bytes; what stands before the checksum counts as one. */
static void sum_add(struct sum *s, const char *p, size_t n)
{
	struct sum now = *s;

	for (; n >= 16; p += 16, n -= 16) {
		now.a = mix(now.a, load64(p));
		now.b = mix(now.b, load64(p + 8));
	}
	if (n >= 8) {
		now.a = mix(now.a, load64(p));
		p += 8;
		n -= 8;
	}
	if (n > 0)
		now.b = mix(now.b, load_rest(p, n));
	*s = now;
}

static uint64_t sum_end(const struct sum *s)
{
	return mix(mix(s->a, 0), s->b);
}

/* Of a payload in one piece, without the checksum in it. */
static uint64_t sum_of(const char *p, size_t len)
{
	struct sum s;

	sum_begin(&s, len);
	sum_add(&s, p, SUM_AT);
	sum_add(&s, p + PAD_NAME_AT, len - PAD_NAME_AT);
	return sum_end(&s);
}

/* --- hexadecimal ----------------------------------------------------------------------------- */

/*
 * Eight digits at once: halves are parted until each byte has one digit, the first in the lowest;
 * what is above 9 overflows when 6 is added, and becomes a letter.
 */
static void put_hex8(char *dst, uint32_t x)
{
	uint64_t v = x;

	v = (v << 32 | v >> 16) & UINT64_C(0x0000ffff0000ffff);
	v = (v << 16 | v >> 8) & UINT64_C(0x00ff00ff00ff00ff);
	v = (v << 8 | v >> 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	v += UINT64_C(0x3030303030303030) +
		((v + UINT64_C(0x0606060606060606)) >> 4 & UINT64_C(0x0101010101010101)) * ('a' - '0' - 10);
	v = htole64(v);
	memcpy(dst, &v, sizeof(v));
}

static void put_hex16(char *dst, uint64_t x)
{
	put_hex8(dst, (uint32_t)(x >> 32));
	put_hex8(dst + 8, (uint32_t)x);
}

/*
 * And back: a letter has bit 6 set, and is 9 above its low four bits; then neighbours are
 * joined, twice as wide each time. What is no digit gives some number: the checksum is over the
 * digits themselves, and finds it.
 */
static uint32_t get_hex8(const char *p)
{
	uint64_t v = load64(p);

	v = (v & UINT64_C(0x0f0f0f0f0f0f0f0f)) + 9 * (v >> 6 & UINT64_C(0x0101010101010101));
	v = (v << 4 | v >> 8) & UINT64_C(0x00ff00ff00ff00ff);
	v = (v << 8 | v >> 16) & UINT64_C(0x0000ffff0000ffff);
	return (uint32_t)(v << 16 | v >> 32);
}

static uint64_t get_hex16(const char *p)
{
	return (uint64_t)get_hex8(p) << 32 | get_hex8(p + 8);
}

/* --- writing --------------------------------------------------------------------------------- */

size_t payload_size(struct str pad, size_t size)
{
	if (pad.p != NULL)
		return PAD_AT + pad.n + 1;
	return size < PAYLOAD_MIN ? PAYLOAD_MIN : size;
}

size_t payload_write(char *dst, const struct payload_head *h, struct str pad, size_t size)
{
	size_t len = payload_size(pad, size);

	memcpy(dst, MARKER, RUN_AT);
	put_hex16(dst + N_AT - 6, h->n);	/* ten digits: the first six are overwritten */
	put_hex8(dst + RUN_AT, h->run);
	put_hex8(dst + STREAM_AT, h->stream);
	put_hex16(dst + DUE_AT, h->due_ns);
	put_hex8(dst + LEN_AT, (uint32_t)len);
	dst[STREAM_AT - 1] = dst[N_AT - 1] = dst[DUE_AT - 1] = dst[LEN_AT - 1] = dst[SUM_AT - 1] = '-';
	memcpy(dst + PAD_NAME_AT, PAD_NAME, PAD_AT - PAD_NAME_AT);
	if (pad.p != NULL) {
		memcpy(dst + PAD_AT, pad.p, pad.n);
	} else {
		memset(dst + PAD_AT, 'x', len - PAD_AT - 1);
		dst[PAD_AT] = dst[len - 2] = '"';
	}
	dst[len - 1] = '}';
	put_hex16(dst + SUM_AT, sum_of(dst, len));
	return len;
}

/* --- finding --------------------------------------------------------------------------------- */

static bool sum_matches(const char *head, uint64_t sum)
{
	char text[16];

	put_hex16(text, sum);
	return memcmp(text, head + SUM_AT, sizeof(text)) == 0;
}

/* Only once the checksum holds. */
static void get_head(struct payload_head *h, const char *p)
{
	h->run = get_hex8(p + RUN_AT);
	h->stream = get_hex8(p + STREAM_AT);
	h->n = get_hex16(p + N_AT - 6) & UINT64_C(0xffffffffff);	/* of its ten digits the last */
	h->due_ns = get_hex16(p + DUE_AT);
	h->len = get_hex8(p + LEN_AT);
}

static enum payload_status check_plain(struct str s, struct payload_head *h, struct str *where)
{
	size_t len;

	if (s.n < SHORTEST)
		return PAYLOAD_CORRUPT;
	len = get_hex8(s.p + LEN_AT);
	if (len < SHORTEST || len > s.n)
		return PAYLOAD_CORRUPT;
	if (!sum_matches(s.p, sum_of(s.p, len)))
		return PAYLOAD_CORRUPT;
	get_head(h, s.p);
	if (where != NULL)
		*where = (struct str){s.p, len};
	return PAYLOAD_OK;
}

/* --- finding it in a JSON string ------------------------------------------------------------- */

struct unescape {
	const char *p, *end;
	char left[4];	/* of a character of several bytes, what did not fit */
	unsigned nleft;
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four digits behind "\u". -1: they are none. */
static int32_t get_unit(const struct unescape *u, size_t at)
{
	int32_t v = 0;

	if ((size_t)(u->end - u->p) < at + 6 || u->p[at] != '\\' || u->p[at + 1] != 'u')
		return -1;
	for (size_t i = 2; i < 6; i++) {
		int d = hex_digit(u->p[at + i]);

		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

/* "\uXXXX", of which two may make a character. */
static bool unescape_unicode(struct unescape *u)
{
	int32_t high = get_unit(u, 0), low;
	uint32_t cp;

	if (high < 0)
		return false;
	cp = (uint32_t)high;
	u->p += 6;
	if (high >= 0xd800 && high < 0xdc00) {
		low = get_unit(u, 0);
		if (low < 0xdc00 || low >= 0xe000)
			return false;
		cp = 0x10000 + ((cp - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
		u->p += 6;
	}
	u->nleft = utf8_encode(u->left, cp);
	return true;
}

/* One escape to u->left. */
static bool unescape_one(struct unescape *u)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (u->end - u->p < 2)
		return false;
	if (u->p[1] == 'u')
		return unescape_unicode(u);
	at = memchr(from, u->p[1], sizeof(from) - 1);
	if (at == NULL)
		return false;
	u->left[0] = to[at - from];
	u->nleft = 1;
	u->p += 2;
	return true;
}

/* The next (n) bytes of the string to (dst). False: it ends before, or is none. */
static bool unescape(struct unescape *u, char *dst, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (u->nleft == 0) {
			if (u->p == u->end || *u->p == '"')
				return false;
			if (*u->p != '\\') {
				dst[i] = *u->p++;
				continue;
			}
			if (!unescape_one(u))
				return false;
		}
		dst[i] = u->left[0];
		memmove(u->left, u->left + 1, sizeof(u->left) - 1);
		u->nleft--;
	}
	return true;
}

static enum payload_status check_escaped(struct str s, struct payload_head *h, struct str *where)
{
	struct unescape u = {.p = s.p, .end = s.p + s.n};
	char head[PAD_NAME_AT], piece[1024];
	struct sum sum;
	size_t len, left;

	if (!unescape(&u, head, sizeof(head)))
		return PAYLOAD_CORRUPT;
	len = get_hex8(head + LEN_AT);
	if (len < SHORTEST || len > s.n)
		return PAYLOAD_CORRUPT;
	sum_begin(&sum, len);
	sum_add(&sum, head, SUM_AT);
	for (left = len - PAD_NAME_AT; left > sizeof(piece); left -= sizeof(piece)) {
		if (!unescape(&u, piece, sizeof(piece)))
			return PAYLOAD_CORRUPT;
		sum_add(&sum, piece, sizeof(piece));
	}
	if (!unescape(&u, piece, left))
		return PAYLOAD_CORRUPT;
	sum_add(&sum, piece, left);
	if (!sum_matches(head, sum_end(&sum)))
		return PAYLOAD_CORRUPT;
	get_head(h, head);
	if (where != NULL)
		*where = (struct str){s.p, (size_t)(u.p - s.p)};
	return PAYLOAD_OK;
}

/* A '{' is rare in front of a payload, and memchr is fast. */
enum payload_status payload_find(struct str record, struct payload_head *h, struct str *where)
{
	const size_t plain = sizeof(MARKER) - 1, escaped = sizeof(MARKER_ESCAPED) - 1;
	const char *p = record.p, *end = record.p + record.n;

	while ((size_t)(end - p) >= plain) {
		struct str rest;

		p = memchr(p, '{', (size_t)(end - p));
		if (p == NULL)
			return PAYLOAD_NONE;
		rest = (struct str){p, (size_t)(end - p)};
		if (rest.n >= plain && memcmp(p, MARKER, plain) == 0)
			return check_plain(rest, h, where);
		if (rest.n >= escaped && memcmp(p, MARKER_ESCAPED, escaped) == 0)
			return check_escaped(rest, h, where);
		p++;
	}
	return PAYLOAD_NONE;
}
