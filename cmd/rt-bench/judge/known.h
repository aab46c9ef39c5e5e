/* SPDX-License-Identifier: MIT */
#ifndef RT_KNOWN_H
#define RT_KNOWN_H

/*
 * The same event comes to many subscribers in the same bytes. Those of the newest events that were judged,
 * and of which nothing was wrong, are remembered, with their framing: to compare them proves each bit of the
 * next subscriber's at once. What differs by subscriber (which event is its next?) is judged as ever.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "judge/payload.h"
#include "str.h"

/** So many events at most, and so many bytes of them. */
#define KNOWN_EVENTS 4096
#define KNOWN_BYTES (1u << 20)

/** What an event's bytes say. */
struct known_event {
	struct payload_head head;
	uint64_t id, seq;	/* of its envelope */
	uint32_t cursor_at;	/* where in the bytes the cursor behind it stands, and how long it is */
	uint32_t ncursor;
	bool has_cursor;	/* beside its envelope, the same as its id */
};

struct known;

/** One thread's; its memory is used as events come. NULL without memory. */
struct known *known_new(void);
void known_free(struct known *k);

/** The event whose bytes begin the (n) at (p); *len gets how many it has. NULL: it is not known. */
const struct known_event *known_find(struct known *k, const char *p, size_t n, size_t *len);

/** Remember that (wire) says (e). What is too short or too long for it is not remembered. */
void known_add(struct known *k, struct str wire, const struct known_event *e);

#endif
