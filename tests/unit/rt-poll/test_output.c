/* SPDX-License-Identifier: MIT */
#include "cmd/rt-poll/output.h"

#include <stdlib.h>

#include "cmd/rt-poll/poll.h"
#include "tests/unit/tap.h"

static void check(bool payload, bool escape, const char *line, struct str want, const char *what)
{
	struct output o;
	struct envelope e;

	output_init(&o, payload);
	o.escape = escape;
	eq_num(envelope_parse(&e, str_of(line)), JSON_OK, what);
	eq_num(output_add(&o, &e), 0, what);
	eq_bytes(o.b.p, o.b.len, want.p, want.n, what);
	output_drop(&o);
	eq_num(o.b.len, 0, "dropped");
	output_fini(&o);
}

static void test_lines(void)
{
	check(false, false, "{\"topic\":\"t\", \"data\":1}", STR_LIT("{\"topic\":\"t\", \"data\":1}\n"),
		"an envelope as it is");
	check(true, false, "{\"data\":\"a\\n\\u001b\"}", STR_LIT("a\n\x1b\n"), "a string, exact");
	check(true, false, "{\"data_base64\":\"AP8=\"}", STR_LIT("\0\xff\n"), "bytes, exact");
	check(true, true, "{\"data\":\"a\\n\\t\\u001b\\u007f\\u009b\xC3\xA9\"}",
		STR_LIT("a\n\t\\x1b\\x7f\\u009b\xC3\xA9\n"), "escaped for a terminal");
	check(true, true, "{\"data_base64\":\"/8M=\"}", STR_LIT("\\xff\\xc3\n"), "bytes for a terminal");
	setenv("NO_COLOR", "1", 1);
	check(false, true, "{\"data\":\"\x7F\xE2\x80\xAE\"}",
		STR_LIT("{\"data\":\"\\u007f\\u202e\"}\n"), "an envelope for a terminal is still JSON");
	check(false, false, "{\"gap\":{\"topic\":\"t\"}}", STR_LIT("{\"gap\":{\"topic\":\"t\"}}\n"), "a gap");
}

static void test_header(void)
{
	struct buf b;

	buf_init(&b, 64);
	eq_str(poll_header(&b, "If-None-Match", "12", true), "If-None-Match: \"12\"", "quoted");
	eq_str(poll_header(&b, "Last-Event-ID", "12", false), "Last-Event-ID: 12", "plain");
	ok(poll_header(&b, "X", "1\r\nY: 2", false) == NULL, "no second header in a value");
	buf_fini(&b);
	buf_init(&b, 4);
	ok(poll_header(&b, "X", "123456", false) == NULL, "too long");
	buf_fini(&b);
}

int main(void)
{
	test_lines();
	test_header();
	return tap_done();
}
