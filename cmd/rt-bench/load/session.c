/* SPDX-License-Identifier: MIT */
#include "load/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exitcode.h"
#include "figures/process.h"
#include "load/clock.h"
#include "report/report.h"

#define LINE_MAX_BYTES 256
#define INTERVAL_LEAST_NS UINT64_C(300000000)

void session_order(struct session *s, unsigned order)
{
	for (unsigned i = 0; i < s->b.nworkers; i++)
		worker_order(s->b.workers[i], order);
	for (unsigned i = 0; i < s->b.nworkers; i++)
		worker_wait(s->b.workers[i]);
}

#define SUM(type, name, member) \
	type name(const struct session *s) \
	{ \
		type sum = 0; \
		for (unsigned i = 0; i < s->b.nworkers; i++) \
			sum += atomic_load_explicit(&s->b.workers[i]->member, memory_order_relaxed); \
		return sum; \
	}

SUM(uint32_t, session_ready, ready)
SUM(uint32_t, session_gave_up, gave_up)
SUM(uint32_t, session_publishers_ready, publishers_ready)
SUM(uint32_t, session_publishers_done, publishers_done)
static SUM(uint64_t, sum_delivered, delivered)
static SUM(uint64_t, sum_acked, acked)

uint64_t session_progress(const struct session *s)
{
	return sum_delivered(s) + sum_acked(s);
}

bool session_complete(struct session *s)
{
	session_order(s, ORDER_CHECK);
	for (unsigned i = 0; i < s->b.nworkers; i++)
		if (!atomic_load(&s->b.workers[i]->is_complete))
			return false;
	return true;
}

void session_server(const struct session *s, uint64_t *cpu_ns, uint64_t *pss_bytes)
{
	struct process_usage u;

	*cpu_ns = *pss_bytes = 0;
	if (s->b.c->pid == 0 || process_usage(s->b.c->pid, &u) != 0)
		return;
	*cpu_ns = u.cpu_ns;
	*pss_bytes = u.pss_bytes;
}

void session_mark(const struct session *s, struct thread_mark *marks)
{
	for (unsigned i = 0; i < s->b.nworkers; i++) {
		const struct worker *w = s->b.workers[i];
		const struct tally *t = w->tally == &w->tallies[0] ? &w->tallies[1] : &w->tallies[0];

		marks[i] = (struct thread_mark){s->collected_ns, t->thread_ns, t->waited_ns, t->turns};
	}
}

/* --- progress -------------------------------------------------------------------------------- */

/* As wide as the line may be: in the last column, a terminal may go to the next. */
static unsigned columns(void)
{
	unsigned width = report_width(STDERR_FILENO);

	return width > 1 ? width - 1 : 1;
}

static void show(struct session *s, const char *text)
{
	char line[LINE_MAX_BYTES + 16];
	int n = snprintf(line, sizeof(line), "\r%.*s\033[K", (int)columns(), text);
	ssize_t written = write(STDERR_FILENO, line, (size_t)n);

	(void)written;
	atomic_store(&s->b.progress_shown, true);
}

void session_show_connecting(struct session *s)
{
	char text[LINE_MAX_BYTES];

	if (!s->progress)
		return;
	snprintf(text, sizeof(text), "%s%sconnecting: %" PRIu32 " of %" PRIu64, s->r->label,
		*s->r->label == '\0' ? "" : ": ", session_ready(s), s->b.c->subscribers);
	show(s, text);
}

void session_hide(struct session *s)
{
	if (s->progress)
		show(s, "");
	atomic_store(&s->b.progress_shown, false);
}

/* --- collecting ------------------------------------------------------------------------------ */

void session_collect(struct session *s)
{
	session_order(s, ORDER_COLLECT);
	s->collected_ns = clock_ns();
	tally_reset(&s->now);
	for (unsigned i = 0; i < s->b.nworkers; i++) {
		const struct worker *w = s->b.workers[i];

		/* The one that it does not fill; it takes this one again only when told so. */
		tally_add(&s->now, w->tally == &w->tallies[0] ? &w->tallies[1] : &w->tallies[0]);
	}
	tally_add(&s->sum, &s->now);
	/* How it stands is no sum over time. */
	s->sum.lost = s->now.lost;
	s->sum.connected = s->now.connected;
	s->sum.thread_ns = s->now.thread_ns;
}

/* What is short is a part of the one before: a point of its own would only be noise. */
static struct result_interval *add_interval(struct session *s, uint64_t length_ns)
{
	struct result *r = s->r;

	if (r->nintervals > 0 && length_ns < INTERVAL_LEAST_NS)
		return &r->intervals[r->nintervals - 1];
	if (r->nintervals == s->intervals_cap) {
		unsigned cap = s->intervals_cap == 0 ? 64 : s->intervals_cap * 2;
		struct result_interval *p = realloc(r->intervals, cap * sizeof(*p));

		if (p == NULL)
			return NULL;
		r->intervals = p;
		s->intervals_cap = cap;
	}
	r->intervals[r->nintervals] = (struct result_interval){0};
	return &r->intervals[r->nintervals++];
}

static uint64_t since(uint64_t now, uint64_t *before)
{
	uint64_t diff = now > *before ? now - *before : 0;

	*before = now;
	return diff;
}

static uint64_t higher(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void fill_latency(const struct tally *t, struct result_interval *i)
{
	static struct histogram all;	/* of the one thread that collects; too large for a stack */

	histogram_reset(&all);
	for (unsigned k = 0; k < TRANSPORTS; k++)
		if (t->groups[k] != NULL) {
			i->deliveries += t->groups[k]->deliveries;
			histogram_merge(&all, &t->groups[k]->latency);
		}
	/* Of a rest that is added to the interval before it, the higher ones stand for both. */
	i->p50_ns = higher(i->p50_ns, histogram_percentile(&all, 50));
	i->p99_ns = higher(i->p99_ns, histogram_percentile(&all, 99));
	i->max_ns = higher(i->max_ns, histogram_percentile(&all, 100));
	i->ack_p99_ns = higher(i->ack_p99_ns, histogram_percentile(&t->ack, 99));
}

void session_interval(struct session *s)
{
	uint64_t before = s->collected_ns, server_cpu = 0, pss;
	char text[LINE_MAX_BYTES];
	struct result_interval *i;

	session_collect(s);
	session_server(s, &server_cpu, &pss);
	i = add_interval(s, s->collected_ns - before);
	if (i == NULL)
		return;
	i->at_s = (double)(s->collected_ns - s->b.start_ns) * 1e-9;
	i->seconds += (double)(s->collected_ns - before) * 1e-9;
	i->sent += s->now.sent;
	i->acked += s->now.acked;
	i->lost = s->now.lost;
	i->connections = s->now.connected;
	i->server_cpu_ns += since(server_cpu, &s->server_cpu_ns);
	i->own_cpu_ns += since(s->now.thread_ns, &s->own_cpu_ns);
	fill_latency(&s->now, i);
	if (!s->progress)
		return;
	report_progress(text, sizeof(text), i, s->r->label, (double)s->b.c->duration_ns * 1e-9, columns());
	show(s, text);
}

/* --- the sum --------------------------------------------------------------------------------- */

/*
 * Of one that could not come back, for want of something on this side, only what had a hole before was lost,
 * not what it missed from then on.
 */
static void take_verdict(struct session *s, const struct subscriber *sub, struct verdict *v)
{
	uint64_t lost;

	ledger_verdict(sub->ledger, s->b.totals, v);
	if (!sub->stranded || sub->state == SUBSCRIBER_LIVE)
		return;
	lost = v->lost;
	ledger_verdict(sub->ledger, NULL, v);
	s->r->missed += lost > v->lost ? lost - v->lost : 0;
}

static void take_verdicts(struct session *s)
{
	for (unsigned i = 0; i < s->b.nworkers; i++) {
		const struct worker *w = s->b.workers[i];

		for (uint32_t k = 0; k < w->nsubscribers; k++) {
			const struct subscriber *sub = &w->subscribers[k];
			struct verdict v = {0};

			/* One that never got there has nothing to be judged by. */
			if (!sub->was_ready)
				continue;
			s->r->gone += subscriber_is_gone(sub);
			take_verdict(s, sub, &v);
			verdict_add(&s->r->by_transport[sub->transport].verdict, &v);
			verdict_add(&s->r->all.verdict, &v);
		}
	}
}

/* It ran, but those who were asked for were not there, or not until the end. */
static int failure_of(const struct session *s)
{
	const struct result *r = s->r;

	if (r->interrupted)
		return EXIT_DONE;
	if (r->all.connected < r->all.subscribers)
		return atomic_load(&s->b.failure);
	if (r->pub.refused > 0 && r->pub.acked == 0)
		return EXIT_REFUSED;
	/* Nobody heard of an event, neither by an answer nor as a subscriber. */
	if (r->pub.unsure > 0 && r->pub.acked == 0 && r->all.verdict.received == 0)
		return EXIT_UNREACHABLE;
	if (r->gone == 0 && r->pub.unsent == 0)
		return EXIT_DONE;
	return r->stranded > 0 ? EXIT_RESOURCES : EXIT_UNREACHABLE;
}

static double seconds_between(uint64_t from, uint64_t to)
{
	return to > from ? (double)(to - from) * 1e-9 : 0;
}

/* What rates are of. At a rate each event has its share of the time, the last one, too. */
static void sum_times(const struct session *s)
{
	struct result *r = s->r;
	const struct tally *t = &s->sum;
	double share = s->b.c->rate > 0 ? 1 / s->b.c->rate : 0;

	r->sending_s = t->last_sent_ns == 0 ? 0 : seconds_between(s->b.start_ns, t->last_sent_ns) + share;
	r->delivering_s = seconds_between(s->b.start_ns, t->last_prompt_ns);
	if (t->last_prompt_ns == 0) {	/* all are slow, and nothing came before */
		r->delivering_s = seconds_between(s->b.start_ns, t->last_delivery_ns);
	} else {
		r->caught_up = t->caught_up;
		if (r->delivering_s < r->sending_s)
			r->delivering_s = r->sending_s;
	}
}

void session_sum(struct session *s, bool complete)
{
	struct result *r = s->r;
	const struct tally *t = &s->sum;
	uint64_t last = t->last_delivery_ns != 0 ? t->last_delivery_ns : s->publish_end_ns;

	for (unsigned k = 0; k < TRANSPORTS; k++) {
		r->by_transport[k].subscribers = s->b.c->mix[k];
		if (t->groups[k] == NULL)
			continue;
		result_group_add(&r->by_transport[k], t->groups[k]);
		result_group_add(&r->all, t->groups[k]);
	}
	r->all.subscribers = s->b.c->subscribers;
	take_verdicts(s);
	r->pub.publishers = s->b.c->publishers;
	r->pub.sent = t->sent;
	r->pub.acked = t->acked;
	r->pub.refused = t->refused;
	r->pub.unsure = t->unsure;
	/* A server that names events names all of them: what does not read so was changed on the way. */
	r->pub.misnamed = t->misnamed + (t->named > 0 ? t->unnamed : 0);
	r->all.verdict.corrupt += r->pub.misnamed;
	r->pub.unsent = t->unsent;
	r->pub.bytes = t->bytes;
	r->stranded = t->stranded;
	r->pub.held = atomic_load(&s->b.held);
	histogram_merge(&r->pub.ack, &t->ack);
	histogram_merge(&r->pub.lateness, &t->lateness);
	r->publish_s = seconds_between(s->b.start_ns, last);
	r->measured_s = seconds_between(s->b.measure_ns, last);
	sum_times(s);
	r->threads = s->b.nworkers;
	r->undelivered = complete ? 0 : r->all.verdict.lost;
	r->failure = failure_of(s);
}
