/* SPDX-License-Identifier: MIT */
#ifndef RT_SUB_SSEPARSE_H
#define RT_SUB_SSEPARSE_H

/*
 * Parser of text/event-stream by the letter of WHATWG HTML, 9.2.6 "Interpreting an event
 * stream": one leading BOM, lines that end in LF, CR or CRLF (also when split across reads),
 * NUL in id ignored, retry only of digits, an event without data only sets the id, the
 * unfinished last event is dropped.
 */
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "str.h"

struct sseparse_event {
	struct str type;	/* "message" if none was given */
	struct str data;	/* lines joined by LF; valid UTF-8 is not promised */
	struct str last_id;	/* the last event id as it stands after this event */
	bool has_id;		/* this event itself had an id field */
	bool joined;		/* data may have an LF, as it had several lines */
};

struct sseparse_ops {
	/** An event is complete. Slices die when this returns. Other than 0 stops the feed. */
	int (*event)(void *arg, const struct sseparse_event *e);
	/** A blank line came after an id field and no data: the cursor moved on. May be NULL. */
	int (*id_only)(void *arg, struct str last_id);
	/** A valid retry field. May be NULL. */
	void (*retry)(void *arg, uint64_t ms);
};

struct sseparse {
	const struct sseparse_ops *ops;
	void *arg;
	struct buf line, data, type, id, last_id;
	struct str borrowed;	/* the event's only line of data yet, in the input; p == NULL: none */
	unsigned bom;		/* bytes of a BOM seen so far; 4 once past the beginning */
	bool after_cr, has_id;
};

/** At most (max) bytes per line and per event's data. */
void sseparse_init(struct sseparse *s, const struct sseparse_ops *ops, void *arg, size_t max);
void sseparse_fini(struct sseparse *s);

/**
 * Set the last event id, as when resuming. The letter of the standard begins each connection
 * without one, so that an event without id would forget where we stand; browsers keep it.
 * 0, or -1 without memory.
 */
int sseparse_set_last_id(struct sseparse *s, struct str id);

/** Feed bytes. 0; what a callback returned; or -1 with errno EMSGSIZE or ENOMEM. */
int sseparse_feed(struct sseparse *s, struct str input);

#endif
