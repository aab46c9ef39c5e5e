/* SPDX-License-Identifier: MIT */
#include "wire/template.h"

#include <stdlib.h>

#include "tests/unit/tap.h"

static const struct template_values values = {
	.topic = {"a b/\xc3\xa4&?", 8},
	.payload = {"{\"x\":\"\\\n\"}", 10},
	.cursor = {"1/2=", 4},
	.n = UINT64_MAX,
	.sub = 7,
};

static void fills(const char *text, bool url, const char *want)
{
	struct buf b;

	buf_init(&b, 1000);
	ok(template_check(text) == NULL && template_fill(&b, text, &values, url) == 0,
		"'%s' is filled", text);
	eq_str(buf_cstr(&b), want, "... as it should be");
	buf_fini(&b);
}

static void checks(void)
{
	static const char *const wrong[] = {"{topic", "{x}", "{topicx}", "{payload:xml}",
		"{payload:}", "a{b", "{n}{sub"};
	static const char *const right[] = {"", "x", "{", "{}", "{Topic}", "{ topic}", "{topic}{",
		"{{", "}", "}}", "{{topic}", "{{{", "{n}{n}", "{{{n}", "{\"a\":{\"b\":{n}}}"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ok(template_check(wrong[i]) != NULL, "'%s' is none", wrong[i]);
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		ok(template_check(right[i]) == NULL, "'%s' is one", right[i]);
}

static void full(void)
{
	struct buf b;

	for (size_t most = 0; most < 30; most++) {
		buf_init(&b, most);
		if (template_fill(&b, "x{topic}{n}", &values, true) == 0 || b.len != 0)
			break;
		buf_fini(&b);
		b.len = 0;
	}
	ok(b.len == 0, "without room nothing is appended");
}

int main(void)
{
	checks();
	fills("http://h/{topic}?n={n}&s={sub}&c={cursor}", true,
		"http://h/a%20b/%C3%A4%26%3F?n=18446744073709551615&s=7&c=1/2%3D");
	fills("{payload}", false, "{\"x\":\"\\\n\"}");
	fills("{{\"d\":{payload:json},\"n\":{n}}", false,
		"{\"d\":\"{\\\"x\\\":\\\"\\\\\\n\\\"}\",\"n\":18446744073709551615}");
	fills("?d={payload:json}", true, "?d=%22%7B%5C%22x%5C%22%3A%5C%22%5C%5C%5Cn%5C%22%7D%22");
	fills("{\"d\":{payload},\"n\":{n}}", false, "{\"d\":{\"x\":\"\\\n\"},\"n\":18446744073709551615}");
	fills("{{{{}}", false, "{{}}");
	fills("", true, "");
	full();
	ok(template_uses("a{{n}{topic}", "topic") && !template_uses("a{{n}{topic}", "n") &&
		!template_uses("", "n"), "which places there are");
	return tap_done();
}
