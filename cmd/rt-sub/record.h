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

/**
 * Find id, topic and seq of (line), or all members if (whole). False: it is no envelope and no
 * gap record.
 */
bool record_parse(struct envelope *e, struct str line, bool whole);

/** The number in (e)->seq; 0 if there is none. */
uint64_t record_seq(const struct envelope *e);

/** Is the raw JSON string (raw) the text (want)? */
bool record_is(struct str raw, const char *want);

#endif
