/* SPDX-License-Identifier: MIT */
#include "libcommon/topic.h"

#include <stdlib.h>

#include "tests/unit/tap.h"

static enum topic_status exact_check(const char *s, size_t n, bool pattern)
{
	char *p = malloc(n > 0 ? n : 1);
	enum topic_status st;

	memcpy(p, s, n);
	st = pattern ? topic_check_pattern((struct str){p, n}) : topic_check((struct str){p, n});
	free(p);
	return st;
}

static void checks(void)
{
	static const struct {
		const char *text;
		enum topic_status name, pattern;
	} cases[] = {
		{"", TOPIC_EMPTY, TOPIC_EMPTY},
		{"a", TOPIC_OK, TOPIC_OK},
		{"chat/lobby", TOPIC_OK, TOPIC_OK},
		{"gr\xC3\xBC\xC3\x9F""e/\xE6\x97\xA5\xE6\x9C\xAC", TOPIC_OK, TOPIC_OK},
		{"a b/c?d#e%2F", TOPIC_OK, TOPIC_OK},
		{"$presence/chat", TOPIC_OK, TOPIC_OK},
		{"/", TOPIC_EMPTY_LEVEL, TOPIC_EMPTY_LEVEL},
		{"/a", TOPIC_EMPTY_LEVEL, TOPIC_EMPTY_LEVEL},
		{"a/", TOPIC_EMPTY_LEVEL, TOPIC_EMPTY_LEVEL},
		{"a//b", TOPIC_EMPTY_LEVEL, TOPIC_EMPTY_LEVEL},
		{".", TOPIC_DOT_LEVEL, TOPIC_DOT_LEVEL},
		{"..", TOPIC_DOT_LEVEL, TOPIC_DOT_LEVEL},
		{"a/./b", TOPIC_DOT_LEVEL, TOPIC_DOT_LEVEL},
		{"a/..", TOPIC_DOT_LEVEL, TOPIC_DOT_LEVEL},
		{"...", TOPIC_OK, TOPIC_OK},
		{".a/b.", TOPIC_OK, TOPIC_OK},
		{"*", TOPIC_WILDCARD, TOPIC_OK},
		{"**", TOPIC_WILDCARD, TOPIC_OK},
		{"a/*/b", TOPIC_WILDCARD, TOPIC_OK},
		{"*/*", TOPIC_WILDCARD, TOPIC_OK},
		{"a/**", TOPIC_WILDCARD, TOPIC_OK},
		{"**/a", TOPIC_WILDCARD, TOPIC_WILDCARD},
		{"a/**/b", TOPIC_WILDCARD, TOPIC_WILDCARD},
		{"a*/b**/***", TOPIC_OK, TOPIC_OK},
		{"a\nb", TOPIC_CHARACTER, TOPIC_CHARACTER},
		{"a\x7F", TOPIC_CHARACTER, TOPIC_CHARACTER},
		{"a\xC2\x85", TOPIC_CHARACTER, TOPIC_CHARACTER},
		{"a\xC2\xAD""b", TOPIC_CHARACTER, TOPIC_CHARACTER},
		{"a\xE2\x80\x8B", TOPIC_CHARACTER, TOPIC_CHARACTER},
		{"a\xE2\x80\xAE", TOPIC_CHARACTER, TOPIC_CHARACTER},
		{"\xEF\xBB\xBF""a", TOPIC_CHARACTER, TOPIC_CHARACTER},
		{"a\xF3\xA0\x80\xA0", TOPIC_CHARACTER, TOPIC_CHARACTER},
		{"a\xFF", TOPIC_UTF8, TOPIC_UTF8},
		{"a\xC3", TOPIC_UTF8, TOPIC_UTF8},
		{"a\xED\xA0\x80", TOPIC_UTF8, TOPIC_UTF8},
	};
	char longest[TOPIC_MAX + 1];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = strlen(cases[i].text);

		eq_num(exact_check(cases[i].text, n, false), cases[i].name, cases[i].text);
		eq_num(exact_check(cases[i].text, n, true), cases[i].pattern, "... as a pattern");
	}
	memset(longest, 'x', sizeof(longest));
	eq_num(exact_check(longest, TOPIC_MAX, false), TOPIC_OK, "255 bytes");
	eq_num(exact_check(longest, TOPIC_MAX + 1, false), TOPIC_TOO_LONG, "256 bytes");
	eq_num(exact_check("a\0b", 3, false), TOPIC_CHARACTER, "NUL");
	for (int st = TOPIC_OK; st <= TOPIC_WILDCARD; st++)
		ok(topic_status_text(st)[0] != '\0', "status %d has a sentence", st);
}

static void properties(void)
{
	ok(topic_is_reserved(STR_LIT("$a")) && !topic_is_reserved(STR_LIT("a/$b")), "reserved names");
	ok(!topic_is_reserved(STR_LIT("")), "an empty one is not");
	ok(topic_is_pattern(STR_LIT("a/*")) && topic_is_pattern(STR_LIT("**")), "patterns");
	ok(!topic_is_pattern(STR_LIT("a*/b")) && !topic_is_pattern(STR_LIT("a")), "names");
}

static void levels(void)
{
	struct str rest = STR_LIT("a/bc/d");

	ok(str_is(topic_next_level(&rest), "a") && str_is(rest, "bc/d"), "first level");
	ok(str_is(topic_next_level(&rest), "bc") && str_is(rest, "d"), "second level");
	ok(str_is(topic_next_level(&rest), "d") && rest.p == NULL, "last level");
}

static void matches(void)
{
	static const struct {
		char pattern[8], name[8];
		bool match;
	} cases[] = {
		{"a/b", "a/b", true}, {"a/b", "a", false}, {"a", "a/b", false}, {"a", "b", false},
		{"*", "a", true}, {"*", "a/b", false}, {"a/*", "a/b", true}, {"a/*", "a", false},
		{"a/*", "a/b/c", false}, {"*/c", "a/c", true}, {"a/*/c", "a/b/c", true},
		{"**", "a", true}, {"**", "a/b/c", true}, {"a/**", "a", false}, {"a/**", "a/b", true},
		{"a/**", "a/b/c", true}, {"a/**", "ab/c", false}, {"*/**", "a", false}, {"*/**", "a/b", true},
		{"*", "$a", false}, {"**", "$a/b", false}, {"*/b", "$a/b", false}, {"$a/*", "$a/b", true},
		{"$a/**", "$a/b/c", true}, {"a/*", "a/$b", true}, {"$a", "$a", true}, {"a*", "ab", false},
		{"A", "a", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(topic_match(str_of(cases[i].pattern), str_of(cases[i].name)) == cases[i].match,
			"%s %s %s", cases[i].pattern, cases[i].match ? "matches" : "does not match",
			cases[i].name);
}

/* Matching by recursion over C strings. */
static bool naive(const char *pattern, const char *name)
{
	size_t p = strcspn(pattern, "/"), n = strcspn(name, "/");

	if (strcmp(pattern, "**") == 0)
		return true;
	if (!(p == 1 && pattern[0] == '*') && (p != n || strncmp(pattern, name, p) != 0))
		return false;
	if (pattern[p] == '\0' || name[n] == '\0')
		return pattern[p] == name[n];
	return naive(pattern + p + 1, name + n + 1);
}

static void random_levels(char *dst, const char *const *from, int kinds)
{
	int n = 1 + rand() % 4;

	dst[0] = '\0';
	for (int i = 0; i < n; i++) {
		strcat(dst, i > 0 ? "/" : "");
		strcat(dst, from[rand() % kinds]);
	}
}

static void against_naive(void)
{
	static const char *const words[] = {"a", "b", "ab", "*", "**"};
	unsigned wrong = 0, matched = 0;

	srand(1);
	for (int i = 0; i < 50000; i++) {
		char pattern[64], name[64];
		bool got;

		random_levels(pattern, words, 5);
		random_levels(name, words, 3);
		if (topic_check_pattern(str_of(pattern)) != TOPIC_OK)
			continue;
		got = topic_match(str_of(pattern), str_of(name));
		matched += got;
		wrong += got != naive(pattern, name);
	}
	ok(wrong == 0 && matched > 1000, "random patterns match as in a simpler program (%u)", matched);
}

int main(void)
{
	checks();
	properties();
	levels();
	matches();
	against_naive();
	return tap_done();
}
