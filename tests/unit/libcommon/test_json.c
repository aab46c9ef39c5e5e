/* SPDX-License-Identifier: MIT */
#include "libcommon/json.h"

#include <errno.h>
#include <stdlib.h>

#include "libcommon/utf8.h"
#include "tests/unit/tap.h"

/* Check text in memory of exactly its size, so that a sanitizer sees one byte too far. */
static enum json_status exact_check(const char *s, size_t n, size_t *at)
{
	char *p = malloc(n > 0 ? n : 1);
	enum json_status st;

	memcpy(p, s, n);
	st = json_check(p, n, at);
	free(p);
	return st;
}

/* --- the grammar, case by case --- */

#define OK_CASE(s) {s, sizeof(s) - 1, JSON_OK, 0}
#define BAD(s, why, at) {s, sizeof(s) - 1, why, at}
#define WRONG(s, at) BAD(s, JSON_SYNTAX, at)

static const struct check_case {
	const char *text;
	size_t n;
	enum json_status want;
	size_t at;
} cases[] = {
	OK_CASE("null"), OK_CASE("true"), OK_CASE("false"), OK_CASE("0"), OK_CASE("-0"), OK_CASE("12"),
	OK_CASE("-1.5"), OK_CASE("0.0"), OK_CASE("1e5"), OK_CASE("1E+5"), OK_CASE("1.25e-10"),
	OK_CASE("123456789012345678901234567890"), OK_CASE("\"\""), OK_CASE("\"a\""), OK_CASE("[]"),
	OK_CASE("{}"), OK_CASE("[ ]"), OK_CASE("{ }"), OK_CASE(" \t\r\n1 \t\r\n"), OK_CASE("[1,2]"),
	OK_CASE("[ 1 , 2 ]"), OK_CASE("{\"a\":1}"), OK_CASE("{ \"a\" : 1 , \"b\" : [ ] }"),
	OK_CASE("[[],{},[{}]]"), OK_CASE("{\"a\":{\"b\":[1,{\"c\":null}]}}"), OK_CASE("{\"a\":1,\"a\":2}"),
	OK_CASE("{\"\":0}"), OK_CASE("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\""),
	OK_CASE("\"\\u0000\""), OK_CASE("\"\\uD800\""), OK_CASE("\"\x7F\""),
	OK_CASE("\"gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80\""), OK_CASE("\"\xE2\x80\xA8\""),
	BAD("", JSON_EMPTY, 0), BAD(" \n\t\r", JSON_EMPTY, 4),
	/* What jsmn takes, strict or not. */
	WRONG("{\"a\":1,}", 7), WRONG("[1 2]", 3), WRONG("{\"a\":tru}", 8), WRONG("{\"a\":01}", 6),
	WRONG("{,}", 1), BAD("{} {}", JSON_TRAILING, 3), BAD("1 2", JSON_TRAILING, 2),
	WRONG("\"a\nb\"", 2), WRONG("\"a\tb\"", 2), WRONG("\"a\0b\"", 2), WRONG("\"\x1F\"", 1),
	BAD("\"\xFF\"", JSON_UTF8, 1), BAD("\"\xC3(\"", JSON_UTF8, 1), BAD("\"a\xC0\x80\"", JSON_UTF8, 2),
	BAD("\"\xED\xA0\x80\"", JSON_UTF8, 1), BAD("\"\xF4\x90\x80\x80\"", JSON_UTF8, 1),
	WRONG("{\"a\" 1}", 5), WRONG("{\"a\"}", 4), WRONG("{\"a\":}", 5), WRONG("{1:2}", 1),
	WRONG("{a:1}", 1), WRONG("[1,]", 3), WRONG("[,1]", 1), WRONG("[1,,2]", 3), WRONG("[1}", 2),
	WRONG("{\"a\":1]", 6), WRONG("{\"a\":1 \"b\":2}", 7), WRONG("{\"a\",\"b\"}", 4), WRONG("[1:2]", 2),
	WRONG("{\"a\":1,\"b\"}", 10), WRONG("{null:1}", 1), WRONG("{[]:1}", 1),
	/* Numbers, words, strings. */
	WRONG("01", 1), WRONG("-", 1), WRONG("-a", 1), WRONG("+1", 0), WRONG(".5", 0), WRONG("1.", 2),
	WRONG("1.e5", 2), WRONG("1e", 2), WRONG("1e+", 3), WRONG("0x10", 1), WRONG("1a", 1), WRONG("--1", 1),
	WRONG("1.5.5", 3), WRONG("NaN", 0), WRONG("Infinity", 0), WRONG("-Infinity", 1), WRONG("tru", 3),
	WRONG("True", 0), WRONG("nul", 3), WRONG("nulL", 3), WRONG("nullx", 4), WRONG("fals", 4),
	WRONG("'a'", 0), WRONG("\"", 1), WRONG("\"a", 2), WRONG("\"\\", 2), WRONG("\"\\\"", 3),
	WRONG("\"\\x\"", 2), WRONG("\"\\u12\"", 5), WRONG("\"\\u123g\"", 6), WRONG("\"\\U0041\"", 2),
	WRONG("\"\\'\"", 2), WRONG("[\"a]", 4),
	/* Brackets, and what is around. */
	WRONG("[", 1), WRONG("{", 1), WRONG("]", 0), WRONG("}", 0), WRONG("[[]", 3), WRONG("{\"a\":", 5),
	BAD("[]]", JSON_TRAILING, 2), BAD("{}}", JSON_TRAILING, 2), BAD("[],", JSON_TRAILING, 2),
	BAD("\"a\"\"b\"", JSON_TRAILING, 3), BAD("{}\0", JSON_TRAILING, 2), BAD("[1]x", JSON_TRAILING, 3),
	WRONG("\xEF\xBB\xBF{}", 0), WRONG("1//x", 1), WRONG("/**/1", 0), WRONG("[1\v]", 2),
	WRONG("\xC2\xA0" "1", 0), BAD("\xFE\xFF", JSON_UTF8, 0), BAD("{} \xFF", JSON_UTF8, 3),
	BAD("[\xE9]", JSON_UTF8, 1), BAD("tr\xE9", JSON_UTF8, 2), BAD("\"\\\xE9\"", JSON_UTF8, 2),
};

static void table(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct check_case *c = &cases[i];
		size_t at = 0;
		enum json_status st = exact_check(c->text, c->n, &at);

		ok(st == c->want && at == c->at, "case %zu, %zu bytes: %s", i, c->n,
			json_status_text(c->want));
		if (st != c->want || at != c->at)
			printf("#   %.*s: status %d at %zu\n", (int)c->n, c->text, st, at);
	}
	ok(json_check(NULL, 0, NULL) == JSON_EMPTY, "nothing at all");
}

static void depth(void)
{
	char text[2 * (JSON_MAX_DEPTH + 1)];
	size_t at = 0;

	for (int object = 0; object < 2; object++) {
		struct buf b;
		const char *open = object ? "{\"a\":" : "[", *close = object ? "}" : "]";

		buf_init(&b, 4096);
		for (int i = 0; i < JSON_MAX_DEPTH; i++)
			buf_adds(&b, open);
		buf_adds(&b, "1");
		for (int i = 0; i < JSON_MAX_DEPTH; i++)
			buf_adds(&b, close);
		eq_num(json_check((char *)b.p, b.len, NULL), JSON_OK, "128 levels");
		b.p[b.len - 5] = object ? ']' : '}';
		eq_num(json_check((char *)b.p, b.len, &at), JSON_SYNTAX, "one wrong bracket among them");
		eq_num(at, b.len - 5, "and where");
		buf_fini(&b);
	}
	memset(text, '[', sizeof(text) / 2);
	memset(text + sizeof(text) / 2, ']', sizeof(text) / 2);
	eq_num(exact_check(text, sizeof(text), &at), JSON_DEPTH, "129 levels");
	eq_num(at, JSON_MAX_DEPTH, "at the bracket too many");
	eq_num(json_check_within("[[1]]", 5, JSON_MAX_DEPTH - 2, NULL), JSON_OK, "two levels inside 126");
	eq_num(json_check_within("[[1]]", 5, JSON_MAX_DEPTH - 1, NULL), JSON_DEPTH, "but not inside 127");
	/* Objects and arrays in turn: each bit of the stack counts. */
	for (unsigned mask = 0; mask < 256; mask++) {
		struct buf b;

		buf_init(&b, 4096);
		for (int i = 0; i < 120; i++)
			buf_adds(&b, mask >> (i % 8) & 1 ? "{\"a\":" : "[");
		buf_adds(&b, "0");
		for (int i = 119; i >= 0; i--)
			buf_adds(&b, mask >> (i % 8) & 1 ? "}" : "]");
		if (json_check((char *)b.p, b.len, NULL) != JSON_OK)
			ok(false, "mixed brackets, %x", mask);
		buf_fini(&b);
	}
}

/* --- a second opinion: the grammar of RFC 8259, by recursion --- */

struct naive {
	const unsigned char *p, *end;
};

static bool naive_value(struct naive *s);

static void naive_space(struct naive *s)
{
	while (s->p < s->end && *s->p != 0 && strchr(" \t\r\n", *s->p) != NULL)
		s->p++;
}

static bool naive_take(struct naive *s, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
		return false;
	s->p += n;
	return true;
}

static bool naive_digits(struct naive *s)
{
	const unsigned char *from = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return s->p > from;
}

static bool naive_number(struct naive *s)
{
	naive_take(s, "-");
	if (!naive_take(s, "0") && !naive_digits(s))
		return false;
	if (naive_take(s, ".") && !naive_digits(s))
		return false;
	if (naive_take(s, "e") || naive_take(s, "E")) {
		if (!naive_take(s, "+"))
			naive_take(s, "-");
		return naive_digits(s);
	}
	return true;
}

static bool naive_string(struct naive *s)
{
	if (!naive_take(s, "\""))
		return false;
	while (s->p < s->end && *s->p != '"') {
		if (*s->p < 0x20)
			return false;
		if (*s->p++ != '\\')
			continue;
		if (s->p == s->end || *s->p == 0 || strchr("\"\\/bfnrtu", *s->p) == NULL)
			return false;
		if (*s->p++ == 'u')
			for (int i = 0; i < 4; i++, s->p++)
				if (s->p == s->end || *s->p == 0 ||
						strchr("0123456789abcdefABCDEF", *s->p) == NULL)
					return false;
	}
	return naive_take(s, "\"");
}

static bool naive_list(struct naive *s, bool object)
{
	s->p++;
	naive_space(s);
	if (naive_take(s, object ? "}" : "]"))
		return true;
	do {
		naive_space(s);
		if (object) {
			if (!naive_string(s))
				return false;
			naive_space(s);
			if (!naive_take(s, ":"))
				return false;
		}
		if (!naive_value(s))
			return false;
	} while (naive_take(s, ","));
	return naive_take(s, object ? "}" : "]");
}

static bool naive_value(struct naive *s)
{
	bool good;

	naive_space(s);
	if (s->p == s->end)
		return false;
	if (*s->p == '{' || *s->p == '[')
		good = naive_list(s, *s->p == '{');
	else if (*s->p == '"')
		good = naive_string(s);
	else
		good = naive_take(s, "true") || naive_take(s, "false") || naive_take(s, "null") ||
			naive_number(s);
	naive_space(s);
	return good;
}

static bool naive_check(const char *p, size_t n)
{
	struct naive s = {(const unsigned char *)p, (const unsigned char *)p + n};

	return utf8_valid(p, n) && naive_value(&s) && s.p == s.end;
}

static void compare(const char *p, size_t n, unsigned *wrong, unsigned *good)
{
	size_t at = 0;
	bool want = naive_check(p, n);
	enum json_status st = exact_check(p, n, &at);

	*good += want;
	if ((st == JSON_OK) != want || at > n) {
		if ((*wrong)++ == 0)
			printf("#   differs: %.*s (%d at %zu)\n", (int)n, p, st, at);
	}
}

static const char *const samples[] = {
	"{\"id\":\"1763950000123456\",\"topic\":\"chat/lobby\",\"seq\":17,\"data\":{\"text\":\"hi\"}}",
	"[1,-2.5e+10,0,true,false,null,\"x\",[],{},[[{\"a\":[]}]]]",
	"\"plain text of more than eight bytes \\u00e9\\n\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 and on\"",
	" { \"a\" : [ 1 , 2 ] , \"b\" : { } , \"a\" : \"\\\"\" } ",
};

/* Cut each sample short, change each byte to each other, and make many random changes. */
static void against_naive(void)
{
	static const char set[] = "{}[],:\"\\u0e-1.tn \xC3\xA9\n";
	unsigned wrong = 0, good = 0;

	srand(1);
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		size_t n = strlen(samples[i]);
		char text[128];

		for (size_t cut = 0; cut <= n; cut++)
			compare(samples[i], cut, &wrong, &good);
		for (size_t at = 0; at < n; at++) {
			memcpy(text, samples[i], n);
			for (int c = 0; c < 256; c++) {
				text[at] = (char)c;
				compare(text, n, &wrong, &good);
			}
		}
		for (int round = 0; round < 20000; round++) {
			size_t len = n, at = (size_t)rand() % n;

			memcpy(text, samples[i], n);
			for (int k = rand() % 3; k >= 0; k--)
				text[(size_t)rand() % n] = set[(size_t)rand() % (sizeof(set) - 1)];
			if (rand() % 2 == 0) {
				memmove(text + at, text + at + 1, n - at - 1);
				len--;
			}
			compare(text, len, &wrong, &good);
		}
	}
	ok(wrong == 0 && good > 5000, "as a simpler program says, on every cut and change (%u good)", good);
}

/* Short texts of every kind of character, all of them. */
static void every_short_text(void)
{
	static const char set[] = "{}[],:\"\\ue0-1. ";
	size_t kinds = sizeof(set) - 1;
	unsigned wrong = 0, good = 0;

	for (size_t n = 1, texts = kinds; n <= 5; n++, texts *= kinds) {
		for (size_t v = 0; v < texts; v++) {
			char text[5];

			for (size_t i = 0, rest = v; i < n; i++, rest /= kinds)
				text[i] = set[rest % kinds];
			compare(text, n, &wrong, &good);
		}
	}
	ok(wrong == 0 && good > 100, "all texts of up to five of 15 characters (%u good)", good);
}

/* A byte that ends a run of plain ones, at each place of the eight that are looked at. */
static void string_runs(void)
{
	char text[42];
	unsigned wrong = 0, good = 0;

	for (size_t at = 1; at < sizeof(text) - 1; at++) {
		for (int c = 0; c < 256; c++) {
			memset(text, '!', sizeof(text));
			text[0] = text[sizeof(text) - 1] = '"';
			text[at] = (char)c;
			compare(text, sizeof(text), &wrong, &good);
		}
	}
	eq_num(wrong, 0, "each byte at each place of a string");
}

/* --- one line, strings --- */

static void one_line(void)
{
	static const char *const pairs[][2] = {
		{"{\"a\":1}", "{\"a\":1}"}, {"  1\n", "1"}, {"{\r\n  \"a\" : 1\n}\n", "{  \"a\" : 1}"},
		{"\t[1,\n2]\r\n", "[1,2]"}, {"\"a b\"", "\"a b\""}, {"[1,\r2]", "[1,2]"},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		size_t n = strlen(pairs[i][0]);
		char *in = malloc(n), *out = malloc(n);

		memcpy(in, pairs[i][0], n);
		eq_bytes(out, json_one_line(out, in, n), pairs[i][1], strlen(pairs[i][1]), "one line");
		free(in);
		free(out);
	}
	eq_num(json_one_line(NULL, " \n", 2), 0, "white space alone is nothing");
}

static void quote(void)
{
	struct buf b;

	buf_init(&b, 4096);
	buf_adds(&b, "x=");
	ok(json_quote(&b, STR_LIT("a\"b\\c/\b\f\n\r\t\x01\x1F\x7F\xC3\xBC\0z")) == 0, "quote");
	eq_str(buf_cstr(&b), "x=\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001f\x7F\xC3\xBC\\u0000z\"",
		"escaped");
	buf_reset(&b);
	ok(json_quote(&b, STR_LIT("")) == 0 && json_quote(&b, STR_NULL) == 0, "nothing");
	eq_str(buf_cstr(&b), "\"\"\"\"", "is an empty string");
	buf_fini(&b);
	buf_init(&b, 8);
	buf_adds(&b, "ab");
	ok(json_quote(&b, STR_LIT("1\n23")) == -1 && errno == EMSGSIZE, "one byte too many");
	eq_bytes(b.p, b.len, "ab", 2, "changes nothing");
	ok(json_quote(&b, STR_LIT("1\n2")) == 0 && b.len == 8, "exactly full");
	buf_fini(&b);
}

static void unquoted(const char *raw, const char *want, size_t n)
{
	struct str s = str_of(raw);
	char *exact = malloc(s.n), *out = malloc(n > 0 ? n : 1);
	struct buf b;

	memcpy(exact, raw, s.n);
	s.p = exact;
	eq_bytes(out, json_unquote(out, s), want, n, raw);
	buf_init(&b, n);
	ok(json_unquote_add(&b, s) == 0, "into a buffer that is just large enough");
	eq_bytes(b.p, b.len, want, n, raw);
	buf_fini(&b);
	free(exact);
	free(out);
}

static void unquote(void)
{
	struct buf b;

	unquoted("\"\"", "", 0);
	unquoted("\"plain\"", "plain", 5);
	unquoted("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8);
	unquoted("\"\\u0041\\u00e9\\u20AC\\uD83D\\uDE00\"", "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 10);
	unquoted("\"a\\u0000b\"", "a\0b", 3);
	unquoted("\"\\uD800\"", "\xEF\xBF\xBD", 3);
	unquoted("\"\\uDC00x\"", "\xEF\xBF\xBDx", 4);
	unquoted("\"\\uD800\\uD800\\uDC00\"", "\xEF\xBF\xBD\xF0\x90\x80\x80", 7);
	unquoted("\"\\uD800\\n\"", "\xEF\xBF\xBD\n", 4);
	unquoted("\"\\uD800\\u0041\"", "\xEF\xBF\xBD""A", 4);
	unquoted("\"\\uDBFF\\uDFFF\"", "\xF4\x8F\xBF\xBF", 4);
	unquoted("\"\\uD83D\\uDBFF\"", "\xEF\xBF\xBD\xEF\xBF\xBD", 6);
	unquoted("\"\xC3\xA9\\u00E9\xC3\xA9\"", "\xC3\xA9\xC3\xA9\xC3\xA9", 6);
	unquoted("17", "17", 2);
	unquoted("{\"a\":\"\\n\"}", "{\"a\":\"\\n\"}", 10);
	buf_init(&b, 3);
	ok(json_unquote_add(&b, STR_LIT("\"\\u00e9ab\"")) == -1 && b.len == 0, "too long for a buffer");
	buf_fini(&b);
}

/* Quoting and unquoting random text gives it back. */
static void round_trip(void)
{
	unsigned wrong = 0;

	srand(1);
	for (int i = 0; i < 5000; i++) {
		char text[64], out[JSON_QUOTE_MAX(64)];
		size_t n = (size_t)rand() % 32;
		struct buf b;

		for (size_t j = 0; j < n; j++)
			text[j] = (char)(rand() % 128);
		if (rand() % 2 == 0) {
			memcpy(text + n, "\xF0\x9F\x98\x80", 4);
			n += 4;
		}
		buf_init(&b, JSON_QUOTE_MAX(n));
		wrong += json_quote(&b, (struct str){text, n}) != 0 ||
			json_check((char *)b.p, b.len, NULL) != JSON_OK ||
			json_unquote(out, buf_str(&b)) != n || memcmp(out, text, n) != 0;
		buf_fini(&b);
	}
	eq_num(wrong, 0, "5,000 random texts, quoted and back");
}

/* --- members and elements --- */

static void members(void)
{
	struct json_member m[] = {{.name = "a"}, {.name = "data"}, {.name = "x"}, {.name = ""}};
	struct str unknown;
	static const char text[] = " { \"a\" : 1 , \"other\" : [ 1 , { \"x\" : 2 } ] , "
		"\"data\" : {\"a\":\"}\"} ,\"more\":null, \"\":\"e\" } ";

	eq_num(json_members(STR_LIT(text), m, 4, &unknown), 0, "an object");
	eq_bytes(m[0].raw.p, m[0].raw.n, "1", 1, "a number");
	eq_num(m[0].type, JSON_NUMBER, "its type");
	eq_bytes(m[1].raw.p, m[1].raw.n, "{\"a\":\"}\"}", 9, "an object, whole");
	eq_num(m[1].type, JSON_OBJECT, "its type");
	ok(m[2].raw.p == NULL && m[2].type == JSON_NONE, "a nested member does not count");
	eq_bytes(m[3].raw.p, m[3].raw.n, "\"e\"", 3, "an empty name");
	eq_bytes(unknown.p, unknown.n, "\"other\"", 7, "the first that nobody wants");

	eq_num(json_members(STR_LIT("{\"a\":1,\"\\u0061\":\"two\"}"), m, 1, &unknown), 0, "given twice");
	eq_bytes(m[0].raw.p, m[0].raw.n, "\"two\"", 5, "the last counts, names are decoded");
	ok(unknown.p == NULL, "and nothing is unknown");
	eq_num(json_members(STR_LIT("{\"d\\u0061t\\u0061\":[],\"dat\":1,\"datax\":2,\"a\\u0000\":3}"),
		m, 2, NULL), 0, "escaped names");
	eq_bytes(m[1].raw.p, m[1].raw.n, "[]", 2, "found");
	ok(m[0].raw.p == NULL, "\"a\\u0000\" is not \"a\"");
	ok(json_members(STR_LIT("{}"), m, 4, &unknown) == 0 && m[0].raw.p == NULL, "an empty object");
	ok(json_members(STR_LIT("[1]"), m, 4, NULL) == -1 && errno == EINVAL, "an array is no object");
	ok(json_members(STR_LIT("\"{}\""), m, 4, NULL) == -1 && errno == EINVAL, "nor is a string");
	ok(json_members(STR_LIT(""), m, 4, NULL) == -1 && errno == EINVAL, "nor nothing");
}

static void types(void)
{
	static const struct {
		const char *text;
		enum json_type type;
	} of[] = {{"{}", JSON_OBJECT}, {"[]", JSON_ARRAY}, {"\"\"", JSON_STRING}, {"-1", JSON_NUMBER},
		{"0", JSON_NUMBER}, {"true", JSON_BOOL}, {"false", JSON_BOOL}, {"null", JSON_NULL},
		{"", JSON_NONE}, {"}", JSON_NONE}, {"x", JSON_NONE}};

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		eq_num(json_type_of(str_of(of[i].text)), of[i].type, of[i].text);
	eq_num(json_type_of(STR_NULL), JSON_NONE, "absent");
}

/* More tokens than fit on the stack, with each member's place checked. */
static void many_members(void)
{
	struct json_member m[3] = {{.name = "k0"}, {.name = "k499"}, {.name = "k999"}};
	struct buf b;
	char *exact;

	buf_init(&b, 100000);
	for (int i = 0; i < 1000; i++)
		buf_addf(&b, "%s\"k%d\":[%d,{\"k499\":0}]", i > 0 ? "," : "{", i, i);
	buf_addc(&b, '}');
	exact = malloc(b.len);
	memcpy(exact, b.p, b.len);
	eq_num(json_members((struct str){exact, b.len}, m, 3, NULL), 0, "1,000 members");
	eq_bytes(m[0].raw.p, m[0].raw.n, "[0,{\"k499\":0}]", 14, "the first");
	eq_bytes(m[1].raw.p, m[1].raw.n, "[499,{\"k499\":0}]", 16, "one in the middle");
	eq_bytes(m[2].raw.p, m[2].raw.n, "[999,{\"k499\":0}]", 16, "the last");
	free(exact);
	buf_fini(&b);
}

static int collect(void *arg, struct str raw)
{
	struct buf *b = arg;

	buf_addf(b, "<%.*s>", (int)raw.n, raw.p);
	return str_is(raw, "\"stop\"") ? 7 : 0;
}

static void elements(void)
{
	struct buf b;

	buf_init(&b, 4096);
	eq_num(json_elements(STR_LIT(" [ 1 , \"a,b\" , [2,[3]] , {\"x\":[4]} , null ] "),
		collect, &b), 0, "elements");
	eq_str(buf_cstr(&b), "<1><\"a,b\"><[2,[3]]><{\"x\":[4]}><null>", "each of them, whole");
	buf_reset(&b);
	eq_num(json_elements(STR_LIT("[1,\"stop\",2]"), collect, &b), 7, "stopped");
	eq_str(buf_cstr(&b), "<1><\"stop\">", "after the one that stopped it");
	buf_reset(&b);
	ok(json_elements(STR_LIT("[]"), collect, &b) == 0 && b.len == 0, "none");
	ok(json_elements(STR_LIT("{}"), collect, &b) == -1 && errno == EINVAL, "an object is no array");
	buf_fini(&b);
}

int main(void)
{
	table();
	depth();
	against_naive();
	every_short_text();
	string_runs();
	one_line();
	quote();
	unquote();
	round_trip();
	members();
	types();
	many_members();
	elements();
	return tap_done();
}
