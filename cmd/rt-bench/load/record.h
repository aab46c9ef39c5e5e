/* SPDX-License-Identifier: MIT */
#ifndef RT_BENCH_RECORD_H
#define RT_BENCH_RECORD_H

/* What a subscriber received: an event, or something else that was sent as one. */
#include "load/subscriber.h"
#include "str.h"

/**
 * Judge (record), the data of one event, which was read at (now). Of an rt-serve it is an envelope or a gap
 * record; (cursor): what came beside it as the cursor behind it, NULL if it comes without. An event's id
 * becomes the worker's cursor. False: it is longer than --max-event, and the connection is lost by that.
 */
bool record_take(struct subscriber *s, struct str record, const struct str *cursor, uint64_t now);

/**
 * The same for an event of which it is already known that nothing is wrong with its bytes: does what
 * record_take would, faster. (p) is as of conn_ops.known, and so is what it returns; 0: it is not
 * known, or not what (s) should get next.
 */
size_t record_take_known(struct subscriber *s, const char *p, size_t n, uint64_t now);

/**
 * What was taken since w->nheard was 0 is all that is in (wire): if it is one event of which nothing
 * is wrong, it is known from now on.
 */
void record_learn(struct worker *w, struct str wire);

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
