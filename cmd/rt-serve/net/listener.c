/* SPDX-License-Identifier: MIT */
#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "net/accepting.h"
#include "net/address.h"
#include "net/conn_internal.h"

#define ACCEPT_TURN 64		/* connections taken in one callback */
#define ACCEPT_PAUSE_MS 1000	/* without descriptors, or memory */
#define REFUSED_HEARD_MAX 64	/* refused connections whose request is read */
#define REFUSED_MAX 128		/* refused connections that are kept until they have read their 503 */
#define REFUSED_BODY_MAX 512

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

/* --- opening --------------------------------------------------------------------------------- */

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

struct listener *listener_open(const char *address, const struct listener_config *c, struct buf *why)
{
	int backlog = c->backlog > 0 ? c->backlog : SOMAXCONN, fd;
	struct listener *l;
	struct stat st;

	fd = address_listen(address, backlog, why);
	if (fd < 0)
		return NULL;
	if ((l = listener_new(fd, c)) == NULL || listener_describe(l) != 0) {
		buf_addf(why, "%s: %s", address, strerror(errno));
		close(fd);
		listener_free(l);
		return NULL;
	}
	if (l->is_unix && stat(l->path, &st) == 0) {
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
