/* SPDX-License-Identifier: MIT */
#ifndef RT_BENCH_RECORD_H
#define RT_BENCH_RECORD_H

/* What a subscriber received: an event, or something else that was sent as one. */
#include "load/subscriber.h"
#include "str.h"

/**
 * Judge (record), the data of one event, which was read at (now). Of an rt-serve it is an envelope or a gap
 * record. An event's id becomes the worker's cursor.
 */
void record_take(struct subscriber *s, struct str record, uint64_t now);

/** Judge all that is found in (text), of which only that is known that there are events in it. */
void record_take_all(struct subscriber *s, struct str text, uint64_t now);

#endif
