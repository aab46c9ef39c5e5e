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

/** A table and a text histogram, (width) columns wide; colour if (colour). */
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

/** The progress line on a terminal, without its end: rate, p99, lost so far. */
void report_progress(char *dst, size_t size, const struct result_interval *i, double total_s);

#endif
