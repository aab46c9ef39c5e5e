/* SPDX-License-Identifier: MIT */
/*
 * What an idle connection costs, its exchange or WebSocket included: a subscriber may cost 512 bytes
 * with all layers.
 */
#include <malloc.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/websocket.h"
#include "tests/unit/net/helper_net.h"
#include "tests/unit/tap.h"

#define CONNS 1000
#define BYTES_MAX 340	/* 288, and libev's tables for both ends */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEASURED false
#else
#define MEASURED true
#endif

static int peers[CONNS];

static void on_message(struct websocket *w, bool binary, const uint8_t *p, size_t n)
{
	(void)w;
	(void)binary;
	(void)p;
	(void)n;
}

static void on_ws_closed(struct websocket *w, unsigned code, enum conn_end why)
{
	(void)code;
	(void)why;
	free(w);
}

static const struct websocket_ops ws_ops = {.message = on_message, .closed = on_ws_closed};
static const struct exchange_ops http_ops;

static void on_request(struct exchange *x, const struct http_request *r, void *arg)
{
	(void)arg;
	if (r->upgrade_websocket) {
		websocket_accept(malloc(sizeof(struct websocket)), x, &ws_ops, STR_NULL, NULL, 0);
		return;
	}
	exchange_accept(x, &http_ops, NULL);
	if (str_is(r->path, "/stream"))
		exchange_begin(x, 200, NULL, 0);
	else if (!str_is(r->path, "/hold"))
		exchange_respond(x, 200, NULL, 0, STR_NULL);
}

static const struct http_handler handler = {.request = on_request};

static size_t in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void measure(const char *request, const char *what)
{
	struct rig rig;
	struct buf b;
	size_t before = 0, per;

	rig_init(&rig, &handler);
	buf_init(&b, 1 << 20);
	/* One connection first: what the loop needs once is not counted. */
	for (int i = 0; i < CONNS; i++) {
		if (i == 1)
			before = in_use();
		rig_connect(&rig, &peers[i], 0);
		rig_send(&rig, peers[i], request, strlen(request));
		buf_reset(&b);
		rig_recv(&rig, peers[i], &b, 1, NULL);
	}
	per = (in_use() - before) / (CONNS - 1);
	ok(rig.loop->inputs.lent == 0 && rig.loop->outputs.lent == 0 && rig.loop->readers.lent == 0,
		"%s: nothing is lent by the pools", what);
	ok(!MEASURED || per <= BYTES_MAX, "%s: %zu bytes per connection", what, per);
	for (int i = 0; i < CONNS; i++)
		close(peers[i]);
	buf_fini(&b);
	ok(rig_fini(&rig), "%s: all gone", what);
}

int main(void)
{
	struct rlimit rl = {4 * CONNS, 4 * CONNS};

	setrlimit(RLIMIT_NOFILE, &rl);
	measure("GET /keep HTTP/1.1\r\nHost: a\r\n\r\n", "kept alive");
	measure("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n", "long poll");
	measure("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n", "stream");
	measure("GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		"WebSocket");
	return tap_done();
}
