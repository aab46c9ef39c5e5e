/* SPDX-License-Identifier: MIT */
/*
 * A bit that is flipped on the way, in whichever byte of an event, is found. Subscribers of each
 * transport are given what an rt-serve sends, and one of them each time with another bit wrong.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "helper_peer.h"
#include "load/subscriber.h"
#include "tests/unit/tap.h"
#include "units.h"

#define EVENTS 3
#define ID UINT64_C(1763950000123456)
#define TEXT_MAX 8192

/* What is sent to a subscriber, and where in it the event is that is spoilt. */
struct sent {
	char text[TEXT_MAX];
	size_t n, from, to;
};

static struct helper_bench h;
static int listener;
static char url[64];

/* --- what it says ---------------------------------------------------------------------------- */

static void add(struct sent *s, const char *text, size_t n)
{
	memcpy(s->text + s->n, text, n);
	s->n += n;
}

static void adds(struct sent *s, const char *text)
{
	add(s, text, strlen(text));
}

/* Event (n) of this run as an rt-serve tells it; ids are some microseconds apart. */
static size_t put_envelope(char *dst, uint64_t n, struct str pad)
{
	uint64_t id = ID + n * 7;
	struct payload_head head = {.run = h.b.run, .n = n, .due_ns = 1};
	size_t at = (size_t)sprintf(dst, "{\"id\":\"%llu\",\"topic\":\"rt-bench\",\"seq\":%llu,\"time\":\"",
		(unsigned long long)id, (unsigned long long)n + 40);

	units_format_time(dst + at, id / 1000);
	at += UNITS_RFC3339_LEN;
	at += (size_t)sprintf(dst + at, "\",\"data\":");
	at += payload_write(dst + at, &head, pad, 100);
	dst[at++] = '}';
	return at;
}

static void add_chunk(struct sent *s, const char *text, size_t n)
{
	s->n += (size_t)sprintf(s->text + s->n, "%zx\r\n", n);
	add(s, text, n);
	adds(s, "\r\n");
}

static void add_event(struct sent *s, enum transport t, uint64_t n, struct str pad)
{
	char text[1024];
	size_t at = 0;

	if (t == TRANSPORT_SSE)
		at = (size_t)sprintf(text, "id: %llu\ndata: ", (unsigned long long)(ID + n * 7));
	at += put_envelope(text + at, n, pad);
	if (t == TRANSPORT_WS) {
		char head[] = {'\x81', 126, (char)(at >> 8), (char)at};

		add(s, head, sizeof(head));
		add(s, text, at);
		return;
	}
	text[at++] = '\n';
	if (t == TRANSPORT_SSE)
		text[at++] = '\n';
	if (t == TRANSPORT_SSE || t == TRANSPORT_NDJSON)
		add_chunk(s, text, at);
	else
		add(s, text, at);
}

/* Their length is filled in later, at the same place. */
static void add_head(struct sent *s, enum transport t)
{
	switch (t) {
	case TRANSPORT_SSE:
		adds(s, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
			"Transfer-Encoding: chunked\r\n\r\n");
		add_chunk(s, "id: 1763950000000000\n\n", 22);
		break;
	case TRANSPORT_NDJSON:
		adds(s, "HTTP/1.1 200 OK\r\nLast-Event-ID: 1763950000000000\r\n"
			"Transfer-Encoding: chunked\r\n\r\n");
		break;
	case TRANSPORT_WS:
		s->n += (size_t)sprintf(s->text + s->n,
			"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
			"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", h.b.key.accept);
		break;
	default:
		adds(s, "HTTP/1.1 200 OK\r\nETag: \"1763950000999999\"\r\nContent-Length: 00000\r\n\r\n");
		break;
	}
}

/* All events; the (spoilt)th is the one to be spoilt, the 0th is the head. */
static void compose(struct sent *s, enum transport t, struct str pad, uint64_t spoilt)
{
	char digits[8], *length;
	size_t head;

	s->n = s->from = 0;
	add_head(s, t);
	s->to = s->n;
	head = s->n;
	for (uint64_t n = 1; n <= EVENTS; n++) {
		if (n == spoilt)
			s->from = s->n;
		add_event(s, t, n, pad);
		if (n == spoilt)
			s->to = s->n;
	}
	if (t != TRANSPORT_LONGPOLL && t != TRANSPORT_POLL)
		return;
	sprintf(digits, "%05zu", s->n - head);
	length = memmem(s->text, head, "00000\r", 6);
	memcpy(length, digits, 5);
}

/* --- one run --------------------------------------------------------------------------------- */

static void serve(struct subscriber *s, enum transport t, const struct sent *text)
{
	static const char nothing[] = "HTTP/1.1 200 OK\r\n"
		"ETag: \"1763950000000000\"\r\nContent-Length: 0\r\n\r\n";
	char question[4096];
	int fd;

	subscriber_start(s);
	fd = accept(listener, NULL, NULL);
	helper_hear(&h, fd, question, sizeof(question));
	if (t == TRANSPORT_LONGPOLL || t == TRANSPORT_POLL) {
		helper_say(&h, &s->conn, fd, nothing, sizeof(nothing) - 1);
		helper_hear(&h, fd, question, sizeof(question));
	}
	helper_say(&h, &s->conn, fd, text->text, text->n);
	subscriber_stop_timer(s);	/* it does not come back */
	conn_close(&s->conn);
	helper_hang_up(&h, &s->conn, fd);
}

static void begin(enum transport t, unsigned subscribers)
{
	helper_bench_config(&h, subscribers, 1, 1, t);
	h.c.server = url;
	h.c.poll_every_ns = 1;
	h.c.connect_timeout_ns = UINT64_C(60000000000);
	helper_bench_init(&h, 1);
	h.b.totals[0].published = EVENTS;
	h.b.workers[0]->next = subscribers;	/* each is started here */
}

/* What rt-bench would say of it: is all in order? */
static bool is_clean(unsigned subscribers)
{
	for (unsigned i = 0; i < subscribers; i++) {
		const struct subscriber *s = &h.b.workers[0]->subscribers[i];
		struct verdict v;

		ledger_verdict(s->ledger, h.b.totals, &v);
		if (!verdict_clean(&v))
			return false;
	}
	return true;
}

/* Who is spoilt, and where. */
struct victim {
	enum transport transport;
	unsigned subscribers, number;
	struct str pad;		/* of all events */
	uint64_t event;		/* 0: the head before them */
	bool again;		/* it comes once more later, and all behind it: nothing is missed */
};

/* All are served; (mask) changes the byte at (at) of the victim's event, 0: nothing. Is it clean? */
static bool passes(const struct victim *v, size_t at, unsigned mask)
{
	static struct sent s;
	bool clean;

	begin(v->transport, v->subscribers);
	if (v->again)
		h.b.totals[0].published = v->event > 0 ? v->event - 1 : 0;
	/* It would complain a thousand times. */
	atomic_store(&h.b.sub_complained, mask != 0);
	for (unsigned i = 0; i < v->subscribers; i++) {
		compose(&s, v->transport, v->pad, v->event);
		if (i == v->number)
			s.text[s.from + at] = (char)(s.text[s.from + at] ^ mask);
		serve(&h.b.workers[0]->subscribers[i], v->transport, &s);
	}
	clean = is_clean(v->subscribers);
	helper_bench_fini(&h);
	return clean;
}

static size_t event_length(const struct victim *v)
{
	struct sent s;

	begin(v->transport, 1);
	compose(&s, v->transport, v->pad, v->event);
	helper_bench_fini(&h);
	return s.to - s.from;
}

/* The bits of (mask) in each byte. */
static void each_bit(const struct victim *v, unsigned masks)
{
	size_t n = event_length(v), missed = 0;

	ok(passes(v, 0, 0), "%u by %s, %s: all is well", v->subscribers, transport_name(v->transport),
		v->pad.p == NULL ? "filler" : "JSON");
	for (size_t at = 0; at < n; at++)
		for (unsigned mask = 1; mask < 256; mask <<= 1)
			if ((mask & masks) != 0 && passes(v, at, mask)) {
				printf("# missed: byte %zu of %zu, mask %02x\n", at, n, mask);
				missed++;
			}
	ok(missed == 0, "... and whichever bit is flipped in the %zu bytes of event %u, "
		"it is found", n, (unsigned)v->event);
}

/* More than one bit: a WebSocket's frame of bytes, which is well formed but no text. */
static void of_bytes(void)
{
	struct victim v = {.transport = TRANSPORT_WS, .subscribers = 2, .event = 2};

	ok(!passes(&v, 0, 0x81 ^ 0x82), "an event in a binary frame is found");
}

/* The last digit of 200, on the way to one who has been served before: no rt-serve says that. */
static void status(enum transport t)
{
	struct victim v = {.transport = t, .subscribers = 2, .again = true};
	unsigned missed = 0;

	for (unsigned mask = 1; mask <= 8; mask <<= 1)
		missed += passes(&v, strlen("HTTP/1.1 20"), mask);
	ok(missed == 0, "%s: another status is found", transport_name(t));
}

/* The last line has no end: asked again, an rt-serve would give that event once more. */
static void unfinished(enum transport t)
{
	struct victim v = {.transport = t, .subscribers = 2, .event = EVENTS, .again = true};

	ok(!passes(&v, event_length(&v) - 1, 1), "%s: a line without an end is found", transport_name(t));
}

int main(void)
{
	static const char json[] =
		"{\"text\":\"\xc3\xa9\xe2\x82\xac \\u00e9\\n\",\"list\":[1,-2.5e3,null,true]}";

	listener = helper_listen(url);
	for (unsigned i = 0; i < TRANSPORTS; i++) {
		enum transport t = (enum transport)i;

		each_bit(&(struct victim){.transport = t, .subscribers = 2, .event = 2}, 0xff);
		each_bit(&(struct victim){.transport = t, .subscribers = 2, .number = 1, .event = 2,
			.pad = STR_LIT(json)}, 0xff);
		each_bit(&(struct victim){.transport = t, .subscribers = 2, .event = 1}, 0x21);
		each_bit(&(struct victim){.transport = t, .subscribers = 2, .event = EVENTS}, 0x21);
	}
	of_bytes();
	status(TRANSPORT_LONGPOLL);
	status(TRANSPORT_POLL);
	unfinished(TRANSPORT_LONGPOLL);
	unfinished(TRANSPORT_POLL);
	/* Its cursor stands beside the event: nobody else is needed. */
	each_bit(&(struct victim){.transport = TRANSPORT_SSE, .subscribers = 1, .event = 2}, 0xff);
	close(listener);
	return tap_done();
}
