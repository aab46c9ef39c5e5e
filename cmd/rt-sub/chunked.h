/* SPDX-License-Identifier: MIT */
#ifndef RT_SUB_CHUNKED_H
#define RT_SUB_CHUNKED_H

/*
 * The payload of a body in chunked transfer coding (RFC 9112, 7.1), found in place: a stream whose
 * every event is a chunk costs libcurl a call for each part. libcurl still follows the framing
 * itself, to know where the body ends.
 */
#include <stdint.h>

#include "str.h"

enum chunked_state { CHUNKED_SIZE, CHUNKED_REST, CHUNKED_DATA, CHUNKED_END, CHUNKED_OVER };

struct chunked {
	enum chunked_state state;
	unsigned digits;	/* of the size, so far */
	uint64_t left;		/* the size, then what of it is still to come */
};

/** At the beginning of a body. */
void chunked_init(struct chunked *c);

/**
 * The next part of the payload in *in, which moves behind it. 1: *part has it; 0: all of *in was
 * used; -1: it is malformed. What follows the last chunk is passed over.
 */
int chunked_next(struct chunked *c, struct str *in, struct str *part);

#endif
