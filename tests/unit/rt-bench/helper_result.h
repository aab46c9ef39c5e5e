/* SPDX-License-Identifier: MIT */
#ifndef RT_HELPER_RESULT_H
#define RT_HELPER_RESULT_H

/* A configuration and results as a run would leave them, for tests of the reports. */
#include <stdio.h>

#include "config.h"
#include "figures/result.h"

/** 1,000 subscribers, half sse, half ws, 20 events a second for 10 s; nothing to free. */
void helper_config(struct bench_config *c);

/** A run of it without fault; the caller frees it by helper_free. (r) is large. */
struct result *helper_result(void);

/** A run of --compare; (cpu_us) 0: without --pid. */
struct result *helper_variant(const char *label, enum transport t, double p50_ms, double p99_ms, double bytes,
	double cpu_us, double requests, double connects);

/** Spread (n) values around (p50), with a tail in which one of a hundred is above (p99); in milliseconds. */
void helper_spread(struct histogram *h, uint64_t n, double p50_ms, double p99_ms);

void helper_free(struct result *r);

/** What (write) puts into its file; the caller frees it. */
char *helper_written(int (*write)(FILE *out, void *arg), void *arg);

/** The longest line of (text) in columns, escapes of colour not counted. */
unsigned helper_longest(const char *text);

#endif
