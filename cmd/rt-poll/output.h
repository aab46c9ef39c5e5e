/* SPDX-License-Identifier: MIT */
#ifndef RT_POLL_OUTPUT_H
#define RT_POLL_OUTPUT_H

/*
 * stdout: what one answer gave is gathered and written out whole before its cursor is saved. On a
 * terminal control and format characters are escaped and the names of an envelope's members
 * coloured (unless NO_COLOR is set); in a pipe every byte is exact.
 */
#include <stdbool.h>

#include "buf.h"
#include "envelope.h"

struct output {
	struct buf b;
	bool payload;	/* -r */
	bool escape;	/* a terminal */
};

/** For stdout; (payload): only the data, as -r says. */
void output_init(struct output *o, bool payload);
void output_fini(struct output *o);

/** Gather one event or gap record. A gap of -r goes to stderr. 0, or -1 without memory. */
int output_add(struct output *o, const struct envelope *e);

/** Forget what was gathered and not written. */
void output_drop(struct output *o);

/** Write all of it. 0, or the exit status (reported). Ends the process if stdout was closed. */
int output_flush(struct output *o);

#endif
