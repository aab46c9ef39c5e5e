/* SPDX-License-Identifier: MIT */
#ifndef RT_RUN_H
#define RT_RUN_H

/*
 * One run: connect everybody, publish, wait for what is missing, add up. run.c goes through these phases;
 * session.[ch] is what it knows of its threads, and worker.[ch] one of them, with its loop, its
 * subscribers and its publishers.
 */
#include "config.h"
#include "figures/result.h"

/**
 * Run (c). Fills (r). Returns 0; or an exit status of exitcode.h if it could not (nobody answered,
 * refused, no descriptors), having said why. A signal ends it early: r->interrupted.
 */
int run(const struct bench_config *c, struct result *r);

#endif
