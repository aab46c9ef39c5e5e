/* SPDX-License-Identifier: MIT */
#include "load/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "hash.h"
#include "load/clock.h"
#include "load/publisher.h"
#include "load/subscriber.h"
#include "load/trouble.h"

#define INPUT_SIZE (256u << 10)
#define INPUT_LEAST (128u << 10)	/* room for one read */
#define REQUEST_MAX (32u << 20)
#define SCRATCH_MAX (32u << 20)

/* So many connect at a time if there is no --ramp: all threads together. */
#define CONNECTING_MOST 512
#define RAMP_STEP_S 0.005

#define BACKOFF_FIRST_S 0.1
#define BACKOFF_MOST_S 2.0

/* --- what is lent ---------------------------------------------------------------------------- */

char *worker_input(struct worker *w, size_t n, size_t *room)
{
	size_t need = n + (n > INPUT_LEAST ? n : INPUT_LEAST);

	if (w->ninput < need) {
		size_t size = need > INPUT_SIZE ? need : INPUT_SIZE;

		free(w->input);
		w->input = malloc(size);
		w->ninput = w->input == NULL ? 0 : size;
		if (w->input == NULL)
			return NULL;
	}
	*room = w->ninput - n;
	return w->input;
}

const struct in_addr *worker_source(struct worker *w)
{
	const struct bench *b = w->b;

	if (b->nsources == 0)
		return NULL;
	w->next_source += b->nworkers;
	return &b->sources[w->next_source % b->nsources];
}

uint32_t worker_random(struct worker *w)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (uint32_t)(w->random * UINT64_C(0x2545f4914f6cdd1d) >> 32);
}

double worker_backoff(struct worker *w, unsigned tries)
{
	double most = BACKOFF_FIRST_S;

	while (tries-- > 1 && most < BACKOFF_MOST_S)
		most *= 2;
	if (most > BACKOFF_MOST_S)
		most = BACKOFF_MOST_S;
	return most * worker_random(w) / UINT32_MAX;
}

void worker_suspect(struct worker *w, struct subscriber *s)
{
	if (s->suspect)
		return;
	if (w->nsuspects == w->suspects_cap) {
		uint32_t cap = w->suspects_cap == 0 ? 16 : w->suspects_cap * 2;
		struct subscriber **p = realloc(w->suspects, cap * sizeof(struct subscriber *));

		if (p == NULL)
			return;	/* the figures at the end do not need it */
		w->suspects = p;
		w->suspects_cap = cap;
	}
	s->suspect = true;
	w->suspects[w->nsuspects++] = s;
}

/* --- connecting ------------------------------------------------------------------------------ */

/* How many may have begun to connect by now, by --ramp. */
static uint64_t ramp_allows(const struct worker *w)
{
	const struct bench *b = w->b;
	double seconds = (double)(clock_ns() - w->ramp_ns) * 1e-9;

	if (b->c->ramp <= 0)
		return UINT64_MAX;
	return 1 + (uint64_t)(seconds * b->c->ramp / b->nworkers);
}

void worker_connect_more(struct worker *w)
{
	uint32_t most = CONNECTING_MOST / w->b->nworkers;
	uint64_t allowed;

	if (w->next == w->nsubscribers)
		return;
	allowed = ramp_allows(w);
	while (w->next < w->nsubscribers && w->next < allowed &&
	       (allowed != UINT64_MAX || w->opening < (most > 0 ? most : 1)))
		subscriber_start(&w->subscribers[w->next++]);
	if (w->next == w->nsubscribers)
		ev_timer_stop(w->loop, &w->ramp);
}

static void on_ramp(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	worker_connect_more(timer->data);
}

static void connect_all(struct worker *w)
{
	w->ramp_ns = clock_ns();
	for (uint32_t i = 0; i < w->npublishers; i++)
		publisher_start(&w->publishers[i]);
	if (w->nsubscribers > 0)
		ev_timer_again(w->loop, &w->ramp);
	worker_connect_more(w);
}

/* --- publishing ------------------------------------------------------------------------------ */

/* Those whose time has come. */
static void publish_due(struct worker *w, uint64_t now)
{
	struct publisher *p;

	/* As many as there are now: one that has more than its turn puts itself back. */
	for (size_t i = w->agenda.n; i > 0 && (p = agenda_take(&w->agenda, now)) != NULL; i--) {
		p->scheduled = false;
		publisher_go(p);
	}
}

/* The window is open again. Each begins in turn, so that no topic is always the last. */
static void publish_all(struct worker *w)
{
	atomic_store_explicit(&w->wake_at, -1, memory_order_relaxed);
	w->first_publisher = w->npublishers == 0 ? 0 : (w->first_publisher + 1) % w->npublishers;
	for (uint32_t i = 0; i < w->npublishers; i++)
		publisher_go(&w->publishers[(w->first_publisher + i) % w->npublishers]);
}

static bool wants_window(const struct worker *w, int64_t outstanding)
{
	return outstanding <= atomic_load_explicit(&w->wake_at, memory_order_relaxed);
}

void worker_turn(struct worker *w, uint64_t now)
{
	if (!w->publishing)
		return;
	if (agenda_next(&w->agenda) <= now)
		publish_due(w, now);
	if (atomic_load_explicit(&w->wake_at, memory_order_relaxed) >= 0 &&
			wants_window(w, bench_outstanding(w->b)))
		publish_all(w);
}

static void set_clock(struct worker *w)
{
	uint64_t due = agenda_next(&w->agenda), now, left;
	struct itimerspec at = {0};

	if (due == w->clock_due)
		return;
	w->clock_due = due;
	if (due != AGENDA_EMPTY) {
		now = clock_ns();
		left = due > now ? due - now : 1;
		at.it_value.tv_sec = (time_t)(left / 1000000000);
		at.it_value.tv_nsec = (long)(left % 1000000000);
	}
	timerfd_settime(w->clock_fd, 0, &at, NULL);
}

static void on_clock(struct ev_loop *loop, ev_io *io, int revents)
{
	struct worker *w = io->data;
	uint64_t expired;
	ssize_t n = read(w->clock_fd, &expired, sizeof(expired));

	(void)n;
	(void)loop;
	(void)revents;
	w->clock_due = AGENDA_EMPTY;
	worker_turn(w, clock_ns());
}

/* Before it sleeps: others may wait for what this thread has received. */
static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int revents)
{
	struct worker *w = prepare->data;
	struct bench *b = w->b;

	(void)loop;
	(void)revents;
	if (!w->publishing)
		return;
	set_clock(w);
	if (b->nworkers == 1 || b->c->rate > 0)
		return;
	/* The other half of what publisher.c does: there it is said first, then looked. */
	bench_meet(b);
	for (unsigned i = 0; i < b->nworkers; i++) {
		struct worker *other = b->workers[i];

		if (other != w && atomic_load_explicit(&other->wake_at, memory_order_relaxed) >= 0 &&
		    wants_window(other, bench_outstanding(b)))
			ev_async_send(other->loop, &other->async);
	}
}

static void publish(struct worker *w)
{
	w->publishing = true;
	for (uint32_t i = 0; i < w->nsubscribers; i++)
		if (w->subscribers[i].counts_from_ns < w->b->measure_ns)
			w->subscribers[i].counts_from_ns = w->b->measure_ns;
	trouble_begin(w);
	publish_all(w);
}

static void finish(struct worker *w)
{
	for (uint32_t i = 0; i < w->npublishers; i++)
		publisher_finish(&w->publishers[i]);
	w->publishing = false;
	trouble_end_churn(w);
}

/* --- counting -------------------------------------------------------------------------------- */

static uint64_t lost_so_far(const struct worker *w)
{
	uint64_t lost = 0;

	for (uint32_t i = 0; i < w->nsuspects; i++) {
		struct verdict v = {0};

		ledger_verdict(w->suspects[i]->ledger, NULL, &v);
		lost += v.lost;
	}
	return lost;
}

/* How long the thread could have run, but others did, and how often it ran: of its schedstat. */
static void thread_waited(struct tally *t)
{
	unsigned long long ran, waited, turns;
	FILE *f = fopen("/proc/thread-self/schedstat", "re");

	if (f == NULL)
		return;
	if (fscanf(f, "%llu %llu %llu", &ran, &waited, &turns) == 3) {
		t->waited_ns = waited;
		t->turns = turns;
	}
	fclose(f);
}

static void collect(struct worker *w)
{
	struct tally *t = w->tally;

	t->connected = w->live;
	t->lost = lost_so_far(w);
	t->thread_ns = clock_thread_ns();
	thread_waited(t);
	w->tally = t == &w->tallies[0] ? &w->tallies[1] : &w->tallies[0];
	tally_reset(w->tally);
}

/* What is complete stays so: each is asked until it is, in turn. */
static void check(struct worker *w)
{
	while (w->complete < w->nsubscribers &&
	       ledger_complete(w->subscribers[w->complete].ledger, w->b->totals))
		w->complete++;
	atomic_store(&w->is_complete, w->complete == w->nsubscribers);
}

/* --- orders ---------------------------------------------------------------------------------- */

static void obey(struct worker *w, unsigned orders)
{
	if (orders & ORDER_CONNECT)
		connect_all(w);
	if (orders & ORDER_PUBLISH)
		publish(w);
	if (orders & ORDER_HERD)
		trouble_herd(w);
	if (orders & ORDER_CALM)
		trouble_end(w);
	if (orders & ORDER_WAKE)
		publish_all(w);
	if (orders & ORDER_FINISH)
		finish(w);
	if (orders & ORDER_CHECK)
		check(w);
	if (orders & ORDER_COLLECT)
		collect(w);
	if (orders & ORDER_QUIT)
		ev_break(w->loop, EVBREAK_ALL);
}

static void on_async(struct ev_loop *loop, ev_async *async, int revents)
{
	struct worker *w = async->data;
	unsigned orders;

	(void)loop;
	(void)revents;
	pthread_mutex_lock(&w->lock);
	orders = w->orders;
	pthread_mutex_unlock(&w->lock);
	obey(w, orders);
	/* Without an order, another thread has opened the window. */
	if (orders == 0) {
		worker_turn(w, clock_ns());
		return;
	}
	pthread_mutex_lock(&w->lock);
	w->orders &= ~orders;
	pthread_cond_signal(&w->done);
	pthread_mutex_unlock(&w->lock);
}

void worker_order(struct worker *w, unsigned order)
{
	pthread_mutex_lock(&w->lock);
	w->orders |= order;
	pthread_mutex_unlock(&w->lock);
	ev_async_send(w->loop, &w->async);
}

void worker_wait(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	while (w->orders != 0)
		pthread_cond_wait(&w->done, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

/* --- life ------------------------------------------------------------------------------------ */

static void *thread_main(void *arg)
{
	struct worker *w = arg;

	ev_run(w->loop, 0);
	return NULL;
}

int worker_start(struct worker *w)
{
	sigset_t all, before;
	int failed;

	/* Signals are for the thread that waits for them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&w->thread, NULL, thread_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = failed;
	w->running = failed == 0;
	return failed == 0 ? 0 : -1;
}

/* Its share: each (nworkers)th subscriber and publisher. */
static uint32_t share(const struct worker *w, uint64_t all)
{
	return all <= w->index ? 0 : (uint32_t)((all - w->index - 1) / w->b->nworkers + 1);
}

static int make_people(struct worker *w, const uint8_t *transports)
{
	const struct bench_config *c = w->b->c;
	unsigned n = w->b->nworkers;

	w->nsubscribers = share(w, c->subscribers);
	w->npublishers = share(w, c->publishers);
	w->subscribers = calloc(w->nsubscribers + 1, sizeof(*w->subscribers));
	w->publishers = calloc(w->npublishers + 1, sizeof(*w->publishers));
	if (w->subscribers == NULL || w->publishers == NULL)
		return -1;
	for (uint32_t i = 0; i < w->nsubscribers; i++) {
		uint32_t number = w->index + i * n;

		if (subscriber_init(&w->subscribers[i], w, number, transports[number]) != 0)
			return -1;
	}
	for (uint32_t i = 0; i < w->npublishers; i++)
		if (publisher_init(&w->publishers[i], w, w->index + i * n) != 0)
			return -1;
	return agenda_init(&w->agenda, w->npublishers);
}

static void init_watchers(struct worker *w)
{
	ev_async_init(&w->async, on_async);
	w->async.data = w;
	ev_async_start(w->loop, &w->async);
	ev_io_init(&w->clock_io, on_clock, w->clock_fd, EV_READ);
	ev_set_priority(&w->clock_io, EV_MAXPRI);
	w->clock_io.data = w;
	ev_io_start(w->loop, &w->clock_io);
	ev_prepare_init(&w->prepare, on_prepare);
	w->prepare.data = w;
	ev_prepare_start(w->loop, &w->prepare);
	ev_timer_init(&w->ramp, on_ramp, RAMP_STEP_S, RAMP_STEP_S);
	w->ramp.data = w;
	trouble_init(w);
}

struct worker *worker_new(struct bench *b, unsigned index, const uint8_t *transports)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->b = b;
	w->index = index;
	w->next_source = index;
	w->clock_due = AGENDA_EMPTY;
	w->clock_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	atomic_init(&w->wake_at, -1);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->done, NULL);
	hash_random(&w->random, sizeof(w->random));
	w->random |= 1;
	buf_init(&w->request, REQUEST_MAX);
	buf_init(&w->scratch, SCRATCH_MAX);
	w->tally = &w->tallies[0];
	w->witness = witness_new(b->witness);
	w->known = known_new();
	w->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	if (w->loop == NULL || w->clock_fd < 0 || w->witness == NULL || w->known == NULL ||
			tally_init(&w->tallies[0], b->c->mix) != 0 ||
			tally_init(&w->tallies[1], b->c->mix) != 0)
		goto fail;
	init_watchers(w);
	if (make_people(w, transports) == 0)
		return w;
fail:
	worker_free(w);
	return NULL;
}

void worker_stop(struct worker *w)
{
	if (w == NULL || !w->running)
		return;
	worker_order(w, ORDER_QUIT);
	pthread_join(w->thread, NULL);
	w->running = false;
}

void worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	for (uint32_t i = 0; w->subscribers != NULL && i < w->nsubscribers; i++)
		subscriber_fini(&w->subscribers[i]);
	for (uint32_t i = 0; w->publishers != NULL && i < w->npublishers; i++)
		publisher_fini(&w->publishers[i]);
	free(w->subscribers);
	free(w->publishers);
	free(w->suspects);
	free(w->input);
	agenda_fini(&w->agenda);
	buf_fini(&w->request);
	buf_fini(&w->scratch);
	witness_free(w->witness);
	known_free(w->known);
	tally_fini(&w->tallies[0]);
	tally_fini(&w->tallies[1]);
	if (w->loop != NULL)
		ev_loop_destroy(w->loop);
	if (w->clock_fd >= 0)
		close(w->clock_fd);
	pthread_cond_destroy(&w->done);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
