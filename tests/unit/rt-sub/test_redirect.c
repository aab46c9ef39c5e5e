/* SPDX-License-Identifier: MIT */
#include <curl/curl.h>

#include "cmd/rt-sub/redirect.h"
#include "tests/unit/tap.h"

static void leads(const char *url, const char *location, const char *want, bool leaves)
{
	struct redirect r;
	int err = redirect_resolve(&r, url, location);

	ok(err == 0 && r.url != NULL && strcmp(r.url, want) == 0 && r.leaves == leaves &&
		r.why_not == NULL, "%s, %s: %s", url, location, r.url != NULL ? r.url : r.why_not);
	curl_free(r.url);
}

static void stays(const char *url, const char *location, const char *why)
{
	struct redirect r;
	int err = redirect_resolve(&r, url, location);

	ok(err == 0 && r.url == NULL && r.why_not != NULL && strcmp(r.why_not, why) == 0,
		"%s, %s: not followed", url, location);
	curl_free(r.url);
}

int main(void)
{
	const char *other = "to what is no http or https URL";
	int bad = 0;

	for (long status = 0; status < 1000; status++)
		bad += redirect_is(status) != (status == 301 || status == 302 || status == 303 ||
			status == 307 || status == 308);
	eq_num(bad, 0, "the statuses of Fetch");

	leads("http://a/b/c?d=1", "e", "http://a/b/e", false);
	leads("http://a/b/c?d=1", "../e?f", "http://a/e?f", false);
	leads("http://a/b/c?d=1", "/e", "http://a/e", false);
	leads("http://a/b/c?d=1", "?e", "http://a/b/c?e", false);
	leads("http://a:7/b", "http://A:7/e f", "http://A:7/e%20f", false);
	leads("http://a/b", "http://a:80/e", "http://a:80/e", false);
	leads("https://a:443/b", "//a/e", "https://a/e", false);

	leads("http://a/b", "//c/d", "http://c/d", true);
	leads("http://a/b", "http://b.a/", "http://b.a/", true);
	leads("http://a:7/b", "http://a:8/b", "http://a:8/b", true);
	leads("http://a/b", "https://a/b", "https://a/b", true);
	leads("http://a:7/b", "https://a:7/b", "https://a:7/b", true);

	leads("http://me:pw@a/b", "e", "http://me:pw@a/e", false);
	leads("http://me:p%40@a/b", "http://a/e", "http://me:p%40@a/e", false);
	leads("http://me@a/b", "http://a/e", "http://me@a/e", false);
	leads("http://me:pw@a/b", "http://you:x@a/e", "http://you:x@a/e", false);
	leads("http://me:pw@a/b", "http://a:8/e", "http://a:8/e", true);
	leads("http://me:pw@a/b", "//c/e", "http://c/e", true);

	stays("https://a/b", "http://a/b", "from https to http");
	stays("https://a/b", "http://c/d", "from https to http");
	stays("https://a/b", "ftp://a/b", other);
	stays("http://a/b", "ftp://a/b", other);
	stays("http://a/b", "ws://a/b", other);
	stays("http://a/b", "file:///etc/passwd", other);
	stays("http://a/b", "http://[::1", other);
	return tap_done();
}
