/* SPDX-License-Identifier: MIT */
#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "hash.h"
#include "log.h"
#include "net/conn_internal.h"
#include "units.h"

#define ACCEPT_TURN 64		/* connections taken in one callback */
#define ACCEPT_PAUSE_MS 1000	/* without descriptors, or memory */
#define REFUSED_HEARD_MAX 64	/* refused connections whose request is read */
#define REFUSED_MAX 128		/* refused connections that are kept until they have read their 503 */
#define REFUSED_BODY_MAX 512
#define ADDRESS_SLOTS 1024
#define HOST_CAP 256

/* --- counting connections -------------------------------------------------------------------- */

struct address {
	struct address *next;
	uint8_t family;
	uint8_t addr[16];
	unsigned count;
};

/** Shared by all listeners whose first loop is the same, and by their connections. */
struct accepting {
	atomic_uint refs;
	atomic_uint connections;
	pthread_mutex_t lock;		/* of the table; held for a few instructions */
	struct address *slots[ADDRESS_SLOTS];
};

static struct accepting *accepting_of(struct loop *l)
{
	struct accepting *a = l->accepting;

	if (a == NULL && (a = calloc(1, sizeof(*a))) != NULL) {
		pthread_mutex_init(&a->lock, NULL);
		atomic_init(&a->refs, 1);
		l->accepting = a;
	}
	return a;
}

void accepting_unref(struct accepting *a)
{
	if (a == NULL || atomic_fetch_sub(&a->refs, 1) > 1)
		return;
	pthread_mutex_destroy(&a->lock);
	free(a);
}

static struct address **address_slot(struct accepting *a, const struct peer *p)
{
	uint8_t key[17];
	struct address **slot;

	key[0] = p->family;
	memcpy(key + 1, p->addr, 16);
	slot = &a->slots[hash_bytes(key, sizeof(key)) % ADDRESS_SLOTS];
	while (*slot != NULL && ((*slot)->family != p->family || memcmp((*slot)->addr, p->addr, 16) != 0))
		slot = &(*slot)->next;
	return slot;
}

static bool address_take(struct accepting *a, const struct peer *p, unsigned max)
{
	struct address **slot, *e;
	bool room;

	pthread_mutex_lock(&a->lock);
	slot = address_slot(a, p);
	e = *slot;
	if (e == NULL && (e = calloc(1, sizeof(*e))) != NULL) {
		e->family = p->family;
		memcpy(e->addr, p->addr, 16);
		*slot = e;
	}
	room = e != NULL && e->count < max;
	if (room)
		e->count++;
	pthread_mutex_unlock(&a->lock);
	return room;
}

static void address_give(struct accepting *a, const struct peer *p)
{
	struct address **slot, *e;

	pthread_mutex_lock(&a->lock);
	slot = address_slot(a, p);
	e = *slot;
	if (--e->count == 0) {
		*slot = e->next;
		free(e);
	}
	pthread_mutex_unlock(&a->lock);
}

bool conn_count_address(struct conn *c)
{
	unsigned max = c->env->limits->max_per_address;

	if (max == 0 || c->env->accepting == NULL || c->peer.family == AF_UNIX)
		return true;
	return c->counted = address_take(c->env->accepting, &c->peer, max);
}

void conn_uncount(struct conn *c)
{
	if (c->counted)
		address_give(c->env->accepting, &c->peer);
	c->counted = false;
	if (c->limited)
		atomic_fetch_sub(&c->env->accepting->connections, 1);
	c->limited = false;
}

/* --- listeners ------------------------------------------------------------------------------- */

struct listener {
	struct listener_config config;
	struct conn_env *env;
	ev_io io;
	struct loop_timer pause;
	int fd, spare;		/* spare: given up to accept and close when descriptors run out */
	unsigned next;		/* loop that gets the next connection */
	bool full_logged;
	bool is_unix, loopback;
	bool unlinks;		/* the socket's file is ours */
	dev_t dev;
	ino_t ino;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char url[sizeof(((struct sockaddr_un *)0)->sun_path) + 16];
	atomic_ullong accepted, refused_total, refused_address, refused_descriptors;
};

static void count(atomic_ullong *n)
{
	atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

void conn_refuse_unheard(struct conn *c)
{
	const struct http_handler *h = c->env->handler;
	const char *type = "text/plain";
	char body[REFUSED_BODY_MAX], head[256];
	size_t n = 0;
	int nhead;

	if (h->problem != NULL)
		n = h->problem(503, "there are too many connections: try again in a moment", body,
			sizeof(body), &type);
	nhead = snprintf(head, sizeof(head), "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
		"Content-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", type, n);
	if (conn_write(c, head, (size_t)nhead) == 0 && conn_write(c, body, n) == 0)
		conn_close_after_flush(c, CONN_REFUSED);
}

void conn_refuse(struct conn *c)
{
	c->refused = true;
	if (c->loop->nrefused++ >= REFUSED_HEARD_MAX)
		conn_refuse_unheard(c);
	else
		conn_deadline(c);
}

/* Those who are trusted to speak for others are counted when they told for whom. */
static bool is_trusted(const struct listener *l, const struct peer *peer)
{
	struct sockaddr_storage ss;

	if (l->config.trusted == NULL)
		return false;
	peer_to_sockaddr(peer, &ss);
	return l->config.trusted(l->config.arg, (struct sockaddr *)&ss);
}

/* If too many are refused they are not even told. */
static void refuse_fd(struct listener *l, int fd, const struct peer *peer)
{
	struct loop *loop = l->config.loops[0];
	struct conn *c;

	if (loop->nrefused >= REFUSED_MAX || (c = conn_new(l->env, fd, peer)) == NULL) {
		close(fd);
		return;
	}
	if (l->config.proxy_protocol && (l->config.trusted == NULL || is_trusted(l, peer)))
		c->proto = &proxy_proto;
	conn_start(c, loop);
	conn_refuse(c);
}

static void conn_arrive(struct loop *l, struct loop_msg *m)
{
	struct conn *c = (struct conn *)((char *)m - offsetof(struct conn, msg));

	conn_start(c, l);
}

static void deal_out(struct listener *l, struct conn *c)
{
	struct loop *to = l->config.loops[l->next++ % l->config.nloops];

	if (to == l->config.loops[0]) {
		conn_start(c, to);
		return;
	}
	c->msg.run = conn_arrive;
	loop_post(to, &c->msg);
}

static bool room_in_total(struct listener *l)
{
	atomic_uint *n = &l->env->accepting->connections;

	if (atomic_fetch_add(n, 1) < l->env->limits->max_connections)
		return true;
	atomic_fetch_sub(n, 1);
	return false;
}

static void take(struct listener *l, int fd, const struct peer *peer)
{
	bool trusted = is_trusted(l, peer);
	struct conn *c;
	int on = 1;

	if (!room_in_total(l)) {
		count(&l->refused_total);
		refuse_fd(l, fd, peer);
		return;
	}
	if (peer->family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if ((c = conn_new(l->env, fd, peer)) == NULL) {
		atomic_fetch_sub(&l->env->accepting->connections, 1);
		close(fd);
		return;
	}
	c->limited = true;
	if (l->config.proxy_protocol && (trusted || l->config.trusted == NULL))
		c->proto = &proxy_proto;
	else if (!trusted && !conn_count_address(c)) {
		count(&l->refused_address);
		conn_uncount(c);
		conn_env_unref(c->env);
		free(c);
		refuse_fd(l, fd, peer);
		return;
	}
	count(&l->accepted);
	deal_out(l, c);
}

static void on_pause_over(struct loop *loop, struct loop_timer *t)
{
	struct listener *l = (struct listener *)((char *)t - offsetof(struct listener, pause));

	ev_io_start(loop->ev, &l->io);
}

static int spare_open(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/*
 * No descriptors are left. Give up the spare one to take a connection and close it, so that the
 * peer is refused instead of left waiting; then rest, for nothing else can be done.
 */
static void out_of_descriptors(struct listener *l, int error)
{
	struct loop *loop = l->config.loops[0];
	int fd;

	if (!l->full_logged)
		log_warn("accept: %s: new connections are refused; raise the limit of open files",
			strerror(error));
	l->full_logged = true;
	if (l->spare >= 0) {
		close(l->spare);
		if ((fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
			count(&l->refused_descriptors);
			close(fd);
		}
	}
	l->spare = spare_open();
	ev_io_stop(loop->ev, &l->io);
	loop_timer_set(loop, &l->pause, ACCEPT_PAUSE_MS);
}

static void on_accept(struct ev_loop *ev, ev_io *w, int revents)
{
	struct listener *l = w->data;

	(void)ev;
	(void)revents;
	for (int i = 0; i < ACCEPT_TURN; i++) {
		struct sockaddr_storage ss = {0};
		socklen_t n = sizeof(ss);
		struct peer peer;
		int fd = accept4(l->fd, (struct sockaddr *)&ss, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
				out_of_descriptors(l, errno);
			/* All else is the peer's own failure (accept(2)), or that no more wait. */
			return;
		}
		l->full_logged = false;
		peer_from_sockaddr(&peer, (struct sockaddr *)&ss);
		take(l, fd, &peer);
	}
}

static struct listener *listener_new(int fd, const struct listener_config *config)
{
	struct accepting *a = accepting_of(config->loops[0]);
	struct listener *l = calloc(1, sizeof(*l));
	struct conn_env *env = calloc(1, sizeof(*env));

	if (a == NULL || l == NULL || env == NULL) {
		free(l);
		free(env);
		return NULL;
	}
	atomic_fetch_add(&a->refs, 1);
	*env = (struct conn_env){.refs = 1, .limits = config->limits, .handler = config->handler,
		.transport = &transport_tcp, .proto = &http1_proto, .accepting = a};
	l->config = *config;
	l->env = env;
	l->fd = fd;
	l->spare = spare_open();
	ev_io_init(&l->io, on_accept, fd, EV_READ);
	l->io.data = l;
	loop_timer_init(&l->pause, on_pause_over);
	return l;
}

/* --- addresses ------------------------------------------------------------------------------- */

static int fail(struct buf *why, const char *address, const char *text)
{
	buf_addf(why, "%s: %s", address, text);
	return -1;
}

static bool addr_is_loopback(const struct sockaddr *sa)
{
	const struct sockaddr_in *in4 = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;

	if (sa->sa_family == AF_INET)
		return ntohl(in4->sin_addr.s_addr) >> 24 == 127;
	return sa->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

/* Read back what the kernel made of the address: the port, if it was 0. */
static int listener_describe(struct listener *l)
{
	struct sockaddr_storage ss = {0};
	socklen_t n = sizeof(ss);
	char host[INET6_ADDRSTRLEN];
	const struct sockaddr_un *un = (const void *)&ss;
	const struct sockaddr_in *in4 = (const void *)&ss;
	const struct sockaddr_in6 *in6 = (const void *)&ss;

	if (getsockname(l->fd, (struct sockaddr *)&ss, &n) != 0)
		return -1;
	l->is_unix = ss.ss_family == AF_UNIX;
	l->loopback = l->is_unix || addr_is_loopback((struct sockaddr *)&ss);
	if (l->is_unix) {
		memcpy(l->path, un->sun_path, sizeof(l->path) - 1);
		snprintf(l->url, sizeof(l->url), "unix:%s", l->path);
	} else if (ss.ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		snprintf(l->url, sizeof(l->url), "http://[%s]:%u", host, ntohs(in6->sin6_port));
	} else {
		inet_ntop(AF_INET, &in4->sin_addr, host, sizeof(host));
		snprintf(l->url, sizeof(l->url), "http://%s:%u", host, ntohs(in4->sin_port));
	}
	return 0;
}

static int tcp_bind(const struct addrinfo *ai, int backlog)
{
	int on = 1, off = 0, fd, saved;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, backlog) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* "HOST:PORT", "[V6]:PORT", ":PORT" (everywhere), "PORT" (this machine only). */
static int split_address(const char *address, char *host, size_t cap, const char **port)
{
	const char *colon = strrchr(address, ':'), *end = colon;
	uint64_t number;
	size_t n;

	*port = colon == NULL ? address : colon + 1;
	if (units_parse_number(*port, strlen(*port), 0, 65535, &number) != 0)
		return -1;
	if (colon == NULL) {
		snprintf(host, cap, "127.0.0.1");
		return 0;
	}
	if (address[0] == '[' && colon > address && colon[-1] == ']') {
		address++;
		end = colon - 1;
	}
	n = (size_t)(end - address);
	if (n >= cap || (end == colon && memchr(address, ':', n) != NULL))
		return -1;
	memcpy(host, address, n);
	host[n] = '\0';
	return 0;
}

static int tcp_open(const char *address, int backlog, struct buf *why)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *list, *ai;
	char host[HOST_CAP];
	const char *port;
	int fd = -1, e;

	split_address(address, host, sizeof(host), &port);
	/* Everywhere: one IPv6 socket takes IPv4 too, where the kernel has IPv6 at all. */
	e = getaddrinfo(host[0] == '\0' ? "::" : host, port, &hints, &list);
	if (e != 0)
		return fail(why, address, gai_strerror(e));
	/* A name of both kinds, such as localhost: who tries IPv6 first tries IPv4 next, not all do both. */
	for (int v6 = 0; v6 < 2; v6++)
		for (ai = list; ai != NULL && fd < 0; ai = ai->ai_next)
			if ((ai->ai_family == AF_INET6) == (v6 == 1))
				fd = tcp_bind(ai, backlog);
	e = errno;
	freeaddrinfo(list);
	if (fd < 0 && host[0] == '\0' && e == EAFNOSUPPORT) {
		struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
		struct addrinfo v4 = {.ai_family = AF_INET, .ai_addr = (struct sockaddr *)&any,
			.ai_addrlen = sizeof(any)};

		fd = tcp_bind(&v4, backlog);
		e = errno;
	}
	return fd >= 0 ? fd : fail(why, address, strerror(e));
}

/* A socket's file that nobody listens on is a leftover of a crash. */
static int unix_remove_stale(const struct sockaddr_un *un)
{
	struct stat st;
	int fd, r;

	if (lstat(un->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return 0;
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
		return -1;
	r = connect(fd, (const struct sockaddr *)un, sizeof(*un));
	if (r != 0 && errno == ECONNREFUSED) {
		r = unlink(un->sun_path);
	} else {
		errno = EADDRINUSE;
		r = -1;
	}
	close(fd);
	return r;
}

static int unix_open(const char *path, int backlog, struct buf *why)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd, saved;

	strcpy(un.sun_path, path);
	if (unix_remove_stale(&un) != 0)
		return fail(why, path, errno == EADDRINUSE ? "another server listens there"
			: strerror(errno));
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
		return fail(why, path, strerror(errno));
	/* The file gets the mode of the socket: at no time may others connect. */
	if (fchmod(fd, 0600) == 0 && bind(fd, (struct sockaddr *)&un, sizeof(un)) == 0
		&& listen(fd, backlog) == 0)
		return fd;
	saved = errno;
	close(fd);
	return fail(why, path, strerror(saved));
}

static bool address_is_unix(const char *address)
{
	return strncmp(address, "unix:", 5) == 0;
}

const char *listener_check(const char *address)
{
	char host[HOST_CAP];
	const char *port;

	if (address_is_unix(address)) {
		size_t n = strlen(address + 5);

		return n > 0 && n < sizeof(((struct sockaddr_un *)0)->sun_path) ? NULL
			: "must be unix:PATH with a path of 1 to 107 bytes";
	}
	return split_address(address, host, sizeof(host), &port) == 0 ? NULL
		: "must be HOST:PORT, [IPV6]:PORT, :PORT, PORT or unix:PATH";
}

struct listener *listener_open(const char *address, const struct listener_config *c, struct buf *why)
{
	int backlog = c->backlog > 0 ? c->backlog : SOMAXCONN, fd;
	bool is_unix = address_is_unix(address);
	const char *wrong = listener_check(address);
	struct listener *l;
	struct stat st;

	if (wrong != NULL) {
		fail(why, address, wrong);
		return NULL;
	}
	fd = is_unix ? unix_open(address + 5, backlog, why) : tcp_open(address, backlog, why);
	if (fd < 0)
		return NULL;
	if ((l = listener_new(fd, c)) == NULL || listener_describe(l) != 0) {
		fail(why, address, strerror(errno));
		close(fd);
		listener_free(l);
		return NULL;
	}
	if (is_unix && stat(l->path, &st) == 0) {
		l->unlinks = true;
		l->dev = st.st_dev;
		l->ino = st.st_ino;
	}
	return l;
}

struct listener *listener_adopt(int fd, const struct listener_config *c, struct buf *why)
{
	struct listener *l;
	int on = 0, flags;
	socklen_t n = sizeof(on);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &n) != 0 || !on) {
		buf_addf(why, "descriptor %d is not a listening socket", fd);
		return NULL;
	}
	if ((flags = fcntl(fd, F_GETFL)) < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0
		|| fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || (l = listener_new(fd, c)) == NULL) {
		buf_addf(why, "descriptor %d: %s", fd, strerror(errno));
		return NULL;
	}
	if (listener_describe(l) != 0) {
		buf_addf(why, "descriptor %d: %s", fd, strerror(errno));
		l->fd = -1;
		listener_free(l);
		return NULL;
	}
	return l;
}

const char *listener_url(const struct listener *l)
{
	return l->url;
}

bool listener_is_loopback(const struct listener *l)
{
	return l->loopback;
}

void listener_start(struct listener *l)
{
	ev_io_start(l->config.loops[0]->ev, &l->io);
}

static void stop(struct listener *l)
{
	struct loop *loop = l->config.loops[0];
	struct stat st;

	if (l->fd < 0)
		return;
	ev_io_stop(loop->ev, &l->io);
	loop_timer_cancel(loop, &l->pause);
	close(l->fd);
	l->fd = -1;
	if (l->unlinks && lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->path);
}

void listener_free(struct listener *l)
{
	if (l == NULL)
		return;
	stop(l);
	if (l->spare >= 0)
		close(l->spare);
	conn_env_unref(l->env);
	free(l);
}

void listener_stats(const struct listener *l, struct listener_stats *out)
{
	struct listener *m = (struct listener *)l;

	*out = (struct listener_stats){
		.accepted = atomic_load_explicit(&m->accepted, memory_order_relaxed),
		.refused_total = atomic_load_explicit(&m->refused_total, memory_order_relaxed),
		.refused_address = atomic_load_explicit(&m->refused_address, memory_order_relaxed),
		.refused_descriptors = atomic_load_explicit(&m->refused_descriptors, memory_order_relaxed),
	};
}
