/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "net/http1_guard.h"
#include "tests/unit/tap.h"

static const struct http1_limits limits = {.max_head = 20000, .max_fields = 10};

/* Feed the first (cut) bytes, then all, from memory of the exact size. */
static ssize_t feed(const char *s, size_t n, size_t cut, struct http1_head *h, struct http1_refusal *no,
	uint8_t **copy)
{
	struct http1_scan scan = {0};
	ssize_t r;

	*no = (struct http1_refusal){0, ""};
	*copy = malloc(cut == 0 ? 1 : cut);
	memcpy(*copy, s, cut);
	r = http1_guard_head(*copy, cut, &limits, &scan, h, no);
	if (r != 0 || cut == n)
		return r;
	free(*copy);
	*copy = malloc(n);
	memcpy(*copy, s, n);
	return http1_guard_head(*copy, n, &limits, &scan, h, no);
}

static void head_good(const char *s, const char *what)
{
	size_t n = strlen(s), head = (size_t)(strstr(s + 2, "\r\n\r\n") + 4 - s);
	struct http1_refusal no;
	struct http1_head h;
	uint8_t *copy;
	bool same = true, more = true;

	for (size_t cut = 0; cut <= n; cut++) {
		same = feed(s, n, cut, &h, &no, &copy) == (ssize_t)head && same;
		free(copy);
		if (cut >= head)
			continue;
		more = feed(s, cut, cut, &h, &no, &copy) == 0 && more;
		free(copy);
	}
	ok(same, "taken however it is split: %s", what);
	ok(more, "cut short it needs more: %s", what);
}

static void head_bad(const char *s, size_t n, unsigned status, const char *what)
{
	struct http1_refusal no;
	struct http1_head h;
	uint8_t *copy;
	bool refused = true;

	for (size_t cut = 0; cut <= n; cut++) {
		refused = feed(s, n, cut, &h, &no, &copy) == -1 && no.status == status && no.why[0] != '\0'
			&& refused;
		free(copy);
	}
	ok(refused, "%u: %s", status, what);
}

#define BAD(status, s, what) head_bad(s, sizeof(s) - 1, status, what)
#define HOST "Host: a\r\n"

static void test_good(void)
{
	head_good("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "the least");
	head_good("GET / HTTP/1.0\r\n\r\n", "HTTP/1.0 without Host");
	head_good("\r\nGET / HTTP/1.1\r\n" HOST "\r\nrest", "an empty line before, a rest behind");
	head_good("POST /a?b=%20 HTTP/1.1\r\nHost: [::1]:7070\r\nContent-Length: 5\r\n\r\nabcde",
		"IPv6 host");
	head_good("OPTIONS * HTTP/1.1\r\nHost: a.example:80\r\n\r\n", "OPTIONS *");
	head_good("GET http://a:80/x?y HTTP/1.1\r\nHost: A:80\r\n\r\n", "an absolute target of this host");
	head_good("GET http://a HTTP/1.1\r\n" HOST "\r\n", "an absolute target without a path");
	head_good("FOO-BAR / HTTP/1.1\r\n" HOST "X:\r\nY:\t\xc3\xa9 z \r\n\r\n",
		"any method, an empty value");
	head_good("POST / HTTP/1.1\r\n" HOST "transfer-encoding:  Chunked \r\n\r\n", "chunked");
}

static void test_found(void)
{
	static const char s[] = "\r\nPOST http://a/p?q HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n";
	struct http1_refusal no;
	struct http1_head h;
	uint8_t *copy;

	eq_num(feed(s, sizeof(s) - 1, 7, &h, &no, &copy), sizeof(s) - 1, "its length");
	eq_bytes(h.method.p, h.method.n, "POST", 4, "method");
	eq_bytes(h.target.p, h.target.n, "http://a/p?q", 12, "target");
	eq_bytes(h.path.p, h.path.n, "/p?q", 4, "path");
	ok(h.has_length && h.length == 12 && h.nfields == 2 && h.skip == 2 && !h.http10 && !h.chunked,
		"length and fields");
	free(copy);
}

static void test_bad(void)
{
	BAD(400, "GET / HTTP/1.1\nHost: a\n\n", "bare LF");
	BAD(400, "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", "bare CR");
	BAD(400, "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", "NUL");
	BAD(400, "GET / HTTP/1.1\r\nHost: a\r\nX: a\x7f\r\n\r\n", "DEL");
	BAD(400, "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", "a folded line");
	BAD(400, "GET / HTTP/1.1\r\n X: a\r\nHost: a\r\n\r\n", "a folded request line");
	BAD(400, "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", "an empty name");
	BAD(400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "space before the colon");
	BAD(400, "GET / HTTP/1.1\r\nHost: a\r\nX y: a\r\n\r\n", "space in a name");
	BAD(400, "GET / HTTP/1.1\r\nHost: a\r\nXy\r\n\r\n", "no colon");
	BAD(400, "GET / HTTP/1.1\r\n\r\n", "no Host");
	BAD(400, "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", "two Hosts");
	BAD(400, "GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", "two Hosts on 1.0");
	BAD(400, "GET / HTTP/1.1\r\nHost: \r\n\r\n", "an empty Host");
	BAD(400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "a space in Host");
	BAD(400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "a path in Host");
	BAD(400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "a user in Host");
	BAD(400, "GET / HTTP/1.1\r\nHost: a:80x\r\n\r\n", "a crooked port");
	BAD(400, "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "an open bracket");
	BAD(400, "GET /\r\nHost: a\r\n\r\n", "no version");
	BAD(400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "two spaces");
	BAD(400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "a space at the end");
	BAD(400, "GET / x HTTP/1.1\r\nHost: a\r\n\r\n", "a space in the target");
	BAD(400, "GET / http/1.1\r\nHost: a\r\n\r\n", "a small version");
	BAD(505, "GET / HTTP/1.2\r\nHost: a\r\n\r\n", "HTTP/1.2");
	BAD(505, "GET / HTTP/9.9\r\nHost: a\r\n\r\n", "HTTP/9.9");
	BAD(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "the preface of HTTP/2");
	BAD(400, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", "a method that is no token");
	BAD(400, "GET x HTTP/1.1\r\nHost: a\r\n\r\n", "a relative target");
	BAD(400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n", "GET *");
	BAD(400, "GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", "an authority");
	BAD(400, "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", "a fragment");
	BAD(400, "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", "non-ASCII in the target");
	BAD(400, "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "an absolute target of another host");
	BAD(400, "GET http://ab/ HTTP/1.1\r\nHost: a\r\n\r\n", "an absolute target of a longer host");
	BAD(400, "GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "an absolute target of another scheme");
	BAD(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", "gzip, chunked");
	BAD(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, chunked\r\n\r\n", "chunked twice");
	BAD(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \"chunked\"\r\n\r\n", "quoted");
	BAD(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", "identity");
	BAD(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n", "an empty one");
	BAD(400, "POST / HTTP/1.1\r\n" HOST
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "two fields");
	BAD(400, "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", "chunked on 1.0");
	BAD(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
		"both framings");
	BAD(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 4\r\n\r\n", "two lengths");
	BAD(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 3, 3\r\n\r\n", "a list of lengths");
	BAD(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: +3\r\n\r\n", "a sign");
	BAD(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x3\r\n\r\n", "hexadecimal");
	BAD(400, "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", "an empty length");
	BAD(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n",
		"too large a length");
	BAD(400, "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "two empty lines before");
	BAD(400, "\x16\x03\x01\x02\x00\x01", "TLS");
	BAD(431, "GET / HTTP/1.1\r\nHost: a\r\n1: \r\n2: \r\n3: \r\n4: \r\n5: \r\n6: \r\n7: \r\n8: \r\n"
		"9: \r\n0: \r\n\r\n", "too many fields");
}

/* A head with (c), (pad) bytes into what comes before (end); is it taken? */
static bool taken_with(const char *begin, unsigned pad, int c, const char *end)
{
	char s[128] = "";
	struct http1_refusal no;
	struct http1_head h;
	uint8_t *copy;
	size_t n;
	bool taken;

	strcpy(s, begin);
	memset(s + strlen(s), 'x', pad);
	n = strlen(s);
	s[n++] = (char)c;
	strcpy(s + n, end);
	n += strlen(end);
	taken = feed(s, n, n, &h, &no, &copy) == (ssize_t)n;
	free(copy);
	return taken;
}

/* Bytes are looked at eight at a time: each of them, wherever it stands among these. */
static void test_bytes(void)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";
	bool target = true, value = true, name = true, host = true;

	for (unsigned pad = 0; pad < 20; pad++) {
		for (int c = 0; c < 256; c++) {
			bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
				(c >= 'a' && c <= 'z');

			if (c == '\r')
				continue;	/* it may end a line */
			target = target && taken_with("GET /", pad, c, "xx HTTP/1.1\r\n" HOST "\r\n")
				== (c > ' ' && c < 0x7f && c != '#');
			value = value && taken_with("GET / HTTP/1.1\r\n" HOST "A: ", pad, c, "xx\r\n\r\n")
				== (c == '\t' || (c >= ' ' && c != 0x7f));
			name = name && taken_with("GET / HTTP/1.1\r\n" HOST "A", pad, c, "x: y\r\n\r\n")
				== (alnum || c == ':' || (c != 0 && strchr(marks, c) != NULL));
			host = host && taken_with("GET / HTTP/1.1\r\nHost: a", pad, c, "1\r\n\r\n")
				== (alnum || c == ':' || (c != 0 && strchr("-._~", c) != NULL));
		}
	}
	ok(target, "which bytes may be in a target");
	ok(value, "which in a field's value");
	ok(name, "which in its name");
	ok(host, "which in a host");
}

/* Limits hold before the end of the head is there. */
static void test_limits(void)
{
	struct http1_scan scan = {0};
	struct http1_refusal no;
	struct http1_head h;
	size_t n = 30000;
	char *s = malloc(n);

	memset(s, 'x', n);
	memcpy(s, "GET /", 5);
	eq_num(http1_guard_head((uint8_t *)s, 10000, &limits, &scan, &h, &no), 0, "a long target may be");
	eq_num(http1_guard_head((uint8_t *)s, 10001, &limits, &scan, &h, &no), -1, "a longer one is refused");
	eq_num(no.status, 414, "with 414");
	memcpy(s, "GET / HTTP/1.1\r\nX: ", 19);
	scan = (struct http1_scan){0};
	eq_num(http1_guard_head((uint8_t *)s, 20000, &limits, &scan, &h, &no), 0, "a long head may be");
	eq_num(http1_guard_head((uint8_t *)s, 20001, &limits, &scan, &h, &no), -1, "a longer one is refused");
	eq_num(no.status, 431, "with 431");
	free(s);
}

/* Every way to split a chunked body in two gives the same data and the same end. */
static ssize_t chunked(const char *s, size_t n, size_t cut, struct http1_chunked *g)
{
	const size_t parts[2] = {cut, n};
	size_t at = 0;
	ssize_t r;

	*g = (struct http1_chunked){0};
	for (int i = 0; i < 2; i++) {
		size_t len = parts[i] - at, done = 0;
		uint8_t *copy = malloc(len == 0 ? 1 : len);

		memcpy(copy, s + at, len);
		while (done < len && !g->done) {
			if ((r = http1_guard_chunked(g, copy + done, len - done)) <= 0) {
				free(copy);
				return -1;
			}
			done += (size_t)r;
		}
		free(copy);
		at += done;
		if (g->done)
			break;
	}
	return (ssize_t)at;
}

static void chunked_good(const char *s, size_t body, const char *what)
{
	size_t n = strlen(s);
	struct http1_chunked g;
	bool same = true;

	for (size_t cut = 0; cut <= n; cut++)
		same = chunked(s, n, cut, &g) == (ssize_t)body && g.done && same;
	ok(same, "chunked, however it is split: %s", what);
	for (size_t cut = 0; cut < body; cut++)
		same = chunked(s, cut, cut / 2, &g) == (ssize_t)cut && !g.done && same;
	ok(same, "and cut short it needs more");
}

static void chunked_bad(const char *s, const char *what)
{
	size_t n = strlen(s);
	struct http1_chunked g;
	bool refused = true;

	for (size_t cut = 0; cut <= n; cut++)
		refused = chunked(s, n, cut, &g) == -1 && refused;
	ok(refused, "chunked, refused: %s", what);
}

static void test_chunked(void)
{
	char line[400] = "3;";

	chunked_good("3\r\nabc\r\n0\r\n\r\nGET", 13, "the next request behind it");
	chunked_good("A;x=\"y z\";q\r\n0123456789\r\n00\r\nA: b\r\nC:\r\n\r\n", 41,
		"extensions and trailers");
	chunked_good("0\r\n\r\n", 5, "nothing");
	chunked_bad("\r\n", "no size");
	chunked_bad(" 3\r\nabc\r\n0\r\n\r\n", "space before the size");
	chunked_bad("3 \r\nabc\r\n0\r\n\r\n", "space behind it");
	chunked_bad("3\nabc\r\n0\r\n\r\n", "bare LF behind it");
	chunked_bad("3\rabc\r\n0\r\n\r\n", "bare CR behind it");
	chunked_bad("0x3\r\nabc\r\n0\r\n\r\n", "0x");
	chunked_bad("-3\r\nabc\r\n0\r\n\r\n", "a sign");
	chunked_bad("1234567890abcdef\r\n", "too large");
	chunked_bad("3\r\nabcd\r\n0\r\n\r\n", "data longer than its size");
	chunked_bad("3\r\nabc\n0\r\n\r\n", "bare LF behind the data");
	chunked_bad("3;a\x01\r\nabc\r\n0\r\n\r\n", "a control in an extension");
	chunked_bad("3;a\nb\r\nabc\r\n0\r\n\r\n", "LF in an extension");
	chunked_bad("0\r\n X: y\r\n\r\n", "a folded trailer");
	chunked_bad("0\r\nX\r\n\r\n", "a trailer without a colon");
	chunked_bad("0\r\nX : y\r\n\r\n", "space before its colon");
	chunked_bad("0\r\n: y\r\n\r\n", "a trailer without a name");
	chunked_bad("0\r\nX: y\n\r\n", "bare LF behind a trailer");
	chunked_bad("0\r\nX: y\r\r\n", "bare CR behind a trailer");
	memset(line + 2, 'x', 300);
	strcpy(line + 302, "\r\nabc\r\n0\r\n\r\n");
	chunked_bad(line, "an endless extension");
}

static void test_trailers(void)
{
	size_t n = 3 + 9 * 2000;
	char *s = malloc(n + 1);
	struct http1_chunked g;

	memcpy(s, "0\r\n", 4);
	for (size_t i = 0; i < 2000; i++)
		memcpy(s + 3 + 9 * i, "A: 4567\r\n", 10);
	eq_num(chunked(s, n, 17, &g), -1, "chunked, refused: endless trailers");
	eq_num(chunked(s, 8000, 17, &g), 8000, "trailers may be long");
	free(s);
}

int main(void)
{
	test_good();
	test_found();
	test_bad();
	test_bytes();
	test_limits();
	test_chunked();
	test_trailers();
	return tap_done();
}
