/* SPDX-License-Identifier: MIT */
#ifndef RT_BENCH_RECORD_H
#define RT_BENCH_RECORD_H

/* What a subscriber received: an event, or something else that was sent as one. */
#include "load/subscriber.h"
#include "str.h"

/**
 * Judge (record), the data of one event, which was read at (now). Of an rt-serve it is an envelope or a gap
 * record; (cursor): what came beside it as the cursor behind it, NULL if it comes without. An event's id
 * becomes the worker's cursor.
 */
void record_take(struct subscriber *s, struct str record, const struct str *cursor, uint64_t now);

/** Judge all that is found in (text), of which only that is known that there are events in it. */
void record_take_all(struct subscriber *s, struct str text, uint64_t now);

/** What came, an rt-serve does not send: it counts as a corrupt event. Of others nobody knows. */
void record_spoilt(struct subscriber *s);

/** The stream of a run, for what is told of its events. */
static inline uint32_t record_stream(uint32_t run, uint32_t stream)
{
	return stream ^ run * UINT32_C(0x85ebca6b);
}

#endif
