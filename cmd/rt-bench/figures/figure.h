/* SPDX-License-Identifier: MIT */
#ifndef RT_FIGURE_H
#define RT_FIGURE_H

/*
 * Figures that follow from a result, and how figures are written for people: three significant digits
 * and a unit. What is not known is NAN, and written "-".
 */
#include <stddef.h>
#include <stdint.h>

#include "figures/result.h"

#define FIGURE_LEN 28	/* enough for each of these, with its NUL */

/** Nanoseconds: "812 ns", "1.23 us", "45.6 ms", "7.89 s", "1,234 s". Returns (dst). */
char *figure_time(char dst[FIGURE_LEN], double ns);

/** Bytes: "96 B", "1.23 KiB", "45.6 MiB". */
char *figure_size(char dst[FIGURE_LEN], double bytes);

/** A number: "0.123", "1.23", "45.6", "789", "1.23 k", "45.6 M"; for what is measured. */
char *figure_number(char dst[FIGURE_LEN], double v);

/** A count to the last digit: "1,234,567"; for what is counted. */
char *figure_count(char dst[FIGURE_LEN], uint64_t n);

/**
 * A share: "0.006 %", "0.42 %", "45.6 %"; less than all is never written "100 %", nor more than
 * none "0 %".
 */
char *figure_percent(char dst[FIGURE_LEN], double share);

/**
 * Events delivered per second, from the first publish to the last delivery, but for what slow subscribers
 * got when publishing was over.
 */
double figure_rate(const struct result *r);

/** Events published per second, from the first to the last. */
double figure_publish_rate(const struct result *r);

/** Bytes read per event delivered, framing and polls that brought nothing included. */
double figure_bytes_per_event(const struct result *r);

/** The server's CPU time per delivery, in nanoseconds. */
double figure_cpu(const struct result *r);

/** This program's own per delivery. */
double figure_own_cpu(const struct result *r);

/** The server's memory per idle connection; NAN: it did not grow, as that of one that had it already. */
double figure_memory(const struct result *r);

#endif
