/* SPDX-License-Identifier: MIT */
#include "terminal.h"

#include <stdlib.h>

#include "json.h"
#include "tests/unit/tap.h"

static void check(enum terminal_text form, struct str text, const char *want, const char *what)
{
	struct buf b;

	buf_init(&b, 4096);
	eq_num(terminal_add(&b, text, form), 0, what);
	eq_bytes(b.p, b.len, want, strlen(want), what);
	if (form == TERMINAL_JSON)
		eq_num(json_check((char *)b.p, b.len, NULL), JSON_OK, "it is still JSON");
	buf_fini(&b);
}

static void test_plain(void)
{
	check(TERMINAL_PLAIN, STR_LIT("a\n\t\r\x1b[2J\x7f"), "a\n\t\\x0d\\x1b[2J\\x7f", "C0 and DEL");
	check(TERMINAL_PLAIN, STR_LIT("\xc2\x9b\xe2\x80\xae\xc3\xa4"), "\\u009b\\u202e\xc3\xa4",
		"C1 and bidi controls, but no letters");
	check(TERMINAL_PLAIN, STR_LIT("\xf3\xa0\x80\xa0"), "\\U000e0020",
		"a format character beyond 16 bits");
	check(TERMINAL_PLAIN, STR_LIT("\0\xff\xc3"), "\\x00\\xff\\xc3", "NUL, and what is no UTF-8");
}

static void test_json(void)
{
	check(TERMINAL_JSON, STR_LIT("{\"\xc2\x9b\":\"\xe2\x80\xae\x7f\xc3\xa4\"}"),
		"{\"\\u009b\":\"\\u202e\\u007f\xc3\xa4\"}", "escaped as JSON does");
	check(TERMINAL_JSON, STR_LIT("\"\xf3\xa0\x80\xa0\""), "\"\\udb40\\udc20\"", "a surrogate pair");
	check(TERMINAL_JSON, STR_LIT("{\t\"a\"\r:1}"), "{\t\"a\" :1}", "white space between tokens");
}

static void test_colour(void)
{
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	eq_num(terminal_json(), TERMINAL_COLOUR, "colours");
	setenv("NO_COLOR", "1", 1);
	eq_num(terminal_json(), TERMINAL_JSON, "but not with NO_COLOR");
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	eq_num(terminal_json(), TERMINAL_JSON, "and not on a dumb terminal");
	check(TERMINAL_COLOUR, STR_LIT("{\"a\":{\"b\":\"}\\\"\"},\"c\":[\"d\"]}"),
		"{\x1b[36m\"a\"\x1b[0m:{\"b\":\"}\\\"\"},\x1b[36m\"c\"\x1b[0m:[\"d\"]}",
		"its own names, and nothing else");
}

int main(void)
{
	test_plain();
	test_json();
	test_colour();
	return tap_done();
}
