/* SPDX-License-Identifier: MIT */
#ifndef RT_TERMINAL_H
#define RT_TERMINAL_H

/*
 * Text from elsewhere on its way to a terminal, which must not take a part of it for a command:
 * control and format characters, and bytes that are not UTF-8, are escaped.
 */
#include <stdbool.h>

#include "buf.h"
#include "str.h"

enum terminal_text {
	TERMINAL_PLAIN,		/* LF and tab stay; others become \xNN, \uNNNN or \UNNNNNNNN */
	TERMINAL_JSON,		/* one line of JSON, which stays JSON of the same value */
	TERMINAL_COLOUR,	/* the same, and the names of its own members are coloured */
};

/** How to write JSON there: TERMINAL_COLOUR unless NO_COLOR or TERM is against it. */
enum terminal_text terminal_json(void);

/** Append (text). 0, or -1 as buf_add; (b) may then have a part of it. */
int terminal_add(struct buf *b, struct str text, enum terminal_text form);

#endif
