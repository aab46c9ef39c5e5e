/* SPDX-License-Identifier: MIT */
#ifndef RT_HTTP1_GUARD_H
#define RT_HTTP1_GUARD_H

/*
 * What HTTP/1.1 must look like here before the parser sees it (RFC 9112, with everything refused
 * that two parsers could read in two ways). Pure functions over bytes.
 *
 * Refused with 400: bare CR or LF, NUL and other controls, folded lines, an empty field name or
 * space before its colon, no Host (1.1) or several, characters in it that no host has, any
 * Transfer-Encoding but a single "chunked" on 1.1, Content-Length beside it, several or crooked
 * Content-Length, '#' or non-ASCII in the target. Allowed: one empty line before a request; an
 * absolute target "http://HOST/…" whose host equals the Host field.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "str.h"

#define HTTP1_CHUNK_LINE_MAX 256	/* size and extensions of a chunk */
#define HTTP1_TRAILER_MAX 8192		/* all trailer fields; they are discarded */

struct http1_limits {
	uint32_t max_head;
	unsigned max_fields;
};

/** How far an incomplete head was looked at. Begin with zeros. */
struct http1_scan {
	uint32_t at;		/* bytes that were checked */
	uint32_t line;		/* where the present line begins */
	uint32_t lines;		/* complete ones */
};

struct http1_head {
	uint32_t skip;		/* the empty line before it */
	unsigned nfields;
	struct str method, target;
	struct str path;	/* target without scheme and host; may have a query */
	bool http10, chunked, has_length;
	uint64_t length;
};

struct http1_refusal {
	unsigned status;	/* 400, 414, 431, 505 */
	const char *why;
};

/**
 * Look for a correct head at the start of the (n) bytes. > 0: its length; 0: more is needed; -1:
 * refused, see (no). The strings of (h) point into (p).
 */
ssize_t http1_guard_head(const uint8_t *p, size_t n, const struct http1_limits *limits,
	struct http1_scan *scan, struct http1_head *h, struct http1_refusal *no);

/** Chunked framing. Begin with zeros. */
struct http1_chunked {
	uint8_t state;
	bool done;		/* the last byte of the body and its trailers was seen */
	uint8_t digits;
	uint16_t line;		/* bytes of this line, or of all trailers */
	uint64_t left;		/* of this chunk's data */
	bool named;		/* a trailer line has its field name */
};

/**
 * Check framing and skip data: how many of the (n) > 0 bytes belong together (at most one run of
 * data at their end, and at most to the end of the body), or -1: malformed.
 */
ssize_t http1_guard_chunked(struct http1_chunked *g, const uint8_t *p, size_t n);

#endif
