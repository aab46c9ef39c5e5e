/* SPDX-License-Identifier: MIT */
#ifndef RT_CHUNK_H
#define RT_CHUNK_H

/*
 * The body of a chunk row: the events of one topic in one commit. All numbers are varints, seven
 * bits a byte, the lowest first.
 *
 *   body    seq of the first event, then the events
 *   event   flags, order minus that of the event before (the row's first order: 0),
 *           [type] [key] [from], data; each text with its length before it
 *
 * The seqs within a chunk are consecutive. Data is the JSON text, or base64 without quotes.
 */
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "store/event.h"

/** The other columns of a row. */
struct chunk_row {
	uint64_t topic, first, last, upto;
	uint32_t n;
};

/**
 * The checksum of a row and its body. SQLite has none of its own: it notices a damaged page only
 * when its structure makes no sense.
 */
uint64_t chunk_sum(const struct chunk_row *row, const void *body, size_t len);

/** Where an event begins in a body. */
struct chunk_mark {
	uint64_t order;
	uint32_t at;
};

/** A body taken apart. */
struct chunk {
	const uint8_t *body;	/* borrowed */
	size_t len;
	uint64_t seq;		/* of the first event */
	struct chunk_mark *marks;
	uint32_t n;
};

/**
 * Append (e) to a body; (before) is the order of the event before it, its own for the first one.
 * 0, or -1 without memory.
 */
int chunk_add(struct buf *body, const struct event *e, uint64_t before);

/**
 * Take a body of (n) events apart whose first order is (first). 0, -1 if it is damaged (errno
 * EBADMSG) or without memory (ENOMEM). (body) must stay until chunk_fini.
 */
int chunk_init(struct chunk *c, const void *body, size_t len, uint64_t first, uint32_t n);
void chunk_fini(struct chunk *c);

/** Event number (i) of it, made an event of (topic) as it was. NULL without memory. */
struct event *chunk_event(const struct chunk *c, uint32_t i, struct str topic);

/** event_weight of it. */
uint64_t chunk_weight(const struct chunk *c, uint32_t i);

/** How many of its events have an order <= (order). */
uint32_t chunk_upto(const struct chunk *c, uint64_t order);

#endif
