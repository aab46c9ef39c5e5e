/* SPDX-License-Identifier: MIT */
#include "api/poll.h"
#include "tests/unit/tap.h"

static void next_is(const char *path, const char *query, const char *want)
{
	struct http_request http = {.path = str_of(path), .query = str_of(query)};
	struct request r = {.http = &http};
	struct param params[REQUEST_MAX_PARAMS];
	char scratch[1024];
	struct buf b;

	buf_init(&b, 4096);
	ok(request_params(&r, params, scratch) == NULL, "query %s", query);
	ok(poll_next_url(&b, &r) == 0, "there is a next page");
	eq_str(buf_cstr(&b), want, "its URL");
	buf_fini(&b);
}

static void test_next_url(void)
{
	next_is("/topics/chat", "", "/topics/chat?since=");
	next_is("/topics/a%2Fb", "limit=10", "/topics/a%2Fb?limit=10&since=");
	next_is("/events", "topic=a&topic=b/**&wait=25", "/events?topic=a&topic=b%2F%2A%2A&wait=25&since=");
	next_is("/topics/t", "since=5&limit=2&last=3&latest", "/topics/t?limit=2&since=");
	next_is("/topics/t", "last_event_id=5&lastEventId=6", "/topics/t?since=");
	next_is("/topics/t", "flag&x=a%26b%3Dc+d%C3%BC", "/topics/t?flag&x=a%26b%3Dc%20d%C3%BC&since=");
}

static void test_full(void)
{
	struct http_request http = {.path = STR_LIT("/topics/t"), .query = STR_LIT("a=b")};
	struct request r = {.http = &http};
	struct param params[REQUEST_MAX_PARAMS];
	char scratch[64];
	struct buf b;

	request_params(&r, params, scratch);
	for (size_t max = 0; max < sizeof("/topics/t?a=b&since=") - 1; max++) {
		buf_init(&b, max);
		if (poll_next_url(&b, &r) != -1)
			ok(false, "a buffer of %zu bytes is too small", max);
		buf_fini(&b);
	}
	ok(true, "a buffer that is too small is told");
}

static void matches(const char *list, const char *tag, bool want)
{
	ok(poll_tag_matches(str_of(list), str_of(tag)) == want, "%s %s %s", list,
		want ? "has" : "has not", tag);
}

static void test_tags(void)
{
	matches("\"5\"", "5", true);
	matches("W/\"5\"", "5", true);
	matches("\"4\", \"5\"", "5", true);
	matches("\"4\",W/\"5\"", "5", true);
	matches("*", "5", true);
	matches("\"45\"", "5", false);
	matches("\"5\"", "45", false);
	matches("5", "5", false);
	matches("\"5", "5", false);
	matches("", "5", false);
	matches("\"\"", "5", false);
	matches("\"4*\"", "5", false);
	matches("\"a,b\"", "a,b", true);
}

int main(void)
{
	test_next_url();
	test_full();
	test_tags();
	return tap_done();
}
