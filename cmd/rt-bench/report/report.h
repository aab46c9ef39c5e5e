/* SPDX-License-Identifier: MIT */
#ifndef RT_REPORT_H
#define RT_REPORT_H

/*
 * A result for people and for programs. Each writes to (out) and returns 0, or -1 with errno if that
 * failed.
 */
#include <stdio.h>

#include "config.h"
#include "figures/result.h"

/**
 * A text histogram and a table, (width) columns wide, at least 40; the verdict is its end. Colour
 * if (colour).
 */
int report_text(FILE *out, const struct bench_config *c, const struct result *r, unsigned width, bool colour);

/** One JSON object, on one line: configuration, results, percentiles, intervals. */
int report_json(FILE *out, const struct bench_config *c, const struct result *r);

/** A header line, then a line per interval of each of the (n) results (RFC 4180). */
int report_csv(FILE *out, const struct result *const *r, unsigned n);

/** One self-contained page with the table and the plots as SVG: no script, nothing loaded. */
int report_html(FILE *out, const struct bench_config *c, const struct result *const *r, unsigned n);

/** The table of --compare, a row per result, and a sentence on which fits. */
int report_compare(FILE *out, const struct bench_config *c, const struct result *const *r, unsigned n,
	unsigned width, bool colour);

/**
 * The progress line on a terminal of (width) columns, without its end: time, rates, p99, lost so
 * far, as much as there is room for; (label) stands in front if it is not empty, (total_s) is 0 if
 * nobody knows when it ends.
 */
void report_progress(char *dst, size_t size, const struct result_interval *i, const char *label,
	double total_s, unsigned width);

/** Columns of the terminal (fd); 0: it is none. */
unsigned report_width(int fd);

#endif
