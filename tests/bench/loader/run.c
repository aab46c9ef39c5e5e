/* SPDX-License-Identifier: MIT */
#include "run.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "load/clock.h"
#include "judge/payload.h"
#include "figures/process.h"

#define OUT_MAX (16u << 20)
#define BATCH 64		/* publishes in one write, at most; without subscribers, before a sync */
#define PAYLOAD_ROOM 4096

struct run {
	const struct order *o;
	struct crowd *c;
	struct source *s;
	uint32_t number;
	struct stream_total *totals;	/* by topic */
	struct buf out;
	uint64_t published, begin_ns, end_ns;
	uint64_t carried_ns;		/* with stamps: from publishing to the last arrival, summed up */
	uint64_t late_ns;		/* the latest that an event was sent behind its schedule */
};

/* --- the publisher ---------------------------------------------------------------------------- */

static bool hear(struct link *l, enum heard heard, struct str event, void *arg)
{
	struct source *s = arg;

	(void)l;
	(void)event;
	if (heard == HEARD_READY)
		s->ready = true;
	else if (heard == HEARD_ANSWER)
		s->acked++;
	else if (heard == HEARD_SYNCED)
		s->acked += BATCH;
	else if (heard == HEARD_REFUSED)
		s->refusals++;
	if (s->acked > s->sent)
		s->acked = s->sent;
	return true;
}

static int wait_until_connected(struct link *l)
{
	/* Loopback: connect() has an answer at once, or the server's queue is full. */
	for (int tries = 0; tries < 100; tries++) {
		struct timespec t = {0, 10000000};

		if (link_begin(l) == 0)
			return 0;
		if (errno != ENOTCONN && errno != EAGAIN)
			return -1;
		nanosleep(&t, NULL);
	}
	return -1;
}

int source_open(struct source *s, struct crowd *c, double seconds)
{
	uint64_t until = clock_ns() + (uint64_t)(seconds * 1e9);
	bool speaks = c->d->sync != NULL || c->d == &dialect_redis;

	*s = (struct source){.n = 0};
	while (s->n < c->servers.n) {
		struct link *l = &s->links[s->n];
		uint16_t port = c->servers.ports[s->n++];

		if (link_open(l, c->d, true, 0, port, 1) != 0 || wait_until_connected(l) != 0)
			return -1;
	}
	if (crowd_adopt(c, s->links, hear, s) != 0)
		return -1;
	/* HTTP has no greeting. */
	while (speaks && !s->ready && !c->dead && clock_ns() < until)
		crowd_turn(c, until);
	if (speaks && !s->ready) {
		errno = ETIMEDOUT;
		return -1;
	}
	return 0;
}

void source_close(struct source *s)
{
	for (unsigned i = 0; i < s->n; i++)
		link_close(&s->links[i]);
}

/* --- publishing ------------------------------------------------------------------------------- */

static void add_event(struct run *r, uint64_t due_ns)
{
	char text[PAYLOAD_ROOM];
	uint32_t topic = (uint32_t)(r->published % r->c->topics);
	struct payload_head h = {.run = r->number, .stream = topic, .due_ns = due_ns};
	size_t n;

	h.n = ++r->totals[topic].published;
	n = payload_write(text, &h, STR_NULL, r->o->size);
	r->c->d->publish(&r->s->links[0].talk, topic, (struct str){text, n}, &r->out);
	r->published++;
	r->s->sent++;
	if (r->c->n == 0 && r->c->d->sync != NULL && r->s->sent % BATCH == 0)
		r->c->d->sync(&r->s->links[0].talk, &r->out);
}

static int flush(struct run *r)
{
	struct str all = buf_str(&r->out);

	if (all.n == 0)
		return 0;
	for (unsigned i = 1; i < r->s->n; i++)
		if (link_write(&r->s->links[i], all) != 0)
			return -1;
	return link_send(&r->s->links[0], &r->out);
}

/* How many deliveries an event makes: topics have as many subscribers, give or take one. */
static uint64_t wanted(const struct run *r)
{
	return r->c->n == 0 ? 0 : r->published * r->c->n / r->c->topics;
}

static bool delivered(const struct run *r)
{
	return r->c->deliveries >= wanted(r);
}

/* Events that are on their way: undelivered ones, or without subscribers, unanswered ones. */
static uint64_t on_their_way(const struct run *r)
{
	uint64_t each = r->c->n / r->c->topics;

	if (r->c->n == 0)
		return r->s->sent - r->s->acked - r->s->refusals;
	return (wanted(r) - r->c->deliveries + each - 1) / each;
}

static void sleep_ms(uint32_t ms)
{
	struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

static uint64_t real_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* One event of the schedule. With sleep_ms the reader leaves the processor and the sockets alone. */
static int publish_due(struct run *r, uint64_t due)
{
	uint64_t now = clock_ns(), began = real_ns();

	if (now - due > r->late_ns)
		r->late_ns = now - due;
	add_event(r, due);
	if (flush(r) != 0)
		return -1;
	if (r->o->sleep_ms == 0)
		return 0;
	sleep_ms(r->o->sleep_ms);
	if (!r->o->stamps)
		return 0;
	link_forget_stamps();
	for (uint64_t until = clock_ns() + 3000000000u; !delivered(r) && !r->c->dead && clock_ns() < until;)
		crowd_turn(r->c, until);
	if (link_newest_stamp() > began)
		r->carried_ns += link_newest_stamp() - began;
	return 0;
}

static int run_schedule(struct run *r)
{
	uint64_t n = (uint64_t)(r->o->rate * r->o->seconds + 0.5), gap = (uint64_t)(1e9 / r->o->rate);

	for (uint64_t i = 0; i < n && !r->c->dead; i++) {
		uint64_t due = r->begin_ns + i * gap;

		while (clock_ns() < due)
			crowd_turn(r->c, due);
		if (publish_due(r, due) != 0)
			return -1;
	}
	return 0;
}

/*
 * Send what the window lacks. Without subscribers all of it: waiting for the answers after one write would
 * leave a server that answers a read's requests together with one write's at most.
 */
static int fill_window(struct run *r, uint64_t now)
{
	uint64_t i;

	do {
		i = on_their_way(r);
		for (uint64_t k = 0; i < r->o->window && k < BATCH; i++, k++)
			add_event(r, now);
		if (flush(r) != 0)
			return -1;
	} while (r->c->n == 0 && i < r->o->window);
	return 0;
}

static int run_window(struct run *r)
{
	uint64_t until = r->begin_ns + (uint64_t)(r->o->seconds * 1e9), now;

	while ((now = clock_ns()) < until && !r->c->dead) {
		if (fill_window(r, now) != 0)
			return -1;
		crowd_turn(r->c, until);
	}
	return 0;
}

/* What is still on its way, as long as something comes. */
static void drain(struct run *r)
{
	uint64_t quiet = (uint64_t)(r->o->drain * 1e9), seen = r->c->deliveries + r->s->acked, until;
	bool acks = r->c->n == 0;

	if (acks && r->c->d->sync != NULL) {	/* what is left over from the last batch */
		r->c->d->sync(&r->s->links[0].talk, &r->out);
		if (flush(r) != 0)
			return;
	}
	until = clock_ns() + quiet;
	while ((acks ? on_their_way(r) > 0 : !delivered(r)) && !r->c->dead && clock_ns() < until) {
		crowd_turn(r->c, until);
		if (r->c->deliveries + r->s->acked == seen)
			continue;
		seen = r->c->deliveries + r->s->acked;
		until = clock_ns() + quiet;
	}
}

/* --- what was found --------------------------------------------------------------------------- */

static void write_result(const struct run *r, uint64_t server_ns, uint64_t own_ns, FILE *f)
{
	const struct histogram *h = &r->c->latency;
	double seconds = (double)(r->end_ns - r->begin_ns) / 1e9;
	struct verdict v;

	crowd_verdict(r->c, r->totals, &v);
	fprintf(f, "{\"published\":%llu,\"acked\":%llu,\"refused\":%llu,\"deliveries\":%llu,"
		"\"seconds\":%.6f,",
		(unsigned long long)r->published, (unsigned long long)r->s->acked,
		(unsigned long long)r->s->refusals, (unsigned long long)r->c->deliveries, seconds);
	fprintf(f, "\"lost\":%llu,\"doubled\":%llu,\"disordered\":%llu,\"corrupt\":%llu,",
		(unsigned long long)v.lost, (unsigned long long)v.doubled, (unsigned long long)v.disordered,
		(unsigned long long)v.corrupt);
	fprintf(f, "\"p50\":%.9f,\"p99\":%.9f,\"p999\":%.9f,\"max\":%.9f,\"late\":%.9f,",
		(double)histogram_percentile(h, 50) / 1e9, (double)histogram_percentile(h, 99) / 1e9,
		(double)histogram_percentile(h, 99.9) / 1e9, (double)histogram_percentile(h, 100) / 1e9,
		(double)r->late_ns / 1e9);
	fprintf(f, "\"carried\":%.9f,\"server_cpu\":%.9f,\"own_cpu\":%.9f,\"dead\":%s}\n",
		(double)r->carried_ns / 1e9, (double)server_ns / 1e9, (double)own_ns / 1e9,
		r->c->dead ? "true" : "false");
	fflush(f);
}

static uint64_t server_cpu(const struct servers *servers)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < servers->n; i++) {
		struct process_usage u;

		if (servers->pids[i] > 0 && process_usage(servers->pids[i], &u) == 0)
			sum += u.cpu_ns;
	}
	return sum;
}

int run_order(const struct order *o, struct crowd *c, struct source *s, FILE *f)
{
	static uint32_t runs;
	struct run r = {.o = o, .c = c, .s = s, .number = ++runs};
	uint64_t server, own;
	int result;

	r.totals = calloc(c->topics, sizeof(*r.totals));
	if (r.totals == NULL || crowd_begin(c, r.number) != 0) {
		free(r.totals);
		return -1;
	}
	buf_init(&r.out, OUT_MAX);
	s->sent = s->acked = s->refusals = 0;
	if (o->stamps)
		crowd_stamp(c, true);
	server = server_cpu(&c->servers);
	own = clock_thread_ns();
	r.begin_ns = clock_ns();
	result = o->rate > 0 ? run_schedule(&r) : run_window(&r);
	if (result == 0)
		drain(&r);
	r.end_ns = c->last_ns > 0 ? c->last_ns : clock_ns();
	server = server_cpu(&c->servers) - server;
	own = clock_thread_ns() - own;
	if (o->stamps)
		crowd_stamp(c, false);
	write_result(&r, server, own, f);
	buf_fini(&r.out);
	free(r.totals);
	return result;
}
