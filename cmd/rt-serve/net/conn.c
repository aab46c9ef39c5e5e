/* SPDX-License-Identifier: MIT */
#include "net/conn_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/listener.h"

#define INPUTS_KEEP 64		/* spare ones of a loop: 1 MiB */

static const char *const end_names[] = {
	[CONN_EOF] = "eof", [CONN_RESET] = "reset", [CONN_DONE] = "done",
	[CONN_PROTOCOL] = "protocol", [CONN_TIMEOUT_HEAD] = "timeout_head",
	[CONN_TIMEOUT_BODY] = "timeout_body", [CONN_TIMEOUT_IDLE] = "timeout_idle",
	[CONN_DEAD] = "dead", [CONN_SLOW] = "slow", [CONN_NOMEM] = "nomem",
	[CONN_DRAIN] = "drain", [CONN_REFUSED] = "refused", [CONN_MAX_AGE] = "max_age",
};

const char *conn_end_name(enum conn_end e)
{
	return end_names[e];
}

/* --- pools ----------------------------------------------------------------------------------- */

static void on_input_again(struct loop *l, struct loop_deferred *d);

static struct input *input_take(struct loop *l)
{
	struct input *in = l->inputs.free;

	if (in != NULL) {
		l->inputs.free = in->next;
		l->inputs.n--;
	} else {
		if ((in = calloc(1, sizeof(*in))) == NULL)
			return NULL;
		if ((in->p = malloc(INPUT_SIZE)) == NULL) {
			free(in);
			return NULL;
		}
		in->cap = INPUT_SIZE;
		in->again.run = on_input_again;
	}
	l->inputs.lent++;
	return in;
}

static void input_free(struct input *in)
{
	free(in->p);
	free(in);
}

static void input_give(struct loop *l, struct input *in)
{
	uint8_t *p = in->p;

	loop_undefer(l, &in->again);
	l->inputs.lent--;
	if (l->inputs.n == INPUTS_KEEP || in->cap != INPUT_SIZE) {
		input_free(in);
		return;
	}
	*in = (struct input){.next = l->inputs.free, .p = p, .cap = INPUT_SIZE,
		.again.run = on_input_again};
	l->inputs.free = in;
	l->inputs.n++;
}

int input_grow(struct input *in, uint32_t n)
{
	uint32_t cap = in->cap;
	uint8_t *p;

	while (cap < n)
		cap *= 2;
	if (cap == in->cap)
		return 0;
	if ((p = realloc(in->p, cap)) == NULL)
		return -1;
	in->p = p;
	in->cap = cap;
	return 0;
}

void conn_pools_init(struct loop *l)
{
	output_pool_init(l);
}

void conn_pools_free(struct loop *l)
{
	struct input *in;

	while ((in = l->inputs.free) != NULL) {
		l->inputs.free = in->next;
		input_free(in);
	}
	l->inputs.n = 0;
	output_pool_free(l);
}

/* --- ending ---------------------------------------------------------------------------------- */

void conn_close(struct conn *c, enum conn_end why)
{
	struct loop *l = c->loop;

	if (c->closing)
		return;
	c->why = c->ending ? c->why : (uint8_t)why;
	c->closing = true;
	loop_timer_cancel(l, &c->timer);
	conn_update(c);
	l->stats.closed[c->why]++;
	c->closing_next = l->closing;
	l->closing = c;
}

void conn_close_after_flush(struct conn *c, enum conn_end why)
{
	if (conn_over(c))
		return;
	c->ending = true;
	c->why = (uint8_t)why;
	c->active_ms = (uint32_t)c->loop->now_ms;
	conn_fix_output(c);
	if (c->out == NULL || !c->out->stalled)
		conn_link(c, &c->loop->dirty);
	conn_deadline(c);
}

/*
 * Everything is written. Closing now would make the kernel answer what the peer still sends with
 * a reset, which may overtake our last bytes: shut down, and read on for a little while.
 */
void conn_shut(struct conn *c)
{
	if (c->eof) {
		conn_close(c, c->why);
		return;
	}
	c->env->transport->shutdown(conn_transport(c), c->io.fd);
	c->lingering = true;
	c->active_ms = (uint32_t)c->loop->now_ms;
	conn_deadline(c);
}

void conn_reap(struct loop *l)
{
	struct exchange *x;
	struct conn *c;

	for (;;) {
		if ((x = exchange_next_over(l)) != NULL) {
			exchange_reap(x);
		} else if ((c = l->closing) != NULL) {
			l->closing = c->closing_next;
			if (c->proto->closed != NULL)
				c->proto->closed(c, c->why);
			c->told = true;
			c->closing_next = l->dead;
			l->dead = c;
		} else {
			return;
		}
	}
}

static void conn_free(struct conn *c)
{
	struct loop *l = c->loop;

	*c->prev = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	if (c->in != NULL)
		input_give(l, c->in);
	if (c->out != NULL)
		output_give(l, c->out);
	if (c->refused)
		l->nrefused--;
	conn_uncount(c);
	c->env->transport->free(conn_transport(c));
	close(c->io.fd);
	conn_env_unref(c->env);
	free(c);
}

void conn_free_dead(struct loop *l)
{
	struct conn *c;

	/* All lists of connections to be written were worked off, except the early one. */
	for (struct conn **p = &l->early; (c = *p) != NULL;) {
		if (c->told)
			*p = c->flush_next;
		else
			p = &c->flush_next;
	}
	while ((c = l->dead) != NULL) {
		l->dead = c->closing_next;
		conn_free(c);
	}
}

bool conn_work_left(const struct loop *l)
{
	return l->dirty != NULL || l->early != NULL || l->closing != NULL || l->over != NULL;
}

void conn_close_all(struct loop *l)
{
	for (struct conn *c = l->conns; c != NULL; c = c->next)
		conn_close(c, CONN_DRAIN);
}

/* --- input ----------------------------------------------------------------------------------- */

bool conn_congested(const struct conn *c)
{
	size_t max = c->env->limits->max_output;

	if (c->out == NULL)
		return false;
	if (c->out->stalled && max > OUTPUT_STALLED)
		max = OUTPUT_STALLED;
	return c->out->bytes > max;
}

static bool conn_reads(const struct conn *c)
{
	if (c->closing || c->eof)
		return false;
	if (c->ending)
		return c->lingering;
	if (c->in != NULL && c->in->len == c->in->cap && c->in->off == 0)
		return false;
	return !conn_congested(c) && (c->proto->paused == NULL || !c->proto->paused(c));
}

/* Nothing is incomplete: the buffer goes back. */
static void conn_input_rest(struct conn *c)
{
	struct input *in = c->in;

	if (in == NULL || in->busy)
		return;
	if (in->off == in->len)
		in->off = in->len = 0;
	if (!c->ending && !c->closing && (in->len > 0 || in->state != INPUT_HEAD || in->scan.at > 0))
		return;
	c->in = NULL;
	input_give(c->loop, in);
}

static void conn_feed(struct conn *c)
{
	struct input *in = c->in;
	const struct proto *proto;

	in->busy = true;
	/* A protocol that hands over to another leaves the rest to it. */
	do {
		proto = c->proto;
		proto->input(c);
	} while (c->proto != proto && !conn_over(c));
	in->busy = false;
	if (in->off > 0 && in->off < in->len)
		memmove(in->p, in->p + in->off, in->len - in->off);
	in->len -= in->off;
	in->off = 0;
	/* What is left because of too much output is looked at again when that is out. */
	if (in->len > 0 && conn_congested(c))
		c->out->drained = true;
}

static void conn_eof(struct conn *c)
{
	c->eof = true;
	if (c->lingering || c->proto->eof == NULL)
		conn_close(c, CONN_EOF);
	else if (!c->ending)
		c->proto->eof(c);
}

static ssize_t conn_read_some(struct conn *c, size_t budget)
{
	struct input *in = c->in;
	size_t room = in->cap - in->len;

	return c->env->transport->read(conn_transport(c), c->io.fd, in->p + in->len,
		room < budget ? room : budget);
}

/* One read. False: that is all for now. */
static bool conn_read_once(struct conn *c, size_t *budget)
{
	ssize_t n;
	bool more;

	if (c->in == NULL && (c->in = input_take(c->loop)) == NULL) {
		conn_close(c, CONN_NOMEM);
		return false;
	}
	c->in->conn = c;
	if (c->ending)
		c->in->off = c->in->len = 0;
	n = conn_read_some(c, *budget);
	if (n < 0) {
		if (n == -1 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			conn_close(c, CONN_RESET);
		return false;
	}
	if (n == 0) {
		conn_eof(c);
		return false;
	}
	*budget -= (size_t)n;
	c->bytes_in += (uint64_t)n;
	c->loop->stats.bytes_in += (uint64_t)n;
	more = (size_t)n == c->in->cap - c->in->len;
	if (c->ending)
		return more;	/* read to be discarded */
	c->in->len += (uint32_t)n;
	conn_feed(c);
	return more;
}

static void conn_readable(struct conn *c)
{
	size_t budget = INPUT_TURN;

	while (budget > 0 && conn_reads(c) && conn_read_once(c, &budget))
		;
	conn_input_rest(c);
	conn_deadline(c);
}

static void on_input_again(struct loop *l, struct loop_deferred *d)
{
	struct input *in = (struct input *)((char *)d - offsetof(struct input, again));
	struct conn *c = in->conn;

	(void)l;
	if (conn_over(c))
		return;
	conn_feed(c);
	/* Nothing more comes: what was put off until now is now complete or never will be. */
	if (c->eof && !conn_over(c) && c->proto->eof != NULL)
		c->proto->eof(c);
	conn_input_rest(c);
	conn_deadline(c);
	conn_update(c);
}

void conn_input_later(struct conn *c)
{
	if (c->in != NULL && !c->in->busy && !conn_over(c))
		loop_defer(c->loop, &c->in->again);
}

static void on_io(struct ev_loop *ev, ev_io *w, int revents)
{
	struct conn *c = (struct conn *)((char *)w - offsetof(struct conn, io));

	(void)ev;
	if (c->closing)
		return;
	if ((revents & EV_WRITE) != 0 && c->out != NULL && c->out->stalled)
		conn_link(c, &c->loop->early);
	if ((revents & EV_READ) != 0)
		conn_readable(c);
	conn_update(c);
}

void conn_update(struct conn *c)
{
	int events = conn_reads(c) ? EV_READ : 0;

	if (!c->closing && c->out != NULL && c->out->stalled)
		events |= EV_WRITE;
	if (ev_is_active(&c->io) ? (c->io.events & (EV_READ | EV_WRITE)) == events : events == 0)
		return;
	ev_io_stop(c->loop->ev, &c->io);
	ev_io_set(&c->io, c->io.fd, events);
	if (events != 0)
		ev_io_start(c->loop->ev, &c->io);
}

/* --- time ------------------------------------------------------------------------------------ */

static bool conn_open(const struct conn *c)
{
	return !c->ending && c->proto->open != NULL && c->proto->open(c);
}

uint64_t conn_head_ms(const struct conn *c)
{
	uint64_t ms = c->env->limits->head_ms;

	return c->refused && ms > REFUSED_HEAD_MS ? REFUSED_HEAD_MS : ms;
}

/* When what the connection waits for must have come, but for the peer's heartbeat. */
static uint64_t conn_due(const struct conn *c)
{
	const struct conn_limits *limits = c->env->limits;
	uint64_t active = loop_time(c->loop, c->active_ms), due = UINT64_MAX;

	if (c->lingering)
		return active + LINGER_MS;
	if (c->ending)
		return active + limits->idle_ms;
	if (c->proto->deadline != NULL)
		due = c->proto->deadline(c);
	if (due != UINT64_MAX || conn_open(c))
		return due;
	return active + (c->fresh ? conn_head_ms(c) : limits->idle_ms);
}

static uint64_t conn_beat_due(const struct conn *c)
{
	return loop_time(c->loop, c->beat_ms) + c->env->limits->heartbeat_ms;
}

void conn_deadline(struct conn *c)
{
	uint64_t due, beat, alarm, now = c->loop->now_ms;

	if (c->closing)
		return;
	due = conn_due(c);
	if (conn_open(c)) {
		beat = conn_beat_due(c);
		due = beat < due ? beat : due;
	}
	if (!c->ending && c->proto->alarm_at != NULL) {
		alarm = c->proto->alarm_at(c);
		due = alarm < due ? alarm : due;
	}
	/* Lazily: a timer that fires too early is armed again then. */
	if (loop_timer_armed(&c->timer) && c->timer.due_ms <= due)
		return;
	loop_timer_set(c->loop, &c->timer, due > now ? due - now : 0);
}

static void conn_expired(struct conn *c)
{
	if (c->lingering)
		conn_close(c, c->why);
	else if (c->ending)
		conn_close(c, CONN_SLOW);
	else if (c->proto->deadline != NULL && c->proto->deadline(c) <= c->loop->now_ms)
		c->proto->expired(c);
	else if (c->fresh && c->refused)
		conn_refuse_unheard(c);
	else if (c->fresh)
		conn_close(c, CONN_TIMEOUT_HEAD);
	else
		conn_close(c, c->out != NULL && c->out->n > 0 ? CONN_SLOW : CONN_TIMEOUT_IDLE);
}

bool conn_is_dead(const struct tcp_info *ti, uint64_t heartbeat_ms)
{
	uint64_t silence = ti->tcpi_last_ack_recv;

	if (ti->tcpi_last_data_recv < silence)
		silence = ti->tcpi_last_data_recv;
	if (silence < 2 * heartbeat_ms)
		return false;
	if (ti->tcpi_unacked > 0)
		return ti->tcpi_retransmits > 0 || ti->tcpi_backoff > 0;
	/*
	 * Nothing in flight but something unsent: the window is closed. The probes' back-off grows
	 * even while they are answered, so only the count of unanswered ones tells.
	 */
	return ti->tcpi_notsent_bytes > 0 && ti->tcpi_probes >= 2;
}

static bool conn_tcp_info(const struct conn *c, struct tcp_info *ti)
{
	socklen_t n = sizeof(*ti);

	memset(ti, 0, sizeof(*ti));
	return c->peer.family != AF_UNIX && getsockopt(c->io.fd, IPPROTO_TCP, TCP_INFO, ti, &n) == 0;
}

/* Where we don't read, neither the peer's close nor a reset is noticed otherwise. */
static void conn_peek(struct conn *c)
{
	struct pollfd p = {.fd = c->io.fd, .events = POLLRDHUP};

	if (conn_reads(c) || poll(&p, 1, 0) <= 0)
		return;
	if ((p.revents & (POLLHUP | POLLERR)) != 0)
		conn_close(c, CONN_RESET);
	else if ((p.revents & POLLRDHUP) != 0 && !c->eof && c->in != NULL
		&& c->in->state == INPUT_HEAD && c->proto->eof != NULL)
		c->proto->eof(c);
}

/*
 * One look may come just when the first packet after a long silence was lost, so the peer is dead
 * only if the next look, a heartbeat later, finds it silent still.
 */
static void conn_heartbeat(struct conn *c)
{
	struct tcp_info ti;

	c->beat_ms = (uint32_t)c->loop->now_ms;
	conn_peek(c);
	if (c->closing)
		return;
	if (c->sent && conn_tcp_info(c, &ti)) {
		c->silent = conn_is_dead(&ti, c->env->limits->heartbeat_ms) ? c->silent + 1 : 0;
		if (c->silent >= 2) {
			conn_close(c, CONN_DEAD);
			return;
		}
		c->sent = ti.tcpi_unacked > 0 || ti.tcpi_notsent_bytes > 0;
	} else {
		c->sent = false;
	}
	if (!c->sent && (c->out == NULL || c->out->n == 0) && c->proto->heartbeat != NULL)
		c->proto->heartbeat(c);
}

static void on_timer(struct loop *l, struct loop_timer *t)
{
	struct conn *c = (struct conn *)((char *)t - offsetof(struct conn, timer));

	if (conn_due(c) <= l->now_ms)
		conn_expired(c);
	else if (!conn_open(c))
		c->beat_ms = (uint32_t)l->now_ms;	/* 32 bits: it must not stay behind for weeks */
	else if (conn_beat_due(c) <= l->now_ms)
		conn_heartbeat(c);
	if (!conn_over(c) && c->proto->alarm != NULL)
		c->proto->alarm(c);
	if (!c->closing) {
		conn_update(c);
		conn_deadline(c);
	}
}

/* --- beginning and asking -------------------------------------------------------------------- */

void conn_env_unref(struct conn_env *env)
{
	if (env == NULL || atomic_fetch_sub(&env->refs, 1) > 1)
		return;
	accepting_unref(env->accepting);
	free(env);
}

struct conn *conn_new(struct conn_env *env, int fd, const struct peer *peer)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	atomic_fetch_add(&env->refs, 1);
	c->env = env;
	c->proto = env->proto;
	c->peer = *peer;
	c->fresh = true;
	ev_io_init(&c->io, on_io, fd, 0);
	return c;
}

void conn_start(struct conn *c, struct loop *l)
{
	c->loop = l;
	loop_timer_init(&c->timer, on_timer);
	c->id = (++l->nconns_ever << 8) | (l->index & 0xff);
	c->since_ms = l->unix_ms;
	c->active_ms = c->beat_ms = (uint32_t)l->now_ms;
	c->next = l->conns;
	c->prev = &l->conns;
	if (c->next != NULL)
		c->next->prev = &c->next;
	l->conns = c;
	conn_update(c);
	conn_deadline(c);
}

struct loop *conn_loop(const struct conn *c)
{
	return c->loop;
}

bool conn_is_refused(const struct conn *c)
{
	return c->refused;
}

bool conn_stalled(const struct conn *c)
{
	return c->out != NULL && c->out->stalled;
}

size_t conn_pending(const struct conn *c)
{
	return c->out == NULL ? 0 : c->out->bytes;
}

void peer_from_sockaddr(struct peer *p, const struct sockaddr *sa)
{
	const struct sockaddr_in *in4 = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;

	*p = (struct peer){.family = AF_UNIX};
	if (sa->sa_family == AF_INET) {
		p->family = AF_INET;
		p->port = ntohs(in4->sin_port);
		memcpy(p->addr, &in4->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		p->family = AF_INET;
		p->port = ntohs(in6->sin6_port);
		memcpy(p->addr, in6->sin6_addr.s6_addr + 12, 4);
	} else if (sa->sa_family == AF_INET6) {
		p->family = AF_INET6;
		p->port = ntohs(in6->sin6_port);
		memcpy(p->addr, &in6->sin6_addr, 16);
	}
}

void peer_to_sockaddr(const struct peer *p, struct sockaddr_storage *ss)
{
	struct sockaddr_in *in4 = (void *)ss;
	struct sockaddr_in6 *in6 = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	ss->ss_family = p->family;
	if (p->family == AF_INET) {
		in4->sin_port = htons(p->port);
		memcpy(&in4->sin_addr, p->addr, 4);
	} else if (p->family == AF_INET6) {
		in6->sin6_port = htons(p->port);
		memcpy(&in6->sin6_addr, p->addr, 16);
	}
}

void conn_info(const struct conn *c, bool tcp_info, struct conn_info *out)
{
	struct tcp_info ti;

	*out = (struct conn_info){.id = c->id, .since_ms = c->since_ms, .bytes_in = c->bytes_in,
		.bytes_out = c->bytes_out};
	if (c->peer.family == AF_UNIX) {
		strcpy(out->peer, "unix");
		strcpy(out->address, "unix");
	} else {
		inet_ntop(c->peer.family, c->peer.addr, out->address, sizeof(out->address));
		snprintf(out->peer, sizeof(out->peer), c->peer.family == AF_INET6 ? "[%s]:%u" : "%s:%u",
			out->address, c->peer.port);
	}
	if (tcp_info && conn_tcp_info(c, &ti)) {
		out->unacked = ti.tcpi_unacked;
		out->rtt_us = ti.tcpi_rtt;
	}
}

void loop_each_conn(struct loop *l, void (*fn)(struct conn *c, void *arg), void *arg)
{
	for (struct conn *c = l->conns; c != NULL; c = c->next)
		if (!c->closing)
			fn(c, arg);
}
