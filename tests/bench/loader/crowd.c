/* SPDX-License-Identifier: MIT */
#include "crowd.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "load/clock.h"

/* Below the backlog of any server, so that none of them lets a SYN go by. */
#define OPENING_MOST 100
#define EVENTS 256
#define SOURCES 8		/* 127.0.0.2 and those behind it */

enum { SUB_CONNECTING, SUB_OPENING, SUB_READY, SUB_GONE };

int crowd_init(struct crowd *c, const struct dialect *d, const struct servers *servers, uint32_t n,
	uint32_t topics)
{
	*c = (struct crowd){.d = d, .servers = *servers, .n = n, .topics = topics};
	c->subs = calloc(n == 0 ? 1 : n, sizeof(*c->subs));
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (c->subs == NULL || c->epoll < 0)
		return -1;
	for (uint32_t i = 0; i < n; i++)
		c->subs[i].link.fd = -1;
	return 0;
}

void crowd_fini(struct crowd *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		link_close(&c->subs[i].link);
		ledger_free(c->subs[i].ledger);
	}
	free(c->subs);
	close(c->epoll);
}

/* --- hearing ---------------------------------------------------------------------------------- */

static void enter(struct crowd *c, struct subscriber_link *s, struct str event, uint64_t now)
{
	struct payload_head h;
	enum payload_status st = payload_find(event, &h, NULL);
	enum arrival a;

	if (st == PAYLOAD_NONE || s->ledger == NULL)
		return;
	a = ledger_enter(s->ledger, st, &h);
	if (a == ARRIVAL_FOREIGN || a == ARRIVAL_CORRUPT || a == ARRIVAL_DOUBLE)
		return;
	c->deliveries++;
	c->last_ns = now;
	histogram_add(&c->latency, now > h.due_ns ? now - h.due_ns : 0);
}

struct hearing {
	struct crowd *c;
	struct subscriber_link *s;
	uint64_t now;
};

static bool hear(struct link *l, enum heard heard, struct str event, void *arg)
{
	struct hearing *h = arg;

	(void)l;
	if (heard == HEARD_EVENT) {
		enter(h->c, h->s, event, h->now);
	} else if (heard == HEARD_READY && h->s->state == SUB_OPENING) {
		h->s->state = SUB_READY;
		h->c->opening--;
		h->c->ready++;
	}
	return heard != HEARD_REFUSED;
}

static void gone(struct crowd *c, struct subscriber_link *s)
{
	if (s->state < SUB_READY)
		c->opening--;
	else
		c->ready--;
	s->state = SUB_GONE;
	c->failed++;
	c->dead = true;
	link_close(&s->link);
}

static void connected(struct crowd *c, struct subscriber_link *s)
{
	struct epoll_event e = {EPOLLIN, {.ptr = s}};

	if (link_begin(&s->link) != 0 || epoll_ctl(c->epoll, EPOLL_CTL_MOD, s->link.fd, &e) != 0) {
		gone(c, s);
		return;
	}
	s->state = SUB_OPENING;
}

static void read_subscriber(struct crowd *c, struct subscriber_link *s)
{
	struct hearing h = {c, s, clock_ns()};
	int more;

	do
		more = link_read(&s->link, hear, &h);
	while (more > 0);
	if (more < 0)
		gone(c, s);
}

/* The older call has only milliseconds, but is there on every kernel, and under valgrind. */
static int wait_for(int epoll, struct epoll_event *events, uint64_t until_ns)
{
	uint64_t now = clock_ns(), left = until_ns > now ? until_ns - now : 0;
	struct timespec t = {(time_t)(left / 1000000000u), (long)(left % 1000000000u)};
	int n = epoll_pwait2(epoll, events, EVENTS, &t, NULL);

	if (n < 0 && errno == ENOSYS)
		n = epoll_wait(epoll, events, EVENTS, (int)((left + 999999) / 1000000));
	return n;
}

static void read_publishers(struct crowd *c)
{
	for (unsigned i = 0; i < c->servers.n; i++)
		if (link_read(&c->publishers[i], c->hear_publisher, c->hear_publisher_arg) < 0)
			c->dead = true;
}

void crowd_turn(struct crowd *c, uint64_t until_ns)
{
	struct epoll_event events[EVENTS];
	int n = wait_for(c->epoll, events, until_ns);

	for (int i = 0; i < n; i++) {
		struct subscriber_link *s = events[i].data.ptr;

		if (s == NULL) {
			read_publishers(c);
		} else if (s->state == SUB_CONNECTING) {
			connected(c, s);
		} else if (s->state != SUB_GONE) {
			read_subscriber(c, s);
		}
	}
}

/* --- connecting ------------------------------------------------------------------------------- */

static int open_next(struct crowd *c, uint32_t i)
{
	struct subscriber_link *s = &c->subs[i];
	struct epoll_event e = {EPOLLOUT, {.ptr = s}};

	uint16_t port = c->servers.ports[i % c->servers.n];

	if (link_open(&s->link, c->d, false, i % c->topics, port, 2 + i % SOURCES) != 0)
		return -1;
	s->state = SUB_CONNECTING;
	c->opening++;
	return epoll_ctl(c->epoll, EPOLL_CTL_ADD, s->link.fd, &e);
}

int crowd_connect(struct crowd *c, double seconds)
{
	uint64_t until = clock_ns() + (uint64_t)(seconds * 1e9);
	uint32_t next = 0;

	while (c->ready < c->n && c->failed == 0 && clock_ns() < until) {
		while (next < c->n && c->opening < OPENING_MOST)
			if (open_next(c, next++) != 0)
				return -1;
		crowd_turn(c, until);
	}
	if (c->failed > 0)
		errno = ECONNREFUSED;
	else if (c->ready < c->n)
		errno = ETIMEDOUT;
	return c->ready == c->n ? 0 : -1;
}

int crowd_adopt(struct crowd *c, struct link *publishers, link_hear *hear_publisher, void *arg)
{
	struct epoll_event e = {EPOLLIN, {.ptr = NULL}};

	c->publishers = publishers;
	c->hear_publisher = hear_publisher;
	c->hear_publisher_arg = arg;
	for (unsigned i = 0; i < c->servers.n; i++)
		if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, publishers[i].fd, &e) != 0)
			return -1;
	return 0;
}

/* --- a run ------------------------------------------------------------------------------------ */

int crowd_begin(struct crowd *c, uint32_t run)
{
	struct streams streams = {c->topics, 1};

	c->deliveries = c->last_ns = 0;
	histogram_reset(&c->latency);
	link_forget_stamps();
	for (uint32_t i = 0; i < c->n; i++) {
		ledger_free(c->subs[i].ledger);
		c->subs[i].ledger = ledger_new(&streams, run, i % c->topics, 1, false);
		if (c->subs[i].ledger == NULL)
			return -1;
	}
	return 0;
}

void crowd_stamp(struct crowd *c, bool on)
{
	for (uint32_t i = 0; i < c->n; i++)
		link_stamp(&c->subs[i].link, on);
}

void crowd_verdict(const struct crowd *c, const struct stream_total *published, struct verdict *v)
{
	struct verdict one;

	*v = (struct verdict){0};
	for (uint32_t i = 0; i < c->n; i++) {
		ledger_verdict(c->subs[i].ledger, published, &one);
		verdict_add(v, &one);
	}
}
