/* SPDX-License-Identifier: MIT */
#ifndef RT_TEST_HELPER_BENCH_H
#define RT_TEST_HELPER_BENCH_H

/* A run that was made and never begins: what all threads share, and threads that do not run. */
#include "load/bench.h"
#include "load/worker.h"

struct helper_bench {
	struct bench_config c;
	struct bench b;
	uint8_t *transports;	/* of each subscriber: all that of the first */
};

/** As helper_config of helper_result.h says, with its numbers of subscribers, publishers and topics. */
void helper_bench_config(struct helper_bench *h, uint64_t subscribers, uint64_t publishers, uint64_t topics,
	enum transport t);

/** Make it of h->c, which may have been changed, with (nworkers) threads. Ends the program if that fails. */
void helper_bench_init(struct helper_bench *h, unsigned nworkers);
void helper_bench_fini(struct helper_bench *h);

#endif
