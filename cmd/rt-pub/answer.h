/* SPDX-License-Identifier: MIT */
#ifndef RT_PUB_ANSWER_H
#define RT_PUB_ANSWER_H

/*
 * What the server says about a request: a summary of an NDJSON body, or what one JSON body became.
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

/**
 * Read {"id":...,"seq":...} as raw JSON; both are null for an ephemeral event, and seq where the
 * store does not count. 0, or -1 if it is something else.
 */
int answer_event(struct str body, struct str *id, struct str *seq);

#endif
