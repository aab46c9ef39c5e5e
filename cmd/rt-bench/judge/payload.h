/* SPDX-License-Identifier: MIT */
#ifndef RT_PAYLOAD_H
#define RT_PAYLOAD_H

/*
 * The events of a run carry all that is needed to judge them: which run, which stream, the how
 * manieth, when it was due, how long it is, and a checksum over every byte. A payload is a JSON object
 * of exactly the wanted size, and travels unchanged through any server that passes JSON or text:
 *
 *   {"rtb":"RRRRRRRR-SSSSSSSS-NNNNNNNNNN-TTTTTTTTTTTTTTTT-LLLLLLLL-CCCCCCCCCCCCCCCC","pad":"xxx"}
 *
 * all fields hexadecimal (lower case) of fixed width: run, stream, number, due, length, checksum. The pad is
 * a string that makes up the size, or any JSON value in UTF-8 that is not more than one line.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "str.h"

/** What one event says of itself. */
struct payload_head {
	uint32_t run;		/* of all events of one run, random */
	uint32_t stream;	/* who publishes to which topic: see judge.h */
	uint64_t n;		/* 1, 2, 3, ... in the stream; below 2^40 */
	uint64_t due_ns;	/* when it was to be sent, by clock_ns() of clock.h */
	uint32_t len;		/* of the whole payload */
};

/** The smallest --size. */
#define PAYLOAD_MIN 96

/** Largest payload, with a pad of one's own. */
#define PAYLOAD_MAX (16u << 20)

/**
 * Bytes of a payload whose pad is the JSON value (pad), or for pad.p == NULL: (size) itself, at least
 * PAYLOAD_MIN.
 */
size_t payload_size(struct str pad, size_t size);

/**
 * Write a payload of payload_size(pad, size) bytes to (dst); h->len is ignored. Filler is 'x'.
 * Returns its length.
 */
size_t payload_write(char *dst, const struct payload_head *h, struct str pad, size_t size);

enum payload_status {
	PAYLOAD_OK,
	PAYLOAD_NONE,		/* nothing in it that looks like one */
	PAYLOAD_CORRUPT,	/* it begins like one, but a field, the length or the checksum is wrong */
};

/**
 * Find the payload within (record): an envelope, the data of an SSE event, or the payload alone. Other
 * servers may wrap it in whatever they like, or escape it once as a JSON string (\" for each quote). If
 * there are several, the first counts.
 * On PAYLOAD_OK fills (h) and, if not NULL, (where): its bytes in (record).
 */
enum payload_status payload_find(struct str record, struct payload_head *h, struct str *where);

#endif
