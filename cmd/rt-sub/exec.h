/* SPDX-License-Identifier: MIT */
#ifndef RT_SUB_EXEC_H
#define RT_SUB_EXEC_H

/*
 * -x: a command for each event, in order, several at once if asked. The cursor may move on to an
 * event when its command and all before it have ended well.
 */
#include <ev.h>
#include <stdbool.h>

#include "config.h"
#include "envelope.h"
#include "position.h"

struct exec;

struct exec_ops {
	/** Enough waits for its turn (true), or there is room again (false). */
	void (*full)(void *arg, bool full);
	/** All commands up to here have ended, well or with --keep-going. */
	void (*progress)(void *arg, const struct position *to);
	/** A command failed, and none will be started any more. Once. */
	void (*failed)(void *arg);
};

/** On the default loop, which alone hears of children. NULL without memory. */
struct exec *exec_new(struct ev_loop *loop, const struct config *c, const struct exec_ops *ops,
	void *arg);

/** Commands that still run go on without us. */
void exec_free(struct exec *x);

/** Run the command for (e), or keep that for later. (at): where we stand after it. 0 or -1. */
int exec_push(struct exec *x, const struct envelope *e, const struct position *at);

/** The position moved on without an event; it counts once all that came before have ended. */
void exec_move(struct exec *x, const struct position *at);

/** Start no more commands; what waits is forgotten. Those that run go on. */
void exec_stop(struct exec *x);

/** Does any command run or wait? */
bool exec_busy(const struct exec *x);

/** Has any command failed? */
bool exec_has_failed(const struct exec *x);

#endif
