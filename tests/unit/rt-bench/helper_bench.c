/* SPDX-License-Identifier: MIT */
#include "helper_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper_result.h"

void helper_bench_config(struct helper_bench *h, uint64_t subscribers, uint64_t publishers, uint64_t topics,
	enum transport t)
{
	memset(h, 0, sizeof(*h));
	helper_config(&h->c);
	h->c.subscribers = subscribers;
	h->c.publishers = publishers;
	h->c.topics = topics;
	memset(h->c.mix, 0, sizeof(h->c.mix));
	h->c.mix[t] = subscribers;
	h->transports = malloc(subscribers + 1);
	memset(h->transports, (int)t, subscribers + 1);
}

void helper_bench_init(struct helper_bench *h, unsigned nworkers)
{
	bool failed = bench_init(&h->b, &h->c) != 0;

	h->b.workers = calloc(nworkers, sizeof(struct worker *));
	h->b.nworkers = nworkers;
	for (unsigned i = 0; i < nworkers && !failed; i++)
		failed = (h->b.workers[i] = worker_new(&h->b, i, h->transports)) == NULL;
	if (!failed)
		return;
	fprintf(stderr, "no bench\n");
	exit(1);
}

void helper_bench_fini(struct helper_bench *h)
{
	for (unsigned i = 0; i < h->b.nworkers; i++)
		worker_stop(h->b.workers[i]);
	for (unsigned i = 0; i < h->b.nworkers; i++)
		worker_free(h->b.workers[i]);
	free(h->b.workers);
	bench_fini(&h->b);
	free(h->transports);
}
