/* SPDX-License-Identifier: MIT */
#include "figures/tally.h"

#include <stdlib.h>

#include "tests/unit/tap.h"

static const uint64_t all[TRANSPORTS] = {1, 1, 1, 1, 1}, some[TRANSPORTS] = {[TRANSPORT_WS] = 3};

static void fill(struct tally *t, uint64_t n)
{
	struct result_group *g = t->groups[TRANSPORT_WS];

	g->connects = n;
	g->connect_failures = n + 1;
	g->reconnects = n + 2;
	g->broken = n + 3;
	g->requests = n + 4;
	g->deliveries = n + 5;
	g->measured = n + 6;
	g->bytes = n + 7;
	histogram_add(&g->latency, n);
	histogram_add(&g->connect, n);
	histogram_add(&g->recover, n);
	t->sent = n + 8;
	t->acked = n + 9;
	t->refused = n + 10;
	t->unsure = n + 11;
	t->unsent = n + 12;
	t->bytes = n + 13;
	t->misnamed = n + 14;
	histogram_add(&t->ack, n);
	histogram_add(&t->lateness, n);
	t->last_delivery_ns = n;
	t->lost = t->connected = t->thread_ns = t->waited_ns = t->turns = n;
}

static bool is_sum(const struct tally *t, uint64_t n, uint64_t times)
{
	const struct result_group *g = t->groups[TRANSPORT_WS];

	return g->connects == n && g->connect_failures == n + times && g->reconnects == n + 2 * times &&
		g->broken == n + 3 * times && g->requests == n + 4 * times &&
		g->deliveries == n + 5 * times && g->measured == n + 6 * times &&
		g->bytes == n + 7 * times && t->sent == n + 8 * times && t->acked == n + 9 * times &&
		t->refused == n + 10 * times && t->unsure == n + 11 * times &&
		t->unsent == n + 12 * times && t->bytes == n + 13 * times &&
		t->misnamed == n + 14 * times && t->lost == n && t->connected == n &&
		t->thread_ns == n && t->waited_ns == n && t->turns == n &&
		g->latency.count == times &&
		g->connect.count == times && g->recover.count == times && t->ack.count == times &&
		t->lateness.count == times;
}

int main(void)
{
	struct tally sum, a, b;

	ok(tally_init(&sum, all) == 0 && tally_init(&a, some) == 0 && tally_init(&b, some) == 0,
		"three of them");
	ok(a.groups[TRANSPORT_WS] != NULL && a.groups[TRANSPORT_SSE] == NULL, "groups for who is there");
	ok(is_sum(&a, 0, 0), "empty");
	fill(&a, 100);
	fill(&b, 30);
	tally_add(&sum, &a);
	tally_add(&sum, &b);
	ok(is_sum(&sum, 130, 2), "each figure is added");
	ok(sum.last_delivery_ns == 100, "of the last delivery the later one");
	ok(sum.groups[TRANSPORT_SSE]->deliveries == 0, "... and nothing to others");
	tally_reset(&sum);
	ok(is_sum(&sum, 0, 0) && sum.last_delivery_ns == 0, "empty again");
	tally_fini(&sum);
	tally_fini(&a);
	tally_fini(&b);
	ok(sum.groups[TRANSPORT_WS] == NULL, "gone");
	tally_fini(&sum);
	return tap_done();
}
