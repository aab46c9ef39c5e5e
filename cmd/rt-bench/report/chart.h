/* SPDX-License-Identifier: MIT */
#ifndef RT_CHART_H
#define RT_CHART_H

/*
 * Charts as SVG within HTML, to be read on paper, on a phone, in the light and in the dark: colours are
 * variables of the page (--c0 ... --c6, --grid, --muted), nothing is loaded and nothing runs.
 */
#include <stdbool.h>
#include <stdio.h>

#define CHART_COLOURS 7

enum chart_x {
	CHART_SECONDS,		/* since the beginning */
	CHART_PERCENTILE,	/* nines: x is -log10(1 - share), so that 1 is 90 %, 2 is 99 % */
};

enum chart_y {
	CHART_TIME,		/* nanoseconds, on a log scale; what is 0 is left out */
	CHART_RATE,		/* a number, from 0 */
};

struct chart_line {
	const char *name;	/* in the legend; escaped here */
	unsigned colour;
	bool dashed;
	const double *x, *y;
	unsigned n;
};

struct chart {
	const char *title;	/* HTML */
	enum chart_x x;
	enum chart_y y;
	const struct chart_line *lines;
	unsigned nlines;
};

/** A line chart with axes, grid and legend. Nothing if no line has two points. */
void chart_lines(FILE *out, const struct chart *chart);

struct chart_bar {
	const char *name;	/* escaped here */
	char value[32];		/* as text, behind the bar */
	double share;		/* of the longest; NAN: no bar */
	unsigned colour;
};

/** Horizontal bars. */
void chart_bars(FILE *out, const char *title, const struct chart_bar *bars, unsigned n);

/** Write (s) as text of HTML, safe within attributes as well; what is no UTF-8 becomes U+FFFD. */
void chart_text(FILE *out, const char *s);

/** The same of a sentence with figures: in "12.3 us" the letter becomes the Greek one. */
void chart_figures(FILE *out, const char *s);

/** A time, so written. */
void chart_time(FILE *out, double ns);

#endif
