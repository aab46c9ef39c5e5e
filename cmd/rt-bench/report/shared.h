/* SPDX-License-Identifier: MIT */
#ifndef RT_REPORT_SHARED_H
#define RT_REPORT_SHARED_H

/* What the reports share: sentences on what was asked, what was wrong, and which transport fits. */
#include <stdbool.h>
#include <stdio.h>

#include "config.h"
#include "figures/figure.h"
#include "figures/result.h"

#define REMARK_LEN 240
#define REMARKS_MAX 12

enum remark_kind {
	REMARK_NOTE,
	REMARK_WARNING,		/* the figures say less than they seem to */
	REMARK_FAULT,		/* the server did wrong */
};

struct remark {
	enum remark_kind kind;
	char text[REMARK_LEN];
};

/** The percentiles of every table. */
struct report_column {
	const char *name, *json;
	double percent;		/* below 0: the mean */
	unsigned rank;		/* the lower, the later it is left out where there is no room */
};

#define REPORT_COLUMNS 6
extern const struct report_column report_columns[REPORT_COLUMNS];

/** The value of a column; NAN if (h) is empty. */
double report_value(const struct histogram *h, const struct report_column *column);

/** The rows of every table: a histogram of (r) by number, with its name. NULL: there are no more. */
struct report_row {
	const struct histogram *h;	/* may be empty: not worth a row */
	char name[24];
	bool part;			/* of the row before */
};

#define REPORT_ROWS (TRANSPORTS + 5)

/** Fill (rows) with those that are not empty. Returns how many. */
unsigned report_rows(struct report_row rows[REPORT_ROWS], const struct result *r);

/**
 * What was asked, in one sentence, as it came from the command line: to be escaped. (compare): without
 * the transports. (dst) is cut if it is too short.
 */
void report_asked(char *dst, size_t size, const struct bench_config *c, bool compare);

/** All that has to be said beside the figures, the worst first. Returns how many. */
unsigned report_remarks(struct remark remarks[REMARKS_MAX], const struct bench_config *c,
	const struct result *r);

/** A remark on some of several results: each is said once. */
struct said {
	struct remark remark;
	char who[96];		/* labels of those it is about */
};

#define SAID_MAX 32

/** What has to be said of the (n) results, the worst of the first of them first. Returns how much. */
unsigned report_said(struct said said[SAID_MAX], const struct bench_config *c, const struct result *const *r,
	unsigned n);

/** "lost 12 (0.006 %), doubled 0, out of order 0, corrupt 0", or that there is nothing of that. */
void report_faults(char *dst, size_t size, const struct result *r);

/** How many transports have subscribers. */
unsigned report_transports(const struct result *r);

/**
 * Which of the (n) results fits, and why, as far as the figures tell. Several sentences, empty if they
 * tell nothing.
 */
void report_advice(char *dst, size_t size, const struct result *const *r, unsigned n);

/** Is a text wanted in more than ASCII? By LC_ALL, LC_CTYPE and LANG. */
bool report_utf8(void);

/** Append to a text that may be cut. */
struct text {
	char *p;
	size_t size, len;
};

void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * Write (s), escaped for terminals, in lines of at most (width) columns, each with (indent) spaces in
 * front (but the first: that is already written to (column)). The end of the last is the caller's.
 */
void report_wrap(FILE *out, const char *s, unsigned column, unsigned indent, unsigned width);

#endif
