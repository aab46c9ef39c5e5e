/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define JSMN_STATIC
#include <jsmn.h>

#include "utf8.h"

/* --- characters --- */

enum {
	SPACE = 1,	/* insignificant white space */
	DIGIT = 2,
	HEX = 4,
	PLAIN = 8,	/* ASCII that stands for itself in a string */
	ESCAPE = 16,	/* may follow a backslash; "u" wants four HEX more */
};

static const uint8_t kind[256] = {
	['\t'] = SPACE, ['\n'] = SPACE, ['\r'] = SPACE, [' '] = PLAIN | SPACE,
	['!'] = PLAIN, ['"'] = ESCAPE, ['#' ... '.'] = PLAIN, ['/'] = PLAIN | ESCAPE,
	['0' ... '9'] = PLAIN | DIGIT | HEX, [':' ... '@'] = PLAIN,
	['A' ... 'F'] = PLAIN | HEX, ['G' ... '['] = PLAIN, ['\\'] = ESCAPE, [']' ... '`'] = PLAIN,
	['a'] = PLAIN | HEX, ['b'] = PLAIN | HEX | ESCAPE, ['c' ... 'e'] = PLAIN | HEX,
	['f'] = PLAIN | HEX | ESCAPE, ['g' ... 'm'] = PLAIN, ['n'] = PLAIN | ESCAPE,
	['o' ... 'q'] = PLAIN, ['r'] = PLAIN | ESCAPE, ['s'] = PLAIN,
	['t' ... 'u'] = PLAIN | ESCAPE,
	['v' ... 0x7F] = PLAIN,
};

static inline bool is(unsigned char c, unsigned kinds)
{
	return (kind[c] & kinds) != 0;
}

/*
 * In which bytes of (x) is the top bit set: those that are not PLAIN. Above the lowest such byte
 * there may be others that only look like it, because of borrows.
 */
static inline uint64_t not_plain(uint64_t x)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	uint64_t quote = x ^ ones * '"', backslash = x ^ ones * '\\';
	uint64_t below_space = (x - ones * 0x20) & ~x;

	quote = (quote - ones) & ~quote;
	backslash = (backslash - ones) & ~backslash;
	return (below_space | quote | backslash | x) & tops;
}

/* The first byte from (p) on that is not PLAIN, or (end). */
static inline const unsigned char *skip_plain(const unsigned char *p, const unsigned char *end)
{
	uint64_t x;

	for (; end - p >= 8; p += 8) {
		memcpy(&x, p, sizeof(x));
		x = not_plain(le64toh(x));
		if (x != 0)
			return p + __builtin_ctzll(x) / 8;
	}
	while (p < end && is(*p, PLAIN))
		p++;
	return p;
}

static inline const unsigned char *skip_space(const unsigned char *p, const unsigned char *end)
{
	while (p < end && is(*p, SPACE))
		p++;
	return p;
}

/* --- the grammar --- */

struct scan {
	const unsigned char *p, *end;
	uint64_t in_object[JSON_MAX_DEPTH / 64];	/* a bit for each open bracket */
	unsigned depth, max_depth;
};

/* At s->p there is something that cannot be: (st), unless it is not even UTF-8. */
static enum json_status fail(const struct scan *s, enum json_status st)
{
	uint32_t cp;

	if (s->p < s->end && utf8_decode((const char *)s->p, (size_t)(s->end - s->p), &cp) == 0)
		return JSON_UTF8;
	return st;
}

static bool scan_escape(struct scan *s)
{
	s->p++;
	if (s->p == s->end || !is(*s->p, ESCAPE))
		return false;
	if (*s->p++ != 'u')
		return true;
	for (int i = 0; i < 4; i++, s->p++)
		if (s->p == s->end || !is(*s->p, HEX))
			return false;
	return true;
}

/* From the opening quote to behind the closing one. */
static enum json_status scan_string(struct scan *s)
{
	uint32_t cp;
	unsigned len;

	s->p++;
	for (;;) {
		s->p = skip_plain(s->p, s->end);
		if (s->p == s->end)
			return JSON_SYNTAX;
		if (*s->p == '"') {
			s->p++;
			return JSON_OK;
		}
		if (*s->p == '\\') {
			if (!scan_escape(s))
				return fail(s, JSON_SYNTAX);
			continue;
		}
		if (*s->p < 0x80)
			return JSON_SYNTAX;	/* a control character */
		do {
			len = utf8_decode((const char *)s->p, (size_t)(s->end - s->p), &cp);
			if (len == 0)
				return JSON_UTF8;
			s->p += len;
		} while (s->p < s->end && *s->p >= 0x80);
	}
}

/* One digit or more. */
static bool scan_digits(struct scan *s)
{
	const unsigned char *p = s->p;

	while (p < s->end && is(*p, DIGIT))
		p++;
	if (p == s->p)
		return false;
	s->p = p;
	return true;
}

static enum json_status scan_number(struct scan *s)
{
	if (*s->p == '-')
		s->p++;
	if (s->p < s->end && *s->p == '0')
		s->p++;
	else if (!scan_digits(s))
		return fail(s, JSON_SYNTAX);
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		if (!scan_digits(s))
			return fail(s, JSON_SYNTAX);
	}
	if (s->p < s->end && (*s->p | 0x20) == 'e') {
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		if (!scan_digits(s))
			return fail(s, JSON_SYNTAX);
	}
	return JSON_OK;
}

static enum json_status scan_literal(struct scan *s)
{
	const char *word = *s->p == 't' ? "true" : *s->p == 'f' ? "false" : "null";

	for (; *word != '\0'; word++, s->p++)
		if (s->p == s->end || *s->p != (unsigned char)*word)
			return fail(s, JSON_SYNTAX);
	return JSON_OK;
}

/* What may come next, and what to do with what comes. */
enum expect {
	VALUE,
	VALUE_OR_END,	/* after "[" */
	NAME,
	NAME_OR_END,	/* after "{" */
	COLON,
	NEXT_ELEMENT,	/* after a value in an array */
	NEXT_MEMBER,	/* after a value in an object */
	NOTHING,	/* after the outermost value */
};

enum token { OTHER, OPEN_OBJECT, OPEN_ARRAY, CLOSE, QUOTE, NUMBER, LITERAL, COMMA, COLON_SIGN };

static const uint8_t token_of[256] = {
	['{'] = OPEN_OBJECT, ['['] = OPEN_ARRAY, ['}'] = CLOSE, [']'] = CLOSE, ['"'] = QUOTE,
	['-'] = NUMBER, ['0' ... '9'] = NUMBER, ['t'] = LITERAL, ['f'] = LITERAL, ['n'] = LITERAL,
	[','] = COMMA, [':'] = COLON_SIGN,
};

#define BIT(token) (1U << (token))
#define ANY_VALUE (BIT(OPEN_OBJECT) | BIT(OPEN_ARRAY) | BIT(QUOTE) | BIT(NUMBER) | BIT(LITERAL))

static const uint16_t allowed[] = {
	[VALUE] = ANY_VALUE,
	[VALUE_OR_END] = ANY_VALUE | BIT(CLOSE),
	[NAME] = BIT(QUOTE),
	[NAME_OR_END] = BIT(QUOTE) | BIT(CLOSE),
	[COLON] = BIT(COLON_SIGN),
	[NEXT_ELEMENT] = BIT(COMMA) | BIT(CLOSE),
	[NEXT_MEMBER] = BIT(COMMA) | BIT(CLOSE),
	[NOTHING] = 0,
};

/* What is expected after a value at this depth. */
static enum expect after_value(const struct scan *s)
{
	unsigned top = s->depth - 1;

	if (s->depth == 0)
		return NOTHING;
	return s->in_object[top / 64] >> (top % 64) & 1 ? NEXT_MEMBER : NEXT_ELEMENT;
}

static enum json_status open_bracket(struct scan *s, bool object)
{
	uint64_t bit;

	if (s->depth >= s->max_depth)
		return JSON_DEPTH;
	bit = UINT64_C(1) << (s->depth % 64);
	if (object)
		s->in_object[s->depth / 64] |= bit;
	else
		s->in_object[s->depth / 64] &= ~bit;
	s->depth++;
	s->p++;
	return JSON_OK;
}

static enum json_status close_bracket(struct scan *s)
{
	if (*s->p != (after_value(s) == NEXT_MEMBER ? '}' : ']'))
		return JSON_SYNTAX;
	s->depth--;
	s->p++;
	return JSON_OK;
}

/* Something after the value: part of the same word ("01", "nullx"), or another thing? */
static enum json_status trailing(const struct scan *s)
{
	unsigned char before = s->p[-1];
	bool same_word = is(before, DIGIT) || (before >= 'a' && before <= 'z');

	return fail(s, same_word ? JSON_SYNTAX : JSON_TRAILING);
}

/* Take the allowed (token) that begins at s->p; *next is what was expected, and is then. */
static enum json_status take(struct scan *s, enum token token, enum expect *next)
{
	enum json_status st = JSON_OK;

	switch (token) {
	case OPEN_OBJECT:
	case OPEN_ARRAY:
		st = open_bracket(s, token == OPEN_OBJECT);
		*next = token == OPEN_OBJECT ? NAME_OR_END : VALUE_OR_END;
		return st;
	case COMMA:
		s->p++;
		*next = *next == NEXT_MEMBER ? NAME : VALUE;
		return JSON_OK;
	case COLON_SIGN:
		s->p++;
		*next = VALUE;
		return JSON_OK;
	case QUOTE:
		st = scan_string(s);
		if (*next == NAME || *next == NAME_OR_END) {
			*next = COLON;
			return st;
		}
		break;
	case CLOSE:
		st = close_bracket(s);
		break;
	case NUMBER:
		st = scan_number(s);
		break;
	default:
		st = scan_literal(s);
	}
	*next = after_value(s);
	return st;
}

static enum json_status scan_text(struct scan *s)
{
	enum expect next = VALUE;
	enum json_status st;
	enum token token;

	s->p = skip_space(s->p, s->end);
	if (s->p == s->end)
		return JSON_EMPTY;
	while (s->p < s->end) {
		token = token_of[*s->p];
		if ((allowed[next] & BIT(token)) == 0)
			return next == NOTHING ? trailing(s) : fail(s, JSON_SYNTAX);
		st = take(s, token, &next);
		if (st != JSON_OK)
			return st;
		s->p = skip_space(s->p, s->end);
	}
	return next == NOTHING ? JSON_OK : JSON_SYNTAX;
}

enum json_status json_check(const char *p, size_t n, size_t *err_at)
{
	return json_check_within(p, n, 0, err_at);
}

enum json_status json_check_within(const char *p, size_t n, unsigned outer, size_t *err_at)
{
	struct scan s = {.p = (const unsigned char *)p, .max_depth = JSON_MAX_DEPTH - outer};
	enum json_status st;

	s.end = n > 0 ? s.p + n : s.p;
	st = scan_text(&s);
	if (st != JSON_OK && err_at != NULL)
		*err_at = n > 0 ? (size_t)(s.p - (const unsigned char *)p) : 0;
	return st;
}

const char *json_status_text(enum json_status st)
{
	switch (st) {
	case JSON_OK:
		return "a JSON value";
	case JSON_EMPTY:
		return "empty, where a JSON value should be";
	case JSON_SYNTAX:
		return "not a JSON value";
	case JSON_UTF8:
		return "not UTF-8";
	case JSON_DEPTH:
		return "nested more than 128 levels deep";
	case JSON_TRAILING:
		return "more than one JSON value";
	}
	return "not a JSON value";
}

/* --- one line --- */

/* Copy all but CR and LF. */
static size_t copy_without_breaks(char *dst, const char *p, size_t n)
{
	char *out = dst;

	for (size_t i = 0; i < n; i++)
		if (p[i] != '\r' && p[i] != '\n')
			*out++ = p[i];
	return (size_t)(out - dst);
}

size_t json_one_line(char *dst, const char *p, size_t n)
{
	while (n > 0 && is((unsigned char)p[n - 1], SPACE))
		n--;
	while (n > 0 && is((unsigned char)*p, SPACE)) {
		p++;
		n--;
	}
	if (n == 0)
		return 0;
	if (memchr(p, '\n', n) != NULL || memchr(p, '\r', n) != NULL)
		return copy_without_breaks(dst, p, n);
	memcpy(dst, p, n);
	return n;
}

/* --- strings --- */

size_t json_plain_len(const char *p, size_t n)
{
	const unsigned char *from = (const unsigned char *)p;

	return n > 0 ? (size_t)(skip_plain(from, from + n) - from) : 0;
}

static int add_escaped(struct buf *b, unsigned char c)
{
	static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";

	for (const char *l = letters; *l != '\0'; l += 2) {
		if (c == (unsigned char)l[0]) {
			char pair[2] = {'\\', l[1]};

			return buf_add(b, pair, sizeof(pair));
		}
	}
	return buf_addf(b, "\\u%04x", c);
}

static int add_quoted(struct buf *b, const unsigned char *p, const unsigned char *end)
{
	const unsigned char *run;

	if (buf_addc(b, '"') < 0)
		return -1;
	while (p < end) {
		for (run = p; p < end; p++) {
			p = skip_plain(p, end);
			if (p == end || *p < 0x80)
				break;
		}
		if (buf_add(b, run, (size_t)(p - run)) < 0)
			return -1;
		if (p < end && add_escaped(b, *p++) < 0)
			return -1;
	}
	return buf_addc(b, '"');
}

int json_quote(struct buf *b, struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t before = b->len;

	/* At least so much is needed; most strings need no more. */
	if (s.n > SIZE_MAX - 2 || buf_reserve(b, s.n + 2) < 0)
		return -1;
	if (add_quoted(b, p, s.n > 0 ? p + s.n : p) < 0) {
		b->len = before;
		return -1;
	}
	return 0;
}

static unsigned hex4(const char *p)
{
	unsigned v = 0;

	for (int i = 0; i < 4; i++) {
		unsigned c = (unsigned char)p[i];

		v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return v;
}

/* Decode what follows "\u" at *p, which is moved behind it, and behind a second half. */
static uint32_t take_unicode(const char **p, const char *end)
{
	uint32_t cp = hex4(*p), low;

	*p += 4;
	if (cp < 0xD800 || cp > 0xDFFF)
		return cp;
	if (cp > 0xDBFF || end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
		return 0xFFFD;
	low = hex4(*p + 2);
	if (low < 0xDC00 || low > 0xDFFF)
		return 0xFFFD;
	*p += 6;
	return 0x10000 + ((cp - 0xD800) << 10) + (low - 0xDC00);
}

/* Decode one character of the inside of a string; *p is moved behind it. Returns 1..4 bytes. */
static unsigned take_character(char dst[4], const char **p, const char *end)
{
	char c = *(*p)++;

	if (c == '\\') {
		c = *(*p)++;
		switch (c) {
		case 'u':
			return utf8_encode(dst, take_unicode(p, end));
		case 'b':
			c = '\b';
			break;
		case 'f':
			c = '\f';
			break;
		case 'n':
			c = '\n';
			break;
		case 'r':
			c = '\r';
			break;
		case 't':
			c = '\t';
			break;
		}
	}
	dst[0] = c;
	return 1;
}

/* How long the decoded (raw), a string, is. */
static size_t unquoted_len(struct str raw)
{
	const char *p = raw.p + 1, *end = raw.p + raw.n - 1, *backslash;
	size_t len = 0;
	char c[4];

	while ((backslash = memchr(p, '\\', (size_t)(end - p))) != NULL) {
		len += (size_t)(backslash - p);
		p = backslash;
		len += take_character(c, &p, end);
	}
	return len + (size_t)(end - p);
}

size_t json_unquote(char *dst, struct str raw)
{
	const char *p, *end, *backslash;
	char *out = dst, c[4];
	unsigned len;

	if (json_type_of(raw) != JSON_STRING) {
		if (raw.n > 0)
			memcpy(dst, raw.p, raw.n);
		return raw.n;
	}
	p = raw.p + 1;
	end = raw.p + raw.n - 1;
	while ((backslash = memchr(p, '\\', (size_t)(end - p))) != NULL) {
		memcpy(out, p, (size_t)(backslash - p));
		out += backslash - p;
		p = backslash;
		len = take_character(c, &p, end);
		memcpy(out, c, len);
		out += len;
	}
	memcpy(out, p, (size_t)(end - p));
	return (size_t)(out + (end - p) - dst);
}

int json_unquote_add(struct buf *b, struct str raw)
{
	if (json_type_of(raw) != JSON_STRING)
		return buf_addstr(b, raw);
	if (buf_reserve(b, unquoted_len(raw)) < 0)
		return -1;
	if (b->p != NULL)
		b->len += json_unquote((char *)b->p + b->len, raw);
	return 0;
}

/* --- splitting --- */

enum json_type json_type_of(struct str raw)
{
	if (raw.n == 0)
		return JSON_NONE;
	switch (token_of[(unsigned char)raw.p[0]]) {
	case OPEN_OBJECT:
		return JSON_OBJECT;
	case OPEN_ARRAY:
		return JSON_ARRAY;
	case QUOTE:
		return JSON_STRING;
	case NUMBER:
		return JSON_NUMBER;
	case LITERAL:
		return raw.p[0] == 'n' ? JSON_NULL : JSON_BOOL;
	}
	return JSON_NONE;
}

/* What jsmn makes of a text: on the stack of the caller, unless there is much of it. */
struct tokens {
	jsmntok_t *at;
	size_t n;
	jsmntok_t *heap;
	jsmntok_t few[96];
};

/* More room for the tokens so far. A text has at most one for every two bytes, and one. */
static int more_tokens(struct tokens *t, size_t *cap, size_t text_len)
{
	size_t most = text_len / 2 + 1, want = *cap > most / 4 ? most : *cap * 4;
	jsmntok_t *grown = realloc(t->heap, want * sizeof(*grown));

	if (grown == NULL) {
		free(t->heap);
		return -1;
	}
	if (t->heap == NULL)
		memcpy(grown, t->few, sizeof(t->few));
	t->heap = t->at = grown;
	*cap = want;
	return 0;
}

/* Split (text), which is valid and begins with a bracket. Afterwards free t->heap. */
static int split(struct tokens *t, struct str text)
{
	size_t cap = sizeof(t->few) / sizeof(t->few[0]);
	jsmn_parser parser;
	int n;

	t->at = t->few;
	t->heap = NULL;
	if (text.n > INT_MAX) {
		errno = ENOMEM;	/* jsmn counts in int */
		return -1;
	}
	jsmn_init(&parser);
	while ((n = jsmn_parse(&parser, text.p, text.n, t->at, (unsigned)cap)) == JSMN_ERROR_NOMEM)
		if (more_tokens(t, &cap, text.n) < 0)
			return -1;
	if (n < 1) {
		free(t->heap);
		errno = EINVAL;
		return -1;
	}
	t->n = (size_t)n;
	return 0;
}

/* The text of a token; jsmn leaves the quotes of strings out. */
static struct str token_text(struct str text, const jsmntok_t *t)
{
	int quote = t->type == JSMN_STRING;

	return (struct str){text.p + t->start - quote, (size_t)(t->end - t->start + 2 * quote)};
}

/* The index behind the token at (i) and all that is nested in it. */
static size_t behind(const struct tokens *t, size_t i)
{
	int end = t->at[i].end;

	while (++i < t->n && t->at[i].start < end)
		;
	return i;
}

/* The text without white space in front, if it is of (type); else p == NULL, errno EINVAL. */
static struct str only_type(struct str text, enum json_type type)
{
	while (text.n > 0 && is((unsigned char)*text.p, SPACE)) {
		text.p++;
		text.n--;
	}
	if (json_type_of(text) == type)
		return text;
	errno = EINVAL;
	return STR_NULL;
}

/* Is the string (raw), decoded, the same as (name)? */
static bool name_is(struct str raw, const char *name, bool escaped)
{
	const char *p = raw.p + 1, *end = raw.p + raw.n - 1;
	size_t left = strlen(name);
	char c[4];
	unsigned len;

	if (!escaped)
		return left == raw.n - 2 && memcmp(p, name, left) == 0;
	for (; p < end; name += len, left -= len) {
		len = take_character(c, &p, end);
		if (len > left || memcmp(c, name, len) != 0)
			return false;
	}
	return left == 0;
}

static struct json_member *wanted(struct json_member *m, size_t n, struct str name)
{
	bool escaped = memchr(name.p, '\\', name.n) != NULL;

	/* name.p[1] is there even if the name is empty: then it is the closing quote. */
	for (size_t i = 0; i < n; i++)
		if ((escaped || m[i].name[0] == name.p[1] || name.n == 2) &&
				name_is(name, m[i].name, escaped))
			return &m[i];
	return NULL;
}

int json_members(struct str text, struct json_member *m, size_t n, struct str *unknown)
{
	struct json_member *found;
	struct tokens t;
	struct str name;

	for (size_t i = 0; i < n; i++) {
		m[i].raw = STR_NULL;
		m[i].type = JSON_NONE;
	}
	if (unknown != NULL)
		*unknown = STR_NULL;
	text = only_type(text, JSON_OBJECT);
	if (text.p == NULL || split(&t, text) < 0)
		return -1;
	for (size_t i = 1; i + 1 < t.n; i = behind(&t, i + 1)) {
		name = token_text(text, &t.at[i]);
		found = wanted(m, n, name);
		if (found != NULL) {
			found->raw = token_text(text, &t.at[i + 1]);
			found->type = json_type_of(found->raw);
		} else if (unknown != NULL && unknown->p == NULL) {
			*unknown = name;
		}
	}
	free(t.heap);
	return 0;
}

int json_elements(struct str text, int (*fn)(void *arg, struct str raw), void *arg)
{
	struct tokens t;
	int r = 0;

	text = only_type(text, JSON_ARRAY);
	if (text.p == NULL || split(&t, text) < 0)
		return -1;
	for (size_t i = 1; i < t.n && r == 0; i = behind(&t, i))
		r = fn(arg, token_text(text, &t.at[i]));
	free(t.heap);
	return r;
}
