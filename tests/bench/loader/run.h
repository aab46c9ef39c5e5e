/* SPDX-License-Identifier: MIT */
#ifndef RT_LOAD_RUN_H
#define RT_LOAD_RUN_H

/* One run: events are published, delivered, and judged. */
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "crowd.h"

/** What a line of stdin asks for; see main.c. */
struct order {
	double seconds;		/* how long to publish */
	double rate;		/* events a second on a schedule; 0: as fast as the window lets */
	uint32_t window;	/* events that are not delivered to all yet, at most */
	uint32_t sleep_ms;	/* with rate: sleep so long after each event, before reading */
	bool stamps;		/* with sleep_ms: measure when the kernel got the last byte of each event */
	uint32_t size;		/* of an event */
	double drain;		/* wait so long, in which nothing comes, for what is missing */
};

/** The publisher, which tells each server of each event; lives as long as the crowd. */
struct source {
	struct link links[SERVERS_MAX];
	unsigned n;
	bool ready, refused;
	uint64_t sent, acked, refusals;
};

/** Connect. 0, or -1 with errno. */
int source_open(struct source *s, struct crowd *c, double seconds);
void source_close(struct source *s);

/** Do it, and write what was found to (f) as a line of JSON. 0, or -1. */
int run_order(const struct order *o, struct crowd *c, struct source *s, FILE *f);

#endif
