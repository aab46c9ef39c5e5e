/* SPDX-License-Identifier: MIT */
#include "load/publisher.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper_peer.h"
#include "load/envelope.h"
#include "load/record.h"
#include "tests/unit/tap.h"

#define ID UINT64_C(1763950000123456)

static struct helper_bench h;
static int listener;
static char url[64], ws_url[64];
static int fd;		/* the server's end */

static struct worker *worker(void)
{
	return h.b.workers[0];
}

static struct publisher *publisher(void)
{
	return &worker()->publishers[0];
}

/* --- memory that fails, but not below a sanitizer, which has its own --------------------------- */

static size_t failing;	/* the next allocation of so many bytes; 0: none */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FAILS false
#else
#define FAILS true

void *__libc_malloc(size_t n);

void *malloc(size_t n)
{
	if (n != failing || n == 0)
		return __libc_malloc(n);
	failing = 0;
	return NULL;
}
#endif

static void configure(enum publish_how how, uint64_t window)
{
	helper_bench_config(&h, 1, 1, 1, TRANSPORT_SSE);
	h.c.server = url;
	h.c.publish_how = how;
	h.c.rate = 0;
	h.c.window = window;
	h.c.connect_timeout_ns = UINT64_C(60000000000);
}

/* What the thread writes until it stops; whatever it is. */
static void take_all(void)
{
	static char text[1 << 20];

	helper_hear(&h, fd, text, sizeof(text));
}

static void say(const char *text)
{
	helper_say(&h, &publisher()->conn, fd, text, strlen(text));
}

/* The publisher has connected (again), and published what the window allows. */
static void let_publish(void)
{
	char answer[256];

	fd = accept(listener, NULL, NULL);
	take_all();
	if (h.c.publish_how != PUBLISH_WS)
		return;
	snprintf(answer, sizeof(answer), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", h.b.key.accept);
	say(answer);
	take_all();
}

static void begin(void)
{
	helper_bench_init(&h, 1);
	worker()->publishing = true;
	publisher_start(publisher());
	let_publish();
}

static void end(void)
{
	helper_hang_up(&h, &publisher()->conn, fd);
	helper_bench_fini(&h);
}

/* --- what is unsure ---------------------------------------------------------------------------- */

static void by_other_server(uint64_t window)
{
	configure(PUBLISH_WS, window);
	h.c.pub_url = ws_url;
	h.c.pub_body = "{payload}";
	begin();
}

static void lost_connections(void)
{
	const struct stream_total *total;

	by_other_server(5);
	helper_hang_up(&h, &publisher()->conn, fd);
	eq_num(worker()->tally->unsure, 5, "the connection was lost: nobody knows of what was under way");
	while (!conn_is_open(&publisher()->conn))
		helper_turn(&h);
	let_publish();
	publisher_finish(publisher());
	total = &h.b.totals[0];
	ok(total->published == 10 && total->nunsure == 1 && total->unsure[0].from == 1 &&
		total->unsure[0].to == 5, "at the end, five of ten are unsure");
	/* Other threads read that from now on. */
	helper_hang_up(&h, &publisher()->conn, fd);
	ok(total->nunsure == 1 && total->unsure[0].to == 5 && worker()->tally->unsure == 5,
		"... and stay so, if the next connection is lost");
	helper_bench_fini(&h);
}

static void unwritten(void)
{
	by_other_server(1000000);
	while (publisher()->out.len == 0)	/* until the socket takes no more */
		helper_turn(&h);
	publisher_finish(publisher());
	ok(h.b.totals[0].nunsure == 1 && h.b.totals[0].unsure[0].to == h.b.totals[0].published,
		"what was never written is unsure");
	end();
}

static void late_batch(void)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n"
		"{\"accepted\":5,\"refused\":0}\r\n";

	configure(PUBLISH_BATCH, 5);
	h.c.batch = 5;
	begin();
	publisher_finish(publisher());
	eq_num(worker()->tally->unsure, 5, "a batch that was not answered in time is unsure");
	say(answer);
	ok(!atomic_load(&h.b.pub_complained), "... its answer comes late, and nothing is wrong with it");
	end();
}

/* What cannot be remembered is not published, so that all that was published is answered or unsure. */
static void out_of_memory(void)
{
	const struct stream_total *total;

	configure(PUBLISH_LINES, 200);
	failing = 128 * sizeof(struct inflight_event);
	begin();
	if (FAILS) {
		close(fd);	/* the other end of it is closed */
		while (!conn_is_open(&publisher()->conn))
			helper_turn(&h);
		let_publish();
	}
	publisher_finish(publisher());
	total = &h.b.totals[0];
	ok(failing == 0 || !FAILS, "no memory for the 65th event in flight");
	ok(total->published >= 200 && total->nunsure == 1 && total->unsure[0].from == 1 &&
		total->unsure[0].to == total->published, "... all that was published is unsure");
	end();
}

/* --- acknowledgements -------------------------------------------------------------------------- */

/* Subscribers heard that event (n) has this id and seq. */
static void told(uint64_t n)
{
	witness_agrees(worker()->witness, record_stream(h.b.run, 0), n, envelope_name(ID + n, 40 + n));
}

static bool spoilt;

/* The answer to event (n) names it so. */
static void acknowledge(uint64_t n, uint64_t id, uint64_t seq)
{
	char name[128], text[256];
	int len = snprintf(name, sizeof(name),
		"\"id\":\"%" PRIu64 "\",\"seq\":%" PRIu64 ",\"ack\":\"memory\"}", id, seq);

	if (h.c.publish_how == PUBLISH_POST)
		snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n{%s",
			len + 1, name);
	else if (h.c.publish_how == PUBLISH_LINES)
		snprintf(text, sizeof(text), "%x\r\n{\"line\":%" PRIu64 ",%s\n\r\n", 11 + len, n, name);
	else
		snprintf(text, sizeof(text), "\x81%c{\"op\":\"ack\",\"ref\":0,%s", 20 + len, name);
	/* A bit that makes a digit a letter. */
	if (spoilt)
		*(strstr(text, "\"id\":\"") + 8) |= 0x40;
	say(text);
}

static void misnamed(enum publish_how how, const char *what)
{
	configure(how, 5);
	begin();
	if (how == PUBLISH_LINES)
		say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (uint64_t n = 1; n <= 3; n++)
		told(n);
	acknowledge(1, ID + 1, 41);
	eq_num(worker()->tally->misnamed, 0, what);
	acknowledge(2, ID + 3, 42);
	eq_num(worker()->tally->misnamed, 1, "... by another id");
	acknowledge(3, ID + 3, 42);
	eq_num(worker()->tally->misnamed, 2, "... by another seq");
	acknowledge(4, ID + 4, 44);
	ok(worker()->tally->acked == 4 && worker()->tally->misnamed == 2,
		"... of which nobody has heard yet");
	spoilt = true;
	acknowledge(5, ID + 5, 45);
	spoilt = false;
	ok(worker()->tally->acked == 5 && worker()->tally->named == 4 && worker()->tally->unnamed == 1,
		"... of which nobody can read the id");
	end();
}

int main(void)
{
	listener = helper_listen(url);
	snprintf(ws_url, sizeof(ws_url), "ws%s", strchr(url, ':'));
	lost_connections();
	unwritten();
	late_batch();
	out_of_memory();
	misnamed(PUBLISH_LINES, "lines are acknowledged as what they are");
	misnamed(PUBLISH_POST, "so are posts");
	misnamed(PUBLISH_WS, "so are messages");
	return tap_done();
}
