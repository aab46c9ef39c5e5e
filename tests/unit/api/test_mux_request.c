/* SPDX-License-Identifier: MIT */

#include "api/mux_request.h"
#include "tests/unit/tap.h"

static char scratch[4096];
static struct mux_request r;

static const char *parse(const char *text)
{
	return mux_request_parse(&r, str_of(text), scratch);
}

static void refused(const char *text, const char *hint)
{
	const char *why = parse(text);

	ok(why != NULL, "refused: %s", text);
	if (why != NULL && !ok(strstr(why, hint) != NULL, "with: %s", hint))
		printf("#   %s\n", why);
}

static void test_members(void)
{
	struct str s;
	bool flag = true;

	ok(parse("{\"op\":\"publish\",\"ref\":[1,\"a\"],\"topic\":\"a\\/b\",\"type\":\"t\\u00e9\","
		"\"data\":{\"x\": [1]},\"store\":false}") == NULL, "a request");
	ok(str_is(r.ref, "[1,\"a\"]"), "its ref is kept as it is");
	ok(mux_request_text(&r, MUX_OP, &s) && str_is(s, "publish"), "op");
	ok(mux_request_text(&r, MUX_TOPIC, &s) && str_is(s, "a/b"), "strings are decoded");
	ok(mux_request_text(&r, MUX_TYPE, &s) && str_is(s, "t\xc3\xa9"), "to UTF-8");
	ok(mux_request_text(&r, MUX_KEY, &s) && s.p == NULL, "what is absent");
	ok(str_is(r.m[MUX_DATA].raw, "{\"x\": [1]}"), "data is kept byte for byte");
	ok(mux_request_flag(&r, MUX_STORE, &flag) && !flag, "a flag");
	ok(mux_request_flag(&r, MUX_HEARTBEAT, &flag) && !flag, "an absent flag changes nothing");
	ok(!mux_request_text(&r, MUX_STORE, &s), "a flag is no string");
	ok(!mux_request_flag(&r, MUX_TOPIC, &flag), "a string is no flag");
}

static void test_refs(void)
{
	char text[400];

	ok(parse("{\"op\":\"ping\"}") == NULL && str_is(r.ref, "null"), "no ref is null");
	ok(parse("{\"op\":\"ping\",\"ref\":null}") == NULL && str_is(r.ref, "null"), "as is null");
	ok(parse("{\"ref\":\"x\"}") == NULL && str_is(r.ref, "\"x\""), "a string has its quotes");
	snprintf(text, sizeof(text), "{\"ref\":\"%0254d\"}", 0);
	ok(parse(text) == NULL && r.ref.n == 256, "256 bytes");
	snprintf(text, sizeof(text), "{\"ref\":\"%0255d\"}", 0);
	refused(text, "256 bytes");
	ok(str_is(r.ref, "null"), "which is then not sent back");
}

static void test_refused(void)
{
	refused("", "");
	refused("hello", "");
	refused("{\"op\":\"ping\"", "");
	refused("{\"op\":\"ping\"}{}", "");
	refused("[]", "send an object");
	refused("\"op\"", "send an object");
	refused("{\"op\":\"\xff\"}", "UTF-8");
}

int main(void)
{
	test_members();
	test_refs();
	test_refused();
	return tap_done();
}
