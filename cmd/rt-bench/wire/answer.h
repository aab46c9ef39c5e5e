/* SPDX-License-Identifier: MIT */
#ifndef RT_BENCH_ANSWER_H
#define RT_BENCH_ANSWER_H

/*
 * Answers of HTTP/1.1 on a connection, one after the other, as they come in pieces. Nothing is copied:
 * heads and pieces of bodies point into the caller's buffer. Only a head has to be there whole; of chunked
 * framing, each byte is consumed as it comes. Interim answers (1xx) are skipped, but for 101.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "str.h"

#define ANSWER_HEAD_MAX 65536

enum answer_step {
	ANSWER_MORE,		/* it goes on behind what was consumed, once there is more */
	ANSWER_HEAD,		/* a head: (piece) has its fields, for answer_field */
	ANSWER_DATA,		/* a piece of the body */
	ANSWER_END,		/* the body's end; the next answer may follow */
	ANSWER_MALFORMED,	/* not HTTP; say no more */
};

struct answer {
	uint64_t left;		/* of the body, or of the chunk */
	uint16_t status;	/* from the head on */
	uint8_t state;
	uint8_t digits;		/* of the chunk's size so far */
	bool keep;		/* the connection stays open after this answer */
	bool line;		/* the line of the trailer has something in it */
	char before;		/* the last byte of the framing of chunks */
	uint8_t letters;	/* of sizes, so far: 1 small, 2 capital ones */
};

/** Before the first answer of a connection. */
void answer_init(struct answer *a);

/**
 * Do a step with the (n) bytes at (p): *used gets how many were consumed, even on ANSWER_MORE; the rest is
 * to be given again, with what follows. After the head of 101 there is no body: what follows is not
 * HTTP, and the caller's.
 */
enum answer_step answer_next(struct answer *a, const char *p, size_t n, size_t *used, struct str *piece);

/**
 * Does a chunk begin with the next byte, and if that is the first of (n) at (p), is its size written as those
 * before? Then who knows the chunk at (p), with its framing, to be whole may leave it out.
 */
bool answer_begins_chunk(struct answer *a, const char *p, size_t n);

/** Has a chunk just ended, and what is left of it begins the (n) bytes at (p)? Takes that: its length. */
size_t answer_end_chunk(struct answer *a, const char *p, size_t n);

/** The peer has closed: is the answer complete by that, or was there none? */
bool answer_closed(const struct answer *a);

/** Is it between two answers, and has said nothing of the next? */
bool answer_idle(const struct answer *a);

/** The value of the first field (name) in (head); p == NULL: there is none. */
struct str answer_field(struct str head, const char *name);

#endif
