/* SPDX-License-Identifier: MIT */
#ifndef RT_GAPS_H
#define RT_GAPS_H

/*
 * What a read misses, by filter: events behind its start that were dropped, and such that cannot be
 * read. Each loss is told once: the generation of drops and the damage up to which all was told go
 * along with the cursor (read.gap_known).
 */
#include <stdint.h>

#include "store/seek.h"

/**
 * Add a gap record to (r) for each filter that misses something. (*newest) becomes the newest order
 * among what is missing, if that is newer. 0, or -1 without memory. Under the window's lock.
 */
int gaps_add(struct read *r, const struct seek *k, const struct window *w, uint64_t *newest);

/**
 * The events of (topic) after the order (after) up to (until) are damaged: add a gap record to (r)
 * for each filter that asks for them, or widen the one that it has. 0, or -1 without memory.
 */
int gaps_add_damaged(struct read *r, struct str topic, uint64_t after, uint64_t until);

/** Note in (r) what was told: drops up to k->gen, damage up to k->told. 0, or -1 without memory. */
int gaps_set_known(struct read *r, const struct seek *k);

/** What such a note says, into k->known and k->told; NULL or nonsense: nothing was told. */
void gaps_parse_known(struct seek *k, const char *text);

#endif
