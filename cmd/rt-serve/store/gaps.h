/* SPDX-License-Identifier: MIT */
#ifndef RT_GAPS_H
#define RT_GAPS_H

/*
 * What a read misses: events behind its start that were dropped, by filter. Each loss is told once:
 * the generation of drops up to which all were told goes along with the cursor (read.gap_known).
 */
#include <stdint.h>

#include "store/seek.h"

/**
 * Add a gap record to (r) for each filter that misses something. (*newest) becomes the newest order
 * among what is missing, if that is newer. 0, or -1 without memory. Under the window's lock.
 */
int gaps_add(struct read *r, const struct seek *k, const struct window *w, uint64_t *newest);

/** Note in (r) that drops up to (gen) were told. 0, or -1 without memory. */
int gaps_set_known(struct read *r, uint64_t gen);

/** What such a note says, into (k)->known; NULL or nonsense: nothing was told. */
void gaps_parse_known(struct seek *k, const char *text);

#endif
