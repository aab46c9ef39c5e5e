/* SPDX-License-Identifier: MIT */
#include "sub.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "delivery.h"
#include "exitcode.h"
#include "log.h"
#include "stop.h"
#include "transport.h"
#include "units.h"

#define FOREIGN_RETRY_MS 1000	/* after a stream of somebody else's that ended and says nothing */
#define STABLE_MS 1000		/* a connection that lived so long was no failure */
#define WATCH_MIN_MS 10
#define WATCH_MAX_MS 1000	/* how late a change of what is watched for may be noticed */
#define GRACE_S (STOP_GRACE_MS / 1000.)
#define WHY_MAX 1024

/* Reasons to leave the network alone. */
enum hold { HOLD_READER = 1, HOLD_COMMANDS = 2 };

struct sub {
	const struct config *config;
	struct ev_loop *loop;
	struct http *http;
	struct delivery *delivery;

	const struct transport *transport;	/* for the next connection */
	const struct transport *via;	/* of this one */
	void *connection;		/* NULL: none */
	bool asking, opened, rt;
	bool body_seen;			/* since it was asked for */
	bool rt_seen;			/* any answer so far was rt-serve's */
	uint64_t asked_at_ms, limit_ms;	/* the answer should begin in that time */
	uint64_t opened_at_ms, heard_at_ms;
	uint64_t heartbeat_ms;		/* as announced; 0: not */
	uint64_t watched_at_ms;		/* when silence was last looked for */
	uint64_t missed_since_ms;	/* first request whose answer never told a cursor; 0: none */
	uint64_t event_at_ms;		/* -w counts from here */
	uint64_t events_seen;

	enum sub_down down;		/* acted upon before the loop waits */
	char why[WHY_MAX];
	uint64_t retry_after_ms;	/* asked for in an error answer */
	uint64_t retry_ms;		/* asked for by the stream; 0: not */
	struct backoff backoff;
	bool complained;		/* about the connection, since it was last good */
	bool token_renewed;
	bool connect_due;		/* when there is no more reason to hold back */

	unsigned held;			/* enum hold */
	bool finishing, stopped, broken_pipe;
	bool out_of_time;		/* -W */
	bool forced;			/* what is not written by now stays so */
	int status;

	ev_prepare before_wait;
	ev_timer retry, watch, idle, total, grace;
	ev_io signals;
};

static void connect_now(struct sub *s);

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

static uint64_t now_ms(const struct sub *s)
{
	(void)s;
	return units_monotonic_ms();
}

/* --- for transports --------------------------------------------------------------------------- */

const struct config *sub_config(const struct sub *s)
{
	return s->config;
}

struct ev_loop *sub_loop(const struct sub *s)
{
	return s->loop;
}

struct http *sub_http(const struct sub *s)
{
	return s->http;
}

bool sub_is_rt(const struct sub *s)
{
	return s->rt;
}

bool sub_is_down(const struct sub *s)
{
	return s->down != SUB_UP || s->finishing;
}

void sub_want(const struct sub *s, struct request_want *want)
{
	want->from = delivery_at(s->delivery);
	want->store = delivery_store(s->delivery);
	want->is_rt = s->rt_seen;
	if (s->missed_since_ms != 0)
		want->missed_ms = now_ms(s) - s->missed_since_ms + 1;
}

static void watch_soon(struct sub *s)
{
	s->watched_at_ms = now_ms(s);
	ev_timer_stop(s->loop, &s->watch);
	ev_timer_set(&s->watch, WATCH_MIN_MS / 1000., 0.);
	ev_timer_start(s->loop, &s->watch);
}

void sub_asking(struct sub *s, uint64_t limit_ms)
{
	s->asking = true;
	s->opened = false;
	s->body_seen = false;
	s->asked_at_ms = now_ms(s);
	s->limit_ms = s->config->client.connect_timeout_ms + limit_ms;
	s->heartbeat_ms = 0;
	watch_soon(s);
}

void sub_resting(struct sub *s)
{
	s->asking = false;
	ev_timer_stop(s->loop, &s->watch);
}

/* The first sign of life after a failure. */
static void recovered(struct sub *s)
{
	if (s->complained)
		log_info("connected again");
	s->complained = false;
	s->token_renewed = false;
}

void sub_opened(struct sub *s, const struct sub_opening *o)
{
	uint64_t beat_ms;

	s->opened = true;
	s->opened_at_ms = s->heard_at_ms = now_ms(s);
	s->rt = o->store.p != NULL;
	s->rt_seen |= s->rt;
	s->heartbeat_ms = 0;
	if (o->heartbeat.p != NULL &&
	    units_parse_duration(o->heartbeat.p, o->heartbeat.n, 1000, &beat_ms) == 0)
		s->heartbeat_ms = beat_ms;
	log_debug("%s: connected%s", s->via->name, s->rt ? ", to an rt-serve" : "");
	recovered(s);
	delivery_connected(s->delivery, o->cursor, o->store);
	watch_soon(s);
}

void sub_opened_http(struct sub *s)
{
	struct sub_opening o = {
		.cursor = http_field(s->http, "Last-Event-ID"),
		.store = http_field(s->http, "Rt-Store"),
		.heartbeat = http_field(s->http, "Heartbeat"),
	};

	sub_opened(s, &o);
}

void sub_heard(struct sub *s)
{
	s->body_seen = true;
	s->heard_at_ms = now_ms(s);
}

int sub_record(struct sub *s, struct str line, struct str cursor)
{
	return sub_is_down(s) ? -1 : delivery_record(s->delivery, line, cursor);
}

int sub_foreign(struct sub *s, const struct envelope_foreign *f, struct str cursor)
{
	return sub_is_down(s) ? -1 : delivery_foreign(s->delivery, f, cursor);
}

void sub_cursor(struct sub *s, struct str cursor)
{
	if (!sub_is_down(s))
		delivery_cursor(s->delivery, cursor);
}

void sub_settled(struct sub *s)
{
	delivery_settled(s->delivery);
}

void sub_set_retry(struct sub *s, uint64_t ms)
{
	s->retry_ms = ms;
}

void sub_down(struct sub *s, enum sub_down how, const char *why, uint64_t retry_after_ms)
{
	if (sub_is_down(s))
		return;
	s->down = how;
	s->retry_after_ms = retry_after_ms;
	snprintf(s->why, sizeof(s->why), "%s", why != NULL ? why : "");
}

/* A 401 came: has the token changed since? True at most once until a request succeeds. */
static bool renew_token(struct sub *s)
{
	if (s->token_renewed || !client_refresh_token(&s->config->client))
		return false;
	s->token_renewed = true;
	return true;
}

/* The connection is over by an answer, or without one. */
static void judged(struct sub *s, enum client_verdict verdict, long status, struct buf *why,
	uint64_t after_ms)
{
	if (verdict == CLIENT_OK && status == 204)
		sub_down(s, SUB_OVER, "", 0);
	else if (verdict == CLIENT_OK && status != 200)
		sub_down(s, SUB_PROTOCOL, "the answer is a success, but neither 200 nor 204", 0);
	else if (verdict == CLIENT_REFUSED && status == 401 && renew_token(s))
		sub_down(s, SUB_AGAIN, "the token was renewed", 0);
	else if (verdict == CLIENT_REFUSED)
		sub_down(s, SUB_REFUSED, buf_cstr(why), after_ms);
	else if (verdict == CLIENT_PROTOCOL && !s->opened)
		sub_down(s, SUB_PROTOCOL, buf_cstr(why), after_ms);
	else if (verdict != CLIENT_OK)
		sub_down(s, SUB_LOST, buf_cstr(why), after_ms);
}

bool sub_http_ended(struct sub *s, CURLcode result)
{
	enum client_verdict verdict;
	uint64_t after_ms;
	struct buf why;

	if (sub_is_down(s))
		return false;
	buf_init(&why, WHY_MAX);
	verdict = http_judge(s->http, result, &why, &after_ms);
	judged(s, verdict, http_status(s->http), &why, after_ms);
	buf_fini(&why);
	return !sub_is_down(s);
}

void sub_answered(struct sub *s, const struct client_answer *a)
{
	enum client_verdict verdict;
	uint64_t after_ms;
	struct buf why;

	buf_init(&why, WHY_MAX);
	verdict = client_judge_answer(a, &why, &after_ms);
	judged(s, verdict, a->status, &why, after_ms);
	buf_fini(&why);
}

/* --- silence, and what buffers ---------------------------------------------------------------- */

/* Would this stream have begun by now, if nothing on the way held it back? */
static bool expects_beginning(const struct sub *s)
{
	return s->config->transport == TRANSPORT_AUTO && s->via == &transport_sse &&
		!s->body_seen && (s->opened ? s->rt : s->config->url == NULL || s->rt_seen);
}

static void fall_back(struct sub *s)
{
	log_warn("something on the way to the server holds streams back: going on with long polling");
	s->transport = &transport_longpoll;
	sub_down(s, SUB_AGAIN, "streams are held back", 0);
}

/* When to look again, in milliseconds; 0: it is down now. */
static uint64_t check_silence(struct sub *s)
{
	uint64_t now = now_ms(s), next = WATCH_MAX_MS, sent_ago = http_sent_ms_ago(s->http), limit;

	if (expects_beginning(s)) {
		limit = s->config->buffer_timeout_ms;
		if (sent_ago >= limit) {
			fall_back(s);
			return 0;
		}
		if (limit - sent_ago < next)
			next = limit - sent_ago;
	}
	if (!s->opened && now - s->asked_at_ms >= s->limit_ms) {
		sub_down(s, SUB_LOST, "the server does not answer", 0);
		return 0;
	}
	if (s->opened && s->heartbeat_ms > 0) {
		limit = 2 * s->heartbeat_ms;
		if (now - s->heard_at_ms >= limit) {
			sub_down(s, SUB_LOST, "nothing was heard for two heartbeats", 0);
			return 0;
		}
		if (limit - (now - s->heard_at_ms) < next)
			next = limit - (now - s->heard_at_ms);
	}
	return next > WATCH_MIN_MS ? next : WATCH_MIN_MS;
}

static void on_watch(struct ev_loop *loop, ev_timer *t, int events)
{
	struct sub *s = t->data;
	uint64_t next = WATCH_MAX_MS, now = now_ms(s);
	bool slept = now - s->watched_at_ms > 2 * WATCH_MAX_MS;	/* we, stopped by a signal */

	(void)events;
	s->watched_at_ms = now;
	if (s->connection == NULL || !s->asking || sub_is_down(s))
		return;
	if (s->held != 0 || slept)
		s->heard_at_ms = s->asked_at_ms = now;	/* the silence is ours */
	else
		next = check_silence(s);
	if (next > 0) {
		ev_timer_set(t, (double)next / 1000, 0.);
		ev_timer_start(loop, t);
	}
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
	ev_timer_stop(s->loop, &s->watch);
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
	    now_ms(s) - s->opened_at_ms >= STABLE_MS))
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
	return s->opened && expects_beginning(s) && (s->down == SUB_CLOSED || s->down == SUB_LOST);
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
		s->missed_since_ms = now_ms(s) - ago;
}

static void handle_down(struct sub *s)
{
	bool held_back = was_held_back(s);

	note_missed(s);
	disconnect(s);
	if (held_back) {
		s->down = SUB_UP;
		fall_back(s);
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
	s->heard_at_ms = s->asked_at_ms = now_ms(s);
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
	uint64_t now = now_ms(s), quiet;

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
	if (count != s->events_seen) {
		s->events_seen = count;
		s->event_at_ms = now_ms(s);
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
	ev_init(&s->watch, on_watch);
	ev_timer_init(&s->idle, on_idle, (double)c->idle_ms / 1000, 0.);
	ev_timer_init(&s->total, on_total, (double)c->total_ms / 1000, 0.);
	ev_timer_init(&s->grace, on_grace, GRACE_S, 0.);
	ev_io_init(&s->signals, on_signal, stop_fd(), EV_READ);
	s->before_wait.data = s->retry.data = s->watch.data = s->idle.data = s->total.data =
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
	s->event_at_ms = now_ms(s);
}

static void stop_watchers(struct sub *s)
{
	ev_prepare_stop(s->loop, &s->before_wait);
	ev_io_stop(s->loop, &s->signals);
	ev_timer_stop(s->loop, &s->grace);
	ev_timer_stop(s->loop, &s->watch);
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
