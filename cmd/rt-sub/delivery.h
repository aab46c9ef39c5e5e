/* SPDX-License-Identifier: MIT */
#ifndef RT_SUB_DELIVERY_H
#define RT_SUB_DELIVERY_H

/*
 * From what a connection brings to stdout or a command: sorts out what came before, notices
 * what is missing, counts, and knows where we stand and what of that may be saved.
 */
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "envelope.h"
#include "position.h"

struct delivery;

struct delivery_ops {
	/** Events cannot be taken for now (true), or again (false); what still comes is kept. */
	void (*hold)(void *arg, bool on);
	/** It is over: exit with (status). Nothing more is taken. May come more than once. */
	void (*finish)(void *arg, int status);
	/** The reader of stdout is gone. */
	void (*broken_pipe)(void *arg);
};

/** NULL on failure, after an error message, with *status to exit with. */
struct delivery *delivery_new(struct ev_loop *loop, const struct config *c,
	const struct delivery_ops *ops, void *arg, int *status);
void delivery_free(struct delivery *d);

/** Where the next connection has to begin, and the store that this belongs to ("": unknown). */
const struct position *delivery_at(const struct delivery *d);
const char *delivery_store(const struct delivery *d);

/** A connection begins: the cursor it starts at, and the store; p == NULL: not said. */
void delivery_connected(struct delivery *d, struct str cursor, struct str store);

/** As sub_record, sub_foreign and sub_cursor. Other than 0: take no more. */
int delivery_record(struct delivery *d, struct str text, bool one_line, struct str cursor);
int delivery_foreign(struct delivery *d, const struct envelope_foreign *f, struct str cursor);
void delivery_cursor(struct delivery *d, struct str cursor);

/** --latest: the snapshot is complete, even if nothing came. */
void delivery_settled(struct delivery *d);

/** Events so far, in all and of this connection. */
uint64_t delivery_count(const struct delivery *d);
uint64_t delivery_count_connected(const struct delivery *d);

/** Before the program would wait: write what there is, and let the saved position follow. */
void delivery_flush(struct delivery *d);

/** Take no more events; and (at_once) start no more commands for those that wait. */
void delivery_stop(struct delivery *d, bool at_once);

/** Is something not written yet, or a command running? */
bool delivery_pending(const struct delivery *d);

/** At the end: save the position. The exit status that (status) becomes. */
int delivery_end(struct delivery *d, int status);

#endif
