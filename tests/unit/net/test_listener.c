/* SPDX-License-Identifier: MIT */
/* Listening sockets: addresses, limits, and connections dealt out to several threads. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/listener.h"
#include "tests/unit/net/helper_net.h"
#include "tests/unit/tap.h"

#define LOOPS 3

static atomic_uint per_loop[LOOPS];
static char seen_peer[64];

static void on_request(struct exchange *x, const struct http_request *r, void *arg)
{
	struct conn_info info;

	(void)arg;
	conn_info(exchange_conn(x), true, &info);
	if (str_is(r->path, "/peer"))
		snprintf(seen_peer, sizeof(seen_peer), "%s", info.peer);
	atomic_fetch_add(&per_loop[loop_index(exchange_loop(x))], 1);
	exchange_respond(x, conn_is_refused(exchange_conn(x)) ? 503 : 200, NULL, 0, STR_LIT("ok"));
}

static const struct http_handler handler = {.request = on_request};
static struct conn_limits limits = {.max_connections = 1000, .max_head = 16384, .max_fields = 100,
	.head_ms = 10000, .body_ms = 10000, .idle_ms = 75000, .heartbeat_ms = 15000,
	.max_pipelined = 64, .max_output = 256 << 10, .max_message = 1 << 20};

static void *run(void *loop)
{
	loop_run(loop);
	return NULL;
}

/* A server of (n) threads on (address); its URL's port in *port. */
struct server {
	struct loop *loops[LOOPS];
	pthread_t threads[LOOPS];
	unsigned n;
	struct listener *l;
	uint16_t port;
};

static bool all_trusted(void *arg, const struct sockaddr *peer)
{
	(void)arg;
	return peer->sa_family == AF_INET;
}

static bool server_start(struct server *s, const char *address, unsigned n, bool proxy)
{
	struct listener_config config = {.loops = s->loops, .nloops = n, .limits = &limits,
		.handler = &handler, .proxy_protocol = proxy, .trusted = proxy ? all_trusted : NULL};
	struct buf why;

	buf_init(&why, 1000);
	s->n = n;
	for (unsigned i = 0; i < n; i++)
		s->loops[i] = loop_new(i);
	s->l = listener_open(address, &config, &why);
	if (s->l == NULL) {
		printf("# %s\n", buf_cstr(&why));
		buf_fini(&why);
		return false;
	}
	buf_fini(&why);
	s->port = (uint16_t)atoi(strrchr(listener_url(s->l), ':') + 1);
	listener_start(s->l);
	for (unsigned i = 0; i < n; i++)
		pthread_create(&s->threads[i], NULL, run, s->loops[i]);
	return true;
}

static void server_stop(struct server *s)
{
	for (unsigned i = 0; i < s->n; i++)
		loop_stop(s->loops[i]);
	for (unsigned i = 0; i < s->n; i++)
		pthread_join(s->threads[i], NULL);
	listener_free(s->l);
	for (unsigned i = 0; i < s->n; i++)
		loop_free(s->loops[i]);
}

static int dial(uint16_t port, const char *from)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in src = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(from)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&src, sizeof(src)) != 0
		|| connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Ask and wait for the first line of the answer; its status, 0 if there is none. */
static int ask(int fd, const char *request)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char b[512] = "";

	send(fd, request, strlen(request), MSG_NOSIGNAL);
	if (poll(&p, 1, 5000) <= 0 || recv(fd, b, sizeof(b) - 1, 0) < 12)
		return 0;
	return atoi(b + 9);
}

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static void test_deal_out(void)
{
	struct server s;
	int fds[30], good = 0;
	struct listener_stats st;

	ok(server_start(&s, "127.0.0.1:0", LOOPS, false), "listening");
	ok(strncmp(listener_url(s.l), "http://127.0.0.1:", 17) == 0 && s.port != 0
		&& listener_is_loopback(s.l), "its URL has the port");
	for (int i = 0; i < 30; i++) {
		fds[i] = dial(s.port, "127.0.0.1");
		good += ask(fds[i], GET) == 200;
	}
	eq_num(good, 30, "all are answered");
	ok(per_loop[0] == 10 && per_loop[1] == 10 && per_loop[2] == 10, "ten by each loop");
	listener_stats(s.l, &st);
	ok(st.accepted == 30 && st.refused_total == 0, "and counted");
	server_stop(&s);
	ok(recv(fds[0], &st, 1, 0) == 0, "at the end they are closed");
	for (int i = 0; i < 30; i++)
		close(fds[i]);
}

/* A place is free again only when the server has seen the close: try until it has. */
static int ask_until(uint16_t port, const char *from, int want, int *fd)
{
	int status = 0;

	for (uint64_t end = now_ms() + 5000; now_ms() < end;) {
		*fd = dial(port, from);
		if ((status = ask(*fd, GET)) == want)
			return status;
		close(*fd);
	}
	return status;
}

static void test_limits(void)
{
	struct listener_stats st;
	struct server s;
	int fds[5], extra;

	limits.max_connections = 4;
	limits.max_per_address = 2;
	server_start(&s, "127.0.0.1:0", 1, false);
	for (int i = 0; i < 2; i++)
		eq_num(ask(fds[i] = dial(s.port, "127.0.0.1"), GET), 200, "one address has two");
	eq_num(ask(fds[4] = dial(s.port, "127.0.0.1"), GET), 503, "the third gets 503");
	close(fds[4]);
	for (int i = 2; i < 4; i++)
		eq_num(ask(fds[i] = dial(s.port, "127.0.0.2"), GET), 200, "another address has two as well");
	eq_num(ask(fds[4] = dial(s.port, "127.0.0.3"), GET), 503, "there is no room in all");
	close(fds[4]);
	listener_stats(s.l, &st);
	ok(st.refused_address == 1 && st.refused_total == 1 && st.accepted == 4, "counted by reason");
	close(fds[0]);
	eq_num(ask_until(s.port, "127.0.0.1", 200, &extra), 200, "whoever leaves makes room");
	close(extra);
	for (int i = 1; i < 4; i++)
		close(fds[i]);
	server_stop(&s);
	limits.max_connections = 1000;
	limits.max_per_address = 0;
}

/* Has the server closed (fd), and sent nothing before? */
static bool is_cut(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char b[16];

	return poll(&p, 1, 5000) > 0 && recv(fd, b, sizeof(b), 0) <= 0;
}

/* Those who are refused wait to be heard or have 503 to read; if too many do, the next are only cut. */
static void test_refused(void)
{
	struct listener_stats st;
	struct server s;
	int fds[1 + 64 + 64 + 10], n = sizeof(fds) / sizeof(fds[0]), told = 0, cut = 0;

	limits.max_connections = 1;
	server_start(&s, "127.0.0.1:0", 1, false);
	for (int i = 0; i < n; i++)
		fds[i] = dial(s.port, "127.0.0.1");
	for (int i = 1 + 64; i < n; i++) {
		if (i < 1 + 64 + 64)
			told += ask(fds[i], "") == 503;
		else
			cut += is_cut(fds[i]);
	}
	eq_num(told, 64, "behind 64 whose request is waited for, 64 get 503 at once");
	eq_num(cut, 10, "whoever comes then is cut off");
	eq_num(ask(fds[64], GET), 503, "those who came before are still heard");
	listener_stats(s.l, &st);
	eq_num(st.refused_total, n - 1, "all are counted");
	for (int i = 0; i < n; i++)
		close(fds[i]);
	eq_num(ask_until(s.port, "127.0.0.1", 200, &fds[0]), 200, "when they have gone there is room again");
	close(fds[0]);
	server_stop(&s);
	limits.max_connections = 1000;
}

/* Nothing has come to (peer); or the beginning of an answer. */
static bool is_told(int peer)
{
	char b[16];

	return recv(peer, b, sizeof(b), MSG_DONTWAIT) > 12 && memcmp(b, "HTTP/1.1 503", 12) == 0;
}

/* The request of each of the first 64 is waited for, for a while; the next is told at once. */
static void test_refused_unheard(void)
{
	int fds[65], told = 0;
	struct rig rig;

	rig_init(&rig, &handler);
	for (int i = 0; i < 65; i++)
		conn_refuse(rig_connect(&rig, &fds[i], 0));
	rig_turn(&rig, 2);
	for (int i = 0; i < 64; i++)
		told += is_told(fds[i]);
	eq_num(told, 0, "64 may say what they want");
	ok(is_told(fds[64]), "one more is told at once");
	rig_pass(&rig, REFUSED_HEAD_MS + 20);
	for (int i = 0; i < 64; i++)
		told += is_told(fds[i]);
	eq_num(told, 64, "who says nothing is told after a while");
	for (int i = 0; i < 65; i++)
		close(fds[i]);
	ok(rig_fini(&rig), "nothing is left of them");
}

static void test_proxy(void)
{
	struct server s;
	int a, b;

	limits.max_per_address = 1;
	server_start(&s, "127.0.0.1:0", 1, true);
	a = dial(s.port, "127.0.0.1");
	eq_num(ask(a, "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\nGET /peer HTTP/1.1\r\nHost: a\r\n\r\n"),
		200, "a PROXY header comes before the request");
	eq_str(seen_peer, "192.0.2.7:56324", "it names the peer");
	b = dial(s.port, "127.0.0.1");
	eq_num(ask(b, "PROXY TCP4 192.0.2.7 198.51.100.1 56325 443\r\n" GET), 503,
		"which is what limits count");
	close(b);
	b = dial(s.port, "127.0.0.1");
	eq_num(ask(b, "PROXY TCP4 192.0.2.8 198.51.100.1 56325 443\r\n" GET), 200, "not the balancer");
	close(b);
	b = dial(s.port, "127.0.0.1");
	eq_num(ask(b, GET), 0, "without the header it is closed");
	close(b);
	close(a);
	server_stop(&s);
	limits.max_per_address = 0;
}

static void test_unix(void)
{
	char dir[] = "/tmp/rt-net-XXXXXX", address[64];
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct server s, other;
	struct stat st;
	int fd;

	if (mkdtemp(dir) == NULL)
		abort();
	snprintf(address, sizeof(address), "unix:%s/s", dir);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/s", dir);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(fd, (struct sockaddr *)&un, sizeof(un)) != 0)
		abort();
	close(fd);
	ok(server_start(&s, address, 1, false), "a stale socket is replaced");
	ok(stat(un.sun_path, &st) == 0 && (st.st_mode & 0777) == 0600, "its mode is 0600");
	eq_str(listener_url(s.l), address, "its URL");
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ok(connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0 && ask(fd, GET) == 200, "it answers");
	close(fd);
	ok(!server_start(&other, address, 1, false), "a living one is not replaced");
	loop_free(other.loops[0]);
	server_stop(&s);
	ok(stat(un.sun_path, &st) != 0 && errno == ENOENT, "the file goes with the listener");
	rmdir(dir);
}

static void refuse(const char *address, const char *part)
{
	struct loop *l = loop_new(0);
	struct listener_config config = {.loops = &l, .nloops = 1, .limits = &limits, .handler = &handler};
	struct listener *li;
	struct buf why;

	buf_init(&why, 1000);
	li = listener_open(address, &config, &why);
	ok(li == NULL && strstr(buf_cstr(&why), part) != NULL, "refused: %s", buf_cstr(&why));
	buf_fini(&why);
	loop_free(l);
}

static void test_addresses(void)
{
	struct server s;
	int fd;

	refuse("", "must be HOST:PORT");
	refuse("127.0.0.1:", "must be HOST:PORT");
	refuse("127.0.0.1:70000", "must be HOST:PORT");
	refuse("127.0.0.1:http", "must be HOST:PORT");
	refuse("::1:80", "must be HOST:PORT");
	refuse("192.0.2.1:0", "192.0.2.1:0");
	refuse("unix:", "1 to 107 bytes");
	ok(server_start(&s, "0", 1, false) && listener_is_loopback(s.l), "a bare port: this machine only");
	server_stop(&s);
	ok(server_start(&s, ":0", 1, false) && !listener_is_loopback(s.l), "a colon and a port: everywhere");
	eq_num(ask(fd = dial(s.port, "127.0.0.1"), GET), 200, "also by IPv4");
	close(fd);
	server_stop(&s);
}

static void test_adopt(void)
{
	struct loop *l = loop_new(0);
	struct listener_config config = {.loops = &l, .nloops = 1, .limits = &limits, .handler = &handler};
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct listener *li;
	struct buf why;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	buf_init(&why, 1000);
	ok(listener_adopt(fd, &config, &why) == NULL && strstr(buf_cstr(&why), "not a listening") != NULL,
		"a socket that does not listen is not adopted");
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) != 0 || listen(fd, 5) != 0)
		abort();
	li = listener_adopt(fd, &config, &why);
	ok(li != NULL && strncmp(listener_url(li), "http://127.0.0.1:", 17) == 0, "one that listens is");
	ok((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0, "and does not block");
	listener_free(li);
	loop_free(l);
	buf_fini(&why);
}

/* Without descriptors whoever comes is closed, the listener rests, and then goes on. */
static void test_descriptors(void)
{
	struct rlimit old, low = {64, 64};
	struct listener_stats st = {0};
	struct server s;
	int hold[64], n = 0, fd, status;

	getrlimit(RLIMIT_NOFILE, &old);
	low.rlim_max = old.rlim_max;
	server_start(&s, "127.0.0.1:0", 1, false);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setrlimit(RLIMIT_NOFILE, &low);
	while (n < 64 && (hold[n] = open("/dev/null", O_RDONLY)) >= 0)
		n++;
	close(fd);
	fd = dial(s.port, "127.0.0.1");		/* has the only descriptor there is */
	status = ask(fd, GET);
	eq_num(status, 0, "a connection is closed when descriptors run out");
	listener_stats(s.l, &st);
	eq_num(st.refused_descriptors, 1, "and counted");
	close(fd);
	while (n > 0)
		close(hold[--n]);
	setrlimit(RLIMIT_NOFILE, &old);
	eq_num(ask_until(s.port, "127.0.0.1", 200, &fd), 200, "with descriptors it goes on");
	close(fd);
	server_stop(&s);
}

int main(void)
{
	test_deal_out();
	test_limits();
	test_refused();
	test_refused_unheard();
	test_proxy();
	test_unix();
	test_addresses();
	test_adopt();
	test_descriptors();
	return tap_done();
}
