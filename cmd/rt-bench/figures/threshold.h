/* SPDX-License-Identifier: MIT */
#ifndef RT_THRESHOLD_H
#define RT_THRESHOLD_H

/*
 * --fail-if 'p99>50ms,lost>0': conditions that make a run fail. A comma, or the option given again,
 * means "or".
 *
 *   p50 p90 p99 p999 max mean       end-to-end latency     ack_p50 ... ack_max    acknowledgement
 *   connect_p99 ...                 connecting             lost doubled disordered corrupt
 *   broken absent refused deliveries sent rate      counts; deliveries/s
 *   cpu memory                                      per delivery; per connection
 *   compared by > >= < <= with a number (20k), a time (50ms) or a size (2K), as the figure wants.
 */
#include "figures/figure.h"
#include "figures/result.h"

#define THRESHOLDS_MAX 32

struct threshold {
	const struct threshold_figure *figure;
	int percentile;		/* which of them, if it is one of times */
	int op;			/* '>', '<'; with equality: 'G', 'L' */
	double limit;
	const char *text;	/* as it was given, one condition; borrowed from the argument */
	size_t len;
};

/** Parse the conditions of (arg) into t[*n ...]. NULL, or what is wrong with it, static. */
const char *threshold_parse(struct threshold *t, unsigned *n, const char *arg);

/** Is it about the server's own figures, which only --pid brings? */
bool threshold_needs_pid(const struct threshold *t);

/**
 * Is the condition true of (r), so that the run has failed? (value) gets the figure it saw. A figure that
 * was not measured (no event came; cpu without --pid) fails too, and is NAN: nobody can say that it is well.
 */
bool threshold_exceeded(const struct threshold *t, const struct result *r, double *value);

/** Write (value) with the unit of (t), as in "61.2 ms"; "not measured" if it is NAN. Returns (dst). */
char *threshold_format(char dst[FIGURE_LEN], const struct threshold *t, double value);

#endif
