/* SPDX-License-Identifier: MIT */
#include "load/publisher.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "exitcode.h"
#include "judge/payload.h"
#include "load/clock.h"
#include "load/envelope.h"
#include "load/record.h"
#include "load/worker.h"
#include "wire/socket.h"

#define OUT_MAX (256u << 20)
#define OUT_KEEP (1u << 20)	/* a larger buffer is given back once it is empty */

/* So much is made before it is written, and so often before others have their turn. */
#define WRITE_SIZE 65536
#define WRITES_PER_TURN 16

#define TRIES_FIRST 6
#define ERROR_BODY_MAX 4096
#define NS 1e-9

/* Where nothing is acknowledged, what was sent so short before the end of a connection is unsure. */
#define UNSURE_NS UINT64_C(1000000000)

static struct publisher *of(struct conn *c)
{
	return (struct publisher *)c;	/* its first member */
}

static struct tally *tally_of(const struct publisher *p)
{
	return p->conn.w->tally;
}

/* --- what becomes of events ------------------------------------------------------------------ */

/* The oldest event may or may not come: nobody waits for it. */
static void forget_oldest(struct publisher *p)
{
	struct worker *w = p->conn.w;
	const struct inflight_event *e = inflight_at(&p->inflight, 0);

	if (unsure_add(&p->unsure[e->topic], e->n) != 0)
		bench_complain(w->b, &w->b->pub_complained, EXIT_RESOURCES, "out of memory");
	worker_add(&w->expected, -(uint64_t)w->b->listeners[plan_topic(&p->plan, e->topic)]);
	inflight_drop(&p->inflight, 1);
}

static void forget_all(struct publisher *p)
{
	while (p->inflight.count > 0) {
		tally_of(p)->unsure++;
		forget_oldest(p);
	}
	p->fresh = 0;
}

bool publisher_accepted(struct publisher *p, uint64_t n, uint64_t now)
{
	struct tally *t = tally_of(p);

	if (p->over)
		return true;
	if (n > p->inflight.count) {
		publisher_again(p, "the server acknowledges more events than there are");
		return false;
	}
	for (uint64_t k = 0; k < n; k++) {
		uint64_t due = inflight_at(&p->inflight, k)->due_ns;

		if (due >= p->conn.w->b->measure_ns)
			histogram_add(&t->ack, now > due ? now - due : 0);
	}
	inflight_drop(&p->inflight, n);
	t->acked += n;
	worker_add(&p->conn.w->acked, n);
	return true;
}

static uint32_t stream_of(const struct publisher *p, uint32_t index)
{
	const struct streams *s = &p->conn.w->b->streams;

	return streams_number(s, plan_topic(&p->plan, index),
		p->number < s->topics ? 0 : p->number / s->topics);
}

void publisher_named(struct publisher *p, uint64_t k, const char *at, const char *end)
{
	struct worker *w = p->conn.w;
	const struct inflight_event *e;
	uint64_t id, seq;

	if (p->over || k >= p->inflight.count || !w->b->pub_is_rt || !w->b->sub_is_rt ||
	    w->b->c->subscribers == 0)
		return;
	if (!envelope_parse_ack(at, end, &id, &seq)) {
		tally_of(p)->unnamed++;
		return;
	}
	tally_of(p)->named++;
	e = inflight_at(&p->inflight, k);
	if (!witness_agrees(w->witness, record_stream(w->b->run, stream_of(p, e->topic)), e->n,
			envelope_name(id, seq)))
		tally_of(p)->misnamed++;
}

bool publisher_refused(struct publisher *p, struct str why)
{
	struct bench *b = p->conn.w->b;

	if (p->over)
		return true;
	if (p->inflight.count == 0) {
		publisher_again(p, "the server refuses more events than there are");
		return false;
	}
	bench_complain(b, &b->pub_complained, EXIT_REFUSED, "an event was refused: %.*s", (int)why.n, why.p);
	tally_of(p)->refused++;
	worker_add(&p->conn.w->acked, 1);
	forget_oldest(p);
	return true;
}

/* --- writing --------------------------------------------------------------------------------- */

/*
 * What the socket was given just now is as late as this program was; waiting for the server does
 * not count.
 */
static void count_lateness(struct publisher *p)
{
	uint64_t now;

	if (p->fresh == 0)
		return;
	now = clock_ns();
	tally_of(p)->last_sent_ns = now;
	for (uint64_t k = p->inflight.count - p->fresh; k < p->inflight.count; k++) {
		uint64_t due = inflight_at(&p->inflight, k)->due_ns;

		if (due < p->conn.w->b->measure_ns)
			continue;
		if (due < p->free_ns)
			due = p->free_ns;
		histogram_add(&tally_of(p)->lateness, now > due ? now - due : 0);
	}
	p->fresh = 0;
}

/* False: not all could be written, or the connection is lost. */
static bool flush(struct publisher *p)
{
	if (p->ops->seal != NULL)
		p->ops->seal(p);
	while (p->out.len > 0) {
		ssize_t n = socket_write(p->conn.fd, p->out.p, p->out.len);

		if (n > 0) {
			tally_of(p)->bytes += (uint64_t)n;
			buf_consume(&p->out, (size_t)n);
		}
		count_lateness(p);
		if (n >= 0)
			continue;
		p->waiting = true;
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			conn_want_write(&p->conn, true);
		else
			publisher_again(p, strerror(errno));
		return false;
	}
	if (p->out.cap + p->out.skip > OUT_KEEP)
		buf_fini(&p->out);
	else
		buf_reset(&p->out);
	return true;
}

/* --- publishing ------------------------------------------------------------------------------ */

static struct str next_pad(const struct publisher *p)
{
	const struct bench_config *c = p->conn.w->b->c;

	if (c->npayloads == 0)
		return STR_NULL;
	return c->payloads[(p->plan.next * c->publishers + p->number) % c->npayloads];
}

static bool add_event(struct publisher *p, uint64_t due_ns)
{
	struct worker *w = p->conn.w;
	struct inflight_event e = {.due_ns = due_ns, .topic = p->plan.topic};
	uint32_t topic = plan_topic(&p->plan, e.topic);
	struct str pad = next_pad(p);
	struct payload_head h = {.run = w->b->run, .due_ns = due_ns};
	size_t size = payload_size(pad, w->b->c->size);

	h.stream = stream_of(p, e.topic);
	buf_reset(&w->scratch);
	/* What is published is in flight, or nobody would know that it may not come: room for it first. */
	if (buf_reserve(&w->scratch, size) != 0 || inflight_reserve(&p->inflight) != 0)
		return false;
	plan_advance(&p->plan, &e.n);
	h.n = e.n;
	size = payload_write((char *)w->scratch.p, &h, pad, w->b->c->size);
	inflight_add(&p->inflight, &e);
	p->fresh++;
	tally_of(p)->sent++;
	worker_add(&w->expected, w->b->listeners[topic]);
	return p->ops->add(p, topic, (struct str){(const char *)w->scratch.p, size}) == 0;
}

/* How many deliveries may be on their way so that (p) may publish; -1: it depends on answers alone. */
static int64_t window_limit(const struct publisher *p)
{
	const struct bench *b = p->conn.w->b;
	uint64_t window = b->c->window, unit = 1;
	uint32_t listeners = b->listeners[plan_topic(&p->plan, p->plan.topic)];

	if (listeners == 0)
		return -1;
	if (p->ops == &publish_batch)
		unit = b->c->batch;
	if (window < unit)
		window = unit;
	return (int64_t)((window - unit) * listeners);
}

static bool window_open(struct publisher *p)
{
	struct worker *w = p->conn.w;
	const struct bench_config *c = w->b->c;
	int64_t limit = window_limit(p);

	/* A batch that is being made is made whole. */
	if (p->ops == &publish_batch && (limit < 0 || p->pending > 0))
		return true;
	if (limit < 0) {
		p->waiting = p->ops->acknowledged && p->inflight.count >= config_share(c, c->window);
		return !p->waiting;
	}
	if (bench_outstanding(w->b) <= limit)
		return true;
	/* Say so first, then look again: who makes the last delivery looks at this afterwards. */
	if (atomic_load_explicit(&w->wake_at, memory_order_relaxed) < limit)
		atomic_store_explicit(&w->wake_at, limit, memory_order_relaxed);
	bench_meet(w->b);
	return bench_outstanding(w->b) <= limit;
}

static void end_plan(struct publisher *p)
{
	p->finished = true;
	if (p->ops->finish != NULL) {
		if (p->ops->seal != NULL)
			p->ops->seal(p);
		p->ops->finish(p);
	}
}

static void check_done(struct publisher *p)
{
	if (p->done || !p->finished || p->out.len > 0 || (p->ops->acknowledged && p->inflight.count > 0))
		return;
	p->done = true;
	worker_count(&p->conn.w->publishers_done);
}

/* What is not acknowledged is remembered for a second only. */
static void forget_old(struct publisher *p, uint64_t now)
{
	while (!p->ops->acknowledged && p->inflight.count > p->fresh &&
	       inflight_at(&p->inflight, 0)->due_ns + UNSURE_NS < now)
		inflight_drop(&p->inflight, 1);
}

static void schedule(struct publisher *p, uint64_t due_ns)
{
	if (p->scheduled)
		return;
	p->scheduled = true;
	agenda_add(&p->conn.w->agenda, due_ns, p);
}

/*
 * Does the server owe as many answers as --max-unacked allows? A batch waits for its own, and is made
 * whole.
 */
static bool owes_most(const struct publisher *p)
{
	const struct bench_config *c = p->conn.w->b->c;

	return p->ops->acknowledged && p->ops != &publish_batch &&
		p->inflight.count >= config_share(c, c->max_unacked);
}

/* False: it is enough for now. */
static bool publish_next(struct publisher *p, uint64_t now)
{
	uint64_t due = plan_due(&p->plan, p->conn.w->b, now);
	bool held;

	if (due == UINT64_MAX) {
		end_plan(p);
		return false;
	}
	if (due > now) {
		schedule(p, due);
		return false;
	}
	held = owes_most(p);
	if (held)
		atomic_store_explicit(&p->conn.w->b->held, true, memory_order_relaxed);
	if (held || !p->ops->room(p)) {
		p->waiting = true;
		return false;
	}
	if (p->plan.interval_ns == 0 && !window_open(p))
		return false;
	if (add_event(p, due))
		return true;
	publisher_again(p, "out of memory");
	return false;
}

void publisher_go(struct publisher *p)
{
	uint64_t now = clock_ns();
	unsigned writes = 0;

	if (!p->conn.w->publishing || !p->open || p->waiting || p->finished)
		return;
	while (publish_next(p, now)) {
		if (p->out.len < WRITE_SIZE || p->ops == &publish_batch)
			continue;
		if (!flush(p))
			return;
		if (++writes == WRITES_PER_TURN) {
			schedule(p, now);
			return;
		}
		now = clock_ns();
	}
	if (!p->open)
		return;
	/* The socket may be given no more before the server has answered, but what there is goes now. */
	if (p->out.len > 0 || p->pending > 0) {
		bool waits = p->waiting;

		if (!flush(p))
			return;
		p->waiting = waits;
	}
	forget_old(p, now);
	check_done(p);
}

void publisher_finish(struct publisher *p)
{
	const struct bench *b = p->conn.w->b;

	tally_of(p)->unsent += plan_unsent(&p->plan, b, clock_ns());
	p->finished = p->over = true;
	if (p->ops->acknowledged || p->out.len > 0)
		forget_all(p);
	for (uint32_t i = 0; i < p->plan.ntopics; i++)
		b->totals[stream_of(p, i)] = (struct stream_total){
			.published = p->plan.published[i],
			.unsure = p->unsure[i].ranges,
			.nunsure = p->unsure[i].n,
		};
}

/* --- connecting ------------------------------------------------------------------------------ */

static void set_timer(struct publisher *p, double seconds)
{
	struct ev_loop *loop = p->conn.w->loop;

	ev_timer_stop(loop, &p->timer);
	ev_now_update(loop);
	ev_timer_set(&p->timer, seconds, 0.0);
	ev_timer_start(loop, &p->timer);
}

void publisher_start(struct publisher *p)
{
	const struct bench *b = p->conn.w->b;

	set_timer(p, (double)b->c->connect_timeout_ns * NS);
	conn_open(&p->conn, &b->pub);
}

void publisher_open(struct publisher *p)
{
	ev_timer_stop(p->conn.w->loop, &p->timer);
	p->open = true;
	p->waiting = p->request_open = p->refused = false;
	p->pending = 0;
	p->tries = 0;
	p->free_ns = clock_ns();
	if (!p->was_open) {
		p->was_open = true;
		worker_count(&p->conn.w->publishers_ready);
	}
	publisher_go(p);
}

/* The connection is closed: what was on its way is unsure, and a new one is made. */
static void come_back(struct publisher *p)
{
	struct worker *w = p->conn.w;

	p->open = false;
	p->pending = 0;
	p->request_open = false;
	if (!p->over)		/* else all threads read the totals, and what is unsure in them */
		forget_all(p);
	buf_reset(&p->out);
	if (p->finished) {
		ev_timer_stop(w->loop, &p->timer);
		check_done(p);
		return;
	}
	p->tries += p->tries < UINT8_MAX;
	if (!p->was_open && p->tries >= TRIES_FIRST) {
		ev_timer_stop(w->loop, &p->timer);
		p->finished = true;
		check_done(p);
		return;
	}
	/* The first time at once: many a server ends a request, or an idle connection, in good order. */
	set_timer(p, p->was_open && p->tries == 1 ? 0.0 : worker_backoff(w, p->tries));
}

void publisher_again(struct publisher *p, const char *why)
{
	struct bench *b = p->conn.w->b;

	if (why != NULL)
		bench_complain(b, &b->pub_complained, EXIT_PROTOCOL, "publisher %" PRIu32 ": %s",
			p->number, why);
	conn_close(&p->conn);
	come_back(p);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct publisher *p = timer->data;

	(void)loop;
	(void)revents;
	if (!conn_is_open(&p->conn)) {
		publisher_start(p);
		return;
	}
	p->tries = TRIES_FIRST;		/* who took all the time there is takes it again */
	publisher_again(p, "no connection in time");
}

/* --- what the connection says ---------------------------------------------------------------- */

static void on_connected(struct conn *c)
{
	struct publisher *p = of(c);

	if (p->ops->connected != NULL)
		p->ops->connected(p);
	else
		publisher_open(p);
}

static void on_head(struct conn *c, struct str head, uint64_t now)
{
	struct publisher *p = of(c);

	p->refused = c->answer.status >= 300;
	if (!p->refused && p->ops->head != NULL)
		p->ops->head(p, head, now);
}

static size_t on_data(struct conn *c, struct str data, uint64_t now)
{
	struct publisher *p = of(c);

	if (!p->refused)
		return p->ops->data == NULL ? data.n : p->ops->data(p, data, now);
	return data.n > ERROR_BODY_MAX ? data.n : 0;
}

static void on_end(struct conn *c, struct str rest, uint64_t now)
{
	struct publisher *p = of(c);
	struct bench *b = c->w->b;

	if (p->refused)
		bench_complain_answer(b, &b->pub_complained, "a publisher", c->answer.status, rest);
	p->ops->end(p, rest, now);
	if (conn_is_open(c) && !c->answer.keep)
		publisher_again(p, NULL);
}

static void on_message(struct conn *c, unsigned opcode, struct str data, uint64_t now)
{
	struct publisher *p = of(c);

	(void)opcode;
	if (p->ops->message != NULL)
		p->ops->message(p, data, now);
}

/* Answers may have made room. */
static void go_on(struct publisher *p, uint64_t now)
{
	if (!p->open || p->out.len > 0)
		return;
	if (p->waiting && p->ops->room(p) && !owes_most(p)) {
		p->waiting = false;
		p->free_ns = now;
	}
	publisher_go(p);
	check_done(p);
}

static void on_after(struct conn *c, size_t n, uint64_t now)
{
	(void)n;
	go_on(of(c), now);
	worker_turn(c->w, now);
}

static void on_writable(struct conn *c)
{
	struct publisher *p = of(c);

	if (!p->open || !flush(p))
		return;
	conn_want_write(c, false);
	go_on(p, clock_ns());
}

static void on_lost(struct conn *c, enum conn_end how)
{
	struct publisher *p = of(c);
	struct bench *b = c->w->b;

	if (how == CONN_CONNECT) {
		c->w->tally->stranded += bench_is_own(errno);
		bench_complain_connect(b, &b->pub_complained, &b->pub);
	} else if (how == CONN_PROTOCOL) {
		bench_complain(b, &b->pub_complained, EXIT_PROTOCOL, "publisher %" PRIu32
			": what came is neither HTTP nor WebSocket", p->number);
	} else if (how == CONN_TOO_LONG) {
		bench_complain(b, &b->pub_complained, EXIT_PROTOCOL, "publisher %" PRIu32
			": an answer has no end within --max-event", p->number);
	} else if (p->inflight.count > 0) {
		bench_complain(b, &b->pub_complained, EXIT_UNREACHABLE, "publisher %" PRIu32
			": the connection has ended before all was answered", p->number);
	}
	come_back(p);
}

static const struct conn_ops conn_table = {
	.connected = on_connected,
	.head = on_head,
	.data = on_data,
	.end = on_end,
	.message = on_message,
	.after = on_after,
	.writable = on_writable,
	.lost = on_lost,
};

/* --- life ------------------------------------------------------------------------------------ */

static const struct publish_ops *table_of(const struct bench *b)
{
	switch (b->c->publish_how) {
	case PUBLISH_LINES:
		return &publish_lines;
	case PUBLISH_BATCH:
		return &publish_batch;
	case PUBLISH_WS:
		return b->pub_is_rt ? &publish_mux : &publish_ws;
	case PUBLISH_POST:
	default:
		return &publish_post;
	}
}

int publisher_init(struct publisher *p, struct worker *w, uint32_t number)
{
	*p = (struct publisher){.ops = table_of(w->b), .number = number};
	conn_init(&p->conn, w, &conn_table);
	ev_init(&p->timer, on_timer);
	p->timer.data = p;
	buf_init(&p->out, OUT_MAX);
	if (plan_init(&p->plan, w->b, number) != 0)
		return -1;
	p->unsure = calloc(p->plan.ntopics, sizeof(*p->unsure));
	return p->unsure == NULL ? -1 : 0;
}

void publisher_fini(struct publisher *p)
{
	if (p->ops == NULL)
		return;
	ev_timer_stop(p->conn.w->loop, &p->timer);
	conn_close(&p->conn);
	buf_fini(&p->out);
	inflight_fini(&p->inflight);
	for (uint32_t i = 0; p->unsure != NULL && i < p->plan.ntopics; i++)
		free(p->unsure[i].ranges);
	free(p->unsure);
	plan_fini(&p->plan);
}
