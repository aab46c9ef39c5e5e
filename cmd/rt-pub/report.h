/* SPDX-License-Identifier: MIT */
#ifndef RT_PUB_REPORT_H
#define RT_PUB_REPORT_H

/*
 * What rt-pub tells people while it runs: lines that were not accepted, and on a terminal how
 * far it is. Messages take the progress line away first, so that they stand alone.
 */
#include <stdbool.h>
#include <stdint.h>

#include "str.h"

#define REPORT_LINES_MAX 100	/* named one by one; the rest is only counted */

struct report {
	uint64_t accepted, refused;	/* lines */
	uint64_t named;			/* of the refused */
	bool hinted;
	bool single;			/* one event, not lines: they have no numbers */
	bool progress, shown;
	uint64_t next_ms;		/* monotonic: when the progress line is due */
	uint64_t shown_accepted;	/* (accepted) when it was shown last */
};

/**
 * (progress): show how far it is, if stderr is a terminal that can take a line back, and as long as
 * we are in its foreground.
 */
void report_init(struct report *r, bool progress);

/** Line (n) of the input was not accepted; (hint), which may be NULL, is given once. */
void report_refused(struct report *r, uint64_t n, struct str why, const char *hint);

/** (n) lines more were refused that nobody named. */
void report_unnamed(struct report *r, uint64_t n);

/** (n) lines more were accepted. */
void report_accepted(struct report *r, uint64_t n);

/** Milliseconds until the progress line is due again, or -1 for never; and show it if it is due. */
int report_due(const struct report *r, uint64_t now_ms);
void report_progress(struct report *r, uint64_t now_ms);

/** Take the progress line away: before any other message. */
void report_clear(struct report *r);

/** At the end: take the progress line away, sum up what was refused. */
void report_end(struct report *r);

#endif
