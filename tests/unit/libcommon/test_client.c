/* SPDX-License-Identifier: MIT */
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "exitcode.h"
#include "log.h"
#include "tests/unit/tap.h"

static const struct opt no_opts[] = { { 0 } };
static const struct opt_tool tool = {
	.name = "test", .usage = "test", .opts = no_opts, .common = client_opts,
};

/* In a child of its own, since client_start may end it and is for once: its exit status. */
static int status_of(void (*fn)(void *), void *arg)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		fclose(stderr);
		fn(arg);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void start_with(void *arg)
{
	const char *const *args = arg;
	struct client_config c;

	log_init("test", LOG_ERROR);
	client_config_init(&c);
	for (; args[0] != NULL; args += 2)
		if (opt_set(&tool, args[0], args[1], &c) != NULL)
			_exit(99);
	client_start(&c, "test");
}

#define START(...) status_of(start_with, (void *)(const char *[]){ __VA_ARGS__, NULL })

static void test_start(void)
{
	eq_num(START("server", "http://h:1/base/"), 0, "an http server");
	eq_num(START("server", "h:1"), 0, "a server without scheme");
	eq_num(START("server", "unix:/tmp/x"), 0, "a unix socket");
	eq_num(START("server", "ftp://h"), EXIT_USAGE, "ftp is refused");
	eq_num(START("server", "http://h/?q"), EXIT_USAGE, "a query is refused");
	eq_num(START("server", ""), 99, "an empty server is refused");
	eq_num(START("key", "k"), EXIT_USAGE, "--key without --cert");
	eq_num(START("token-file", "a", "token-cmd", "b"), EXIT_USAGE, "two ways to a token");
	eq_num(START("token-file", "/nonexistent"), EXIT_INPUT, "a token file that is missing");
	eq_num(START("token-file", "/dev/null"), EXIT_INPUT, "an empty token file");
	eq_num(START("token-cmd", "exit 3"), EXIT_INPUT, "a token command that fails");
	eq_num(START("token-cmd", "printf 'a\\nb'"), EXIT_INPUT, "a token of two lines");
	eq_num(START("token-cmd", "printf 'a\\0b'"), EXIT_INPUT, "a token with a NUL");
	eq_num(START("token-cmd", "head -c 20000 /dev/zero | tr '\\0' a"), EXIT_INPUT, "a huge token");
	eq_num(START("token-cmd", "echo abc"), 0, "a token");
	eq_num(START("header", "X: 1"), 0, "a header");
	eq_num(START("header", "X"), 99, "no header");
	eq_num(START("header", "X: 1\r\nY: 2"), 99, "two headers in one");
	eq_num(START("retry", "-1"), 99, "a negative number of tries");
	eq_num(START("connect-timeout", "0"), 99, "no time to connect");
}

static void normalize(void *arg)
{
	const char **pair = arg;
	struct client_config c;

	client_config_init(&c);
	c.server = pair[0];
	client_start(&c, "test");
	_exit(strcmp(c.server, pair[1]) == 0 ? 0 : 1);
}

static void test_server(void)
{
	static const char *const pairs[][2] = {
		{ "http://h:1/base//", "http://h:1/base" }, { "h:1", "http://h:1" },
		{ "HTTPS://h/", "HTTPS://h" }, { "unix:/s", "http://localhost" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		eq_num(status_of(normalize, (void *)pairs[i]), 0, pairs[i][0]);
	setenv("RT_URL", "http://env:7", 1);
	eq_num(status_of(normalize, (const char *[]){ "http://h", "http://h" }), 0, "option before RT_URL");
	{
		struct client_config c;

		client_config_init(&c);
		eq_str(c.server, "http://env:7", "RT_URL");
		unsetenv("RT_URL");
		client_config_init(&c);
		eq_str(c.server, "http://127.0.0.1:7070", "the default");
	}
}

static void test_urls(void)
{
	struct buf b;

	buf_init(&b, 4096);
	buf_adds(&b, "http://h/topics/");
	client_add_path(&b, STR_LIT("a b/\xC3\xBC?#%+$x"));
	client_add_query(&b, "type", STR_LIT("a&b=c d"));
	client_add_query(&b, "topic", STR_LIT("x/**"));
	eq_str(buf_cstr(&b),
		"http://h/topics/a%20b/%C3%BC%3F%23%25%2B$x?type=a%26b%3Dc%20d&topic=x/**", "a URL");
	buf_reset(&b);
	client_add_path(&b, (struct str){ "a\0b", 3 });
	eq_str(buf_cstr(&b), "a%00b", "a NUL is encoded");
	buf_fini(&b);
	buf_init(&b, 3);
	eq_num(client_add_path(&b, STR_LIT("abcd")), -1, "over the maximum");
	buf_fini(&b);
	ok(client_is_url("https://x") && client_is_url("ws://x") && client_is_url("WSS://x"), "URLs");
	ok(!client_is_url("http:/x") && !client_is_url("http://") && !client_is_url("chat"), "no URLs");
}

/* --- headers and token ----------------------------------------------------------------------- */

static bool has(const struct curl_slist *l, const char *line)
{
	for (; l != NULL; l = l->next)
		if (strcmp(l->data, line) == 0)
			return true;
	return false;
}

static bool header_for(const struct client_config *c, const char *url, const char *line)
{
	static const char *const extra[] = { "X-Extra: 1", NULL };
	struct curl_slist *l;
	CURL *h = client_handle(c, url, extra, &l);
	bool found = h != NULL && has(l, "X-Extra: 1") && has(l, line);

	curl_easy_cleanup(h);
	curl_slist_free_all(l);
	return found;
}

static void ambient(void *arg)
{
	struct client_config c;
	const char *auth = "Authorization: Bearer env";
	int bad = 0;

	(void)arg;
	setenv("RT_TOKEN", "env\n", 1);
	client_config_init(&c);
	c.server = "http://h:1/base";
	client_start(&c, "test");
	bad |= header_for(&c, "http://h:1/base/events?x", auth) ? 0 : 1;
	bad |= header_for(&c, "http://h:1/base", auth) ? 0 : 2;
	bad |= header_for(&c, "http://h:1/baseball", auth) ? 4 : 0;
	bad |= header_for(&c, "http://h:11/base", auth) ? 8 : 0;
	bad |= header_for(&c, "https://elsewhere/", auth) ? 16 : 0;
	bad |= client_refresh_token(&c) ? 32 : 0;
	_exit(bad);
}

static void from_cmd(void *arg)
{
	struct client_config c;
	int bad = 0;

	client_config_init(&c);
	c.token_cmd = arg;
	client_start(&c, "test");
	bad |= header_for(&c, "https://elsewhere/", "Authorization: Bearer t1") ? 0 : 1;
	bad |= client_refresh_token(&c) ? 0 : 2;
	bad |= header_for(&c, "https://elsewhere/", "Authorization: Bearer t2") ? 0 : 4;
	bad |= client_refresh_token(&c) ? 8 : 0;
	_exit(bad);
}

static void own_header(void *arg)
{
	struct client_config c;

	(void)arg;
	setenv("RT_TOKEN", "env", 1);
	client_config_init(&c);
	c.headers = curl_slist_append(NULL, "authorization: Basic abc");
	client_start(&c, "test");
	_exit(header_for(&c, c.server, "authorization: Basic abc") &&
		!header_for(&c, c.server, "Authorization: Bearer env") ? 0 : 1);
}

static void for_others(void *arg)
{
	const char *auth = "Authorization: Bearer t1";
	struct client_config c, others;
	int bad = 0;

	(void)arg;
	client_config_init(&c);
	c.token_cmd = "echo t1";
	c.headers = curl_slist_append(NULL, "X-Own: 1");
	c.cert = c.key = c.cacert = "/dev/null";
	client_start(&c, "test");
	others = client_for_others(&c);
	bad |= header_for(&c, c.server, auth) && header_for(&c, c.server, "X-Own: 1") ? 0 : 1;
	bad |= header_for(&others, c.server, auth) ? 2 : 0;
	bad |= header_for(&others, c.server, "X-Own: 1") ? 4 : 0;
	bad |= others.cert != NULL || others.key != NULL ? 8 : 0;
	bad |= others.cacert == c.cacert && others.connect_timeout_ms == c.connect_timeout_ms ? 0 : 16;
	_exit(bad);
}

static void test_token(void)
{
	char cmd[128], path[] = "/tmp/rt-test-token-XXXXXX";
	int fd = mkstemp(path);

	close(fd);
	eq_num(status_of(ambient, NULL), 0, "RT_TOKEN goes to the server and nowhere else");
	snprintf(cmd, sizeof(cmd), "if [ -s %s ]; then echo t2; else echo t1; fi; echo x >%s", path, path);
	eq_num(status_of(from_cmd, cmd), 0, "--token-cmd: everywhere, and asked again on demand");
	eq_num(status_of(own_header, NULL), 0, "-H Authorization goes before the token");
	eq_num(status_of(for_others, NULL), 0, "others get neither token nor -H nor certificate");
	unlink(path);
}

/* --- verdicts -------------------------------------------------------------------------------- */

static void test_judge(void)
{
	static const struct {
		CURLcode result;
		enum client_verdict want;
	} t[] = {
		{ CURLE_COULDNT_CONNECT, CLIENT_RETRY }, { CURLE_COULDNT_RESOLVE_HOST, CLIENT_RETRY },
		{ CURLE_OPERATION_TIMEDOUT, CLIENT_RETRY }, { CURLE_RECV_ERROR, CLIENT_RETRY },
		{ CURLE_SEND_ERROR, CLIENT_RETRY }, { CURLE_GOT_NOTHING, CLIENT_RETRY },
		{ CURLE_PARTIAL_FILE, CLIENT_RETRY }, { CURLE_PEER_FAILED_VERIFICATION, CLIENT_PROTOCOL },
		{ CURLE_SSL_CONNECT_ERROR, CLIENT_PROTOCOL }, { CURLE_WEIRD_SERVER_REPLY, CLIENT_PROTOCOL },
		{ CURLE_URL_MALFORMAT, CLIENT_PROTOCOL }, { CURLE_UNSUPPORTED_PROTOCOL, CLIENT_PROTOCOL },
	};
	CURL *h = curl_easy_init();
	uint64_t after;
	struct buf why;

	buf_init(&why, 4096);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_reset(&why);
		eq_num(client_judge(h, t[i].result, STR_NULL, &why, &after), t[i].want,
			curl_easy_strerror(t[i].result));
		ok(why.len > 0, "with a reason");
	}
	buf_fini(&why);
	curl_easy_cleanup(h);
}

static void judge(long status, const char *body, const char *after, enum client_verdict want,
	uint64_t min_ms, uint64_t max_ms, const char *says)
{
	struct client_answer a = { .status = status, .body = str_of(body), .retry_after = str_of(after),
		.location = STR_LIT("http://there/") };
	struct buf why;
	uint64_t ms = 1;

	buf_init(&why, 4096);
	eq_num(client_judge_answer(&a, &why, &ms), want, says);
	ok(ms >= min_ms && ms <= max_ms, "waits %ju ms", (uintmax_t)ms);
	eq_str(buf_cstr(&why), says, "says why");
	buf_fini(&why);
}

static void test_judge_answer(void)
{
	char date[64];
	time_t at = time(NULL) + 100;
	struct tm tm;

	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&at, &tm));
	judge(204, NULL, NULL, CLIENT_OK, 0, 0, "");
	judge(304, NULL, NULL, CLIENT_OK, 0, 0, "");
	judge(503, NULL, "7", CLIENT_RETRY, 7000, 7000, "HTTP 503 Service Unavailable");
	judge(503, NULL, date, CLIENT_RETRY, 95000, 100000, "HTTP 503 Service Unavailable");
	judge(503, NULL, "Thu, 01 Jan 2015 00:00:00 GMT", CLIENT_RETRY, 0, 0, "HTTP 503 Service Unavailable");
	judge(503, NULL, "99999999", CLIENT_RETRY, 3600000, 3600000, "HTTP 503 Service Unavailable");
	judge(429, "{\"detail\":\"slow\"}", "soon", CLIENT_RETRY, 0, 0, "HTTP 429 Too Many Requests: slow");
	judge(403, "{\"detail\":\"go away\"}", "7", CLIENT_REFUSED, 0, 0, "HTTP 403 Forbidden: go away");
	judge(501, NULL, NULL, CLIENT_REFUSED, 0, 0, "HTTP 501");
	judge(302, NULL, NULL, CLIENT_REFUSED, 0, 0, "HTTP 302: it has moved to http://there/");
}

/* --- the question ---------------------------------------------------------------------------- */

static void question(const char *server, const char *url, const char *unix_socket, const char *want)
{
	static const char *const topics[] = { "b", "a", "b" };
	struct client_config c = { .server = server, .unix_socket = unix_socket };
	struct buf b;

	buf_init(&b, 4096);
	if (want == NULL) {
		ok(client_question(&b, &c, url, NULL, 0) != 0 && errno == EINVAL, "no URL: %s", url);
	} else {
		eq_num(client_question(&b, &c, url, topics, url == NULL ? 3 : 0), 0, "a question");
		eq_str(buf_cstr(&b), want, want);
	}
	buf_fini(&b);
}

static void test_question(void)
{
	question("http://me:secret@h:1/base", NULL, NULL, "http://h:1/base a b");
	question("http://localhost", NULL, "/s", "http://localhost/ unix:/s a b");
	question("http://h", "https://me:secret@there/x?y=1", NULL, "https://there/x?y=1");
	question("http://h", "ws://me@there/x", "/s", "ws://there/x unix:/s");
	question("http://h", "http://there:port/", NULL, NULL);
}

/* --- back-off -------------------------------------------------------------------------------- */

static void test_backoff(void)
{
	struct client_config c = { .retry = -1 };
	int64_t longest[8] = { 0 }, shortest = INT64_MAX, wait;
	struct backoff b;

	for (unsigned round = 0; round < 400; round++) {
		backoff_init(&b, 100, 1000);
		for (unsigned i = 0; i < 8; i++) {
			wait = backoff_next(&b, &c, 0);
			if (wait > longest[i])
				longest[i] = wait;
			if (i == 7 && wait < shortest)
				shortest = wait;
		}
	}
	ok(longest[0] > 50 && longest[0] <= 100, "the first wait is at most 100 ms");
	ok(longest[1] > 100 && longest[1] <= 200, "the second at most twice that");
	ok(longest[2] > 200 && longest[2] <= 400, "and so on");
	ok(longest[7] > 800 && longest[7] <= 1000, "up to the cap");
	ok(shortest < 200, "full jitter: a late wait may be short");
	backoff_success(&b);
	ok(backoff_next(&b, &c, 0) <= 100, "a success begins anew");
	wait = backoff_next(&b, &c, 5000);
	ok(wait >= 5000 && wait <= 5200, "Retry-After is the least, jitter is added");

	c.retry = 2;
	backoff_init(&b, 1, 1);
	ok(backoff_next(&b, &c, 0) >= 0 && backoff_next(&b, &c, 0) >= 0, "two tries more");
	eq_num(backoff_next(&b, &c, 0), -1, "and no third");
	c.retry = 0;
	backoff_init(&b, 1, 1);
	eq_num(backoff_next(&b, &c, 0), -1, "--retry 0: none at all");

	c = (struct client_config){ .retry = -1, .retry_max_time_ms = 50 };
	backoff_init(&b, 100000, 100000);
	wait = backoff_next(&b, &c, 0);
	ok(wait >= 0 && wait <= 50, "no wait is longer than what is left of --retry-max-time");
	eq_num(backoff_next(&b, &c, 1000), -1, "if the server asks for more than that, give up");
	b.since_ms -= 50;
	eq_num(backoff_next(&b, &c, 0), -1, "and when it is over");
}

int main(void)
{
	test_start();
	test_server();
	test_urls();
	test_token();
	test_judge();
	test_judge_answer();
	test_question();
	test_backoff();
	return tap_done();
}
