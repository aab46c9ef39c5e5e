/* SPDX-License-Identifier: MIT */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/access_log.h"
#include "api/rate.h"
#include "api/route.h"
#include "cores.h"
#include "drain.h"
#include "exitcode.h"
#include "net/listener.h"
#include "net/ring.h"
#include "stdin_source.h"
#include "units.h"

#define BACKLOG 4096
#define LISTEN_FDS_START 3	/* sd_listen_fds(3) */
#define LISTENERS_MAX 64

struct server {
	struct config *config;
	struct conn_limits limits;
	int argc;
	char **argv;
	struct api_shared shared;
	struct loop **loops;
	pthread_t *threads;
	unsigned nloops, nthreads;
	struct listener *listeners[LISTENERS_MAX];
	struct route_listener routes[LISTENERS_MAX];
	struct http_handler handlers[LISTENERS_MAX];
	unsigned nlisteners;
	struct stdin_source *stdin_source;
	struct drain *drain;
	struct loop_timer second;	/* presence */
	struct ev_signal on_term, on_int, on_hup;
	int ended_by;
};

/* --- descriptors ---------------------------------------------------------------------------------- */

static void raise_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur == r.rlim_max)
		return;
	r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) != 0)
		log_warn("cannot raise the limit on descriptors: %m");
}

/* --- listeners -------------------------------------------------------------------------------------- */

static bool trusted(void *arg, const struct sockaddr *peer)
{
	const struct server *s = arg;

	return config_trusts(atomic_load(&s->shared.config), peer);
}

/** Open (address), or adopt (fd) if that is >= 0, as the next listener. */
static int add_listener(struct server *s, const char *address, int fd, bool admin, struct buf *why)
{
	unsigned i = s->nlisteners;
	struct listener_config c = {
		.loops = s->loops,
		.nloops = s->nloops,
		.limits = &s->limits,
		.handler = &s->handlers[i],
		.proxy_protocol = s->config->proxy_protocol && !admin,
		.trusted = trusted,
		.arg = s,
		.backlog = BACKLOG,
	};

	if (i == LISTENERS_MAX) {
		buf_addf(why, "at most %d addresses to listen at", LISTENERS_MAX);
		return -1;
	}
	route_handler(&s->handlers[i], &s->routes[i]);
	s->listeners[i] = fd >= 0 ? listener_adopt(fd, &c, why) : listener_open(address, &c, why);
	if (s->listeners[i] == NULL)
		return -1;
	s->routes[i].admin = admin;
	s->routes[i].figures = admin ||
		(s->config->admin.n == 0 && listener_is_loopback(s->listeners[i]));
	s->shared.nlisteners = ++s->nlisteners;
	return 0;
}

/** How many sockets a supervisor has passed to this very process. */
static unsigned inherited_sockets(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint64_t n;

	if (fds == NULL || units_parse_number(fds, strlen(fds), 1, LISTENERS_MAX, &n) != 0)
		return 0;
	if (pid != NULL && atol(pid) != (long)getpid())
		return 0;
	return (unsigned)n;
}

static int open_listeners(struct server *s, struct buf *why)
{
	unsigned inherited = inherited_sockets();

	for (unsigned i = 0; i < inherited; i++) {
		int fd = LISTEN_FDS_START + (int)i;

		fcntl(fd, F_SETFD, FD_CLOEXEC);
		if (add_listener(s, NULL, fd, false, why) != 0)
			return -1;
	}
	for (unsigned i = 0; inherited == 0 && i < s->config->listen.n; i++) {
		if (add_listener(s, s->config->listen.items[i], -1, false, why) != 0)
			return -1;
	}
	for (unsigned i = 0; i < s->config->admin.n; i++) {
		if (add_listener(s, s->config->admin.items[i], -1, true, why) != 0)
			return -1;
	}
	return 0;
}

/** One line per address on stdout, whole, for people and for whoever started us. */
static void announce(const struct server *s)
{
	for (unsigned i = 0; i < s->nlisteners; i++)
		printf("rt-serve: %s on %s\n", s->routes[i].admin ? "figures" : "listening",
			listener_url(s->listeners[i]));
	fflush(stdout);
}

/* --- reload ------------------------------------------------------------------------------------------- */

static void reopen_log(struct loop *l, struct loop_msg *m)
{
	struct api *a = loop_user(l);

	if (a->access_log != NULL && access_log_reopen(a->access_log) != 0)
		log_error("access log: %m; going on with the old file");
	free(m);
}

static void reopen_logs(struct server *s)
{
	for (unsigned i = 0; i < s->nloops; i++) {
		struct loop_msg *m = calloc(1, sizeof(*m));

		if (m == NULL)
			return;
		m->run = reopen_log;
		loop_post(s->loops[i], m);
	}
}

/**
 * Take over a new configuration. The old one is kept to the end: other loops may be reading it, and
 * a reload is rare.
 */
static void reload(struct server *s)
{
	struct store_config sc;
	struct config *c;
	struct buf why;
	const char *fixed;

	buf_init(&why, 4096);
	reopen_logs(s);
	c = config_load_again(s->argc, s->argv, &why);
	fixed = c != NULL ? config_unchangeable(s->config, c) : NULL;
	if (c == NULL) {
		log_error("not reloaded: %s", why.len > 0 ? buf_cstr(&why) : "out of memory");
	} else if (fixed != NULL) {
		log_error("not reloaded: %s cannot change while running; restart, or take the change back",
			fixed);
		config_free(c);
	} else {
		config_store(c, &sc);
		if (store_reconfigure(s->shared.store, &sc) != 0)
			log_error("retention stays as it was: out of memory");
		c->replaced = s->config;
		s->config = c;
		atomic_store_explicit(&s->shared.config, c, memory_order_release);
		log_set_level(config_log_level(c));
		log_info("reloaded");
	}
	buf_fini(&why);
}

/* --- signals ------------------------------------------------------------------------------------------ */

static void on_hup(struct ev_loop *ev, struct ev_signal *w, int revents)
{
	(void)ev;
	(void)revents;
	reload(w->data);
}

static void on_end(struct ev_loop *ev, struct ev_signal *w, int revents)
{
	struct server *s = w->data;

	(void)ev;
	(void)revents;
	if (s->ended_by != 0) {
		log_info("ending at once");
		for (unsigned i = 0; i < s->nloops; i++)
			loop_stop(s->loops[i]);
		return;
	}
	s->ended_by = w->signum;
	log_info("draining for up to %llu s; again to end at once",
		(unsigned long long)(s->config->drain_ms + 999) / 1000);
	/*
	 * The listeners stay open to the end: a balancer must be able to ask and find /readyz red, and
	 * publishes are welcome until then.
	 */
	s->drain = drain_start(&s->shared, s->config->drain_ms);
	if (s->drain == NULL) {
		for (unsigned i = 0; i < s->nloops; i++)
			loop_stop(s->loops[i]);
	}
}

static void watch_signal(struct server *s, struct ev_signal *w, int signum,
	void (*cb)(struct ev_loop *, struct ev_signal *, int))
{
	ev_signal_init(w, cb, signum);
	w->data = s;
	ev_signal_start(loop_ev(s->loops[0]), w);
}

static void on_second(struct loop *l, struct loop_timer *t)
{
	struct api *a = loop_user(l);

	presence_tick(a->shared->presence, a->shared->store, loop_unix_ms(l));
	loop_timer_set(l, t, 1000);
}

/* --- life ---------------------------------------------------------------------------------------------- */

static int open_presence(struct server *s)
{
	const struct config *c = s->config;
	struct str *patterns = calloc(c->presence.n + 1, sizeof(*patterns));
	struct presence_config pc = {
		.patterns = patterns,
		.n = c->presence.n,
		.grace_ms = c->presence_grace_ms,
		.max_members = c->max_members,
	};

	for (unsigned i = 0; patterns != NULL && i < c->presence.n; i++)
		patterns[i] = str_of(c->presence.items[i]);
	s->shared.presence = patterns != NULL ? presence_new(&pc) : NULL;
	free(patterns);
	return s->shared.presence != NULL ? 0 : -1;
}

/* 1: send by io_uring; 0: do not; -1: it was asked for, and cannot be had. */
static int want_ring(const struct config *c, struct buf *why)
{
	const char *reason;

	if (c->io == CONFIG_IO_EPOLL)
		return 0;
	if (ring_probe(&reason))
		return 1;
	log_debug("--io auto: %s", reason);
	if (c->io == CONFIG_IO_AUTO)
		return 0;
	buf_addf(why, "--io uring: %s", reason);
	return -1;
}

static int open_loops(struct server *s, unsigned n, struct buf *why)
{
	const struct config *c = s->config;
	int ring = want_ring(c, why);

	if (ring < 0)
		return -1;

	for (unsigned i = 0; i < n; i++) {
		struct api *a;

		s->loops[i] = loop_new(i);
		if (s->loops[i] == NULL)
			goto nomem;
		s->nloops++;
		loop_use_ring(s->loops[i], ring > 0);
		a = s->shared.apis[i] = api_new(&s->shared, s->loops[i]);
		if (a == NULL)
			goto nomem;
		s->shared.napis++;
		if (c->access_log == NULL)
			continue;
		a->access_log = access_log_open(c->access_log, c->access_log_json);
		if (a->access_log == NULL) {
			buf_addf(why, "access log %s: %s", c->access_log, strerror(errno));
			return -1;
		}
	}
	return 0;
nomem:
	buf_addf(why, "cannot make event loop %u: out of memory or descriptors", s->nloops);
	return -1;
}

/* Counted at the start: a reload would count what is left to the first loop's thread by --pin. */
static unsigned want_loops(const struct config *c)
{
	unsigned n = c->threads > 0 ? c->threads : cores_count();

	return n < CONFIG_THREADS_MAX ? n : CONFIG_THREADS_MAX;
}

static int open_all(struct server *s, struct buf *why)
{
	const struct config *c = s->config;
	unsigned n = want_loops(c);
	struct store_config sc;

	s->loops = calloc(n, sizeof(struct loop *));
	s->threads = calloc(n, sizeof(*s->threads));
	s->shared.apis = calloc(n, sizeof(struct api *));
	s->shared.rate = rate_new();
	if (s->loops == NULL || s->threads == NULL || s->shared.apis == NULL ||
	    s->shared.rate == NULL || open_presence(s) != 0) {
		buf_adds(why, "out of memory");
		return -1;
	}
	s->shared.listeners = s->listeners;
	config_store(c, &sc);
	s->shared.store = store_open(&sc, why);
	if (s->shared.store == NULL || open_loops(s, n, why) != 0 || open_listeners(s, why) != 0)
		return -1;
	if (c->stdin_topic != NULL) {
		s->stdin_source = stdin_source_new(s->shared.apis[0], c->stdin_topic);
		if (s->stdin_source == NULL) {
			buf_addf(why, "cannot read stdin: %s", strerror(errno));
			return -1;
		}
	}
	return 0;
}

struct server *server_new(struct config *c, int argc, char **argv, struct buf *why)
{
	struct server *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		config_free(c);
		return NULL;
	}
	s->config = c;
	s->limits = c->conn;
	s->argc = argc;
	s->argv = argv;
	s->shared.started_ms = units_monotonic_ms();
	atomic_init(&s->shared.config, c);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);	/* a file at its limit is a full disk */
	raise_descriptors();
	if (open_all(s, why) != 0) {
		server_free(s);
		return NULL;
	}
	return s;
}

static void *thread_main(void *arg)
{
	loop_run(arg);
	return NULL;
}

/* The first loop's thread last: the others count the cores that it may use. */
static void pin_loops(struct server *s)
{
	s->threads[0] = pthread_self();
	for (unsigned i = s->nloops; i-- > 0;)
		if (cores_pin(s->threads[i], i) != 0)
			log_warn("cannot bind thread %u to a core: %m", i);
}

int server_run(struct server *s)
{
	sigset_t all, before;

	watch_signal(s, &s->on_term, SIGTERM, on_end);
	watch_signal(s, &s->on_int, SIGINT, on_end);
	watch_signal(s, &s->on_hup, SIGHUP, on_hup);
	loop_timer_init(&s->second, on_second);
	if (s->config->presence.n > 0)
		loop_timer_set(s->loops[0], &s->second, 1000);
	for (unsigned i = 0; i < s->nlisteners; i++)
		listener_start(s->listeners[i]);
	/* Signals belong to the first loop's thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	for (unsigned i = 1; i < s->nloops; i++) {
		if ((errno = pthread_create(&s->threads[i], NULL, thread_main, s->loops[i])) != 0) {
			log_error("cannot start thread %u: %m", i);
			exit(EXIT_RESOURCES);
		}
		s->nthreads = i;
	}
	if (s->config->pin)
		pin_loops(s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	announce(s);
	loop_run(s->loops[0]);
	for (unsigned i = 1; i <= s->nthreads; i++)
		pthread_join(s->threads[i], NULL);
	return s->ended_by;
}

void server_free(struct server *s)
{
	if (s == NULL)
		return;
	stdin_source_free(s->stdin_source);
	for (unsigned i = 0; i < s->nlisteners; i++)
		listener_free(s->listeners[i]);
	/* The store first answers everything it was given; then nothing refers to the loops. */
	if (s->shared.store != NULL)
		store_close(s->shared.store);
	loops_settle(s->loops, s->nloops);
	for (unsigned i = 0; i < s->nloops; i++)
		loop_free(s->loops[i]);
	for (unsigned i = 0; i < s->shared.napis; i++)
		api_free(s->shared.apis[i]);
	presence_free(s->shared.presence);
	rate_free(s->shared.rate);
	drain_free(s->drain);
	config_free(s->config);
	free(s->shared.apis);
	free(s->loops);
	free(s->threads);
	free(s);
}
