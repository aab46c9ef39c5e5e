/* SPDX-License-Identifier: MIT */
#include "figures/tally.h"

#include <stdlib.h>
#include <string.h>

int tally_init(struct tally *t, const uint64_t mix[TRANSPORTS])
{
	memset(t, 0, sizeof(*t));
	for (unsigned i = 0; i < TRANSPORTS; i++) {
		if (mix[i] == 0)
			continue;
		t->groups[i] = calloc(1, sizeof(*t->groups[i]));
		if (t->groups[i] == NULL) {
			tally_fini(t);
			return -1;
		}
	}
	tally_reset(t);
	return 0;
}

void tally_fini(struct tally *t)
{
	for (unsigned i = 0; i < TRANSPORTS; i++) {
		free(t->groups[i]);
		t->groups[i] = NULL;
	}
}

static void group_reset(struct result_group *g)
{
	g->connects = g->connect_failures = g->reconnects = g->broken = g->requests = 0;
	g->deliveries = g->measured = g->bytes = 0;
	histogram_reset(&g->latency);
	histogram_reset(&g->connect);
	histogram_reset(&g->recover);
}

void tally_reset(struct tally *t)
{
	for (unsigned i = 0; i < TRANSPORTS; i++)
		if (t->groups[i] != NULL)
			group_reset(t->groups[i]);
	t->sent = t->acked = t->refused = t->unsure = t->unsent = t->bytes = t->misnamed = 0;
	histogram_reset(&t->ack);
	histogram_reset(&t->lateness);
	t->stranded = t->named = t->unnamed = 0;
	t->last_prompt_ns = t->last_sent_ns = t->caught_up = 0;
	t->last_delivery_ns = t->lost = t->connected = t->thread_ns = t->waited_ns = t->turns = 0;
}

static void later(uint64_t *t, uint64_t than)
{
	if (than > *t)
		*t = than;
}

void tally_add(struct tally *to, const struct tally *from)
{
	for (unsigned i = 0; i < TRANSPORTS; i++)
		if (from->groups[i] != NULL)
			result_group_add(to->groups[i], from->groups[i]);
	to->sent += from->sent;
	to->acked += from->acked;
	to->refused += from->refused;
	to->unsent += from->unsent;
	to->unsure += from->unsure;
	to->bytes += from->bytes;
	to->misnamed += from->misnamed;
	to->named += from->named;
	to->unnamed += from->unnamed;
	to->stranded += from->stranded;
	histogram_merge(&to->ack, &from->ack);
	histogram_merge(&to->lateness, &from->lateness);
	later(&to->last_delivery_ns, from->last_delivery_ns);
	later(&to->last_prompt_ns, from->last_prompt_ns);
	later(&to->last_sent_ns, from->last_sent_ns);
	to->caught_up += from->caught_up;
	to->lost += from->lost;
	to->connected += from->connected;
	to->thread_ns += from->thread_ns;
	to->turns += from->turns;
	to->waited_ns += from->waited_ns;
}
