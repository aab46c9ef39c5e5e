/* SPDX-License-Identifier: MIT */
#ifndef RT_PUB_ANSWER_H
#define RT_PUB_ANSWER_H

/*
 * What the server says about a request: a summary of the body, or an answer for each line.
 */
#include <stdint.h>

#include "str.h"

struct answer {
	uint64_t accepted, refused;	/* refused may be more than were named one by one */
};

/**
 * Read {"accepted":N,"refused":M,"errors":[...]} into (out). Calls (refused) for each line that is
 * named: (n) counts from 1 within the body, (error) is a raw JSON string. 0, or -1 if it is
 * something else.
 */
int answer_summary(struct str body, struct answer *out,
	void (*refused)(void *arg, uint64_t n, struct str error), void *arg);

/** The answer to one line of ?ack=lines, raw JSON. */
struct answer_line {
	uint64_t n;		/* of the line within the body, from 1 */
	struct str id, seq;	/* null for an ephemeral event, seq also where the store does not count */
	struct str error;	/* p == NULL: accepted */
};

/** Read {"line":N,"id":...,"seq":...} or {"line":N,"error":"..."}. 0, or -1 if it is something else. */
int answer_line(struct str text, struct answer_line *out);

#endif
