/* SPDX-License-Identifier: MIT */
#include "api/origin.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "tests/unit/api/helper_config.h"
#include "tests/unit/tap.h"

struct asked {
	const char *host, *origin, *site;
	unsigned origins;	/* how often Origin is sent; 0: once, if given */
};

static enum origin_verdict judge(const struct config *c, struct asked a, const char **named)
{
	struct http_field f[8];
	struct http_request r = {.fields = f};

	if (a.host != NULL)
		f[r.nfields++] = (struct http_field){STR_LIT("host"), str_of(a.host)};
	for (unsigned i = 0; a.origin != NULL && i <= (a.origins > 1 ? a.origins - 1 : 0); i++)
		f[r.nfields++] = (struct http_field){STR_LIT("origin"), str_of(a.origin)};
	if (a.site != NULL)
		f[r.nfields++] = (struct http_field){STR_LIT("sec-fetch-site"), str_of(a.site)};
	return origin_check(c, &r, named);
}

static void test_hosts(void)
{
	struct config *c = configured("--host", "rt.example", "--host", "Other.Example", NULL);
	static const struct {
		char host[32];
		bool allowed;
	} cases[] = {
		{"127.0.0.1", true}, {"127.0.0.1:7070", true}, {"192.168.7.9:80", true},
		{"[::1]", true}, {"[::1]:7070", true}, {"localhost", true}, {"LOCALHOST:7070", true},
		{"rt.example", true}, {"RT.example:8080", true}, {"other.example", true},
		{"evil.example", false}, {"rt.example.evil.example", false}, {"xrt.example", false},
		{"127.0.0.1.evil.example", false}, {"localhost.evil.example", false}, {"", false},
		{"::1", false}, {"[::1", false}, {"[::g]:1", false}, {"127.1", false}, {"0x7f000001", false},
		{"rt.example@evil.example", false}, {"localhost.", false}, {":7070", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(origin_host_allowed(c, str_of(cases[i].host)) == cases[i].allowed, "host \"%s\" is %s",
			cases[i].host, cases[i].allowed ? "served" : "refused");
	ok(origin_host_allowed(c, STR_NULL), "no Host at all (HTTP/1.0) is no rebound page");
	config_free(c);
	c = configured("-q", NULL);
	ok(!origin_host_allowed(c, STR_LIT("rt.example")), "no --host: no name");
	config_free(c);
}

/* What inet_pton takes is an address, and nothing else is. */
static void test_addresses(void)
{
	static const char letters[] = "012590..x";
	struct config *c = configured("-q", NULL);
	uint32_t random = 1, address;
	char text[17];
	bool same = true;
	unsigned good = 0;

	for (unsigned i = 0; same && i < 500000; i++) {
		unsigned n = 0, len = 4 + i % 12;

		for (; n < len; n++) {
			random = random * 1664525 + 1013904223;
			text[n] = letters[(random >> 24) % (sizeof(letters) - 1)];
		}
		text[n] = '\0';
		good += inet_pton(AF_INET, text, &address) == 1;
		same = origin_host_allowed(c, str_of(text)) == (inet_pton(AF_INET, text, &address) == 1);
	}
	ok(same, "IPv4 addresses are what inet_pton takes%s%s", same ? "" : ": ", same ? "" : text);
	ok(good > 100, "%u of them", good);
	for (unsigned value = 0; value < 1000; value++) {
		snprintf(text, sizeof(text), "10.%u.3.4", value);
		same = same && origin_host_allowed(c, str_of(text)) == (value < 256);
	}
	ok(same, "each number is up to 255");
	config_free(c);
}

static void test_origins(void)
{
	struct config *c = configured("--origin", "https://app.example", "--origin",
		"http://localhost:8000", NULL);
	const char *named = "";

	eq_num(judge(c, (struct asked){.host = "127.0.0.1:7070"}, &named), ORIGIN_NONE, "curl: no Origin");
	ok(named == NULL, "nothing to echo");
	eq_num(judge(c, (struct asked){"127.0.0.1", "https://app.example", "cross-site", 0}, &named),
		ORIGIN_ALLOWED, "named by --origin, also across sites");
	eq_str(named != NULL ? named : "", "https://app.example", "and that one is echoed");
	eq_num(judge(c, (struct asked){"127.0.0.1", "HTTPS://APP.example", NULL, 0}, &named),
		ORIGIN_ALLOWED, "case does not matter");
	eq_num(judge(c, (struct asked){"h", "http://localhost:8000", NULL, 0}, &named), ORIGIN_ALLOWED,
		"the second one");
	eq_num(judge(c, (struct asked){"h", "http://localhost:8001", NULL, 0}, &named), ORIGIN_REFUSED,
		"another port");
	ok(named == NULL, "a refused one is not echoed");
	eq_num(judge(c, (struct asked){"h", "http://app.example", NULL, 0}, &named), ORIGIN_REFUSED,
		"another scheme");
	eq_num(judge(c, (struct asked){"h", "https://app.example.evil", NULL, 0}, &named), ORIGIN_REFUSED,
		"a longer name");
	eq_num(judge(c, (struct asked){"h", "https://app.exampl", NULL, 0}, &named), ORIGIN_REFUSED,
		"a shorter name");
	eq_num(judge(c, (struct asked){"h", "null", NULL, 0}, &named), ORIGIN_REFUSED, "null never");
	eq_num(judge(c, (struct asked){"null", "null", "same-origin", 0}, &named), ORIGIN_REFUSED,
		"null not even of a host of that name");
	eq_num(judge(c, (struct asked){"h", "", NULL, 0}, &named), ORIGIN_REFUSED, "an empty Origin");
	eq_num(judge(c, (struct asked){"h", "https://app.example", NULL, 2}, &named), ORIGIN_REFUSED,
		"two Origins, even if allowed");
	config_free(c);
}

static void test_same_origin(void)
{
	struct config *c = configured("-q", NULL);
	const char *named;

	eq_num(judge(c, (struct asked){"127.0.0.1:7070", "http://127.0.0.1:7070", "same-origin", 0}, &named),
		ORIGIN_ALLOWED, "same origin");
	ok(named == NULL, "needs no CORS");
	eq_num(judge(c, (struct asked){"rt.example", "https://rt.example", NULL, 0}, &named),
		ORIGIN_ALLOWED, "the same behind a proxy that ends TLS");
	eq_num(judge(c, (struct asked){"127.0.0.1:7070", "http://127.0.0.1:7071", NULL, 0}, &named),
		ORIGIN_REFUSED, "another port of this machine");
	eq_num(judge(c, (struct asked){"rt.example", "http://rt.example.evil", NULL, 0}, &named),
		ORIGIN_REFUSED, "a name that only begins like the Host");
	eq_num(judge(c, (struct asked){"127.0.0.1", "ftp://127.0.0.1", NULL, 0}, &named), ORIGIN_REFUSED,
		"another scheme");
	eq_num(judge(c, (struct asked){"", "http://", NULL, 0}, &named), ORIGIN_REFUSED,
		"nothing equals nothing");
	eq_num(judge(c, (struct asked){NULL, "http://a", NULL, 0}, &named), ORIGIN_REFUSED, "no Host");
	eq_num(judge(c, (struct asked){"h", NULL, "cross-site", 0}, &named), ORIGIN_REFUSED,
		"across sites without an Origin");
	eq_num(judge(c, (struct asked){"h", NULL, "same-origin", 0}, &named), ORIGIN_NONE,
		"a page's own GET has no Origin");
	eq_num(judge(c, (struct asked){"h", NULL, "none", 0}, &named), ORIGIN_NONE,
		"an address typed by a person");
	config_free(c);
}

int main(void)
{
	test_hosts();
	test_addresses();
	test_origins();
	test_same_origin();
	return tap_done();
}
