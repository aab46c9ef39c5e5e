/* SPDX-License-Identifier: MIT */
#include "net/conn_internal.h"

#include <stdlib.h>
#include <time.h>

/* The loop that this thread runs. */
static _Thread_local const struct loop *running;

static uint64_t clock_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void clocks_update(struct loop *l)
{
	l->now_ms = clock_ms(CLOCK_MONOTONIC);
	l->unix_ms = clock_ms(CLOCK_REALTIME);
}

static void on_check(struct ev_loop *ev, ev_check *w, int revents)
{
	struct loop *l = w->data;

	(void)revents;
	clocks_update(l);
	l->hook_due = true;
	if (ev_is_active(&l->idle))
		ev_idle_stop(ev, &l->idle);
}

/*
 * Posted messages come newest first: turn them round, so that each sender's order is kept. False:
 * there were none.
 */
static bool mail_run(struct loop *l)
{
	struct loop_msg *m, *next, *list = NULL;

	for (m = atomic_exchange_explicit(&l->mail, NULL, memory_order_acquire); m != NULL; m = next) {
		next = m->next;
		m->next = list;
		list = m;
	}
	for (m = list; m != NULL; m = next) {
		next = m->next;
		m->run(l, m);
	}
	return list != NULL;
}

static void on_async(struct ev_loop *ev, ev_async *w, int revents)
{
	struct loop *l = w->data;

	(void)revents;
	/* First: what is posted from here on needs another wake-up. */
	atomic_store(&l->woken, false);
	mail_run(l);
	if (atomic_load(&l->stopped))
		ev_break(ev, EVBREAK_ALL);
}

static void on_timer(struct ev_loop *ev, ev_timer *w, int revents)
{
	struct loop *l = w->data;

	(void)ev;
	(void)revents;
	l->timer_ms = UINT64_MAX;
	wheel_advance(&l->wheel, l, l->now_ms);
}

static void on_idle(struct ev_loop *ev, ev_idle *w, int revents)
{
	(void)ev;
	(void)w;
	(void)revents;
}

static void timer_rearm(struct loop *l)
{
	uint64_t next = wheel_next_ms(&l->wheel);
	double after;

	if (next == l->timer_ms)
		return;
	ev_timer_stop(l->ev, &l->timer);
	l->timer_ms = next;
	if (next == UINT64_MAX)
		return;
	/* libev counts from ev_now(), which is about now_ms; being late by a tick is fine. */
	after = next > l->now_ms ? (double)(next - l->now_ms) / 1e3 : 0;
	ev_timer_set(&l->timer, after, 0.);
	ev_timer_start(l->ev, &l->timer);
}

/* Those that are deferred meanwhile wait for the next call. */
static void deferred_run(struct loop *l)
{
	for (unsigned n = l->ndeferred; n > 0 && l->deferred != NULL; n--) {
		struct loop_deferred *d = l->deferred;

		loop_undefer(l, d);
		d->run(l, d);
	}
}

static void turn(struct loop *l)
{
	bool again;

	l->stats.turns++;
	conn_run_early(l);
	deferred_run(l);
	l->hook_due = false;
	again = l->hook != NULL && l->hook(l);
	deferred_run(l);
	conn_reap(l);
	conn_flush_dirty(l);
	conn_free_dead(l);
	arena_turn(&l->arena);
	arena_turn(&l->private);
	if ((again || l->deferred != NULL || conn_work_left(l)) && !ev_is_active(&l->idle))
		ev_idle_start(l->ev, &l->idle);
	timer_rearm(l);
}

static void on_prepare(struct ev_loop *ev, ev_prepare *w, int revents)
{
	(void)ev;
	(void)revents;
	turn(w->data);
}

static void watchers_start(struct loop *l)
{
	ev_check_init(&l->check, on_check);
	ev_prepare_init(&l->prepare, on_prepare);
	ev_async_init(&l->async, on_async);
	ev_timer_init(&l->timer, on_timer, 0., 0.);
	ev_idle_init(&l->idle, on_idle);
	ev_set_priority(&l->check, EV_MAXPRI);
	l->check.data = l->prepare.data = l->async.data = l->timer.data = l->idle.data = l;
	ev_check_start(l->ev, &l->check);
	ev_prepare_start(l->ev, &l->prepare);
	ev_async_start(l->ev, &l->async);
}

struct loop *loop_new(unsigned index)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	if ((l->ev = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV)) == NULL) {
		free(l);
		return NULL;
	}
	l->index = index;
	l->timer_ms = UINT64_MAX;
	l->deferred_tail = &l->deferred;
	l->over_tail = &l->over;
	clocks_update(l);
	wheel_init(&l->wheel, l->now_ms);
	arena_init(&l->arena, NULL);
	arena_init(&l->private, NULL);
	buf_init(&l->scratch, LOOP_SCRATCH);
	conn_pools_init(l);
	watchers_start(l);
	return l;
}

/*
 * Whoever is still connected is told, and goes; twice, because closing may post or queue. True: there
 * was mail.
 */
static bool loop_end(struct loop *l)
{
	bool mail = false;

	for (int i = 0; i < 2; i++) {
		mail = mail_run(l) || mail;
		conn_close_all(l);
		conn_reap(l);
		deferred_run(l);
		conn_flush_dirty(l);
		conn_free_dead(l);
	}
	return mail;
}

void loops_settle(struct loop *const *loops, unsigned n)
{
	bool again = n > 0;

	while (again) {
		again = false;
		for (unsigned i = 0; i < n; i++)
			again = loop_end(loops[i]) || again;
	}
}

void loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	loop_end(l);
	conn_flush_fini(l);
	conn_pools_free(l);
	websocket_pool_free(l);
	accepting_unref(l->accepting);
	arena_fini(&l->arena);
	arena_fini(&l->private);
	buf_fini(&l->scratch);
	free(l->fields);
	ev_loop_destroy(l->ev);
	free(l);
}

void loop_run(struct loop *l)
{
	running = l;
	if (!atomic_load(&l->stopped))
		ev_run(l->ev, 0);
	running = NULL;
	loop_end(l);
}

void loop_use_ring(struct loop *l, bool use)
{
	l->ring_wanted = use;
}

static void wake(struct loop *l)
{
	if (!atomic_exchange(&l->woken, true))
		ev_async_send(l->ev, &l->async);
}

void loop_stop(struct loop *l)
{
	atomic_store(&l->stopped, true);
	wake(l);
}

void loop_post(struct loop *l, struct loop_msg *m)
{
	m->next = atomic_load_explicit(&l->mail, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&l->mail, &m->next, m, memory_order_release,
		memory_order_relaxed))
		;
	wake(l);
}

void loop_wake(struct loop *l)
{
	/* What a loop tells itself before the hook is seen to by the hook of this very turn. */
	if (running != l || !l->hook_due)
		wake(l);
}

unsigned loop_index(const struct loop *l)
{
	return l->index;
}

struct ev_loop *loop_ev(struct loop *l)
{
	return l->ev;
}

struct arena *loop_arena(struct loop *l)
{
	return &l->arena;
}

struct loop_stats *loop_stats(struct loop *l)
{
	return &l->stats;
}

void loop_set_user(struct loop *l, void *user)
{
	l->user = user;
}

void *loop_user(const struct loop *l)
{
	return l->user;
}

void loop_set_hook(struct loop *l, bool (*hook)(struct loop *l))
{
	l->hook = hook;
}

uint64_t loop_now_ms(const struct loop *l)
{
	return l->now_ms;
}

uint64_t loop_unix_ms(const struct loop *l)
{
	return l->unix_ms;
}

void loop_timer_init(struct loop_timer *t, void (*fire)(struct loop *l, struct loop_timer *t))
{
	*t = (struct loop_timer){.fire = fire};
}

void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t after_ms)
{
	wheel_set(&l->wheel, t, l->now_ms + after_ms);
}

void loop_timer_cancel(struct loop *l, struct loop_timer *t)
{
	wheel_cancel(&l->wheel, t);
}

void loop_defer(struct loop *l, struct loop_deferred *d)
{
	if (d->queued)
		return;
	d->queued = true;
	d->next = NULL;
	*l->deferred_tail = d;
	l->deferred_tail = &d->next;
	l->ndeferred++;
}

void loop_undefer(struct loop *l, struct loop_deferred *d)
{
	struct loop_deferred **p = &l->deferred;

	if (!d->queued)
		return;
	while (*p != d)
		p = &(*p)->next;
	*p = d->next;
	if (l->deferred_tail == &d->next)
		l->deferred_tail = p;
	d->queued = false;
	l->ndeferred--;
}
