/* SPDX-License-Identifier: MIT */
#include "load/subscriber.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "exitcode.h"
#include "load/clock.h"
#include "load/record.h"
#include "load/worker.h"

/* Before the run begins; later it goes on for ever. */
#define TRIES_FIRST 6

#define CURSOR_LONGEST 8192
#define ERROR_BODY_MAX 4096
#define NS 1e-9

static struct subscriber *of(struct conn *c)
{
	return (struct subscriber *)c;	/* its first member */
}

struct result_group *subscriber_group(const struct subscriber *s)
{
	return s->conn.w->tally->groups[s->transport];
}

/* --- cursor ---------------------------------------------------------------------------------- */

struct str subscriber_cursor(const struct subscriber *s)
{
	return (struct str){s->ncursor == 0 ? NULL : s->cursor, s->ncursor};
}

void subscriber_set_cursor(struct subscriber *s, struct str cursor)
{
	if (cursor.n > CURSOR_LONGEST)
		return;
	if (cursor.n > s->cursor_cap) {
		char *p = realloc(s->cursor, cursor.n);

		/* It comes back with an older one, and gets some events twice: that will be seen. */
		if (p == NULL)
			return;
		s->cursor = p;
		s->cursor_cap = (uint16_t)cursor.n;
	}
	if (cursor.n > 0)
		memcpy(s->cursor, cursor.p, cursor.n);
	s->ncursor = (uint16_t)cursor.n;
}

/* --- coming and going ------------------------------------------------------------------------ */

void subscriber_timer(struct subscriber *s, uint64_t ns)
{
	struct ev_loop *loop = s->conn.w->loop;

	ev_timer_stop(loop, &s->timer);
	ev_now_update(loop);
	ev_timer_set(&s->timer, (double)ns * NS, 0.0);
	ev_timer_start(loop, &s->timer);
}

void subscriber_stop_timer(struct subscriber *s)
{
	ev_timer_stop(s->conn.w->loop, &s->timer);
}

static void open_conn(struct subscriber *s)
{
	struct worker *w = s->conn.w;

	s->began_ns = clock_ns();
	s->answered = s->refused = s->asked = false;
	subscriber_timer(s, w->b->c->connect_timeout_ns);
	conn_open(&s->conn, &w->b->sub);
}

static void begin(struct subscriber *s)
{
	const struct bench *b = s->conn.w->b;

	s->state = SUBSCRIBER_OPENING;
	if (s->away || s->stranded) {
		/* What it missed because it wanted to, or could not come, is not the server's latency. */
		uint64_t now = clock_ns();

		if (s->counts_from_ns < now)
			s->counts_from_ns = now;
		if (s->away && b->c->no_resume) {
			s->ncursor = 0;
			ledger_restart(s->ledger);
		}
		s->away = false;
	}
	open_conn(s);
}

void subscriber_start(struct subscriber *s)
{
	s->conn.w->opening++;
	begin(s);
}

void subscriber_reopen(struct subscriber *s)
{
	open_conn(s);
}

void subscriber_ready(struct subscriber *s, uint64_t now)
{
	struct worker *w = s->conn.w;
	struct result_group *g = subscriber_group(s);

	if (s->state == SUBSCRIBER_LIVE)
		return;
	s->state = SUBSCRIBER_LIVE;
	s->tries = 0;
	s->stranded = false;
	w->live++;
	subscriber_stop_timer(s);
	if (s->left_ns != 0) {
		g->reconnects++;
		histogram_add(&g->recover, now - s->left_ns);
		s->left_ns = 0;
	}
	if (!s->was_ready) {
		s->was_ready = true;
		worker_count(&w->ready);
		w->opening--;
		worker_connect_more(w);
	}
}

static void come_back_later(struct subscriber *s, uint64_t ns)
{
	s->state = SUBSCRIBER_WAITING;
	subscriber_timer(s, ns);
}

/* An attempt to connect has failed, or a connection has ended that should not. */
static void retry(struct subscriber *s, bool final)
{
	struct worker *w = s->conn.w;

	s->tries += s->tries < UINT8_MAX;
	if (!s->was_ready && (final || s->tries >= TRIES_FIRST)) {
		s->state = SUBSCRIBER_GAVE_UP;
		subscriber_stop_timer(s);
		worker_count(&w->gave_up);
		w->opening--;
		worker_connect_more(w);
		return;
	}
	come_back_later(s, (uint64_t)(worker_backoff(w, s->tries) / NS));
}

/* It is no longer connected, whatever the reason. */
static void leave_live(struct subscriber *s, uint64_t now)
{
	s->left_ns = now;
	s->conn.w->live--;
}

static void on_failed(struct subscriber *s, bool final)
{
	struct result_group *g = subscriber_group(s);

	if (s->state == SUBSCRIBER_LIVE) {
		g->broken++;
		leave_live(s, clock_ns());
	} else {
		g->connect_failures++;
	}
	retry(s, final);
}

void subscriber_leave(struct subscriber *s, uint64_t now)
{
	if (s->state != SUBSCRIBER_LIVE)
		return;
	conn_close(&s->conn);
	leave_live(s, now);
	s->away = true;
	come_back_later(s, s->conn.w->b->c->resume_after_ns);
}

bool subscriber_is_gone(const struct subscriber *s)
{
	return s->was_ready && s->state != SUBSCRIBER_LIVE && s->tries > 0;
}

void subscriber_stall(struct subscriber *s, bool stall)
{
	s->slow = true;		/* for good: what it gets late does not count */
	s->counts_from_ns = UINT64_MAX;
	conn_pause(&s->conn, stall);
}

static void complain(const struct subscriber *s, int status, const char *what)
{
	struct bench *b = s->conn.w->b;

	bench_complain(b, &b->sub_complained, status, "subscriber %" PRIu32 ": %s", s->number, what);
}

void subscriber_malformed(struct subscriber *s, const char *what)
{
	if (s->state == SUBSCRIBER_LIVE)
		ledger_corrupt(s->ledger);
	complain(s, EXIT_PROTOCOL, what);
	conn_close(&s->conn);
	on_failed(s, true);
}

void subscriber_late(struct subscriber *s)
{
	complain(s, EXIT_UNREACHABLE, "no connection in time");
	conn_close(&s->conn);
	on_failed(s, true);	/* who took all the time there is takes it again */
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct subscriber *s = timer->data;

	(void)loop;
	(void)revents;
	switch ((enum subscriber_state)s->state) {
	case SUBSCRIBER_WAITING:
		begin(s);
		break;
	case SUBSCRIBER_OPENING:
		subscriber_late(s);
		break;
	case SUBSCRIBER_LIVE:
		if (s->ops->timer != NULL)
			s->ops->timer(s);
		break;
	default:
		break;
	}
}

/* --- what the connection says ---------------------------------------------------------------- */

static void on_connected(struct conn *c)
{
	of(c)->ops->ask(of(c));
}

static void on_head(struct conn *c, struct str head, uint64_t now)
{
	struct subscriber *s = of(c);
	struct result_group *g = subscriber_group(s);

	if (!s->answered) {
		s->answered = true;
		g->connects++;
		histogram_add(&g->connect, now - s->began_ns);
	}
	s->refused = c->answer.status >= 300 && c->answer.status != 304;
	if (s->refused)
		return;
	if (c->w->b->sub_is_rt && c->answer.status > 200 && c->answer.status < 300)
		subscriber_malformed(s, "the status of the answer is none of an rt-serve");
	else
		s->ops->head(s, head, now);
}

static size_t on_data(struct conn *c, struct str data, uint64_t now)
{
	struct subscriber *s = of(c);

	c->w->nheard = 0;
	c->w->sound = false;
	if (!s->refused)
		return s->ops->data(s, data, now);
	return data.n > ERROR_BODY_MAX ? data.n : 0;
}

/* Will the server say the same again? */
static bool is_final(unsigned status)
{
	return status < 500 && status != 408 && status != 425 && status != 429;
}

static void on_end(struct conn *c, struct str rest, uint64_t now)
{
	struct subscriber *s = of(c);
	struct bench *b = c->w->b;

	if (s->refused) {
		bench_complain_answer(b, &b->sub_complained, "a subscriber", c->answer.status, rest);
		conn_close(c);
		on_failed(s, is_final(c->answer.status));
	} else if (s->ops->end != NULL) {
		s->ops->end(s, rest, now);
	} else {
		conn_close(c);
		complain(s, EXIT_PROTOCOL, "the stream has ended");
		on_failed(s, false);
	}
}

static void on_message(struct conn *c, unsigned opcode, struct str data, uint64_t now)
{
	struct subscriber *s = of(c);

	c->w->nheard = 0;
	c->w->sound = false;
	if (s->ops->message != NULL)
		s->ops->message(s, opcode, data, now);
}

static size_t on_known(struct conn *c, const char *p, size_t n, uint64_t now)
{
	struct subscriber *s = of(c);

	/* Whose answers end counts more than that. */
	if (s->state != SUBSCRIBER_LIVE || s->ops->end != NULL)
		return 0;
	return record_take_known(s, p, n, now);
}

static void on_framed(struct conn *c, struct str wire)
{
	record_learn(c->w, wire);
}

static void on_after(struct conn *c, size_t n, uint64_t now)
{
	struct subscriber *s = of(c);
	struct worker *w = c->w;

	subscriber_group(s)->bytes += n;
	if (w->cursor.p != NULL) {
		subscriber_set_cursor(s, w->cursor);
		w->cursor = STR_NULL;
	}
	worker_turn(w, now);
}

static void on_lost(struct conn *c, enum conn_end how)
{
	struct subscriber *s = of(c);
	struct bench *b = c->w->b;
	bool is_nonsense = how == CONN_PROTOCOL || how == CONN_TOO_LONG;

	if (s->state == SUBSCRIBER_LIVE && s->ops->may_end != NULL && s->ops->may_end(s))
		return;
	switch (how) {
	case CONN_CONNECT:
		s->stranded = bench_is_own(errno);
		c->w->tally->stranded += s->stranded;
		bench_complain_connect(b, &b->sub_complained, &b->sub);
		break;
	case CONN_CLOSED:
		complain(s, EXIT_UNREACHABLE, "the server closed the connection");
		break;
	case CONN_BROKEN:
		bench_complain(b, &b->sub_complained, EXIT_UNREACHABLE,
			"subscriber %" PRIu32 ": %m", s->number);
		break;
	case CONN_TOO_LONG:
		complain(s, EXIT_PROTOCOL, "what came has no end within --max-event");
		break;
	case CONN_PROTOCOL:
		complain(s, EXIT_PROTOCOL, "what came is neither HTTP nor WebSocket");
		break;
	}
	/* It comes back, and misses nothing: but this is no way to end. */
	if (is_nonsense && s->state == SUBSCRIBER_LIVE)
		ledger_corrupt(s->ledger);
	on_failed(s, is_nonsense);
}

/* Nothing is ever left over. */
static void on_writable(struct conn *c)
{
	conn_want_write(c, false);
}

static const struct conn_ops conn_table = {
	.connected = on_connected,
	.head = on_head,
	.data = on_data,
	.end = on_end,
	.message = on_message,
	.known = on_known,
	.framed = on_framed,
	.after = on_after,
	.writable = on_writable,
	.lost = on_lost,
};

/* --- life ------------------------------------------------------------------------------------ */

int subscriber_init(struct subscriber *s, struct worker *w, uint32_t number, enum transport t)
{
	static const struct subscribe_ops *const tables[TRANSPORTS] = {
		[TRANSPORT_SSE] = &subscribe_sse,
		[TRANSPORT_WS] = &subscribe_ws,
		[TRANSPORT_NDJSON] = &subscribe_ndjson,
		[TRANSPORT_LONGPOLL] = &subscribe_poll,
		[TRANSPORT_POLL] = &subscribe_poll,
	};
	const struct bench *b = w->b;
	uint32_t each = (uint32_t)b->c->topics_each;
	bool polls = t == TRANSPORT_POLL || t == TRANSPORT_LONGPOLL;
	/* Without an rt-serve's cursor a poll cannot say where it begins. */
	bool midway = b->c->publishers == 0 || (!b->sub_is_rt && polls);

	*s = (struct subscriber){
		.ops = tables[t],
		.number = number,
		.first_topic = (uint32_t)((uint64_t)number * each % b->c->topics),
		.state = SUBSCRIBER_IDLE,
		.transport = (uint8_t)t,
	};
	conn_init(&s->conn, w, &conn_table);
	ev_init(&s->timer, on_timer);
	s->timer.data = s;
	s->ledger = ledger_new(&b->streams, b->c->publishers == 0 ? 0 : b->run, s->first_topic, each, midway);
	return s->ledger == NULL ? -1 : 0;
}

void subscriber_fini(struct subscriber *s)
{
	if (s->ops == NULL)
		return;
	subscriber_stop_timer(s);
	conn_close(&s->conn);
	ledger_free(s->ledger);
	free(s->cursor);
}
