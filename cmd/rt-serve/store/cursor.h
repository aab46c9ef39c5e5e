/* SPDX-License-Identifier: MIT */
#ifndef RT_CURSOR_H
#define RT_CURSOR_H

/*
 * Cursors and ids of the embedded stores: one writer orders everything, so both are one number,
 * the microseconds of a hybrid logical clock, in decimal.
 */
#include <stdbool.h>
#include <stdint.h>

#include "str.h"

#define CURSOR_DIGITS 18	/* more than 53 bits ever need, and far from overflow */

/** The order that (text) names. False if it is no cursor of an embedded store. */
bool cursor_parse(struct str text, uint64_t *order);

/** (order) as text, malloc'd. NULL without memory. */
char *cursor_new(uint64_t order);

/** What struct store_ops asks for, the same for both embedded stores. */
int cursor_compare(struct str a, struct str b);

#endif
