/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include <math.h>
#include <string.h>

#include "report/shared.h"

#define LABEL 9
#define RED "\x1b[31m"
#define YELLOW "\x1b[33m"
#define OFF "\x1b[0m"

/* --- the table ------------------------------------------------------------------------------- */

struct column {
	const char *name;
	unsigned width;
	unsigned rank;	/* the lower, the later it is left out where there is no room */
	char *(*format)(char dst[FIGURE_LEN], double v);
	double (*value)(const struct result *r);
};

static double p50(const struct result *r)
{
	return report_value(&r->all.latency, &report_columns[0]);
}

static double p99(const struct result *r)
{
	return report_value(&r->all.latency, &report_columns[2]);
}

static double requests(const struct result *r)
{
	return (double)r->all.requests;
}

static double connects(const struct result *r)
{
	return (double)r->all.connects;
}

static char *count(char dst[FIGURE_LEN], double v)
{
	return figure_count(dst, (uint64_t)v);
}

static const struct column columns[] = {
	{"p50", 10, 1, figure_time, p50},
	{"p99", 10, 0, figure_time, p99},
	{"B/event", 10, 2, figure_size, figure_bytes_per_event},
	{"CPU/event", 10, 3, figure_time, figure_cpu},
	{"B/conn.", 10, 6, figure_size, figure_memory},
	{"requests", 11, 4, count, requests},
	{"connects", 10, 5, count, connects},
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* Is there room for it beside all that matter more, and has anybody a figure for it? */
static bool column_shown(const struct column *col, const struct result *const *r, unsigned n, unsigned width)
{
	unsigned used = LABEL + col->width;
	bool known = false;

	for (size_t i = 0; i < COLUMNS; i++)
		if (columns[i].rank < col->rank)
			used += columns[i].width;
	for (unsigned i = 0; i < n; i++)
		known |= !isnan(col->value(r[i]));
	return known && used <= width;
}

static void print_table(FILE *out, const struct result *const *r, unsigned n, unsigned width)
{
	bool shown[COLUMNS];
	char text[FIGURE_LEN];

	fprintf(out, "%-*s", LABEL, "");
	for (size_t i = 0; i < COLUMNS; i++) {
		shown[i] = column_shown(&columns[i], r, n, width);
		if (shown[i])
			fprintf(out, "%*s", (int)columns[i].width, columns[i].name);
	}
	fputc('\n', out);
	for (unsigned k = 0; k < n; k++) {
		fprintf(out, "%-*s", LABEL, r[k]->label);
		for (size_t i = 0; i < COLUMNS; i++)
			if (shown[i])
				fprintf(out, "%*s", (int)columns[i].width,
					columns[i].format(text, columns[i].value(r[k])));
		fputc('\n', out);
	}
}

/* --- what was wrong -------------------------------------------------------------------------- */

/* Notes are left out: they do not say which fits. Returns how many there were. */
static unsigned print_remarks(FILE *out, const struct said *said, unsigned n, unsigned width, bool colour)
{
	char text[sizeof(said->who) + REMARK_LEN];
	unsigned printed = 0;

	for (unsigned i = 0; i < n; i++) {
		if (said[i].remark.kind == REMARK_NOTE)
			continue;
		snprintf(text, sizeof(text), "%s: %s", said[i].who, said[i].remark.text);
		if (colour)
			fputs(said[i].remark.kind == REMARK_FAULT ? RED : YELLOW, out);
		report_wrap(out, text, 0, 2, width);
		fprintf(out, "%s\n", colour ? OFF : "");
		printed++;
	}
	return printed;
}

int report_compare(FILE *out, const struct bench_config *c, const struct result *const *r, unsigned n,
	unsigned width, bool colour)
{
	struct said said[SAID_MAX];
	char text[1024];

	report_asked(text, sizeof(text), c, true);
	report_wrap(out, text, 0, 0, width);
	fputs("\n\n", out);
	if (n > 0)
		print_table(out, r, n, width);
	fputc('\n', out);
	if (print_remarks(out, said, report_said(said, c, r, n), width, colour) > 0)
		fputc('\n', out);
	report_advice(text, sizeof(text), r, n);
	if (*text != '\0') {
		report_wrap(out, text, 0, 0, width);
		fputc('\n', out);
	}
	return ferror(out) ? -1 : 0;
}
