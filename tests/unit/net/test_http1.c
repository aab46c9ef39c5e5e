/* SPDX-License-Identifier: MIT */
/* HTTP/1.1 on a socket pair: a scripted layer above, real bytes on the other end. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_internal.h"
#include "tests/unit/net/helper_net.h"
#include "tests/unit/tap.h"

#define LATER_MAX 128

static struct rig rig;
static struct exchange *later[LATER_MAX];	/* unanswered ones, in order of their requests */
static unsigned nlater, nrequests, nclosed, neof, nends;
static uint64_t nbody;
static enum conn_end last_end;
static struct str big = {NULL, 100000};

/* --- the layer above ------------------------------------------------------------------------- */

static void on_body(struct exchange *x, const uint8_t *p, size_t n)
{
	(void)p;
	nbody += n;
	if (exchange_user(x) != NULL && str_is(*(struct str *)exchange_user(x), "pause"))
		exchange_pause(x, true);
}

static void on_end(struct exchange *x)
{
	char text[32];

	nends++;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)nbody);
	nbody = 0;
	exchange_respond(x, 200, NULL, 0, str_of(text));
}

static void on_eof(struct exchange *x)
{
	neof++;
	exchange_respond(x, 200, NULL, 0, STR_LIT("eof"));
}

static void on_closed(struct exchange *x, enum conn_end why)
{
	nclosed++;
	last_end = why;
	for (unsigned i = 0; i < nlater; i++)
		if (later[i] == x)
			later[i] = NULL;
}

static const struct exchange_ops plain = {.closed = on_closed};
static const struct exchange_ops sink = {.body = on_body, .body_end = on_end, .closed = on_closed};
static const struct exchange_ops poll_ops = {.peer_eof = on_eof, .closed = on_closed};
static struct str pauses = {"pause", 5};

static void on_request(struct exchange *x, const struct http_request *r, void *arg)
{
	(void)arg;
	nrequests++;
	if (str_is(r->path, "/sink") || str_is(r->path, "/pause")) {
		exchange_accept(x, &sink, str_is(r->path, "/pause") ? &pauses : NULL);
		if (!r->has_body)
			on_end(x);
	} else if (str_is(r->path, "/later")) {
		exchange_accept(x, &plain, NULL);
		later[nlater++ % LATER_MAX] = x;
	} else if (str_is(r->path, "/poll")) {
		exchange_accept(x, &poll_ops, NULL);
	} else if (str_is(r->path, "/stream")) {
		exchange_accept(x, &plain, NULL);
		exchange_begin(x, 200, NULL, 0);
		later[nlater++ % LATER_MAX] = x;
	} else if (str_is(r->path, "/abort")) {
		exchange_accept(x, &plain, NULL);
		exchange_abort(x, CONN_MAX_AGE);
	} else if (str_is(r->path, "/big")) {
		exchange_respond(x, 200, NULL, 0, big);
	} else {
		exchange_accept(x, &plain, NULL);
		exchange_respond(x, 200, NULL, 0, r->query.p == NULL ? r->path : r->query);
	}
}

static bool may_overlap(const struct http_request *r, void *arg)
{
	(void)arg;
	return str_is(r->method, "POST");
}

static const struct http_handler handler = {.request = on_request, .may_overlap = may_overlap};

/* --- the answer's fields --------------------------------------------------------------------- */

/* A value of (n) bytes with (c) at (at): how long is its line? */
static size_t line_length(size_t n, size_t at, char c)
{
	char *value = malloc(n);	/* of the exact size */
	struct buf b;
	size_t len;

	memset(value, 'v', n);
	value[at] = c;
	buf_init(&b, 100);
	len = http1_add_field(&b, (struct http_field){STR_LIT("X"), {value, n}}) == 0 ? b.len : 0;
	buf_fini(&b);
	free(value);
	return len;
}

static void test_breaks(void)
{
	for (size_t n = 1; n < 20; n++) {
		bool broken = true, whole = true;

		for (size_t at = 0; at < n; at++) {
			broken = broken && line_length(n, at, '\r') == 0 && line_length(n, at, '\n') == 0;
			for (const char *c = "\t\f\x0e ~\x7f\x80\x8a\x8d\xff"; *c != '\0'; c++)
				whole = whole && line_length(n, at, *c) == n + 5;
		}
		ok(broken, "a field whose value of %zu bytes has a line break is not sent", n);
		ok(whole, "with any other byte it is");
	}
}

/* --- talking --------------------------------------------------------------------------------- */

static void begin(void)
{
	nlater = nrequests = nclosed = neof = nends = 0;
	nbody = 0;
	rig_init(&rig, &handler);
}

static void say(int peer, const char *s)
{
	rig_send(&rig, peer, s, strlen(s));
}

/* Answers without their Date lines, which change. */
static void strip_dates(struct buf *b)
{
	uint8_t *at;

	while (b->len > 0 && (at = memmem(b->p, b->len, "Date: ", 6)) != NULL) {
		size_t n = (size_t)((uint8_t *)memmem(at, (size_t)(b->p + b->len - at), "\r\n", 2) + 2 - at);

		memmove(at, at + n, (size_t)(b->p + b->len - at) - n);
		b->len -= n;
	}
}

#define OK(text, n) "HTTP/1.1 200 OK\r\nContent-Length: " #n "\r\n\r\n" text

/* Send (s), cut into two at (cut) or into single bytes if that is -1; what comes until all is quiet. */
static void talk(const char *s, size_t n, int cut, struct buf *b, bool half_close)
{
	int peer;

	nbody = 0;
	rig_connect(&rig, &peer, 0);
	if (cut < 0) {
		for (size_t i = 0; i < n; i++)
			rig_send(&rig, peer, s + i, 1);
	} else {
		rig_send(&rig, peer, s, (size_t)cut);
		rig_send(&rig, peer, s + cut, n - (size_t)cut);
	}
	if (half_close)
		shutdown(peer, SHUT_WR);
	buf_reset(b);
	rig_recv(&rig, peer, b, SIZE_MAX, NULL);
	strip_dates(b);
	close(peer);
	rig_turn(&rig, 2);
}

static bool same(const struct buf *b, const char *want)
{
	if (b->len == strlen(want) && memcmp(b->p, want, b->len) == 0)
		return true;
	printf("# got %.*s\n# want %s\n", (int)b->len, (char *)b->p, want);
	return false;
}

static const char script[] =
	"POST /sink HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	"3;x=y\r\nabc\r\n12\r\n012345678901234567\r\n0\r\nTrailer: x\r\n\r\n"
	"POST /sink HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345"
	"\r\nGET /x/y?z=1 HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"
	"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
static const char script_answer[] = OK("21", 2) OK("5", 1) OK("z=1", 3)
	"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n/hello";

static void test_split(void)
{
	struct buf b;
	bool all = true;

	begin();
	buf_init(&b, 1 << 20);
	for (int cut = -1; cut < (int)sizeof(script); cut++) {
		talk(script, sizeof(script) - 1, cut < (int)sizeof(script) - 1 ? cut : 0, &b, false);
		all = all && same(&b, script_answer);
	}
	ok(all, "pipelined requests, split at each byte, give the same answers");
	eq_num(nclosed, nrequests, "each exchange was closed once");
	ok(rig_fini(&rig), "pools got everything back");
	buf_fini(&b);
}

static void test_truncated(void)
{
	struct buf b;
	bool prefix = true;

	begin();
	buf_init(&b, 1 << 20);
	for (size_t n = 0; n < sizeof(script) - 1; n++) {
		talk(script, n, 0, &b, true);
		prefix = prefix && b.len <= sizeof(script_answer) && memcmp(b.p == NULL ? (uint8_t *)"" : b.p,
			script_answer, b.len) == 0;
	}
	ok(prefix, "cut short at each byte: what is complete is answered, nothing else");
	eq_num(nclosed, nrequests, "each exchange was closed once");
	ok(rig.loop->conns == NULL, "and the connections ended");
	ok(rig_fini(&rig), "pools got everything back");
	buf_fini(&b);
}

static void expect(const char *request, const char *answer, const char *what)
{
	struct buf b;

	begin();
	buf_init(&b, 1 << 20);
	talk(request, strlen(request), 0, &b, false);
	eq_bytes(b.p == NULL ? (uint8_t *)"" : b.p, b.len, answer, strlen(answer), what);
	ok(rig_fini(&rig) && nclosed == nrequests, "nothing is left of it");
	buf_fini(&b);
}

#define REFUSED(status, why, n) "HTTP/1.1 " status "\r\nContent-Type: text/plain\r\n" \
	"X-Content-Type-Options: nosniff\r\nContent-Length: " #n \
	"\r\nConnection: close\r\n\r\n" why

static void test_answers(void)
{
	expect("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n",
		"HEAD gets the head alone");
	expect("GET /hello HTTP/1.0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n/hello", "HTTP/1.0 closes");
	expect("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: keep-alive\r\n\r\n/hello"
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n/2", "unless asked not to");
	expect("POST /sink HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\n", "100 Continue");
	expect("POST /sink HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
		OK("3", 1), "none if the body is there already");
	expect("POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n/x",
		"an answer instead of 100 Continue ends the connection");
	expect("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
		"GET /y HTTP/1.1\r\nHost: a\r\n\r\n", OK("/x", 2) OK("/y", 2),
		"a short body that nobody wants is skipped");
	expect("POST /sink HTTP/1.1\r\nHost: a\r\nExpect: x\r\nContent-Length: 3\r\n\r\nabc",
		REFUSED("417 Expectation Failed", "only \"Expect: 100-continue\" is understood", 41),
		"other expectations");
	expect("BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n",
		REFUSED("501 Not Implemented", "this method is not known here", 29), "an unknown method");
	expect("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n",
		OK("/1", 2) REFUSED("400 Bad Request", "the Host field is missing", 25),
		"a bad request is refused in its turn, and nothing after it is read");
	expect("POST /sink HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
		REFUSED("400 Bad Request", "the chunked framing of the body is malformed", 44),
		"bad chunked framing");
	expect("GET /abort HTTP/1.1\r\nHost: a\r\n\r\n", "", "an exchange that is broken off");
	ok(last_end == CONN_MAX_AGE, "is closed with the reason given");
	expect("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
		"Sec-WebSocket-Version: 12\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		"HTTP/1.1 426 Upgrade Required\r\nContent-Type: text/plain\r\n"
		"X-Content-Type-Options: nosniff\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
		"Content-Length: 35\r\nConnection: close\r\n\r\nWebSocket version 13 is spoken here",
		"another version of WebSocket");
}

static void test_order(void)
{
	static const char post[] = "POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
	struct buf b;
	int peer;

	begin();
	buf_init(&b, 1 << 20);
	rig_connect(&rig, &peer, 0);
	for (int i = 0; i < 3; i++)
		rig_send(&rig, peer, post, sizeof(post) - 1);
	say(peer, "GET /get HTTP/1.1\r\nHost: a\r\n\r\n");
	eq_num(nrequests, 3, "POSTs overlap, the GET behind them waits");
	exchange_respond(later[2], 200, NULL, 0, STR_LIT("third"));
	rig_turn(&rig, 3);
	exchange_begin(later[1], 200, NULL, 0);
	exchange_write(later[1], STR_LIT("sec"));
	rig_turn(&rig, 3);
	ok(recv(peer, &b, 1, MSG_PEEK) < 0, "nothing leaves before the first answer");
	exchange_respond(later[0], 200, NULL, 0, STR_LIT("first"));
	rig_turn(&rig, 3);
	eq_num(nrequests, 3, "the second is not at its end");
	exchange_write(later[1], STR_LIT("ond"));
	exchange_end(later[1]);
	rig_turn(&rig, 3);
	eq_num(nrequests, 4, "now the GET starts");
	rig_recv(&rig, peer, &b, 1, NULL);
	strip_dates(&b);
	ok(same(&b, OK("first", 5) "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nsec\r\n3\r\nond\r\n0\r\n\r\n" OK("third", 5) OK("/get", 4)),
		"answers leave in the order of the requests");
	nrequests = 0;
	say(peer, "GET /later HTTP/1.1\r\nHost: a\r\n\r\nPOST /sink HTTP/1.1\r\nHost: a\r\n\r\n");
	eq_num(nrequests, 1, "a POST behind a GET waits too");
	close(peer);
	ok(rig_fini(&rig), "pools got everything back");
	buf_fini(&b);
}

static void test_pipelined_max(void)
{
	static const char post[] = "POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
	int peer;

	begin();
	rig.limits.max_pipelined = 5;
	rig_connect(&rig, &peer, 0);
	for (int i = 0; i < 12; i++)
		rig_send(&rig, peer, post, sizeof(post) - 1);
	eq_num(nrequests, 5, "so many start");
	for (unsigned i = 0; i < 12; i++) {
		exchange_respond(later[i], 204, NULL, 0, STR_NULL);
		rig_turn(&rig, 2);
	}
	eq_num(nrequests, 12, "the others when there is room");
	close(peer);
	ok(rig_fini(&rig), "pools got everything back");
}

static void test_eof(void)
{
	static const char two[] = "GET /poll HTTP/1.1\r\nHost: a\r\n\r\n"
		"GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
	struct buf b;
	bool eof;
	int peer;

	begin();
	buf_init(&b, 1 << 20);
	rig_connect(&rig, &peer, 0);
	rig_send(&rig, peer, two, sizeof(two) - 1);
	eq_num(nrequests, 1, "behind an open answer the next request waits");
	shutdown(peer, SHUT_WR);
	rig_recv(&rig, peer, &b, SIZE_MAX, &eof);
	strip_dates(&b);
	ok(neof == 1 && eof && same(&b, OK("eof", 3) OK("/next", 5)),
		"EOF ends the wait; the rest is answered");
	close(peer);

	rig_connect(&rig, &peer, 0);
	say(peer, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
	shutdown(peer, SHUT_WR);
	rig_turn(&rig, 3);
	exchange_write(later[nlater - 1], STR_LIT("still here"));
	buf_reset(&b);
	rig_recv(&rig, peer, &b, 110, &eof);
	ok(!eof && memmem(b.p, b.len, "still here", 10) != NULL, "a stream goes on after a half-close");
	exchange_end(later[nlater - 1]);
	rig_recv(&rig, peer, &b, SIZE_MAX, &eof);
	ok(eof, "its end closes the connection");
	close(peer);

	rig_connect(&rig, &peer, 0);
	say(peer, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
	nclosed = 0;
	buf_reset(&b);
	rig_recv(&rig, peer, &b, SIZE_MAX, NULL);
	close(peer);
	rig_turn(&rig, 3);
	eq_num(nclosed, 0, "a close looks like a half-close at first");
	exchange_write(later[nlater - 1], STR_LIT("x"));
	rig_turn(&rig, 3);
	ok(nclosed == 1 && last_end == CONN_RESET, "a peer that is gone is noticed with the next write");
	ok(rig_fini(&rig), "pools got everything back");
	buf_fini(&b);
}

static void test_pause(void)
{
	static const char request[] = "POST /pause HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123";
	struct buf b;
	struct conn *c;
	int peer;

	begin();
	buf_init(&b, 1 << 20);
	c = rig_connect(&rig, &peer, 0);
	rig_send(&rig, peer, request, sizeof(request) - 1);
	eq_num(nbody, 4, "the first piece came");
	rig_send(&rig, peer, "456", 3);
	eq_num(nbody, 4, "none while it is paused");
	rig_pass(&rig, 60000);
	ok(rig.loop->conns == c, "and no timeout");
	exchange_pause(c->exchanges, false);
	rig_turn(&rig, 3);
	eq_num(nbody, 7, "then it goes on");
	rig_send(&rig, peer, "789", 3);
	exchange_pause(c->exchanges, false);
	rig_recv(&rig, peer, &b, 1, NULL);
	ok(nends == 1, "to the end");
	close(peer);
	ok(rig_fini(&rig), "pools got everything back");
	buf_fini(&b);
}

static void timeout(const char *s, uint64_t ms, const char *answer, enum conn_end why, const char *what)
{
	struct buf b;
	bool eof;
	int peer;

	begin();
	buf_init(&b, 1 << 20);
	rig_connect(&rig, &peer, 0);
	rig_send(&rig, peer, s, strlen(s));
	rig_pass(&rig, ms - 100);
	ok(rig.loop->conns != NULL && !rig.loop->conns->ending, "not yet: %s", what);
	rig_pass(&rig, 200);
	rig_recv(&rig, peer, &b, SIZE_MAX, &eof);
	ok(eof && b.len >= strlen(answer) && memcmp(b.p == NULL ? (uint8_t *)"" : b.p, answer,
		strlen(answer)) == 0, "%s", what);
	close(peer);
	rig_turn(&rig, 3);
	eq_num(rig.loop->stats.closed[why], 1, "counted as such");
	ok(rig_fini(&rig), "pools got everything back");
	buf_fini(&b);
}

static void test_timeouts(void)
{
	timeout("", 10000, "", CONN_TIMEOUT_HEAD, "who sends nothing is dropped silently");
	timeout("GET / HT", 10000, "HTTP/1.1 408 ", CONN_TIMEOUT_HEAD, "an incomplete head gets 408");
	timeout("POST /sink HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab", 10000, "HTTP/1.1 408 ",
		CONN_TIMEOUT_BODY, "an incomplete body gets 408");
	timeout("GET /x HTTP/1.1\r\nHost: a\r\n\r\n", 75000, "HTTP/1.1 200 ", CONN_TIMEOUT_IDLE,
		"a connection is kept alive for so long");
}

static void test_limits(void)
{
	static char head[200000];
	size_t n;
	struct buf b;
	int peer;

	n = (size_t)sprintf(head, "GET /x HTTP/1.1\r\nHost: a\r\nX: ");
	memset(head + n, 'x', 60000);
	strcpy(head + n + 60000, "\r\n\r\n");
	expect(head, REFUSED("431 Request Header Fields Too Large", "the request head is too long", 28),
		"a long head is refused");
	begin();
	buf_init(&b, 1 << 20);
	rig.limits.max_head = 65536;
	rig_connect(&rig, &peer, 0);
	rig_send(&rig, peer, head, strlen(head));
	rig_recv(&rig, peer, &b, 1, NULL);
	ok(b.len > 15 && memcmp(b.p, "HTTP/1.1 200 OK", 15) == 0, "or taken, if it is allowed");
	close(peer);
	ok(rig_fini(&rig), "pools got everything back");
	buf_fini(&b);
}

/* A client that asks and asks without reading: the answers it has coming are bounded. */
static void test_not_reading(void)
{
	static const char get[] = "GET /big HTTP/1.1\r\nHost: a\r\n\r\n";
	size_t want = 0, most = 0;
	struct conn *c;
	struct buf b;
	int peer;

	begin();
	big.p = calloc(1, big.n);
	buf_init(&b, 1u << 30);
	c = rig_connect(&rig, &peer, 0);
	/* In bursts, so that one buffer holds many requests, and then one by one. */
	for (int i = 0; i < 600; i++) {
		if (send(peer, get, sizeof(get) - 1, MSG_NOSIGNAL) == (ssize_t)sizeof(get) - 1)
			want++;
		if (i >= 300 || i % 100 == 99)
			rig_turn(&rig, 1);
		most = conn_pending(c) > most ? conn_pending(c) : most;
	}
	ok(want > 300 && most <= rig.limits.max_output + big.n + 1000, "at most %zu bytes waited", most);
	rig_recv(&rig, peer, &b, want * (big.n + 30), NULL);
	rig_recv(&rig, peer, &b, b.len + 1, NULL);
	eq_num(nrequests, want, "in the end all are answered");
	eq_num(nclosed, 0, "(these have no closed())");
	close(peer);
	ok(rig_fini(&rig), "pools got everything back");
	buf_fini(&b);
	free((void *)big.p);
}

/* Requests put off because of much output go on when it is out, though no more bytes come. */
static void test_burst(void)
{
	static const char get[] = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
	struct buf b;
	int peer;

	begin();
	rig.limits.max_output = 200;
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 50; i++)
		buf_adds(&b, get);
	rig_connect(&rig, &peer, 0);
	rig_send(&rig, peer, b.p, b.len);
	buf_reset(&b);
	rig_recv(&rig, peer, &b, SIZE_MAX, NULL);
	ok(nrequests == 50 && nclosed == 50, "all requests of a burst are answered");
	close(peer);
	ok(rig_fini(&rig), "pools got everything back");
	buf_fini(&b);
}

/* The end of a stream does not overtake what was queued before it, though the socket stalls. */
static void test_end_after_stall(void)
{
	struct conn_owner owner = {.ops = NULL};
	struct buf b;
	uint8_t *p;
	int peer;

	begin();
	buf_init(&b, 1 << 20);
	rig_connect(&rig, &peer, 4096);
	say(peer, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
	for (int i = 0; i < 5; i++) {
		p = arena_reserve(&rig.loop->arena, 20005);
		memcpy(p, "4e1d\r\n", 6);
		memset(p + 6, 'a' + i, 19997);
		memcpy(p + 20003, "\r\n", 2);
		exchange_queue(later[0], arena_commit(&rig.loop->arena, 20005, NULL), &owner);
	}
	exchange_end(later[0]);
	rig_recv(&rig, peer, &b, 100100, NULL);
	strip_dates(&b);
	ok(b.len > 100000 && memcmp(b.p + b.len - 6, "\n0\r\n\r\n", 6) == 0, "the whole stream and its end");
	close(peer);
	ok(rig_fini(&rig), "pools got everything back");
	buf_fini(&b);
}

/* Who sends as fast as it goes is not read to the end before others have their turn. */
static void test_turn(void)
{
	static const char head[] = "POST /sink HTTP/1.1\r\nHost: h\r\nContent-Length: 120000\r\n\r\n";
	static char body[120000];
	int peer;

	begin();
	rig_connect(&rig, &peer, 0);
	eq_num(write(peer, head, sizeof(head) - 1), (ssize_t)sizeof(head) - 1, "a request");
	eq_num(write(peer, body, sizeof(body)), (ssize_t)sizeof(body), "is there with its whole body");
	rig_turn(&rig, 1);
	ok(nends == 0 && nbody <= INPUT_TURN, "one turn reads a part of it: %llu",
		(unsigned long long)nbody);
	rig_turn(&rig, 3);
	eq_num(nends, 1, "the next ones the rest");
	close(peer);
	ok(rig_fini(&rig), "nothing is left");
}

int main(void)
{
	test_breaks();
	test_split();
	test_truncated();
	test_answers();
	test_order();
	test_pipelined_max();
	test_eof();
	test_pause();
	test_turn();
	test_timeouts();
	test_limits();
	test_not_reading();
	test_burst();
	test_end_after_stall();
	return tap_done();
}
