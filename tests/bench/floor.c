/* SPDX-License-Identifier: MIT */
/*
 * The floor: what fan-out costs at the very least. A server that only writes ready-made bytes to each
 * socket. It keeps nothing, checks nothing, and trusts its clients; others are measured beside it.
 *
 *   floor [--gather] [--uring] [--port PORT]
 *
 *   GET  /sub/TOPIC   Server-Sent Events; with Upgrade: websocket, a WebSocket
 *   POST /pub/TOPIC   the body becomes an event; 204
 *   GET  /plain       a small answer
 *
 * By default each event is one write to each socket. --gather: what arrived in one turn of the loop
 * leaves in one write to each socket. --uring: all sends of a turn in one io_uring_enter.
 *
 * Prints "floor: listening on PORT".
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#ifdef HAVE_LIBURING
#include <liburing.h>
#endif

#define READ_SIZE (256 << 10)
#define TURN_EVENTS 512
#define TOPIC_SLOTS 65536
#define RING_ENTRIES 8192

/* Bytes that grow. */
struct bytes {
	char *p;
	size_t len, cap;
};

struct topic {
	char *name;
	size_t len;
	struct conn *subs[2];		/* by kind of encoding */
	struct bytes pending[2];	/* with --gather: of this turn */
	bool dirty;
	struct topic *next_dirty;
};

enum { SSE, WS };

struct conn {
	int fd;
	int kind;		/* of encoding; -1: no subscriber */
	struct conn *next, **prev;	/* in its topic */
	struct bytes in;	/* an incomplete request */
	struct bytes out;	/* answers of this turn */
};

static struct {
	bool gather, uring;
	int epoll, listener;
	struct topic *topics[TOPIC_SLOTS];
	struct topic *dirty;
	char buffer[READ_SIZE];
#ifdef HAVE_LIBURING
	struct io_uring ring;
	unsigned queued;
#endif
} self;

/* --- bytes ----------------------------------------------------------------------------------- */

static void bytes_add(struct bytes *b, const void *p, size_t n)
{
	if (b->len + n > b->cap) {
		b->cap = (b->len + n) * 2;
		b->p = realloc(b->p, b->cap);
		assert(b->p != NULL);
	}
	memcpy(b->p + b->len, p, n);
	b->len += n;
}

static void bytes_free(struct bytes *b)
{
	free(b->p);
	*b = (struct bytes){0};
}

/* --- sending --------------------------------------------------------------------------------- */

/* All of it; a full socket is waited for. False: it is gone. */
static bool send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t r = write(fd, p, n);

		if (r < 0 && errno == EAGAIN) {
			struct pollfd w = {fd, POLLOUT, 0};

			poll(&w, 1, -1);
			continue;
		}
		if (r < 0)
			return false;
		p += r;
		n -= (size_t)r;
	}
	return true;
}

#ifdef HAVE_LIBURING
/* Wait for all sends that are under way; what was sent in part goes on the usual way. */
static void ring_flush(void)
{
	struct io_uring_cqe *cqe;

	if (self.queued == 0)
		return;
	io_uring_submit_and_wait(&self.ring, self.queued);
	while (self.queued > 0 && io_uring_wait_cqe(&self.ring, &cqe) == 0) {
		self.queued--;
		assert(cqe->res > 0 || cqe->res == -EPIPE || cqe->res == -ECONNRESET);
		io_uring_cqe_seen(&self.ring, cqe);
	}
}

static void ring_send(int fd, const char *p, size_t n)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&self.ring);

	if (sqe == NULL || self.queued == RING_ENTRIES) {
		ring_flush();
		sqe = io_uring_get_sqe(&self.ring);
	}
	/* A socket that is full makes the ring wait for it. */
	io_uring_prep_send(sqe, fd, p, n, MSG_NOSIGNAL | MSG_WAITALL);
	self.queued++;
}
#endif

static void send_to_all(struct conn *list, const char *p, size_t n)
{
	for (struct conn *c = list; c != NULL; c = c->next) {
#ifdef HAVE_LIBURING
		if (self.uring) {
			ring_send(c->fd, p, n);
			continue;
		}
#endif
		send_all(c->fd, p, n);
	}
#ifdef HAVE_LIBURING
	if (self.uring && !self.gather)
		ring_flush();
#endif
}

/* --- topics ---------------------------------------------------------------------------------- */

static struct topic *topic_get(const char *name, size_t len)
{
	uint32_t h = 2166136261u;
	struct topic *t;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)name[i]) * 16777619u;
	for (;; h++) {
		t = self.topics[h % TOPIC_SLOTS];
		if (t == NULL)
			break;
		if (t->len == len && memcmp(t->name, name, len) == 0)
			return t;
	}
	t = calloc(1, sizeof(*t));
	assert(t != NULL);
	t->name = strndup(name, len);
	t->len = len;
	return self.topics[h % TOPIC_SLOTS] = t;
}

static void encode(struct bytes *b, int kind, const char *p, size_t n)
{
	uint8_t head[4] = {0x81, (uint8_t)n, 0, 0};

	if (kind == SSE) {
		bytes_add(b, "data: ", 6);
		bytes_add(b, p, n);
		bytes_add(b, "\n\n", 2);
		return;
	}
	if (n > 125) {
		head[1] = 126;
		head[2] = (uint8_t)(n >> 8);
		head[3] = (uint8_t)n;
	}
	bytes_add(b, head, n > 125 ? 4 : 2);
	bytes_add(b, p, n);
}

static void publish(struct topic *t, const char *p, size_t n)
{
	for (int kind = SSE; kind <= WS; kind++) {
		if (t->subs[kind] == NULL)
			continue;
		encode(&t->pending[kind], kind, p, n);
		if (!self.gather) {
			send_to_all(t->subs[kind], t->pending[kind].p, t->pending[kind].len);
			t->pending[kind].len = 0;
		} else if (!t->dirty) {
			t->dirty = true;
			t->next_dirty = self.dirty;
			self.dirty = t;
		}
	}
}

static void flush_topics(void)
{
	struct topic *list = self.dirty;

	for (struct topic *t = list; t != NULL; t = t->next_dirty)
		for (int kind = SSE; kind <= WS; kind++)
			if (t->pending[kind].len > 0)
				send_to_all(t->subs[kind], t->pending[kind].p, t->pending[kind].len);
#ifdef HAVE_LIBURING
	if (self.uring)
		ring_flush();
#endif
	for (struct topic *t = list; t != NULL; t = t->next_dirty) {
		t->dirty = false;
		t->pending[SSE].len = t->pending[WS].len = 0;
	}
	self.dirty = NULL;
}

/* --- requests -------------------------------------------------------------------------------- */

/* Value of a header field within [head, head + n), or NULL. */
static const char *field(const char *head, size_t n, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = head; (p = memmem(p, n - (size_t)(p - head), "\r\n", 2)) != NULL; p += 2)
		if ((size_t)(head + n - p) > len + 2 && strncasecmp(p + 2, name, len) == 0)
			return p + 2 + len + strspn(p + 2 + len, " ");
	return NULL;
}

static void answer(struct conn *c, const char *text)
{
	if (self.gather)
		bytes_add(&c->out, text, strlen(text));
	else
		send_all(c->fd, text, strlen(text));
}

static void answer_upgrade(struct conn *c, const char *key)
{
	char text[256], accept[64];
	uint8_t sum[SHA_DIGEST_LENGTH];
	size_t n = strcspn(key, "\r");

	snprintf(text, sizeof(text), "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", (int)n, key);
	SHA1((const uint8_t *)text, strlen(text), sum);
	EVP_EncodeBlock((uint8_t *)accept, sum, sizeof(sum));
	snprintf(text, sizeof(text), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", accept);
	send_all(c->fd, text, strlen(text));
}

static void subscribe(struct conn *c, struct topic *t, const char *key)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
		"Cache-Control: no-store\r\n\r\n";

	if (key != NULL)
		answer_upgrade(c, key);
	else
		send_all(c->fd, head, sizeof(head) - 1);
	c->kind = key != NULL ? WS : SSE;
	c->next = t->subs[c->kind];
	c->prev = &t->subs[c->kind];
	if (c->next != NULL)
		c->next->prev = &c->next;
	t->subs[c->kind] = c;
}

/* One request of (n) bytes in all, its body the last (body). */
static void serve(struct conn *c, const char *p, size_t n, size_t body)
{
	const char *path = memchr(p, ' ', n), *end = path == NULL ? NULL : memchr(path + 1, ' ', n);
	size_t len;

	if (end == NULL || c->kind >= 0)
		return;
	path++;
	len = (size_t)(end - path);
	if (len > 5 && memcmp(path, "/pub/", 5) == 0) {
		publish(topic_get(path + 5, len - 5), p + n - body, body);
		answer(c, "HTTP/1.1 204 No Content\r\n\r\n");
	} else if (len > 5 && memcmp(path, "/sub/", 5) == 0) {
		subscribe(c, topic_get(path + 5, len - 5), field(p, n, "Sec-WebSocket-Key:"));
	} else {
		answer(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]");
	}
}

/* Serve the whole requests in [p, p + n); returns how many bytes they took. */
static size_t serve_all(struct conn *c, const char *p, size_t n)
{
	size_t at = 0, body;
	const char *end, *value;

	while ((end = memmem(p + at, n - at, "\r\n\r\n", 4)) != NULL) {
		size_t head = (size_t)(end + 4 - (p + at));

		value = field(p + at, head, "Content-Length:");
		body = value == NULL ? 0 : strtoul(value, NULL, 10);
		if (n - at < head + body)
			break;
		serve(c, p + at, head + body, body);
		at += head + body;
	}
	return at;
}

/* --- connections ----------------------------------------------------------------------------- */

static void conn_free(struct conn *c)
{
	if (c->kind >= 0) {
		*c->prev = c->next;
		if (c->next != NULL)
			c->next->prev = c->prev;
	}
	close(c->fd);
	bytes_free(&c->in);
	bytes_free(&c->out);
	free(c);
}

/* False: it is gone. */
static bool conn_read(struct conn *c)
{
	ssize_t n = read(c->fd, self.buffer, READ_SIZE);
	size_t took;

	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0) {
		conn_free(c);
		return false;
	}
	if (c->kind >= 0)	/* pings and the like of subscribers */
		return true;
	if (c->in.len == 0) {
		took = serve_all(c, self.buffer, (size_t)n);
		if (took < (size_t)n)
			bytes_add(&c->in, self.buffer + took, (size_t)n - took);
	} else {
		bytes_add(&c->in, self.buffer, (size_t)n);
		took = serve_all(c, c->in.p, c->in.len);
		memmove(c->in.p, c->in.p + took, c->in.len - took);
		c->in.len -= took;
	}
	if (c->in.len == 0)
		bytes_free(&c->in);
	return true;
}

static void accept_all(void)
{
	/* A ring only waits for sockets that would block. */
	int flags = SOCK_CLOEXEC | (self.uring ? 0 : SOCK_NONBLOCK), fd, one = 1;

	while ((fd = accept4(self.listener, NULL, NULL, flags)) >= 0) {
		struct conn *c = calloc(1, sizeof(*c));
		struct epoll_event e = {EPOLLIN, {.ptr = c}};

		assert(c != NULL);
		c->fd = fd;
		c->kind = -1;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		epoll_ctl(self.epoll, EPOLL_CTL_ADD, fd, &e);
	}
}

/* Answers that were gathered; (events) are those of this turn, conns that are gone left out. */
static void flush_answers(struct epoll_event *events, int n)
{
	for (int i = 0; i < n; i++) {
		struct conn *c = events[i].data.ptr;

		if (c == NULL || c->out.len == 0)
			continue;
		send_all(c->fd, c->out.p, c->out.len);
		c->out.len = 0;
	}
}

static void turn(void)
{
	struct epoll_event events[TURN_EVENTS];
	int n = epoll_wait(self.epoll, events, TURN_EVENTS, -1);

	for (int i = 0; i < n; i++) {
		struct conn *c = events[i].data.ptr;

		if (c == NULL)
			accept_all();
		else if (!conn_read(c))
			events[i].data.ptr = NULL;
	}
	if (!self.gather)
		return;
	flush_topics();
	flush_answers(events, n);
}

static int listen_on(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	socklen_t len = sizeof(a);
	int one = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	self.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(self.listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(self.listener, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(self.listener, 4096) != 0 ||
			getsockname(self.listener, (struct sockaddr *)&a, &len) != 0)
		return -1;
	return ntohs(a.sin_port);
}

static int start_ring(void)
{
#ifdef HAVE_LIBURING
	return self.uring ? io_uring_queue_init(RING_ENTRIES, &self.ring, 0) : 0;
#else
	return self.uring ? -ENOSYS : 0;
#endif
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"gather", no_argument, NULL, 'g'},
		{"uring", no_argument, NULL, 'u'},
		{"port", required_argument, NULL, 'p'},
		{0},
	};
	struct epoll_event e = {EPOLLIN, {.ptr = NULL}};
	struct rlimit files;
	int o, port = 0;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == '?')
			return 2;
		self.gather = self.gather || o == 'g';
		self.uring = self.uring || o == 'u';
		port = o == 'p' ? atoi(optarg) : port;
	}
	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	self.epoll = epoll_create1(EPOLL_CLOEXEC);
	port = listen_on((uint16_t)port);
	if (port < 0 || start_ring() != 0) {
		perror("floor");
		return 1;
	}
	epoll_ctl(self.epoll, EPOLL_CTL_ADD, self.listener, &e);
	printf("floor: listening on %d\n", port);
	fflush(stdout);
	for (;;)
		turn();
}
