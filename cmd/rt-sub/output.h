/* SPDX-License-Identifier: MIT */
#ifndef RT_SUB_OUTPUT_H
#define RT_SUB_OUTPUT_H

/*
 * Events on stdout: gathered while there is input, written before the tool would wait, and never
 * blocking it. While the reader takes nothing, its owner is told to hold back what comes in.
 *
 * A pipe or terminal is opened anew through /proc, so that O_NONBLOCK stays ours: set on fd 1
 * itself it would also hit everybody else who shares it, a shell for instance, and outlive a
 * crash. Sockets are sent to with MSG_DONTWAIT. Where neither works, poll goes before each write
 * of at most PIPE_BUF bytes, which then cannot block. Files and the like never do.
 *
 * On a terminal control and format characters are escaped and the names of an envelope's members
 * coloured (unless NO_COLOR is set).
 */
#include <ev.h>
#include <stdbool.h>

#include "envelope.h"
#include "format.h"

struct output;

struct output_ops {
	/** The reader is behind (true), or has caught up (false). */
	void (*blocked)(void *arg, bool blocked);
	/** Writing failed, for good: (err) EPIPE if the reader is gone. Called once. */
	void (*broken)(void *arg, int err);
};

/** On (fd), which stays the caller's; (format) as in format_add. NULL without memory. */
struct output *output_new(struct ev_loop *loop, int fd, const struct format *format, char end,
	const struct output_ops *ops, void *arg);
void output_free(struct output *o);

/** Add an event, or (whatever the format) the text of a record. 0, or -1 without memory. */
int output_event(struct output *o, const struct envelope *e);
int output_text(struct output *o, struct str text);

/** Write what there is, as far as it goes now. */
void output_flush(struct output *o);

/** Is there something that was not written yet? Never after broken(). */
bool output_pending(const struct output *o);

/** Was all of it written? Never again after broken(). */
bool output_written(const struct output *o);

#endif
