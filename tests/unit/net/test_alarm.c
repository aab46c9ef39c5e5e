/* SPDX-License-Identifier: MIT */
/*
 * Alarms of exchanges and WebSockets, which share their connection's timer, and what else counts time:
 * at any time of the loop's clock, of which connections keep the lower half.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/websocket.h"
#include "tests/unit/net/helper_net.h"
#include "tests/unit/tap.h"

static struct rig rig;
static struct exchange *stream;
static struct websocket *ws;
static unsigned nalarms, nclosed;
static uint64_t again_ms, last_bytes;
static enum conn_end last_end;

/* --- the layer above ------------------------------------------------------------------------- */

static void on_alarm(struct exchange *x)
{
	nalarms++;
	if (again_ms > 0)
		exchange_alarm(x, again_ms);
}

static void on_closed(struct exchange *x, enum conn_end why)
{
	(void)x;
	nclosed++;
	last_end = why;
}

static const struct exchange_ops ops = {.closed = on_closed, .alarm = on_alarm};

static void on_ws_alarm(struct websocket *w)
{
	nalarms++;
	if (again_ms > 0)
		websocket_alarm(w, again_ms);
}

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
	nclosed++;
	last_end = why;
	free(w);
	ws = NULL;
}

static const struct websocket_ops ws_ops = {
	.message = on_message,
	.closed = on_ws_closed,
	.alarm = on_ws_alarm,
};

static void on_request(struct exchange *x, const struct http_request *r, void *arg)
{
	(void)arg;
	exchange_accept(x, &ops, NULL);
	if (r->upgrade_websocket) {
		ws = malloc(sizeof(*ws));
		websocket_accept(ws, x, &ws_ops, STR_NULL, NULL, 0);
	} else if (str_is(r->path, "/stream")) {
		exchange_begin(x, 200, NULL, 0);
		stream = x;
	} else if (str_is(r->path, "/post")) {
		stream = stream == NULL ? x : stream;
		if (stream != x)
			exchange_respond(x, 200, NULL, 0, STR_LIT("second"));
	} else {
		exchange_respond(x, 200, NULL, 0, STR_LIT("once"));
	}
}

static void on_finished(struct exchange *x, enum conn_end why, void *arg)
{
	(void)why;
	(void)arg;
	last_bytes = exchange_bytes(x);
}

static bool may_overlap(const struct http_request *r, void *arg)
{
	(void)arg;
	return str_is(r->method, "POST");
}

static const struct http_handler handler = {
	.request = on_request,
	.may_overlap = may_overlap,
	.finished = on_finished,
};

/* --- the tests ------------------------------------------------------------------------------- */

/* The clock of the loop stands at (now): a machine may run for so long. */
static void begin(uint64_t now, int *peer, const char *request)
{
	nalarms = nclosed = 0;
	again_ms = last_bytes = 0;
	stream = NULL;
	rig_init(&rig, &handler);
	rig.loop->now_ms = now;
	wheel_init(&rig.loop->wheel, now);
	rig_connect(&rig, peer, 0);
	rig_send(&rig, *peer, request, strlen(request));
}

static void end(int peer)
{
	close(peer);
	ok(rig_fini(&rig), "pools got everything back");
}

static void test_stream(uint64_t now)
{
	int peer;

	begin(now, &peer, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
	exchange_alarm(stream, 5000);
	rig_pass(&rig, 4980);
	eq_num(nalarms, 0, "not too early");
	rig_pass(&rig, 40);
	eq_num(nalarms, 1, "in time");
	rig_pass(&rig, 60000);
	eq_num(nalarms, 1, "once");
	again_ms = 20000;
	exchange_alarm(stream, 100000);
	exchange_alarm(stream, 0);
	rig_pass(&rig, 10);
	eq_num(nalarms, 2, "a later call moves it");
	for (int i = 0; i < 10; i++)
		rig_pass(&rig, 20010);
	eq_num(nalarms, 12, "and it can be set from within");
	eq_num(nclosed, 0, "the peer is not taken for dead meanwhile");
	exchange_end(stream);
	rig_turn(&rig, 2);
	rig_pass(&rig, 70000);
	eq_num(nalarms, 12, "none after the answer");
	eq_num(nclosed, 1, "which was the end of it");
	ok(rig.loop->conns != NULL, "but the connection is kept");
	rig_pass(&rig, 6000);
	ok(rig.loop->conns == NULL, "for 75 s");
	end(peer);
}

static void test_websocket(uint64_t now)
{
	int peer;

	begin(now, &peer, "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
	websocket_alarm(ws, 5000);
	rig_pass(&rig, 4980);
	eq_num(nalarms, 0, "a WebSocket's is not too early either");
	rig_pass(&rig, 40);
	eq_num(nalarms, 1, "but in time");
	again_ms = 10000;
	websocket_alarm(ws, 10000);
	for (int i = 0; i < 10; i++)
		rig_pass(&rig, 10010);
	eq_num(nalarms, 11, "again and again");
	websocket_close(ws, WEBSOCKET_NORMAL, NULL);
	rig_pass(&rig, 4900);
	eq_num(nclosed, 0, "the peer has 5 s to answer a close frame");
	rig_pass(&rig, 200);
	eq_num(nclosed, 1, "and no longer");
	eq_num(nalarms, 11, "no alarm meanwhile");
	end(peer);
}

/* Two that are due at once, on one connection. */
static void test_two(void)
{
	int peer;

	begin(1000, &peer, "POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
	exchange_alarm(stream, 1000);
	rig_send(&rig, peer, "POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 51);
	ok(stream->next != NULL && stream->next->holds, "an answer waits for its turn");
	eq_num(exchange_bytes(stream->next), 6, "its bytes are counted");
	rig_pass(&rig, 1010);
	eq_num(nalarms, 1, "the first in line has an alarm");
	exchange_respond(stream, 200, NULL, 0, STR_LIT("first"));
	rig_turn(&rig, 2);
	eq_num(nclosed, 2, "both are answered");
	eq_num(last_bytes, 6, "what was counted while it waited is told at the end");
	end(peer);
}

static void test_idle(uint64_t now)
{
	int peer;

	begin(now, &peer, "GET /once HTTP/1.1\r\nHost: a\r\n\r\n");
	rig_pass(&rig, 74900);
	ok(rig.loop->conns != NULL, "kept alive");
	rig_pass(&rig, 200);
	ok(rig.loop->conns == NULL, "for so long and no longer");
	end(peer);
}

int main(void)
{
	static const struct {
		uint64_t now;
		const char *when;
	} times[] = {
		{1000, "soon after the start"},
		{UINT32_MAX - 30000, "where 32 bits end"},
		{INT32_MAX - 30000, "where 31 bits end"},
		{UINT64_C(7) << 33, "after years"},
	};

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		printf("# %s\n", times[i].when);
		test_stream(times[i].now);
		test_websocket(times[i].now);
		test_idle(times[i].now);
	}
	test_two();
	return tap_done();
}
