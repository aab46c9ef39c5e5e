/* SPDX-License-Identifier: MIT */
#ifndef RT_SUB_RECORD_H
#define RT_SUB_RECORD_H

/*
 * Reads what a server sent as a record: an event or a gap. An envelope that is passed on whole
 * needs only its first members looked at, and those have a fixed order; that is most of the
 * work saved. Whatever looks unusual is parsed in full.
 */
#include <stdbool.h>
#include <stdint.h>

#include "envelope.h"

#define RECORD_MEMO_MAX 304	/* a topic of 255 bytes and what stands around it */

struct record {
	struct envelope envelope;	/* or the gap in it */
	uint64_t seq;		/* 0: none */
};

/** How the newest envelope began: the next is mostly of the same topic. Begins as all zeros. */
struct record_memo {
	size_t id_len;		/* without its quotes */
	size_t topic_len;	/* with them */
	size_t len;		/* 0: nothing is known yet */
	char text[RECORD_MEMO_MAX];	/* from the end of the id to the seq */
};

/**
 * Find id, topic and seq of (text), or all members if (whole). (memo) may be NULL. False: it is no
 * envelope and no gap record.
 */
bool record_parse(struct record *r, struct str text, bool whole, struct record_memo *memo);

/** Is the raw JSON string (raw) the text (want)? */
bool record_is(struct str raw, const char *want);

#endif
