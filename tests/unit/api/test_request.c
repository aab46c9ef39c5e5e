/* SPDX-License-Identifier: MIT */
#include "api/request.h"

#include <stdlib.h>

#include "tests/unit/tap.h"

/** Decode from and to memory of the exact size, so that a sanitizer sees a byte too many. */
static void decode(const char *in, bool plus, const char *want)
{
	size_t n = strlen(in);
	char *from = malloc(n + 1), *to = malloc(n + 1);
	struct str s = {from, n};
	bool good;

	memcpy(from, in, n);
	good = request_decode(to, &s, plus);
	if (want == NULL)
		ok(!good, "\"%s\" is refused", in);
	else
		eq_bytes(s.p, good ? s.n : 0, want, strlen(want), in);
	free(from);
	free(to);
}

static void test_decode(void)
{
	decode("chat", false, "chat");
	decode("chat%2Flobby", false, "chat/lobby");
	decode("chat%2flobby", false, "chat/lobby");
	decode("%C3%A9", false, "\xc3\xa9");
	decode("a+b", false, "a+b");
	decode("a+b%2B", true, "a b+");
	decode("", false, "");
	decode("%41%5a%7A", false, "AZz");
	for (const char *const *bad = (const char *const[]){"%", "%4", "a%", "%zz", "%4g", "%g4", "%%41",
		"a%2", "% 1", "%-1", NULL}; *bad != NULL; bad++)
		decode(*bad, false, NULL);
}

static int params(struct request *r, struct http_request *http, struct param *p, char *scratch,
	const char *query)
{
	*http = (struct http_request){.query = str_of(query)};
	*r = (struct request){.http = http};
	return request_params(r, p, scratch) == NULL ? 0 : -1;
}

static void test_params(void)
{
	struct param p[REQUEST_MAX_PARAMS];
	struct http_request http;
	struct request r;
	struct str v;
	char scratch[4096], many[4096] = "";

	eq_num(params(&r, &http, p, scratch, NULL), 0, "no query");
	eq_num(r.nparams, 0, "has no parameters");
	eq_num(params(&r, &http, p, scratch, "since=all&topic=a%2Fb&topic=c+d&follow&empty=&&x=1=2&"), 0,
		"a query");
	eq_num(r.nparams, 6, "its parameters, empty ones not counted");
	v = request_param(&r, "topic");
	eq_bytes(v.p, v.n, "a/b", 3, "the first of several, decoded");
	eq_bytes(p[2].value.p, p[2].value.n, "c d", 3, "the second, + is a space");
	v = request_param(&r, "follow");
	ok(v.p != NULL && v.n == 0, "without = it is there and empty");
	v = request_param(&r, "empty");
	ok(v.p != NULL && v.n == 0, "an empty value too");
	v = request_param(&r, "x");
	eq_bytes(v.p, v.n, "1=2", 3, "only the first = divides");
	ok(request_param(&r, "sinc").p == NULL, "no prefix is taken for a name");
	eq_num(params(&r, &http, p, scratch, "s%69nce=all"), 0, "an encoded name");
	eq_bytes(request_param(&r, "since").p, request_param(&r, "since").n, "all", 3, "is decoded");
	eq_num(params(&r, &http, p, scratch, "a=%4"), -1, "an encoding cut short");
	eq_num(params(&r, &http, p, scratch, "%=1"), -1, "in a name");
	for (int i = 0; i < REQUEST_MAX_PARAMS; i++)
		strcat(many, "a&");
	eq_num(params(&r, &http, p, scratch, many), 0, "as many as there may be");
	strcat(many, "a");
	eq_num(params(&r, &http, p, scratch, many), -1, "one too many");
}

int main(void)
{
	test_decode();
	test_params();
	return tap_done();
}
