/* SPDX-License-Identifier: MIT */
#ifndef RT_TEST_TWODOMAIN_H
#define RT_TEST_TWODOMAIN_H

/*
 * A store for tests, with two ordering domains, as a cluster or a partitioned log would have: a
 * topic belongs to domain a or b, each counts its own events, an id is "a17", and a cursor is a
 * position in each, "17.4". Who takes a cursor for an id, or compares them as text, fails here.
 *
 * Reads may be held back, to be finished on whichever thread the test likes. All in memory.
 */
#include "store/store.h"

struct store *twodomain_new(void);

/** Domain of a topic: 0 (a) or 1 (b), by the parity of its bytes' sum. */
unsigned twodomain_of(struct str topic);

/** Hold reads back from now on (store_read is false), or no more. */
void twodomain_hold(struct store *s, bool hold);

/** Finish up to (max) reads that were held back, the oldest first; returns how many. */
unsigned twodomain_finish(struct store *s, unsigned max);

/** Drop the events of (domain) up to its number (upto): readers before it get a gap. */
void twodomain_drop(struct store *s, unsigned domain, uint64_t upto);

/** The tail forgets everything up to position (pos): store_tail says -1 before it. */
void twodomain_forget_tail(struct store *s, uint64_t pos);

#endif
