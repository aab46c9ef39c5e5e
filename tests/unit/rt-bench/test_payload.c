/* SPDX-License-Identifier: MIT */
#include "judge/payload.h"

#include <stdlib.h>

#include "json.h"
#include "tests/unit/tap.h"

static const struct payload_head head = {
	.run = 0xdeadbeef,
	.stream = 0x01234567,
	.n = 0xfedcba9876,
	.due_ns = 0x123456789abcdef0,
};

static const struct str no_pad = {NULL, 0};

/* Find in memory of exactly that size. */
static enum payload_status find(const char *p, size_t n, struct payload_head *h, struct str *where)
{
	char *copy = malloc(n == 0 ? 1 : n);
	struct str at = STR_NULL;
	enum payload_status st;

	memcpy(copy, p, n);
	memset(h, 0, sizeof(*h));
	st = payload_find((struct str){copy, n}, h, &at);
	if (where != NULL)
		*where = at.p == NULL ? STR_NULL : (struct str){p + (at.p - copy), at.n};
	free(copy);
	return st;
}

static bool same_head(const struct payload_head *h, size_t len)
{
	return h->run == head.run && h->stream == head.stream && h->n == head.n && h->due_ns == head.due_ns &&
		h->len == len;
}

/* The text as a JSON string, without its quotes. */
static size_t escaped(char *dst, const char *p, size_t n)
{
	struct buf b;
	size_t len;

	buf_init(&b, SIZE_MAX);
	json_quote(&b, (struct str){p, n});
	len = b.len - 2;
	memcpy(dst, b.p + 1, len);
	buf_fini(&b);
	return len;
}

static void form(void)
{
	char p[PAYLOAD_MIN];
	struct payload_head small = {1, 2, 3, 4, 0};

	eq_num(payload_size(no_pad, 0), PAYLOAD_MIN, "none is smaller than the smallest");
	eq_num(payload_size(no_pad, 1000), 1000, "a size is exact");
	eq_num(payload_write(p, &small, no_pad, PAYLOAD_MIN), PAYLOAD_MIN, "written");
	eq_bytes(p, 62, "{\"rtb\":\"00000001-00000002-0000000003-0000000000000004-00000060", 62,
		"the form that the header promises");
	eq_bytes(p + 79, 17, "\",\"pad\":\"xxxxxx\"}", 17, "... and the rest of it");
	ok(json_check(p, sizeof(p), NULL) == JSON_OK, "it is JSON");
}

static void sizes(void)
{
	static char p[5000];
	struct payload_head h;
	struct str where;
	bool all = true;

	for (size_t n = PAYLOAD_MIN; n < sizeof(p); n++) {
		size_t len = payload_write(p, &head, no_pad, n);

		all &= len == n && find(p, len, &h, &where) == PAYLOAD_OK && same_head(&h, n) &&
			where.p == p && where.n == n;
	}
	ok(all, "every size from the smallest to 5,000 is found whole");
}

static void pads(void)
{
	static const char *const values[] = {"1", "\"\"", "null", "[]", "{\"a\":[1,2,{\"b\":\"\\\"\\\\x\"}]}",
		"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", "\"a line that is longer than eight\""};
	char p[512], e[1024];
	struct payload_head h;
	struct str where;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct str pad = str_of(values[i]);
		size_t n = payload_write(p, &head, pad, 0), m;

		eq_num(n, payload_size(pad, 0), "its size is known before");
		ok(json_check(p, n, NULL) == JSON_OK, "with the pad %s it is JSON", values[i]);
		ok(find(p, n, &h, &where) == PAYLOAD_OK && same_head(&h, n) && where.n == n, "... and found");
		m = escaped(e, p, n);
		ok(find(e, m, &h, &where) == PAYLOAD_OK && same_head(&h, n) && where.p == e && where.n == m,
			"... as a JSON string, too");
	}
}

static void wrapped(void)
{
	static const char *const before[] = {"", " ", "{", "{{{\"rtb",
		"{\"id\":\"17\",\"topic\":\"t{t\",\"data\":", "data: ", "42[\"message\",", "{\"rtb\":",
		"{\"rtb\": \""};
	static const char *const after[] = {"", "}", "\n\n", ",\"x\":{\"rtb\":\"0\"}}", "\0"};
	char p[120], r[512];
	struct payload_head h;
	struct str where;
	size_t n = payload_write(p, &head, no_pad, sizeof(p));
	bool all = true;

	for (size_t b = 0; b < sizeof(before) / sizeof(before[0]); b++)
		for (size_t a = 0; a < sizeof(after) / sizeof(after[0]); a++) {
			size_t at = strlen(before[b]), end = at + n;

			memcpy(r, before[b], at);
			memcpy(r + at, p, n);
			memcpy(r + end, after[a], strlen(after[a]));
			all &= find(r, end + strlen(after[a]), &h, &where) == PAYLOAD_OK &&
				same_head(&h, n) && where.p == r + at && where.n == n;
		}
	ok(all, "found in whatever it is wrapped");
	ok(payload_find((struct str){p, n}, &h, NULL) == PAYLOAD_OK, "nobody need ask where");
}

static void absent(void)
{
	static const char *const texts[] = {"", "{", "{}", "{\"rtb\"", "hello", "{\"rtc\":\"00000000-0000",
		"{\\\"rt", "{{{{{{{{{{{{{{{{{{{{"};
	struct payload_head h;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ok(find(texts[i], strlen(texts[i]), &h, NULL) == PAYLOAD_NONE, "nothing in '%s'", texts[i]);
	ok(payload_find(STR_NULL, &h, NULL) == PAYLOAD_NONE, "nothing in nothing");
	ok(find("{\"rtb\":\"", 8, &h, NULL) == PAYLOAD_CORRUPT, "a marker alone is corrupt");
}

/* What a bad server can do to a payload; (p) has room for one more byte. None may go unseen. */
static void damage(const char *good, size_t n, const char *what)
{
	char *p = malloc(n + 1);
	struct payload_head h;
	unsigned unseen = 0;

	for (size_t i = 0; i < n; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(p, good, n);
			p[i] ^= (char)(1 << bit);
			unseen += find(p, n, &h, NULL) == PAYLOAD_OK;
		}
		memcpy(p, good, i);
		memcpy(p + i, good + i + 1, n - i - 1);
		unseen += find(p, n - 1, &h, NULL) == PAYLOAD_OK;
		p[n - 1] = '}';
		unseen += find(p, n, &h, NULL) == PAYLOAD_OK && i != n - 1;
		memcpy(p, good, i + 1);
		memcpy(p + i + 1, good + i, n - i);
		/* A doubled "{" is in front of it, and a doubled "}" behind. */
		unseen += find(p, n + 1, &h, NULL) == PAYLOAD_OK && i != 0 && i != n - 1;
		for (size_t k = i + 1; k < n; k++) {
			memcpy(p, good, n);
			p[i] = good[k];
			p[k] = good[i];
			unseen += good[i] != good[k] && find(p, n, &h, NULL) == PAYLOAD_OK;
		}
		unseen += find(good, i, &h, NULL) == PAYLOAD_OK;
	}
	ok(unseen == 0, "%s: any bit flipped, byte lost, doubled or swapped, any cut", what);
	free(p);
}

static void damaged(void)
{
	static const char pad[] = "\"0123456789 abcdefghijklmnopqrstuvwxyz "
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ \\u00e9\"";
	char p[300], e[600];
	size_t n;

	n = payload_write(p, &head, no_pad, PAYLOAD_MIN);
	damage(p, n, "the smallest");
	n = payload_write(p, &head, no_pad, 203);
	damage(p, n, "a larger one");
	n = payload_write(p, &head, STR_LIT(pad), 0);
	damage(p, n, "with a pad");
	n = escaped(e, p, n);
	damage(e, n, "as a JSON string");
}

/* Words of eight bytes that change places. */
static void swapped_words(void)
{
	static char p[2000], q[2000];
	char pad[1500];
	struct payload_head h;
	unsigned unseen = 0;
	size_t n;

	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] = (char)('a' + i * 7919 % 26);
	pad[0] = pad[sizeof(pad) - 1] = '"';
	n = payload_write(p, &head, (struct str){pad, sizeof(pad)}, 0);
	for (size_t i = 0; i + 8 <= n; i++)
		for (size_t k = i + 8; k + 8 <= n && k < i + 64; k++) {
			memcpy(q, p, n);
			memcpy(q + i, p + k, 8);
			memcpy(q + k, p + i, 8);
			unseen += memcmp(p, q, n) != 0 &&
				payload_find((struct str){q, n}, &h, NULL) == PAYLOAD_OK;
		}
	ok(unseen == 0, "any eight bytes swapped with eight others are seen");
}

/* A server may write the characters of a string in other ways. */
static void other_escapes(void)
{
	static const char pad[] = "\"a/b \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \\\\ \\\" \\n \x7f \"";
	char p[256], e[2048];
	size_t n = payload_write(p, &head, STR_LIT(pad), 0), m = 0;
	struct payload_head h;
	struct str where;

	/* By json.dumps of Python and json_encode of PHP: nothing but ASCII, and "\/". */
	for (size_t i = 0; i < n;) {
		unsigned char c = (unsigned char)p[i];

		if (c == '"' || c == '\\' || c == '/') {
			m += (size_t)sprintf(e + m, "\\%c", c);
			i++;
		} else if (c == 0xc3) {
			m += (size_t)sprintf(e + m, "\\u00E9");
			i += 2;
		} else if (c == 0xe2) {
			m += (size_t)sprintf(e + m, "\\u20ac");
			i += 3;
		} else if (c == 0xf0) {
			m += (size_t)sprintf(e + m, "\\ud83d\\ude00");
			i += 4;
		} else if (c == 0x7f) {
			m += (size_t)sprintf(e + m, "\\u007f");
			i++;
		} else {
			e[m++] = (char)c;
			i++;
		}
	}
	e[m] = '"';
	ok(find(e, m + 1, &h, &where) == PAYLOAD_OK && same_head(&h, n) && where.n == m,
		"in a string where everything is escaped that can be");
	m = escaped(e, p, n);
	ok(find(e, m, &h, &where) == PAYLOAD_OK, "in a string where only what must be is");
	for (size_t cut = 0; cut < m; cut++)
		if (find(e, cut, &h, NULL) == PAYLOAD_OK)
			ok(false, "cut at %zu", cut);
}

static void bad_escapes(void)
{
	static const char *const bad[] = {"\\q", "\\u12", "\\u00zz", "\\ud83d", "\\ud83d\\u0041",
		"\\ude00", "\\", "\""};
	char p[128], e[512];
	size_t n = payload_write(p, &head, no_pad, sizeof(p)), m = escaped(e, p, n);
	struct payload_head h;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t at = m - 12;

		memcpy(e + at, bad[i], strlen(bad[i]));
		ok(find(e, m, &h, NULL) == PAYLOAD_CORRUPT, "%s is corrupt", bad[i]);
		ok(find(e, at + strlen(bad[i]), &h, NULL) == PAYLOAD_CORRUPT, "... at the end, too");
		m = escaped(e, p, n);
	}
}

/* Larger than the pieces in which a string is read. */
static void large(void)
{
	struct payload_head h;
	size_t cap = PAYLOAD_MAX;
	char *p = malloc(cap), *e = malloc(2 * cap);
	struct str where;
	size_t n, m;

	n = payload_write(p, &head, no_pad, PAYLOAD_MAX);
	ok(payload_find((struct str){p, n}, &h, &where) == PAYLOAD_OK && same_head(&h, PAYLOAD_MAX),
		"the largest payload");
	for (size_t size = 1000; size < 4000; size++) {
		n = payload_write(p, &head, no_pad, size);
		m = escaped(e, p, n);
		if (payload_find((struct str){e, m}, &h, &where) != PAYLOAD_OK ||
				!same_head(&h, size) || where.n != m)
			ok(false, "%zu bytes as a JSON string", size);
	}
	ok(true, "1,000 to 4,000 bytes as a JSON string");
	free(p);
	free(e);
}

int main(void)
{
	form();
	sizes();
	pads();
	wrapped();
	absent();
	damaged();
	swapped_words();
	other_escapes();
	bad_escapes();
	large();
	return tap_done();
}
