/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "report/shared.h"

/*
 * Which transport fits. Rules, in this order: nothing that lost or damaged an event; of the others the lowest
 * p99, where half more, or what nobody notices, counts as the same: a p99 of one run is no
 * steadier; of those the least cost for the server, where a quarter more counts as the same; of
 * those the simplest. Polls stand apart: they are later by their interval, and fit where that does
 * not matter and they cost less.
 *
 * What holds one event up holds it up for all its subscribers: the p99 of 100 events is the worst
 * moment of the run, whoever caused it. So it is p90 that counts where less than ten events are
 * above p99.
 */
#define EVENTS_FOR_P99 1000
#define ALIKE_TIME 1.5
#define ALIKE_NS 5e6
#define ALIKE_COST 1.25

struct advice {
	const struct result *const *r;
	unsigned n;
	bool by_cpu;	/* cost is the server's CPU, else bytes */
	unsigned percent;	/* which percentile of streams and long polls is compared */
	struct text t;
};

static bool has_transport(const struct result *r, enum transport t)
{
	return r->by_transport[t].subscribers > 0;
}

static bool is_usable(const struct result *r)
{
	return r->all.latency.count > 0 && verdict_clean(&r->all.verdict) && r->undelivered == 0;
}

static bool is_live(const struct result *r)
{
	return is_usable(r) && !has_transport(r, TRANSPORT_POLL);
}

static bool is_poll(const struct result *r)
{
	return is_usable(r) && has_transport(r, TRANSPORT_POLL);
}

static double p99(const struct result *r)
{
	return (double)histogram_percentile(&r->all.latency, 99);
}

static double late(const struct advice *a, const struct result *r)
{
	return (double)histogram_percentile(&r->all.latency, a->percent);
}

/* How many different events its latency is of: none are sent from here if somebody else publishes. */
static double events(const struct result *r)
{
	double subscribers = r->all.subscribers > 0 ? (double)r->all.subscribers : 1;
	double each = (double)r->all.latency.count / subscribers;

	return fmax(each, (double)r->pub.sent);
}

static double cost(const struct advice *a, const struct result *r)
{
	return a->by_cpu ? figure_cpu(r) : figure_bytes_per_event(r);
}

/* Least machinery first: plain HTTP, which browsers resume by themselves; then what needs more. */
static int simplicity(const struct result *r)
{
	static const enum transport order[] = {TRANSPORT_SSE, TRANSPORT_NDJSON, TRANSPORT_WS,
		TRANSPORT_LONGPOLL};

	for (int i = 0; i < 4; i++)
		if (has_transport(r, order[i]))
			return i;
	return 4;
}

static unsigned choose_percent(const struct advice *a)
{
	for (unsigned i = 0; i < a->n; i++)
		if (is_live(a->r[i]) && events(a->r[i]) < EVENTS_FOR_P99)
			return 90;
	return 99;
}

static double lowest(const struct advice *a)
{
	double low = INFINITY;

	for (unsigned i = 0; i < a->n; i++)
		if (is_live(a->r[i]) && late(a, a->r[i]) < low)
			low = late(a, a->r[i]);
	return low;
}

static bool is_fast(const struct advice *a, const struct result *r, double low)
{
	return is_live(r) && (late(a, r) <= low * ALIKE_TIME || late(a, r) <= low + ALIKE_NS);
}

static const struct result *choose(const struct advice *a, double low)
{
	const struct result *best = NULL;
	double cheapest = INFINITY;

	for (unsigned i = 0; i < a->n; i++)
		if (is_fast(a, a->r[i], low) && cost(a, a->r[i]) < cheapest)
			cheapest = cost(a, a->r[i]);
	for (unsigned i = 0; i < a->n; i++)
		if (is_fast(a, a->r[i], low) && cost(a, a->r[i]) <= cheapest * ALIKE_COST &&
		    (best == NULL || simplicity(a->r[i]) < simplicity(best)))
			best = a->r[i];
	return best;
}

/* --- sentences ------------------------------------------------------------------------------- */

/* "sse, ws and ndjson", of those that are as fast as the fastest. */
static unsigned add_fast(struct advice *a, double low)
{
	unsigned all = 0, seen = 0;

	for (unsigned i = 0; i < a->n; i++)
		all += is_fast(a, a->r[i], low);
	for (unsigned i = 0; i < a->n; i++)
		if (is_fast(a, a->r[i], low))
			text_add(&a->t, "%s%s", seen++ == 0 ? "" : seen == all ? " and " : ", ",
				a->r[i]->label);
	return all;
}

static void tell_choice(struct advice *a, const struct result *best, double low)
{
	char time[FIGURE_LEN], each[FIGURE_LEN];
	double least = INFINITY;
	unsigned fast;

	for (unsigned i = 0; i < a->n; i++)
		if (is_fast(a, a->r[i], low) && cost(a, a->r[i]) < least)
			least = cost(a, a->r[i]);
	text_add(&a->t, "What fits: %s. ", best->label);
	fast = add_fast(a, low);
	text_add(&a->t, fast > 1 ? " are the fastest, and alike (p%u from %s)" :
		" is the fastest (p%u %s)", a->percent, figure_time(time, low));
	if (fast == 1) {
		text_add(&a->t, ". ");
		return;
	}
	a->by_cpu ? figure_time(each, cost(a, best)) : figure_size(each, cost(a, best));
	if (cost(a, best) <= least)
		text_add(&a->t, "; of these %s costs least, %s%s per event. ", best->label, each,
			a->by_cpu ? " of the server's CPU" : " on the wire");
	else
		text_add(&a->t, "; %s costs hardly more than the cheapest of them, %s%s per event, "
			"and is the simplest. ", best->label, each,
			a->by_cpu ? " of the server's CPU" : " on the wire");
}

/* "2.10 times the CPU", "24 % of the CPU". */
static void add_ratio(struct advice *a, double ratio, const char *what)
{
	char n[FIGURE_LEN];

	if (ratio < 0.995)
		text_add(&a->t, "%s of the %s", figure_percent(n, ratio), what);
	else
		text_add(&a->t, "%s times the %s", figure_number(n, ratio), what);
}

/* A live transport that is not among the fastest, or costs more: by how much. */
static void tell_others(struct advice *a, const struct result *best)
{
	for (unsigned i = 0; i < a->n; i++) {
		const struct result *r = a->r[i];

		if (!is_live(r) || !has_transport(r, TRANSPORT_LONGPOLL) || r == best)
			continue;
		text_add(&a->t, "%s, for where streams do not get through, takes ", r->label);
		add_ratio(a, late(a, r) / late(a, best), a->percent == 99 ? "p99" : "p90");
		text_add(&a->t, " and ");
		add_ratio(a, cost(a, r) / cost(a, best), a->by_cpu ? "CPU. " : "bytes. ");
	}
}

static const struct result *cheapest_poll(const struct advice *a)
{
	const struct result *best = NULL;

	for (unsigned i = 0; i < a->n; i++)
		if (is_poll(a->r[i]) && (best == NULL || cost(a, a->r[i]) < cost(a, best)))
			best = a->r[i];
	return best;
}

static void tell_polls(struct advice *a, const struct result *best)
{
	const struct result *poll = cheapest_poll(a);
	const char *what = a->by_cpu ? "CPU" : "bytes";
	char time[FIGURE_LEN];

	if (poll == NULL)
		return;
	if (best == NULL) {
		text_add(&a->t, "What is left is %s, %s late (p99). ", poll->label,
			figure_time(time, p99(poll)));
	} else if (cost(a, poll) * ALIKE_COST < cost(a, best)) {
		text_add(&a->t, "If %s (p99) is soon enough, %s takes ",
			figure_time(time, p99(poll)), poll->label);
		add_ratio(a, cost(a, poll) / cost(a, best), what);
		text_add(&a->t, ". ");
	} else {
		text_add(&a->t, "Polling is later, and saves %s here: %s takes ",
			cost(a, poll) < cost(a, best) * 0.995 ? "little" : "nothing", poll->label);
		add_ratio(a, cost(a, poll) / cost(a, best), what);
		text_add(&a->t, ". ");
	}
}

static void tell_doubts(struct advice *a)
{
	for (unsigned i = 0; i < a->n; i++)
		if (!is_usable(a->r[i]))
			text_add(&a->t, "%s is left out: %s. ", a->r[i]->label,
				a->r[i]->all.latency.count == 0 ? "nothing came" :
				"it did not deliver all as it should");
	for (unsigned i = 0; i < a->n; i++)
		if (a->r[i]->limit != NULL) {
			text_add(&a->t, "As rt-bench was the bottleneck at times, do not decide "
				"before you have measured where it has room. ");
			break;
		}
	if (a->percent != 99 && lowest(a) < INFINITY)
		text_add(&a->t, "Streams and long polls are compared by p%u, as p99 of less than %d events "
			"is one moment of a run. ", a->percent, EVENTS_FOR_P99);
	if (!a->by_cpu)
		text_add(&a->t, "Cost is bytes here, as the server's CPU was not measured (--pid). ");
}

void report_advice(char *dst, size_t size, const struct result *const *r, unsigned n)
{
	struct advice a = {.r = r, .n = n, .by_cpu = true, .t = {dst, size, 0}};
	const struct result *best;
	double low;

	dst[0] = '\0';
	if (n < 2)
		return;
	for (unsigned i = 0; i < n; i++)
		a.by_cpu &= !is_usable(r[i]) || !isnan(figure_cpu(r[i]));
	a.percent = choose_percent(&a);
	low = lowest(&a);
	best = choose(&a, low);
	if (best != NULL) {
		tell_choice(&a, best, low);
		tell_others(&a, best);
	} else {
		text_add(&a.t, "Nothing fits: no stream delivered all as it should. ");
	}
	tell_polls(&a, best);
	tell_doubts(&a);
	while (a.t.len > 0 && dst[a.t.len - 1] == ' ')
		dst[--a.t.len] = '\0';
}
