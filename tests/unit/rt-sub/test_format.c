/* SPDX-License-Identifier: MIT */
#include "cmd/rt-sub/format.h"
#include "tests/unit/tap.h"

static const char line[] = "{\"id\":\"17\",\"topic\":\"a/b\",\"seq\":3,\"time\":\"2025-11-24T02:06:40.123Z\","
	"\"type\":\"t\\u00e4\",\"key\":\"k\\\"1\",\"from\":\"me\",\"data\":\"x\\ny\"}";

static void check(const char *text, const char *envelope, const char *want)
{
	struct envelope e;
	struct format *f;
	const char *wrong = NULL;
	struct buf b;

	buf_init(&b, 10000);
	buf_adds(&b, "before:");
	f = format_new(text, &wrong);
	ok(f != NULL, "%s: compiles", text);
	ok(envelope_parse(&e, str_of(envelope)) == JSON_OK && format_add(f, &b, &e) == 0,
		"%s: is made", text);
	eq_str(buf_cstr(&b) + 7, want, text);
	format_free(f);
	buf_fini(&b);
}

static void refused(const char *text)
{
	const char *wrong = NULL;

	ok(format_new(text, &wrong) == NULL && wrong != NULL && *wrong != '\0', "%s: is refused", text);
}

int main(void)
{
	struct envelope e;
	struct buf b;

	check("%t", line, "a/b");
	check("%p", line, "x\ny");
	check("%i %s %k", line, "17 3 k\"1");
	check("%e by %f at %I", line, "t\xc3\xa4 by me at 2025-11-24T02:06:40.123Z");
	check("%j", line, line);
	check("%l:%x.", line, "3:780a79.");
	check("100%% \\t\\\\\\n\\e", line, "100% \t\\\n\x1b");
	check("", line, "");
	check("plain", line, "plain");
	check("[%k|%e|%f|%s]", "{\"topic\":\"t\",\"data\":null}", "[|||]");
	check("%p", "{\"topic\":\"t\",\"data\":{\"a\": 1}}", "{\"a\": 1}");
	check("%p %l %x", "{\"topic\":\"t\",\"data_base64\":\"/wA=\"}", "\xff");	/* then a NUL */
	refused("%");
	refused("%q");
	refused("x\\");
	refused("\\q");

	buf_init(&b, 10000);
	envelope_parse(&e, STR_LIT("{\"id\":\"1\"}"));
	ok(format_add(NULL, &b, &e) == 0, "no format");
	eq_str(buf_cstr(&b), "{\"id\":\"1\"}", "is the whole envelope");
	buf_fini(&b);
	return tap_done();
}
