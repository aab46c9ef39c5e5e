/* SPDX-License-Identifier: MIT */
/* WebSocket frames on a socket pair: whole, split at each byte, wrong in every way. */
#include <stdlib.h>
#include <unistd.h>

#include "net/websocket.h"
#include "tests/unit/net/helper_net.h"
#include "tests/unit/tap.h"

static struct rig rig;
static struct websocket *ws;
static unsigned nmessages, npongs, nclosed, close_code;
static bool pause_next;

static void on_message(struct websocket *w, bool binary, const uint8_t *p, size_t n)
{
	nmessages++;
	websocket_send(w, binary ? WEBSOCKET_BINARY : WEBSOCKET_TEXT, (struct str){(const char *)p, n});
	if (pause_next)
		websocket_pause(w, true);
}

static void on_pong(struct websocket *w, struct str payload)
{
	(void)w;
	npongs += str_is(payload, "cursor");
}

static void on_ws_closed(struct websocket *w, unsigned code, enum conn_end why)
{
	(void)why;
	nclosed++;
	close_code = code;
	if (w == ws)
		ws = NULL;
	free(w);
}

static const struct websocket_ops ws_ops = {.message = on_message, .pong = on_pong, .closed = on_ws_closed};

static void on_closed(struct exchange *x, enum conn_end why)
{
	(void)x;
	(void)why;
	nclosed += 100;	/* must not come: the exchange became a WebSocket */
}

static const struct exchange_ops http_ops = {.closed = on_closed};

static void on_request(struct exchange *x, const struct http_request *r, void *arg)
{
	struct http_field f = {STR_LIT("X-Test"), STR_LIT("yes")};

	(void)arg;
	exchange_accept(x, &http_ops, NULL);
	if (r->upgrade_websocket) {
		ws = malloc(sizeof(*ws));
		if (websocket_accept(ws, x, &ws_ops, STR_LIT("echo"), &f, 1) != 0) {
			free(ws);
			ws = NULL;
		}
	} else {
		exchange_respond(x, 404, NULL, 0, STR_NULL);
	}
}

static const struct http_handler handler = {.request = on_request};

static const char handshake[] = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\n"
	"Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/* --- frames as a client makes them ----------------------------------------------------------- */

static void add_frame(struct buf *b, unsigned first, const void *p, size_t n)
{
	static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
	uint8_t head[WEBSOCKET_HEAD_MAX];
	size_t len = websocket_head(head, first & 0xf, n);

	head[0] = (uint8_t)first;
	head[1] |= 0x80;
	buf_add(b, head, len);
	buf_add(b, mask, 4);
	for (size_t i = 0; i < n; i++)
		buf_addc(b, (char)(((const uint8_t *)p)[i] ^ mask[i % 4]));
}

static void add_answer(struct buf *b, unsigned first, const void *p, size_t n)
{
	uint8_t head[WEBSOCKET_HEAD_MAX];
	size_t len = websocket_head(head, first & 0xf, n);

	buf_add(b, head, len);
	buf_add(b, p, n);
}

#define TEXT 0x81
#define BINARY 0x82
#define CLOSE 0x88
#define PING 0x89
#define PONG 0x8a

static void begin(void)
{
	nmessages = npongs = nclosed = close_code = 0;
	pause_next = false;
	ws = NULL;
	rig_init(&rig, &handler);
}

static void open_ws(int *peer, struct buf *got)
{
	rig_connect(&rig, peer, 0);
	rig_send(&rig, *peer, handshake, sizeof(handshake) - 1);
	rig_recv(&rig, *peer, got, SIZE_MAX, NULL);
}

static void test_handshake(void)
{
	struct buf b;
	int peer;

	begin();
	buf_init(&b, 1 << 16);
	open_ws(&peer, &b);
	ok(b.len > 13 && memcmp(b.p, "HTTP/1.1 101 ", 13) == 0, "switched protocols");
	ok(memmem(b.p, b.len, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", 52) != NULL,
		"with the key of RFC 6455's example");
	ok(memmem(b.p, b.len, "X-Test: yes\r\n", 13) != NULL
		&& memmem(b.p, b.len, "Sec-WebSocket-Protocol: echo\r\n", 30) != NULL, "and our fields");
	ok(rig.loop->inputs.lent == 0 && rig.loop->outputs.lent == 0 && rig.loop->readers.lent == 0,
		"at rest it has nothing of the pools");
	close(peer);
	rig_turn(&rig, 3);
	ok(nclosed == 1 && close_code == 1006, "broken off: 1006, and closed() only of the WebSocket");
	ok(rig_fini(&rig), "pools got everything back");
	buf_fini(&b);
}

/* Everything at once, split at each byte, and byte by byte: the same comes back. */
static void test_split(void)
{
	static uint8_t large[70000];
	struct buf in, out, got;
	bool all = true;
	int peer;

	begin();
	buf_init(&in, 1 << 20);
	buf_init(&out, 1 << 20);
	buf_init(&got, 1 << 20);
	memset(large, 'L', sizeof(large));
	add_frame(&in, TEXT, "hello", 5);
	add_frame(&in, 0x01, "f\xc3", 2);	/* a character cut in two */
	add_frame(&in, PING, "ping!", 5);
	add_frame(&in, 0x00, "\xa9", 1);
	add_frame(&in, 0x80, "", 0);
	add_frame(&in, PONG, "cursor", 6);
	add_frame(&in, BINARY, "", 0);
	add_frame(&in, BINARY, large, 200);
	add_frame(&in, PING, "", 0);
	add_frame(&in, CLOSE, "\x0f\xa1why", 5);
	add_answer(&out, TEXT, "hello", 5);
	add_answer(&out, PONG, "ping!", 5);
	add_answer(&out, TEXT, "f\xc3\xa9", 3);
	add_answer(&out, BINARY, "", 0);
	add_answer(&out, BINARY, large, 200);
	add_answer(&out, PONG, "", 0);
	add_answer(&out, CLOSE, "\x0f\xa1", 2);
	for (size_t cut = 0; cut <= in.len; cut++) {
		open_ws(&peer, &got);
		buf_reset(&got);
		if (cut == in.len) {
			for (size_t i = 0; i < in.len; i++)
				rig_send(&rig, peer, in.p + i, 1);
		} else {
			rig_send(&rig, peer, in.p, cut);
			rig_send(&rig, peer, in.p + cut, in.len - cut);
		}
		rig_recv(&rig, peer, &got, SIZE_MAX, NULL);
		all = all && got.len == out.len && memcmp(got.p, out.p, out.len) == 0;
		close(peer);
		rig_turn(&rig, 3);
		all = all && close_code == 4001 && ws == NULL;
	}
	ok(all, "frames split at each byte are answered alike");
	eq_num(npongs, in.len + 1, "pongs arrive");

	/* With the handshake in one packet, and large. */
	buf_reset(&got);
	buf_reset(&in);
	buf_reset(&out);
	buf_add(&in, handshake, sizeof(handshake) - 1);
	add_frame(&in, BINARY, large, sizeof(large));
	add_frame(&in, TEXT, large, 65535);
	rig_connect(&rig, &peer, 0);
	rig_send(&rig, peer, in.p, in.len);
	rig_recv(&rig, peer, &got, SIZE_MAX, NULL);
	add_answer(&out, BINARY, large, sizeof(large));
	add_answer(&out, TEXT, large, 65535);
	ok(got.len > out.len && memcmp(got.p + got.len - out.len, out.p, out.len) == 0,
		"frames behind the handshake, large ones too");
	close(peer);
	ok(rig_fini(&rig), "pools got everything back");
	buf_fini(&in);
	buf_fini(&out);
	buf_fini(&got);
}

static void wrong(const void *frames, size_t n, unsigned code, const char *what)
{
	uint8_t close_frame[4] = {0x88, 2, (uint8_t)(code >> 8), (uint8_t)code};
	struct buf got;
	bool eof;
	int peer;

	begin();
	rig.limits.max_message = 1000;
	buf_init(&got, 1 << 20);
	open_ws(&peer, &got);
	buf_reset(&got);
	rig_send(&rig, peer, frames, n);
	rig_recv(&rig, peer, &got, SIZE_MAX, &eof);
	ok(eof && got.len >= 4 && memcmp(got.p + got.len - 4, close_frame, 4) == 0 && nmessages == 0,
		"%u: %s", code, what);
	if (got.len != 4)
		printf("#   %zu bytes, code %u\n", got.len,
			got.len >= 4 ? (unsigned)got.p[2] << 8 | got.p[3] : 0);
	close(peer);
	rig_turn(&rig, 3);
	ok(nclosed == 1 && close_code == code && rig_fini(&rig), "and it is over");
	buf_fini(&got);
}

static void wrong_frame(unsigned first, const void *p, size_t n, unsigned code, const char *what)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	add_frame(&b, first, p, n);
	wrong(b.p, b.len, code, what);
	buf_fini(&b);
}

static void test_wrong(void)
{
	static uint8_t large[2000];
	struct buf b;

	wrong("\x81\x05hello", 7, 1002, "not masked");
	wrong_frame(0xc1, "hello", 5, 1002, "a reserved bit");
	wrong_frame(0x83, "hello", 5, 1002, "an unknown opcode");
	wrong_frame(0x8b, "hello", 5, 1002, "an unknown control opcode");
	wrong_frame(0x80, "hello", 5, 1002, "a continuation of nothing");
	wrong_frame(0x09, "hello", 5, 1002, "a ping in fragments");
	wrong_frame(PING, large, 126, 1002, "a ping that is too long");
	wrong("\x81\xfe\x00\x05\1\2\3\4abcde", 13, 1002, "a length that is not minimal");
	wrong_frame(TEXT, "\xc3(", 2, 1007, "text that is not UTF-8");
	wrong_frame(TEXT, "\xed\xa0\x80", 3, 1007, "a surrogate");
	wrong_frame(TEXT, "abc\xc3", 4, 1007, "text that ends within a character");
	wrong_frame(BINARY, large, 1001, 1009, "too large a message");
	wrong_frame(CLOSE, "\x03", 1, 1002, "a close frame of one byte");
	wrong_frame(CLOSE, "\x03\xed", 2, 1002, "close code 1005");
	wrong_frame(CLOSE, "\x03\xe7", 2, 1002, "close code 999");
	wrong_frame(CLOSE, "\x0b\xb7", 2, 1002, "close code 2999");
	wrong_frame(CLOSE, "\x03\xe8\xff", 3, 1007, "a close reason that is not UTF-8");
	buf_init(&b, 1 << 20);
	add_frame(&b, 0x01, "a", 1);
	add_frame(&b, TEXT, "b", 1);
	wrong(b.p, b.len, 1002, "a new message within another");
	buf_reset(&b);
	add_frame(&b, 0x01, large, 600);
	add_frame(&b, 0x80, large, 600);
	wrong(b.p, b.len, 1009, "too large in fragments");
	buf_fini(&b);
}

static void test_close(void)
{
	struct buf in, got;
	bool eof;
	int peer;

	begin();
	buf_init(&in, 1 << 16);
	buf_init(&got, 1 << 16);
	open_ws(&peer, &got);
	buf_reset(&got);
	websocket_close(ws, 1001, "going");
	ok(websocket_send(ws, WEBSOCKET_TEXT, STR_LIT("late")) == -1, "nothing follows a close frame");
	rig_recv(&rig, peer, &got, SIZE_MAX, &eof);
	eq_bytes(got.p, got.len, "\x88\x07\x03\xe9going", 9, "our close frame");
	ok(!eof && nclosed == 0, "the peer's is waited for");
	add_frame(&in, TEXT, "x", 1);
	add_frame(&in, CLOSE, "\x03\xe9", 2);
	rig_send(&rig, peer, in.p, in.len);
	rig_recv(&rig, peer, &got, SIZE_MAX, &eof);
	ok(eof && nmessages == 0, "then it ends, without another word");
	close(peer);
	rig_turn(&rig, 3);
	ok(nclosed == 1 && close_code == 1001, "with our code");

	open_ws(&peer, &got);
	websocket_close(ws, 1001, NULL);
	rig_turn(&rig, 2);
	rig_pass(&rig, 5100);
	ok(nclosed == 2, "a peer that does not answer is given five seconds");
	close(peer);

	open_ws(&peer, &got);
	buf_reset(&got);
	buf_reset(&in);
	add_frame(&in, CLOSE, "", 0);
	rig_send(&rig, peer, in.p, in.len);
	rig_recv(&rig, peer, &got, SIZE_MAX, &eof);
	eq_bytes(got.p, got.len, "\x88\x00", 2, "a close frame without a code gets the same");
	close(peer);
	rig_turn(&rig, 3);
	ok(nclosed == 3 && close_code == 1005, "and is told as 1005");
	ok(rig_fini(&rig), "pools got everything back");
	buf_fini(&in);
	buf_fini(&got);
}

/* Every code that may be sent comes back, those that were registered after RFC 6455 too. */
static void test_close_codes(void)
{
	static const unsigned codes[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013,
		1014, 3000, 3999, 4000, 4999};
	struct buf in, got;
	bool eof;
	int peer;

	begin();
	buf_init(&in, 1 << 16);
	buf_init(&got, 1 << 16);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		uint8_t payload[5] = {(uint8_t)(codes[i] >> 8), (uint8_t)codes[i], 'w', 'h', 'y'};
		uint8_t want[4] = {CLOSE, 2, payload[0], payload[1]};

		open_ws(&peer, &got);
		buf_reset(&got);
		buf_reset(&in);
		add_frame(&in, 0x01, "half", 4);
		add_frame(&in, CLOSE, payload, sizeof(payload));
		rig_send(&rig, peer, in.p, in.len - 3);
		rig_send(&rig, peer, in.p + in.len - 3, 3);
		rig_recv(&rig, peer, &got, SIZE_MAX, &eof);
		ok(eof && got.len == 4 && memcmp(got.p, want, 4) == 0 && nmessages == 0, "%u comes back",
			codes[i]);
		close(peer);
		rig_turn(&rig, 3);
	}
	ok(rig_fini(&rig), "pools got everything back");
	buf_fini(&in);
	buf_fini(&got);
}

static void test_pause(void)
{
	static const uint8_t bytes[5000];
	struct buf in, got;
	int peer;

	begin();
	buf_init(&in, 1 << 20);
	buf_init(&got, 1 << 20);
	open_ws(&peer, &got);
	for (int i = 0; i < 20; i++)
		add_frame(&in, BINARY, bytes, sizeof(bytes));
	pause_next = true;
	rig_send(&rig, peer, in.p, in.len);
	ok(nmessages >= 1 && nmessages <= 2, "a pause holds at once, or after one more");
	for (int i = 0; i < 40; i++) {
		websocket_pause(ws, false);
		rig_turn(&rig, 3);
	}
	eq_num(nmessages, 20, "and all comes in the end");
	close(peer);
	ok(rig_fini(&rig), "pools got everything back");
	buf_fini(&in);
	buf_fini(&got);
}

/* A peer that pings and does not read gets one pong for all of them. */
static void test_pongs(void)
{
	static uint8_t big[60000];
	struct buf in, got;
	size_t at, pongs = 0;
	int peer;

	begin();
	buf_init(&in, 1 << 20);
	buf_init(&got, 1 << 20);
	rig_connect(&rig, &peer, 4096);
	rig_send(&rig, peer, handshake, sizeof(handshake) - 1);
	rig_recv(&rig, peer, &got, SIZE_MAX, NULL);
	buf_reset(&got);
	websocket_send(ws, WEBSOCKET_BINARY, (struct str){(char *)big, sizeof(big)});
	add_frame(&in, PING, "a", 1);
	rig_send(&rig, peer, in.p, in.len);
	ok(conn_stalled(rig.loop->conns), "the output is stalled");
	buf_reset(&in);
	for (int i = 0; i < 100; i++)
		add_frame(&in, PING, i == 99 ? "z" : "b", 1);
	rig_send(&rig, peer, in.p, in.len);
	rig_recv(&rig, peer, &got, SIZE_MAX, NULL);
	for (at = sizeof(big) + 4; at + 3 <= got.len; at += 3)
		pongs += got.p[at] == PONG;
	ok(pongs == 1 && got.p[got.len - 1] == 'z', "only the newest ping is answered");
	close(peer);
	ok(rig_fini(&rig), "pools got everything back");
	buf_fini(&in);
	buf_fini(&got);
}

/* Pings that TCP acknowledged and nobody answered: gone after three heartbeats. */
static void test_deaf(void)
{
	struct buf in, got;
	int peer;

	begin();
	buf_init(&got, 1 << 16);
	buf_init(&in, 1 << 16);
	open_ws(&peer, &got);
	add_frame(&in, PONG, "", 0);
	for (int i = 0; i < 6; i++) {
		websocket_send(ws, WEBSOCKET_PING, STR_LIT("c"));
		rig_recv(&rig, peer, &got, SIZE_MAX, NULL);
		rig_pass(&rig, 16000);
		if (i == 2)
			rig_send(&rig, peer, in.p, in.len);
	}
	eq_num(nclosed, 0, "who answers now and then is alive");
	for (int i = 6; i < 9; i++) {
		websocket_send(ws, WEBSOCKET_PING, STR_LIT("c"));
		rig_recv(&rig, peer, &got, SIZE_MAX, NULL);
		rig_pass(&rig, 16000);
		if (ws == NULL)
			break;
	}
	eq_num(nclosed, 1, "who never does is not");
	close(peer);
	ok(rig_fini(&rig), "pools got everything back");
	buf_fini(&got);
	buf_fini(&in);
}

int main(void)
{
	test_handshake();
	test_split();
	test_wrong();
	test_close();
	test_close_codes();
	test_pause();
	test_pongs();
	test_deaf();
	return tap_done();
}
