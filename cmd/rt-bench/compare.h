/* SPDX-License-Identifier: MIT */
#ifndef RT_COMPARE_H
#define RT_COMPARE_H

/*
 * --compare: the same load by each transport in turn, simple polling every second, every two and every
 * five, so that what each costs can be read side by side.
 */
#include "config.h"
#include "figures/result.h"

#define COMPARE_RUNS 7

/**
 * Run them all. Fills (results), which the caller owns, and *n, how many there are: fewer if it was
 * interrupted. 0, or an exit status as run() gives it.
 */
int compare_run(const struct bench_config *c, struct result *results[COMPARE_RUNS], unsigned *n);

#endif
