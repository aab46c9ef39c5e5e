/* SPDX-License-Identifier: MIT */
#include "api/problem.h"

#include <stdlib.h>

#include "json.h"
#include "tests/unit/tap.h"

static void test_write(void)
{
	static const char want[] = "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
		"\"detail\":\"say \\\"please\\\"\\n\"}\n";
	struct buf b;

	buf_init(&b, 4096);
	eq_num(problem_write(&b, 404, STR_LIT("say \"please\"\n")), 0, "written");
	eq_bytes(b.p, b.len, want, strlen(want), "as RFC 9457 wants it");
	buf_reset(&b);
	eq_num(problem_write(&b, 400, STR_LIT("\xff\xfe")), 0, "a detail that is no text");
	eq_num(json_check((const char *)b.p, b.len, NULL), JSON_OK, "does not break the JSON");
	buf_fini(&b);
	buf_init(&b, 10);
	eq_num(problem_write(&b, 404, STR_LIT("x")), -1, "no room");
	buf_fini(&b);
}

static void test_format(void)
{
	const char *type = NULL;
	char *dst = malloc(200);
	size_t n = problem_format(431, "too many fields", dst, 200, &type);

	eq_num(json_check(dst, n, NULL), JSON_OK, "JSON for net's own answers");
	eq_str(type, "application/problem+json", "and its type");
	ok(memmem(dst, n, "\"status\":431", 12) != NULL, "with the status");
	eq_num(problem_format(431, "too many fields", dst, 20, &type), 0, "nothing if it does not fit");
	free(dst);
}

static void test_titles(void)
{
	static const unsigned used[] = {400, 401, 403, 404, 405, 406, 408, 411, 413, 414, 415, 417, 422,
		426, 429, 431, 500, 501, 503, 505, 507};

	for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++)
		ok(strcmp(http_reason(used[i]), "Status") != 0, "%u has a title", used[i]);
	eq_str(http_reason(499), "Status", "another one too");
}

int main(void)
{
	test_write();
	test_format();
	test_titles();
	return tap_done();
}
