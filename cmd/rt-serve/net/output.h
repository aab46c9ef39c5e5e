/* SPDX-License-Identifier: MIT */
#ifndef RT_OUTPUT_H
#define RT_OUTPUT_H

/*
 * Output of connections as output.c (queueing), flush.c (writing) and stall.c (a socket that takes no
 * more) share it.
 */
#include "net/conn_internal.h"

/* How far the pieces of a connection were written. */
struct progress {
	unsigned i;	/* the first piece that is not out */
	uint32_t done;	/* bytes of it that are */
};

/** (owner) is told drained() when there is room again; and is not any more. */
void output_wait(struct output *o, struct conn_owner *owner);
struct conn_owner *output_unwait(struct output *o, struct conn_owner *owner);

/** Does (c), which has output, take no more in this turn? */
bool output_full(const struct conn *c);

/**
 * The socket took only what is before (at): keep what has begun and what is fixed, and hand the rest
 * back to its owners.
 */
void conn_stall(struct conn *c, struct progress at);

#endif
