/* SPDX-License-Identifier: MIT */
#include "sub_internal.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "exitcode.h"
#include "log.h"
#include "stop.h"
#include "units.h"

#define FOREIGN_RETRY_MS 1000	/* after a stream of somebody else's that ended and says nothing */
#define STABLE_MS 1000		/* a connection that lived so long was no failure */
#define GRACE_S (STOP_GRACE_MS / 1000.)

static void finish(struct sub *s, int status)
{
	if (s->finishing) {
		/* What came can still not be written, or not all of it: that is not done. */
		if (status == EXIT_RESOURCES)
			s->status = status;
		return;
	}
	s->finishing = true;
	s->status = status;
}

/* --- connecting, again and again -------------------------------------------------------------- */

static void connect_now(struct sub *s)
{
	s->connect_due = s->held != 0;
	if (s->connect_due)
		return;
	s->rt = false;
	s->via = s->transport;
	s->connection = s->via->start(s);
	if (s->connection == NULL) {
		log_error("out of memory");
		finish(s, EXIT_RESOURCES);
	}
}

static void disconnect(struct sub *s)
{
	sub_silence_end(s);
	s->connect_due = false;
	if (s->connection != NULL)
		s->via->stop(s->connection);
	s->connection = NULL;
}

static void on_retry(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)loop;
	(void)events;
	connect_now(t->data);
}

/* Wait as long as the failures in a row, or the server, say; or give up. */
static void try_again(struct sub *s)
{
	uint64_t at_least = s->retry_after_ms;
	int64_t wait;

	if (s->down == SUB_CLOSED && s->config->client.retry == 0) {
		finish(s, EXIT_DONE);	/* ended in good order, and no more was asked for */
		return;
	}
	if (s->opened && (delivery_count_connected(s->delivery) > 0 ||
	    units_monotonic_ms() - s->opened_at_ms >= STABLE_MS))
		backoff_success(&s->backoff);
	/* To an EventSource every end is worth the stream's retry: a foreign server counts on that. */
	if (at_least == 0 && (s->down == SUB_CLOSED || !s->rt_seen))
		at_least = s->retry_ms;
	if (at_least == 0 && s->down == SUB_CLOSED && !s->rt)
		at_least = FOREIGN_RETRY_MS;
	wait = backoff_next(&s->backoff, &s->config->client, at_least);
	if (wait < 0) {
		log_error("%s; giving up", s->why);
		finish(s, EXIT_UNREACHABLE);
		return;
	}
	if (s->complained || s->down == SUB_CLOSED)
		log_info("%s; trying again in %" PRId64 " ms", s->why, wait);
	else
		log_warn("%s; trying again", s->why);
	s->complained = true;
	ev_timer_set(&s->retry, (double)wait / 1000, 0.);
	ev_timer_start(s->loop, &s->retry);
}

/* A stream of rt-serve's that ended without a byte was held back to its end. */
static bool was_held_back(const struct sub *s)
{
	return s->opened && sub_expects_beginning(s) && (s->down == SUB_CLOSED || s->down == SUB_LOST);
}

/*
 * Who asked for events from now on, and never heard where that is, has still asked: what comes
 * until the next try is due, and is asked for by its age.
 */
static void note_missed(struct sub *s)
{
	uint64_t ago = http_sent_ms_ago(s->http);

	if (s->missed_since_ms == 0 && ago > 0 && (s->config->url == NULL || s->rt_seen) &&
	    delivery_at(s->delivery)->len == 0)
		s->missed_since_ms = units_monotonic_ms() - ago;
}

static void handle_down(struct sub *s)
{
	bool held_back = was_held_back(s);

	note_missed(s);
	disconnect(s);
	if (held_back) {
		s->down = SUB_UP;
		sub_fall_back(s);
	}
	switch (s->down) {
	case SUB_UP:
		break;
	case SUB_AGAIN:
		connect_now(s);
		break;
	case SUB_CLOSED:
	case SUB_LOST:
		try_again(s);
		break;
	case SUB_OVER:
	case SUB_END_KNOWN:
		finish(s, EXIT_DONE);
		break;
	case SUB_REFUSED:
		log_error("%s", s->why);
		finish(s, EXIT_REFUSED);
		break;
	case SUB_PROTOCOL:
		log_error("%s", s->why);
		finish(s, EXIT_PROTOCOL);
		break;
	case SUB_NOMEM:
		log_error("out of memory");
		finish(s, EXIT_RESOURCES);
		break;
	}
	s->down = SUB_UP;
}

/* --- delivery --------------------------------------------------------------------------------- */

static void on_hold(void *arg, bool on)
{
	struct sub *s = arg;
	unsigned bit = s->config->command != NULL ? HOLD_COMMANDS : HOLD_READER, before = s->held;

	s->held = on ? s->held | bit : s->held & ~bit;
	if ((before != 0) == (s->held != 0) || s->finishing)
		return;
	s->heard_at_ms = s->asked_at_ms = units_monotonic_ms();
	if (s->connection != NULL && s->down == SUB_UP)
		s->via->pause(s->connection, s->held != 0);
	else if (s->held == 0 && s->connect_due)
		connect_now(s);
}

static void on_finish(void *arg, int status)
{
	finish(arg, status);
}

static void on_broken_pipe(void *arg)
{
	struct sub *s = arg;

	s->broken_pipe = true;
	finish(s, EXIT_DONE);
}

static const struct delivery_ops delivery_ops = { on_hold, on_finish, on_broken_pipe };

/* --- the end ---------------------------------------------------------------------------------- */

static void on_total(struct ev_loop *loop, ev_timer *t, int events)
{
	struct sub *s = t->data;

	(void)loop;
	(void)events;
	s->out_of_time = true;
	finish(s, EXIT_TIMEOUT);
	s->stopped = false;	/* also who was about to end in peace now hurries */
}

/* Re-armed lazily: events only leave their time behind. */
static void on_idle(struct ev_loop *loop, ev_timer *t, int events)
{
	struct sub *s = t->data;
	uint64_t now = units_monotonic_ms(), quiet;

	(void)events;
	if (s->held != 0)
		s->event_at_ms = now;
	quiet = now - s->event_at_ms;
	if (quiet >= s->config->idle_ms) {
		finish(s, EXIT_TIMEOUT);
		return;
	}
	ev_timer_set(t, (double)(s->config->idle_ms - quiet) / 1000, 0.);
	ev_timer_start(loop, t);
}

static void on_signal(struct ev_loop *loop, ev_io *io, int events)
{
	struct sub *s = io->data;

	(void)events;
	ev_io_stop(loop, io);	/* it stays readable */
	finish(s, EXIT_DONE);
	s->stopped = false;
}

static void on_grace(struct ev_loop *loop, ev_timer *t, int events)
{
	struct sub *s = t->data;

	(void)loop;
	(void)events;
	s->forced = true;
}

/*
 * Nothing new from here on. What came is still written and run, which may take its time, unless
 * there is none left.
 */
static void stop_all(struct sub *s)
{
	bool hurry = stop_signal() != 0 || s->out_of_time;

	s->stopped = true;
	disconnect(s);
	delivery_stop(s->delivery, hurry);
	ev_timer_stop(s->loop, &s->retry);
	ev_timer_stop(s->loop, &s->idle);
	if (hurry) {
		ev_timer_stop(s->loop, &s->total);
		ev_timer_start(s->loop, &s->grace);
	}
}

/* The loop is about to wait: whatever was only noted in callbacks is done here, and only here. */
static void on_before_wait(struct ev_loop *loop, ev_prepare *p, int events)
{
	struct sub *s = p->data;
	uint64_t count = delivery_count(s->delivery);

	(void)events;
	sub_silence_note(s);
	if (count != s->events_seen) {
		s->events_seen = count;
		s->event_at_ms = units_monotonic_ms();
	}
	delivery_flush(s->delivery);
	if (s->down != SUB_UP && !s->finishing)
		handle_down(s);
	if (!s->finishing)
		return;
	if (!s->stopped)
		stop_all(s);
	if (s->forced || !delivery_pending(s->delivery))
		ev_break(loop, EVBREAK_ALL);
}

/* --- what main calls -------------------------------------------------------------------------- */

static void init_watchers(struct sub *s)
{
	const struct config *c = s->config;

	ev_prepare_init(&s->before_wait, on_before_wait);
	ev_init(&s->retry, on_retry);
	sub_silence_init(s);
	ev_timer_init(&s->idle, on_idle, (double)c->idle_ms / 1000, 0.);
	ev_timer_init(&s->total, on_total, (double)c->total_ms / 1000, 0.);
	ev_timer_init(&s->grace, on_grace, GRACE_S, 0.);
	ev_io_init(&s->signals, on_signal, stop_fd(), EV_READ);
	s->before_wait.data = s->retry.data = s->idle.data = s->total.data =
		s->grace.data = s->signals.data = s;
}

static const struct transport *choose_transport(const struct config *c)
{
	static const struct transport *const transports[] = {
		[TRANSPORT_AUTO] = &transport_sse,
		[TRANSPORT_SSE] = &transport_sse,
		[TRANSPORT_WS] = &transport_ws,
		[TRANSPORT_NDJSON] = &transport_ndjson,
		[TRANSPORT_LONGPOLL] = &transport_longpoll,
		[TRANSPORT_POLL] = &transport_poll,
	};

	return transports[c->transport];
}

struct sub *sub_new(const struct config *c, int *status)
{
	struct sub *s = calloc(1, sizeof(*s));

	*status = EXIT_RESOURCES;
	if (s == NULL)
		return NULL;
	s->config = c;
	s->transport = choose_transport(c);
	backoff_init(&s->backoff, BACKOFF_FIRST_MS, BACKOFF_CAP_MS);
	s->loop = ev_default_loop(0);
	if (s->loop == NULL || stop_catch() != 0 || (s->http = http_new(s->loop, &c->client)) == NULL) {
		log_error("out of resources");
		goto free_sub;
	}
	init_watchers(s);
	s->delivery = delivery_new(s->loop, c, &delivery_ops, s, status);
	if (s->delivery == NULL)
		goto free_sub;
	return s;

free_sub:
	sub_free(s);
	return NULL;
}

void sub_free(struct sub *s)
{
	if (s == NULL)
		return;
	if (s->connection != NULL)
		disconnect(s);
	delivery_free(s->delivery);
	http_free(s->http);
	free(s);
}

static void start_watchers(struct sub *s)
{
	ev_prepare_start(s->loop, &s->before_wait);
	ev_io_start(s->loop, &s->signals);
	if (s->config->idle_ms > 0)
		ev_timer_start(s->loop, &s->idle);
	if (s->config->total_ms > 0)
		ev_timer_start(s->loop, &s->total);
	s->event_at_ms = units_monotonic_ms();
}

static void stop_watchers(struct sub *s)
{
	ev_prepare_stop(s->loop, &s->before_wait);
	ev_io_stop(s->loop, &s->signals);
	ev_timer_stop(s->loop, &s->grace);
	sub_silence_end(s);
}

int sub_run(struct sub *s, int *by_signal)
{
	start_watchers(s);
	connect_now(s);
	ev_run(s->loop, 0);
	stop_watchers(s);
	*by_signal = stop_signal() != 0 ? stop_signal() : s->broken_pipe ? SIGPIPE : 0;
	return delivery_end(s->delivery, s->status);
}
