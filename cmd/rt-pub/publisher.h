/* SPDX-License-Identifier: MIT */
#ifndef RT_PUB_PUBLISHER_H
#define RT_PUB_PUBLISHER_H

/*
 * Carries lines to the server. One request is on its way at a time, which keeps the order; while
 * it is, more lines are read and gathered, and all of them go with the next one. So a single line
 * goes at once and a flood goes in large batches, without a timer in between. A request is
 * repeated with the same key and bytes until it is answered.
 */
#include "config.h"

struct publisher;

/** NULL without memory. (c) must outlive it. */
struct publisher *publisher_new(const struct config *c);

/** Publish (text) as one event, as -m (typed) and -f give it. Returns like publisher_run. */
int publisher_one(struct publisher *p, struct str text, bool typed);

/**
 * Read lines from (fd) until its end, or until a signal came, and return when all of them are
 * acknowledged or cannot be: the exit status. Never closes (fd).
 */
int publisher_run(struct publisher *p, int fd);

void publisher_free(struct publisher *p);

#endif
