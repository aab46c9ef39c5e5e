/* SPDX-License-Identifier: MIT */
/* Events that come in pieces: how long they may be, and that long ones are not copied again and again. */
#include "load/conn.h"

#include <sys/socket.h>
#include <unistd.h>

#include "helper_peer.h"
#include "load/subscriber.h"
#include "tests/unit/tap.h"

#define LIMIT 2000
#define LONG 2000000
#define PIECE 5000

static struct helper_bench h;
static int listener, fd;
static char url[64];

static struct subscriber *subscriber(void)
{
	return &h.b.workers[0]->subscribers[0];
}

static void say(const char *text, size_t n)
{
	helper_say(&h, &subscriber()->conn, fd, text, n);
}

static void begin(enum transport t, uint64_t limit)
{
	char head[512];

	helper_bench_config(&h, 1, 0, 1, t);
	h.c.server = url;
	h.c.max_event = limit;
	h.c.connect_timeout_ns = UINT64_C(60000000000);
	helper_bench_init(&h, 1);
	h.b.workers[0]->next = 1;
	atomic_store(&h.b.sub_complained, true);	/* it would, a hundred times */
	subscriber_start(subscriber());
	fd = accept(listener, NULL, NULL);
	helper_hear(&h, fd, head, sizeof(head));
	if (t == TRANSPORT_WS)
		snprintf(head, sizeof(head), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
			"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", h.b.key.accept);
	else
		snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
			"Last-Event-ID: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
	say(head, strlen(head));
}

static void end(void)
{
	if (conn_is_open(&subscriber()->conn)) {
		subscriber_stop_timer(subscriber());
		conn_close(&subscriber()->conn);
	}
	close(fd);
	helper_bench_fini(&h);
}

/* An event of (n) bytes with all that is around it on the wire. */
static size_t put_event(char *dst, enum transport t, size_t n)
{
	static const char id[] = "id: 1763950000000000\ndata: ";
	size_t around = t == TRANSPORT_SSE ? sizeof(id) - 1 + 2 : 1, at;

	if (t == TRANSPORT_WS) {
		at = 4;
		memcpy(dst, (char[]){'\x81', 126, (char)(n >> 8), (char)n}, 4);
	} else {
		at = (size_t)sprintf(dst, "%zx\r\n%s", n + around, t == TRANSPORT_SSE ? id : "");
	}
	memset(dst + at, 'x', n);
	at += n;
	if (t == TRANSPORT_WS)
		return at;
	at += (size_t)sprintf(dst + at, t == TRANSPORT_SSE ? "\n\n\r\n" : "\n\r\n");
	return at;
}

/* Is it still connected when an event of (n) bytes came, in two pieces, the first of (cut) bytes? */
static bool takes(enum transport t, size_t n, size_t cut)
{
	static char text[LIMIT + 256];
	size_t all = put_event(text, t, n);
	bool open;

	begin(t, LIMIT);
	cut = cut > all ? all : cut;
	say(text, cut);
	if (cut < all && conn_is_open(&subscriber()->conn))
		say(text + cut, all - cut);
	open = conn_is_open(&subscriber()->conn);
	end();
	return open;
}

static void limit(enum transport t)
{
	unsigned refused = 0, taken = 0, cuts = 0;

	for (size_t cut = LIMIT - 10; cut < LIMIT + 60; cut++, cuts++) {
		refused += !takes(t, LIMIT, cut);
		taken += takes(t, LIMIT + 1, cut);
	}
	ok(refused == 0, "%s: an event of --max-event is taken, wherever it is cut", transport_name(t));
	ok(taken == 0, "... and one that is longer is refused");
	if (refused > 0 || taken > 0)
		printf("# of %u, %u were refused, %u were taken\n", cuts, refused, taken);
}

/* A line that comes in many pieces. How often is what is there of it put elsewhere? */
static void long_line(size_t chunk)
{
	static char piece[PIECE + 32];
	const char *before = NULL;
	unsigned moved = 0;
	size_t n = 0;

	begin(TRANSPORT_NDJSON, LONG + 1);
	if (chunk == 0) {
		n = (size_t)sprintf(piece, "%x\r\n", LONG + 1);
		say(piece, n);
	}
	for (size_t sent = 0; sent < LONG; sent += PIECE) {
		n = chunk == 0 ? 0 : (size_t)sprintf(piece, "%x\r\n", PIECE);
		memset(piece + n, 'x', PIECE);
		n += PIECE;
		n += chunk == 0 ? 0 : (size_t)sprintf(piece + n, "\r\n");
		say(piece, n);
		moved += subscriber()->conn.nrest > 100000 && subscriber()->conn.rest != before;
		before = subscriber()->conn.rest;
	}
	ok(subscriber()->conn.nrest == LONG && moved < 10, "what comes in %u pieces%s stays where it is",
		LONG / PIECE, chunk == 0 ? "" : " and chunks");
	if (chunk == 0)
		say("\n\r\n", 3);
	else
		say("1\r\n\n\r\n", 6);
	ok(conn_is_open(&subscriber()->conn) && subscriber()->conn.rest == NULL, "... until it is complete");
	end();
}

int main(void)
{
	listener = helper_listen(url);
	limit(TRANSPORT_WS);
	limit(TRANSPORT_NDJSON);
	limit(TRANSPORT_SSE);
	long_line(0);
	long_line(1);
	close(listener);
	return tap_done();
}
