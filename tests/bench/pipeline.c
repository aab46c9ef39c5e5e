/* SPDX-License-Identifier: MIT */
/*
 * Connections kept full: each sends the same request again and again, WINDOW of them unanswered at a
 * time, until COUNT in all are answered.
 *
 *   pipeline [-n CONNECTIONS] [-c COUNT] [-w WINDOW] [-e STATUS] [-H FIELD]... [-d BODY] PORT METHOD TARGET
 *
 * Default: one connection, 100,000 answers, a window of 64. Prints "ANSWERS SECONDS"; ends with status
 * 1 when an answer is not STATUS (any of 2xx and 3xx).
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define IN_SIZE (64 << 10)
#define WINDOW_MAX 4096
#define CONNS_MAX 15000
#define HEAD_MAX 4096
#define TURN_EVENTS 512
#define WAIT_MS 30000

struct conn {
	int fd;
	unsigned long sent, answered;
	size_t partial;		/* bytes of the next request that are sent already */
	char *rest;		/* an incomplete answer, */
	size_t len;		/* and its length */
};

static struct {
	unsigned long count, window, nconns, sent, answered;
	unsigned status;	/* that all answers must have; 0: 2xx or 3xx */
	char *out;		/* WINDOW requests, one behind the other */
	size_t each;		/* bytes of one */
	char in[2 * IN_SIZE];
	int epoll;
	struct conn *conns;
} self = {.count = 100000, .window = 64, .nconns = 1};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *allocate(size_t n)
{
	void *p = malloc(n);

	if (p == NULL)
		err(1, "malloc");
	return p;
}

/* --- the request ------------------------------------------------------------------------------ */

static void add_field(char head[HEAD_MAX], const char *field)
{
	size_t at = strlen(head);

	if (snprintf(head + at, HEAD_MAX - at, "%s\r\n", field) >= (int)(HEAD_MAX - at))
		errx(2, "the head is too long");
}

/* WINDOW copies of the request, so that any number of them is one write. */
static void make_requests(char head[HEAD_MAX], const char *body)
{
	char length[64];
	size_t nhead, nbody = body == NULL ? 0 : strlen(body);

	if (body != NULL) {
		snprintf(length, sizeof(length), "Content-Length: %zu", nbody);
		add_field(head, length);
	}
	add_field(head, "");
	nhead = strlen(head);
	self.each = nhead + nbody;
	self.out = allocate(self.each * self.window);
	for (unsigned long i = 0; i < self.window; i++) {
		memcpy(self.out + i * self.each, head, nhead);
		if (nbody > 0)
			memcpy(self.out + i * self.each + nhead, body, nbody);
	}
}

/* --- connections ------------------------------------------------------------------------------ */

static void connect_to(struct conn *c, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct epoll_event e = {EPOLLIN, {.ptr = c}};
	int one = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		err(1, "connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	epoll_ctl(self.epoll, EPOLL_CTL_ADD, c->fd, &e);
}

/* Only a request that is sent in part waits for room. */
static void watch(struct conn *c, uint32_t events)
{
	struct epoll_event e = {events, {.ptr = c}};

	epoll_ctl(self.epoll, EPOLL_CTL_MOD, c->fd, &e);
}

/* As many requests as the window has room for; what the socket does not take comes later. */
static void send_more(struct conn *c)
{
	unsigned long n = self.window - (c->sent - c->answered), left = self.count - self.sent;
	size_t before = c->partial;
	ssize_t wrote;

	if (n > left)
		n = left;
	if (n == 0 && before == 0)
		return;
	n += before > 0 && n == 0;	/* the one that was begun counts when it is out */
	wrote = send(c->fd, self.out + before, n * self.each - before, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (wrote < 0)
		wrote = 0;	/* full, or an error that recv() will tell */
	c->partial += (size_t)wrote;
	c->sent += c->partial / self.each;
	self.sent += c->partial / self.each;
	c->partial %= self.each;
	if ((c->partial > 0) != (before > 0))
		watch(c, EPOLLIN | (c->partial > 0 ? EPOLLOUT : 0));
}

/* --- answers ---------------------------------------------------------------------------------- */

/* Length of the answer at (p), or 0 when it is not whole. */
static size_t answer_len(const char *p, size_t n)
{
	const char *end = memmem(p, n, "\r\n\r\n", 4), *field;
	unsigned status;
	size_t len;

	if (end == NULL)
		return 0;
	status = (unsigned)atoi(p + 9);
	if (self.status != 0 ? status != self.status : status < 200 || status > 399)
		errx(1, "answer %lu is %.*s", self.answered + 1, (int)strcspn(p, "\r"), p);
	end += 4;
	len = (size_t)(end - p);
	field = memmem(p, len, "Content-Length: ", 16);
	if (field != NULL)
		len += strtoul(field + 16, NULL, 10);
	return len <= n ? len : 0;
}

static void read_answers(struct conn *c)
{
	size_t n = c->len, at = 0, len;
	ssize_t got;

	if (n > 0)
		memcpy(self.in, c->rest, n);
	got = recv(c->fd, self.in + n, IN_SIZE, 0);
	if (got <= 0)
		err(1, "the server closed after %lu answers", self.answered);
	n += (size_t)got;
	while (at < n && (len = answer_len(self.in + at, n - at)) > 0) {
		at += len;
		c->answered++;
		self.answered++;
	}
	c->len = n - at;
	if (c->len > IN_SIZE)
		errx(1, "an answer is too long");
	if (c->len > 0 && c->rest == NULL)
		c->rest = allocate(IN_SIZE);
	if (c->len > 0)
		memcpy(c->rest, self.in + at, c->len);
}

static void turn(void)
{
	struct epoll_event events[TURN_EVENTS];
	int n = epoll_wait(self.epoll, events, TURN_EVENTS, WAIT_MS);

	if (n <= 0)
		errx(1, "no answer for %d s, after %lu", WAIT_MS / 1000, self.answered);
	for (int i = 0; i < n; i++) {
		if (events[i].events & ~(uint32_t)EPOLLOUT)
			read_answers(events[i].data.ptr);
		send_more(events[i].data.ptr);
	}
}

/* --- main ------------------------------------------------------------------------------------- */

static void run(int port)
{
	double began;

	self.epoll = epoll_create1(EPOLL_CLOEXEC);
	self.conns = calloc(self.nconns, sizeof(*self.conns));
	if (self.conns == NULL)
		err(1, "calloc");
	for (unsigned long i = 0; i < self.nconns; i++)
		connect_to(&self.conns[i], port);
	began = now();
	for (unsigned long i = 0; i < self.nconns; i++)
		send_more(&self.conns[i]);
	while (self.answered < self.count)
		turn();
	printf("%lu %.6f\n", self.answered, now() - began);
}

static unsigned long number(const char *text, unsigned long max)
{
	unsigned long n = strtoul(text, NULL, 10);

	if (n == 0 || n > max)
		errx(2, "%s is not 1 to %lu", text, max);
	return n;
}

int main(int argc, char **argv)
{
	char head[HEAD_MAX] = "", fields[HEAD_MAX] = "", line[HEAD_MAX];
	const char *body = NULL;
	int o;

	while ((o = getopt(argc, argv, "n:c:w:e:H:d:")) != -1) {
		if (o == 'n')
			self.nconns = number(optarg, CONNS_MAX);
		else if (o == 'c')
			self.count = number(optarg, UINT32_MAX);
		else if (o == 'w')
			self.window = number(optarg, WINDOW_MAX);
		else if (o == 'e')
			self.status = (unsigned)number(optarg, 999);
		else if (o == 'H')
			add_field(fields, optarg);
		else if (o == 'd')
			body = optarg;
		else
			return 2;
	}
	if (argc - optind != 3)
		errx(2, "usage: pipeline [-n CONNECTIONS] [-c COUNT] [-w WINDOW] [-e STATUS] [-H FIELD] "
			"[-d BODY] PORT METHOD TARGET");
	snprintf(line, sizeof(line), "%s %s HTTP/1.1", argv[optind + 1], argv[optind + 2]);
	add_field(head, line);
	snprintf(line, sizeof(line), "Host: 127.0.0.1:%s", argv[optind]);
	add_field(head, line);
	strncat(head, fields, sizeof(head) - strlen(head) - 1);
	make_requests(head, body);
	run(atoi(argv[optind]));
	return 0;
}
