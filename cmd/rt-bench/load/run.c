/* SPDX-License-Identifier: MIT */
#include "load/run.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exitcode.h"
#include "figures/process.h"
#include "load/clock.h"
#include "load/limit.h"
#include "load/publisher.h"
#include "load/session.h"
#include "load/subscriber.h"
#include "log.h"
#include "stop.h"
#include "wire/socket.h"

#define SECOND UINT64_C(1000000000)
#define MS UINT64_C(1000000)

/* How often it is looked whether something is over. */
#define LOOK_MS 5
#define LOOK_CONNECTING_NS (200 * MS)

/* Before what the server uses at rest is measured, it gets so long to come to rest. */
#define SETTLE_MS 300

/* From the order to publish until the first event is due. */
#define LEAD_NS (20 * MS)

/* After a signal nobody waits for long. */
#define DRAIN_STOPPED_NS (500 * MS)

/* Without an end in time, it ends when for so long nothing happened but should. */
#define STALLED_NS (60 * SECOND)

/* Descriptors besides those of subscribers and publishers: for each thread, and for all. */
#define FDS_PER_THREAD 8
#define FDS_MORE 32

/* --- preparing ------------------------------------------------------------------------------- */

static int check_descriptors(const struct bench_config *c, unsigned nworkers)
{
	uint64_t need = c->subscribers + c->publishers + (uint64_t)nworkers * FDS_PER_THREAD + FDS_MORE;
	uint64_t limit;

	if (socket_room(need, &limit) == 0)
		return EXIT_DONE;
	log_error("%" PRIu64 " connections need %" PRIu64 " descriptors, but the limit is %" PRIu64
		": see ulimit -n, or use fewer --subscribers", c->subscribers + c->publishers, need, limit);
	return EXIT_RESOURCES;
}

/* Transports are mixed evenly, so that each has its part of every topic. */
static uint8_t *mix_transports(const struct bench_config *c)
{
	uint8_t *transports = calloc(c->subscribers + 1, 1);
	uint64_t given[TRANSPORTS] = {0};

	if (transports == NULL)
		return NULL;
	for (uint64_t i = 0; i < c->subscribers; i++) {
		double best = 2;

		for (unsigned t = 0; t < TRANSPORTS; t++) {
			double part = c->mix[t] == 0 ? 2 : ((double)given[t] + 0.5) / (double)c->mix[t];

			if (part < best) {
				best = part;
				transports[i] = (uint8_t)t;
			}
		}
		given[transports[i]]++;
	}
	return transports;
}

static int make_workers(struct session *s, unsigned n)
{
	struct bench *b = &s->b;
	uint8_t *transports = mix_transports(b->c);

	b->workers = calloc(n, sizeof(struct worker *));
	s->begin = calloc(n, sizeof(*s->begin));
	s->end = calloc(n, sizeof(*s->end));
	if (transports == NULL || b->workers == NULL || s->begin == NULL || s->end == NULL)
		goto no_memory;
	b->nworkers = n;
	for (unsigned i = 0; i < n; i++)
		if ((b->workers[i] = worker_new(b, i, transports)) == NULL)
			goto no_memory;
	free(transports);
	for (unsigned i = 0; i < n; i++)
		if (worker_start(b->workers[i]) != 0) {
			log_error("no thread: %m");
			return EXIT_RESOURCES;
		}
	return EXIT_DONE;
no_memory:
	free(transports);
	log_error("out of memory");
	return EXIT_RESOURCES;
}

static int check_server(const struct bench_config *c)
{
	struct process_usage u;

	if (c->pid == 0 || process_usage(c->pid, &u) == 0)
		return EXIT_DONE;
	log_error("--pid %d: %m", (int)c->pid);
	return EXIT_INPUT;
}

static int begin(struct session *s, const struct bench_config *c)
{
	unsigned n = c->threads;
	int status;

	/* A thread without anybody would only count as idle. */
	if (n > c->subscribers + c->publishers)
		n = (unsigned)(c->subscribers + c->publishers);
	status = check_descriptors(c, n);
	if (status == EXIT_DONE)
		status = check_server(c);
	if (status == EXIT_DONE)
		status = bench_init(&s->b, c);
	if (status != EXIT_DONE)
		return status;
	if (tally_init(&s->sum, c->mix) != 0 || tally_init(&s->now, c->mix) != 0) {
		log_error("out of memory");
		return EXIT_RESOURCES;
	}
	s->progress = !c->quiet && isatty(STDERR_FILENO);
	return make_workers(s, n);
}

static void stop_workers(struct session *s)
{
	for (unsigned i = 0; i < s->b.nworkers; i++)
		worker_stop(s->b.workers[i]);
}

static void end(struct session *s)
{
	stop_workers(s);
	for (unsigned i = 0; i < s->b.nworkers; i++)
		worker_free(s->b.workers[i]);
	free(s->b.workers);
	free(s->begin);
	free(s->end);
	tally_fini(&s->sum);
	tally_fini(&s->now);
	bench_fini(&s->b);
}

/* Wait so long, or until a signal comes: then true. */
static bool pause_ms(struct session *s, int ms)
{
	struct pollfd p = {.fd = stop_fd(), .events = POLLIN};

	poll(&p, 1, ms);
	if (stop_signal() != 0)
		s->r->interrupted = true;
	return s->r->interrupted;
}

/* --- connecting ------------------------------------------------------------------------------ */

static bool all_settled(const struct session *s)
{
	return session_ready(s) + session_gave_up(s) == s->b.c->subscribers &&
		session_publishers_ready(s) + session_publishers_done(s) >= s->b.c->publishers;
}

/* What was counted so far is kept, but for bytes: those are of what is published. */
static void forget_bytes(struct session *s)
{
	for (unsigned t = 0; t < TRANSPORTS; t++)
		if (s->sum.groups[t] != NULL)
			s->sum.groups[t]->bytes = 0;
}

static void count_connected(struct session *s)
{
	struct result *r = s->r;

	for (unsigned i = 0; i < s->b.nworkers; i++)
		for (uint32_t k = 0; k < s->b.workers[i]->nsubscribers; k++) {
			const struct subscriber *sub = &s->b.workers[i]->subscribers[k];

			r->by_transport[sub->transport].connected += sub->was_ready;
			r->all.connected += sub->was_ready;
		}
}

static int connect_all(struct session *s)
{
	const struct bench_config *c = s->b.c;
	uint64_t start, shown = 0;
	uint32_t ready;

	session_collect(s);
	session_mark(s, s->begin);
	start = clock_ns();
	session_order(s, ORDER_CONNECT);
	while (!all_settled(s) && !pause_ms(s, LOOK_MS))
		if (clock_ns() - shown > LOOK_CONNECTING_NS) {
			shown = clock_ns();
			session_show_connecting(s);
		}
	s->r->connect_s = (double)(clock_ns() - start) * 1e-9;
	session_hide(s);
	session_collect(s);	/* the threads' word on who is ready is ordered by this, too */
	session_mark(s, s->end);
	s->r->limit = limit_connecting(s);
	forget_bytes(s);
	ready = session_ready(s);
	if (s->r->interrupted)
		return EXIT_DONE;
	count_connected(s);
	if ((c->subscribers > 0 && ready == 0) || (c->publishers > 0 && session_publishers_ready(s) == 0))
		return atomic_load(&s->b.failure);
	if (ready < c->subscribers)
		log_warn("only %" PRIu32 " of %" PRIu64 " subscribers are connected", ready, c->subscribers);
	return EXIT_DONE;
}

/* --- publishing ------------------------------------------------------------------------------ */

/* What is looked at while it publishes, and while it waits for the rest. */
struct watch {
	uint64_t next_ns;	/* interval */
	uint64_t progress, progress_ns;	/* how far it is, and since when */
	bool marked;
};

static bool has_stopped(const struct session *s, struct watch *w, uint64_t now, uint64_t limit_ns)
{
	uint64_t progress = session_progress(s);

	if (progress != w->progress) {
		w->progress = progress;
		w->progress_ns = now;
	}
	return now - w->progress_ns > limit_ns;
}

/*
 * Deliveries that a window waits for, and nothing has moved for a second: they are lost, and
 * publishing goes on.
 */
static void give_up_window(struct session *s, const struct watch *w, uint64_t now)
{
	int64_t outstanding = bench_outstanding(&s->b);

	if (s->b.c->rate > 0 || s->b.c->publishers == 0 || outstanding <= 0 || now - w->progress_ns < SECOND)
		return;
	atomic_fetch_add(&s->b.given_up, outstanding);
	session_order(s, ORDER_WAKE);
}

/* At each second, and when measuring begins. */
static void look(struct session *s, struct watch *w, uint64_t now)
{
	if (!w->marked && now >= s->b.measure_ns) {
		session_interval(s);
		session_mark(s, s->begin);
		w->marked = true;
		w->next_ns = s->collected_ns + SECOND;
		return;
	}
	if (now < w->next_ns)
		return;
	session_interval(s);
	w->next_ns += SECOND;
	if (w->next_ns < now)
		w->next_ns = now + SECOND;
	give_up_window(s, w, now);
}

static bool is_halfway(const struct session *s, uint64_t now)
{
	const struct bench_config *c = s->b.c;

	if (c->duration_ns != 0)
		return now >= s->b.start_ns + c->duration_ns / 2;
	return s->sum.sent >= c->count / 2;
}

static bool is_published(struct session *s, struct watch *w, uint64_t now)
{
	const struct bench_config *c = s->b.c;
	bool over = now >= s->b.end_ns;
	uint64_t between = c->rate > 0 ? (uint64_t)(2e9 / c->rate) : 0;
	/* With an end in time a server may come back until then. */
	bool deserted = c->duration_ns == 0 && c->subscribers > 0 && s->sum.connected == 0;

	if (c->publishers == 0)
		return over;
	if (session_publishers_done(s) == c->publishers)
		return true;
	return has_stopped(s, w, now, over || deserted ? c->drain_ns : STALLED_NS + c->drain_ns + between);
}

static void publish(struct session *s, struct watch *w)
{
	const struct bench_config *c = s->b.c;
	uint64_t now = clock_ns(), pss;
	bool woken = false, herded = !c->herd;

	/* Nobody here has to prepare for what others publish. */
	s->b.start_ns = c->publishers == 0 ? now : now + LEAD_NS;
	s->b.measure_ns = s->b.start_ns + c->warmup_ns;
	s->b.end_ns = c->duration_ns == 0 ? UINT64_MAX : s->b.start_ns + c->duration_ns;
	session_server(s, &s->server_cpu_start, &pss);
	s->server_cpu_ns = s->server_cpu_start;
	session_collect(s);
	s->own_cpu_start = s->own_cpu_ns = s->now.thread_ns;
	session_mark(s, s->begin);
	*w = (struct watch){.next_ns = s->b.start_ns + SECOND, .progress_ns = now,
		.marked = c->warmup_ns == 0};
	session_order(s, ORDER_PUBLISH);
	if (c->publishers == 0)
		log_info("all have settled: what is published from now on counts");
	do {
		if (pause_ms(s, LOOK_MS))
			break;
		now = clock_ns();
		look(s, w, now);
		if (!herded && is_halfway(s, now)) {
			herded = true;
			session_order(s, ORDER_HERD);
		}
		if (!woken && now >= s->b.end_ns) {
			woken = true;	/* those who wait for the window hear that it is over */
			session_order(s, ORDER_WAKE);
		}
	} while (!is_published(s, w, now));
	s->publish_end_ns = clock_ns();
	session_order(s, ORDER_FINISH);
	session_interval(s);
	session_mark(s, s->end);
}

/* Wait for what is missing. True: nothing is. */
static bool drain(struct session *s, struct watch *w)
{
	const struct bench_config *c = s->b.c;
	uint64_t now = clock_ns(), limit_ns = c->drain_ns;

	if (c->publishers == 0)
		return true;
	w->marked = true;
	/* Who is slow stays so until --slow-for is over; only then it is waited for. */
	while (c->slow > 0 && now < s->b.start_ns + c->slow_for_ns && !pause_ms(s, LOOK_MS)) {
		now = clock_ns();
		look(s, w, now);
	}
	session_order(s, ORDER_CALM);
	w->progress_ns = now;
	while (!session_complete(s)) {
		if (pause_ms(s, LOOK_MS) && limit_ns > DRAIN_STOPPED_NS)
			limit_ns = DRAIN_STOPPED_NS;
		now = clock_ns();
		look(s, w, now);
		if (has_stopped(s, w, now, limit_ns) ||
				(s->r->interrupted && now > s->publish_end_ns + 2 * SECOND))
			return false;
	}
	return true;
}

/* --- the whole ------------------------------------------------------------------------------- */

static bool measure(struct session *s)
{
	uint64_t cpu;
	struct watch w;
	bool complete;

	if (s->b.c->pid != 0)
		pause_ms(s, SETTLE_MS);
	session_server(s, &cpu, &s->r->server_pss_idle);
	publish(s, &w);
	complete = drain(s, &w);
	session_interval(s);
	session_hide(s);
	session_server(s, &cpu, &s->r->server_pss_after);
	/* It may be gone. */
	s->r->server_cpu_ns = cpu > s->server_cpu_start ? cpu - s->server_cpu_start : 0;
	s->r->own_cpu_ns = s->now.thread_ns - s->own_cpu_start;
	return complete;
}

int run(const struct bench_config *c, struct result *r)
{
	struct session s = {.r = r};
	bool complete = true;
	uint64_t cpu;
	int status;

	status = begin(&s, c);
	if (status != EXIT_DONE)
		goto end;
	session_server(&s, &cpu, &r->server_pss_before);
	status = connect_all(&s);
	if (status != EXIT_DONE)
		goto end;
	if (!r->interrupted)
		complete = measure(&s);
	stop_workers(&s);
	if (s.b.start_ns == 0)	/* ended while they still connected */
		count_connected(&s);
	session_sum(&s, complete);
	if (s.b.start_ns != 0)
		limit_judge(&s, r);
end:
	end(&s);
	return status;
}
