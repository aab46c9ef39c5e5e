/* SPDX-License-Identifier: MIT */
/*
 * The client against scripted bytes through its own io functions: what the server sends is given
 * in pieces of any size, and what the client sends is unmasked and looked at.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base64.h"
#include "buf.h"
#include "cmd/rt-sub/wsclient.h"
#include "tests/unit/tap.h"

struct peer {
	struct buf to_client;	/* not read yet */
	size_t piece;		/* at most this much a read; 0: all */
	size_t budget;		/* bytes until "not now" */
	bool closed;		/* then the end */
	struct buf from_client;
	size_t room;		/* what a send takes at most */
	struct buf log;		/* of the callbacks */
	int message_result;
	char why[128];		/* of the end */
	struct wsclient *w;
};

static ssize_t peer_recv(void *arg, void *p, size_t n)
{
	struct peer *t = arg;

	if (t->piece > 0 && n > t->piece)
		n = t->piece;
	if (n > t->to_client.len)
		n = t->to_client.len;
	if (n > t->budget)
		n = t->budget;
	if (n == 0) {
		if (t->closed && t->to_client.len == 0)
			return 0;
		errno = EAGAIN;
		return -1;
	}
	memcpy(p, t->to_client.p, n);
	buf_consume(&t->to_client, n);
	t->budget -= n;
	return (ssize_t)n;
}

static ssize_t peer_send(void *arg, const void *p, size_t n)
{
	struct peer *t = arg;

	if (t->room == 0) {
		errno = EAGAIN;
		return -1;
	}
	if (n > t->room)
		n = t->room;
	buf_add(&t->from_client, p, n);
	return (ssize_t)n;
}

static const struct wsclient_io io = { peer_recv, peer_send };

static void on_open(void *arg, struct wsclient *w)
{
	struct peer *t = arg;
	struct str id = wsclient_header(w, "last-event-id");

	buf_addf(&t->log, "open(%.*s) ", (int)id.n, id.p == NULL ? "" : id.p);
}

static void add_printable(struct buf *b, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_addf(b, p[i] >= ' ' && p[i] < 127 ? "%c" : "\\%02x", (unsigned char)p[i]);
}

static int on_message(void *arg, bool binary, struct str data)
{
	struct peer *t = arg;

	buf_adds(&t->log, binary ? "binary(" : "text(");
	add_printable(&t->log, data.p, data.n < 20 ? data.n : 20);
	buf_addf(&t->log, ",%zu) ", data.n);
	return t->message_result;
}

static void on_ping(void *arg, struct str payload)
{
	struct peer *t = arg;

	buf_addf(&t->log, "ping(%.*s) ", (int)payload.n, payload.p);
}

static void on_end(void *arg, enum wsclient_end how, unsigned status, struct str why)
{
	static const char *const names[] = { "closed", "refused", "lost", "broken", "nomem" };
	struct peer *t = arg;

	snprintf(t->why, sizeof(t->why), "%.*s", (int)why.n, why.p);
	buf_addf(&t->log, "%s(%u) ", names[how], status);
}

static const struct wsclient_ops ops = { on_open, on_message, on_ping, on_end };

static void peer_init(struct peer *t, const char *url, const struct curl_slist *headers, size_t max)
{
	memset(t, 0, sizeof(*t));
	buf_init(&t->to_client, SIZE_MAX / 2);
	buf_init(&t->from_client, SIZE_MAX / 2);
	buf_init(&t->log, SIZE_MAX / 2);
	t->budget = t->room = SIZE_MAX;
	t->w = wsclient_new_io(&io, t, url, headers, max, &ops, t);
}

static void peer_fini(struct peer *t)
{
	wsclient_free(t->w);
	buf_fini(&t->to_client);
	buf_fini(&t->from_client);
	buf_fini(&t->log);
}

/* The Sec-WebSocket-Accept that fits the request sent. */
static void accept_of(struct peer *t, char out[29])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", field[] = "Sec-WebSocket-Key: ";
	const char *request = buf_cstr(&t->from_client), *key = strstr(request, field);
	unsigned char sha1[EVP_MAX_MD_SIZE];
	char text[24 + sizeof(guid)];

	memcpy(text, key + sizeof(field) - 1, 24);
	memcpy(text + 24, guid, sizeof(guid));
	EVP_Digest(text, sizeof(text) - 1, sha1, NULL, EVP_sha1(), NULL);
	out[base64_encode(out, sha1, 20)] = '\0';
}

static void handshake(struct peer *t, const char *more)
{
	char accept[29];

	wsclient_writable(t->w);
	accept_of(t, accept);
	buf_addf(&t->to_client, "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\n"
		"Connection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n", accept, more);
	buf_reset(&t->from_client);
}

static void frame(struct peer *t, uint8_t first, const char *p, size_t n)
{
	buf_addc(&t->to_client, (char)first);
	if (n < 126) {
		buf_addc(&t->to_client, (char)n);
	} else if (n < 65536) {
		buf_addc(&t->to_client, 126);
		buf_addc(&t->to_client, (char)(n >> 8));
		buf_addc(&t->to_client, (char)n);
	} else {
		buf_add(&t->to_client, "\x7f\0\0\0\0\0", 6);
		for (int shift = 16; shift >= 0; shift -= 8)
			buf_addc(&t->to_client, (char)(n >> shift));
	}
	buf_add(&t->to_client, p, n);
}

#define TEXT(t, s) frame(t, 0x81, s, sizeof(s) - 1)

static void run(struct peer *t)
{
	for (int i = 0; i < 100000 && (!wsclient_readable(t->w) || t->to_client.len > 0); i++)
		;
}

/* One frame of the client, which must be masked, unmasked: "opcode:payload ". */
static void log_frames(struct peer *t)
{
	while (t->from_client.len >= 6) {
		uint8_t *p = t->from_client.p, n = p[1] & 0x7f;

		buf_addf(&t->log, "%s<%x:", p[1] & 0x80 ? "" : "unmasked", p[0]);
		for (uint8_t i = 0; i < n; i++)
			p[6 + i] ^= p[2 + i % 4];
		add_printable(&t->log, (const char *)p + 6, n);
		buf_adds(&t->log, "> ");
		buf_consume(&t->from_client, 6u + n);
	}
}

static void check(struct peer *t, const char *want, const char *what)
{
	log_frames(t);
	eq_str(buf_cstr(&t->log), want, what);
}

static void test_request(void)
{
	struct curl_slist *headers = curl_slist_append(NULL, "X-One: 1");
	struct peer t;
	const char *text;

	curl_slist_append(headers, "Connection: close");
	curl_slist_append(headers, "X-Removed:");
	curl_slist_append(headers, "X-Empty;");
	peer_init(&t, "ws://us%65r:pw@example.org:81/a/b?c=d", headers, 100);
	t.room = 7;
	for (int i = 0; i < 200 && wsclient_wants_write(t.w); i++)
		wsclient_writable(t.w);
	text = buf_cstr(&t.from_client);
	ok(strncmp(text, "GET /a/b?c=d HTTP/1.1\r\n", 23) == 0, "request line with the query");
	ok(strstr(text, "\r\nHost: example.org:81\r\n") != NULL, "Host with the port");
	ok(strstr(text, "\r\nUpgrade: websocket\r\n") != NULL, "Upgrade");
	ok(strstr(text, "\r\nConnection: Upgrade\r\n") != NULL, "Connection");
	ok(strstr(text, "\r\nSec-WebSocket-Version: 13\r\n") != NULL, "version");
	ok(strstr(text, "\r\nAuthorization: Basic dXNlcjpwdw==\r\n") != NULL, "user and password of the URL");
	ok(strstr(text, "\r\nX-One: 1\r\n") != NULL && strstr(text, "\r\nX-Empty: \r\n") != NULL,
		"fields from outside");
	ok(strstr(text, "close") == NULL && strstr(text, "X-Removed") == NULL,
		"but not those of the handshake");
	ok(strcmp(text + strlen(text) - 4, "\r\n\r\n") == 0, "ends with a blank line");
	ok(!wsclient_wants_write(t.w), "sent in pieces, and then done");
	peer_fini(&t);
	curl_slist_free_all(headers);
}

static void test_messages(size_t piece)
{
	char *large = malloc(70000), want[512];
	struct peer t;

	memset(large, 'L', 70000);
	peer_init(&t, "http://h/", NULL, 70000);
	t.piece = piece;
	handshake(&t, "Last-Event-ID: 42\r\n");
	TEXT(&t, "hi");
	frame(&t, 0x82, "\0\xff", 2);
	frame(&t, 0x89, "beat", 4);
	frame(&t, 0x01, "one ", 4);
	frame(&t, 0x89, "", 0);
	frame(&t, 0x00, "", 0);
	frame(&t, 0x80, "\xc3\xa4", 2);
	TEXT(&t, "");
	frame(&t, 0x81, large, 300);
	frame(&t, 0x81, large, 70000);
	frame(&t, 0x88, "\x03\xe9" "bye", 5);
	run(&t);
	/* Who reads it all at once answers the close alone: pongs would come after it. */
	snprintf(want, sizeof(want), "open(42) text(hi,2) binary(\\00\\ff,2) ping(beat) ping() "
		"text(one \\c3\\a4,6) text(,0) text(LLLLLLLLLLLLLLLLLLLL,300) "
		"text(LLLLLLLLLLLLLLLLLLLL,70000) closed(1001) %s<88:\\03\\e9bye> ",
		piece == 0 ? "" : "<8a:beat> <8a:> ");
	check(&t, want, "fragments, control frames between them, sizes, close, and the answers");
	ok(!wsclient_wants_write(t.w), "nothing is left to say");
	peer_fini(&t);
	free(large);
}

static void refused_handshake(const char *answer, const char *want, const char *what)
{
	struct peer t;

	peer_init(&t, "http://h/", NULL, 100);
	wsclient_writable(t.w);
	buf_reset(&t.from_client);
	buf_adds(&t.to_client, answer);
	t.piece = 5;
	t.closed = true;
	run(&t);
	check(&t, want, what);
	peer_fini(&t);
}

static void test_handshakes(void)
{
	static const char ok_head[] = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
	char text[512];
	struct peer t;

	snprintf(text, sizeof(text), "%sSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n", ok_head);
	refused_handshake(text, "broken(0) ", "a wrong accept");
	snprintf(text, sizeof(text), "%s\r\n", ok_head);
	refused_handshake(text, "broken(0) ", "no accept");
	refused_handshake("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "refused(200) ", "a 200");
	refused_handshake("HTTP/1.1 503 x\r\n\r\n", "refused(503) ", "a 503 without a length");
	refused_handshake("SSH-2.0-OpenSSH\r\n\r\n", "broken(0) ", "no HTTP");
	refused_handshake("HTTP/1.1 101", "lost(0) ", "cut short");
	refused_handshake("", "lost(0) ", "nothing at all");

	peer_init(&t, "http://h/", NULL, 100);
	handshake(&t, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
	run(&t);
	check(&t, "broken(0) ", "an extension nobody asked for");
	peer_fini(&t);

	peer_init(&t, "http://h/", NULL, 100);
	handshake(&t, "Sec-WebSocket-Protocol: chat\r\n");
	run(&t);
	check(&t, "broken(0) ", "a subprotocol nobody asked for");
	peer_fini(&t);
}

static void test_refusal_body(void)
{
	struct peer t;

	peer_init(&t, "http://h/", NULL, 100);
	wsclient_writable(t.w);
	buf_adds(&t.to_client, "HTTP/1.1 429 x\r\nRetry-After: 3\r\nContent-Length: 14\r\n\r\n{\"detail\":");
	run(&t);
	ok(t.log.len == 0, "a refusal waits for its body");
	buf_adds(&t.to_client, "\"a\"}");
	run(&t);
	eq_bytes(wsclient_body(t.w).p, wsclient_body(t.w).n, "{\"detail\":\"a\"}", 14, "the body");
	eq_bytes(wsclient_header(t.w, "retry-after").p, wsclient_header(t.w, "retry-after").n, "3", 1,
		"and a field");
	peer_fini(&t);
}

static void violation(const char *p, size_t n, const char *want, const char *what)
{
	struct peer t;

	peer_init(&t, "http://h/", NULL, 10);
	handshake(&t, "");
	buf_add(&t.to_client, p, n);
	run(&t);
	check(&t, want, what);
	peer_fini(&t);
}

#define VIOLATION(s, want, what) violation(s, sizeof(s) - 1, want, what)

static void test_violations(void)
{
	VIOLATION("\x81\x02\xc3(", "open() broken(1007) <88:\\03\\ef> ", "no UTF-8 in a text");
	VIOLATION("\x81\x01\xc3", "open() broken(1007) <88:\\03\\ef> ",
		"a text that ends within a character");
	VIOLATION("\x81\x0b" "01234567890", "open() broken(1009) <88:\\03\\f1> ", "a message over the limit");
	VIOLATION("\x01\x06" "012345" "\x80\x06" "012345", "open() broken(1009) <88:\\03\\f1> ",
		"fragments over the limit");
	VIOLATION("\x80\x01x", "open() broken(1002) <88:\\03\\ea> ", "a continuation of nothing");
	VIOLATION("\x83\x00", "open() broken(1002) <88:\\03\\ea> ", "an unknown opcode");
	VIOLATION("\xc1\x00", "open() broken(1002) <88:\\03\\ea> ", "a reserved bit");
	VIOLATION("\x09\x00", "open() broken(1002) <88:\\03\\ea> ", "a fragmented ping");
	VIOLATION("\x81\x7e\x00\x05" "hello", "open() broken(1002) <88:\\03\\ea> ", "a length not minimal");
}

/* RFC 6455, 5.3: the mask of a frame cannot be predicted. */
static void test_mask_of_close(void)
{
	uint8_t masks[2][4];
	struct peer t;

	for (size_t i = 0; i < 2; i++) {
		peer_init(&t, "http://h/", NULL, 10);
		handshake(&t, "");
		buf_add(&t.to_client, "\x09\x00", 2);
		run(&t);
		ok(t.from_client.len == 8 && t.from_client.p[1] == 0x82, "a close frame, masked");
		memcpy(masks[i], t.from_client.p + 2, sizeof(masks[i]));
		peer_fini(&t);
	}
	ok(memcmp(masks[0], masks[1], sizeof(masks[0])) != 0, "by another mask each time");
}

static void test_loss(void)
{
	struct peer t;

	peer_init(&t, "http://h/", NULL, 100);
	handshake(&t, "");
	TEXT(&t, "last");
	buf_add(&t.to_client, "\x81\x10half", 6);
	t.closed = true;
	run(&t);
	wsclient_readable(t.w);
	check(&t, "open() text(last,4) lost(0) ", "the end without a close frame, told once");
	peer_fini(&t);
}

static void test_stop_and_resume(void)
{
	struct peer t;

	peer_init(&t, "http://h/", NULL, 8000);
	handshake(&t, "");
	run(&t);
	t.message_result = 1;
	for (int i = 0; i < 10; i++) {
		char big[3000];

		memset(big, 'a' + i, sizeof(big));
		frame(&t, 0x81, big, sizeof(big));
	}
	wsclient_readable(t.w);
	ok(memmem(t.log.p, t.log.len, "text(dddd", 9) == NULL, "message() stops the reading soon");
	wsclient_readable(t.w);
	ok(memmem(t.log.p, t.log.len, "text(dddd", 9) == NULL, "for as long as it wants");
	t.message_result = 0;
	wsclient_resume(t.w);
	run(&t);
	ok(memmem(t.log.p, t.log.len, "text(jjjjjjjjjjjjjjjjjjjj,3000)", 31) != NULL, "and nothing is lost");
	peer_fini(&t);
}

static void test_close(void)
{
	struct peer t;

	peer_init(&t, "http://h/", NULL, 100);
	ok(wsclient_close(t.w, 1000) == -1, "nothing can be closed before the handshake");
	handshake(&t, "");
	run(&t);
	ok(wsclient_close(t.w, 1000) == 0, "close");
	ok(wsclient_wants_write(t.w), "wait for the socket");
	t.room = 3;
	for (int i = 0; i < 20 && wsclient_wants_write(t.w); i++)
		wsclient_writable(t.w);
	frame(&t, 0x88, "\x03\xe8", 2);
	run(&t);
	check(&t, "open() closed(1000) <88:\\03\\e8> ", "both close");
	ok(wsclient_close(t.w, 1000) == -1, "and nothing can be closed after");
	peer_fini(&t);
}

static void test_close_code_of(const char *payload, const char *happens, const char *why)
{
	struct peer t;

	peer_init(&t, "http://h/", NULL, 100);
	handshake(&t, "");
	frame(&t, 0x88, payload, strlen(payload));
	run(&t);
	check(&t, happens, "a code that is newer than RFC 6455");
	if (why != NULL)
		eq_str(t.why, why, "and why");
	peer_fini(&t);
}

/* What the server closes with, and what a person is told about it. */
static void test_close_codes(void)
{
	struct peer t;

	peer_init(&t, "http://h/", NULL, 100);
	handshake(&t, "");
	frame(&t, 0x88, "", 0);
	run(&t);
	check(&t, "open() closed(1005) <88:> ", "a close without a code is 1005");
	eq_str(t.why, "no status received", "and says so");
	peer_fini(&t);

	peer_init(&t, "http://h/", NULL, 100);
	handshake(&t, "");
	frame(&t, 0x88, "\x03\xe9" "later", 7);
	run(&t);
	check(&t, "open() closed(1001) <88:\\03\\e9later> ", "one with a code is that");
	eq_str(t.why, "later", "and says why");
	peer_fini(&t);

	test_close_code_of("\x03\xf4" "restart", "open() closed(1012) <88:\\03\\ea> ", "restart");
	test_close_code_of("\x03\xf6", "open() closed(1014) <88:\\03\\ea> ", "");
	test_close_code_of("\x03\xf4\xff", "open() broken(1007) <88:\\03\\ef> ", NULL);
	test_close_code_of("\x03\xf7", "open() broken(1002) <88:\\03\\ea> ", NULL);
}

int main(void)
{
	test_request();
	test_messages(0);
	test_messages(1);
	test_messages(7);
	test_handshakes();
	test_refusal_body();
	test_violations();
	test_mask_of_close();
	test_loss();
	test_stop_and_resume();
	test_close();
	test_close_codes();
	return tap_done();
}
