/* SPDX-License-Identifier: MIT */
#include "report/chart.h"

#include <math.h>
#include <string.h>

#include "figures/figure.h"
#include "utf8.h"

/* Small, so that its text can be read when a phone shows it in 360 pixels. */
#define WIDTH 480.0
#define HEIGHT 270.0
#define LEFT 62.0
#define RIGHT 14.0
#define TOP 12.0
#define BOTTOM 28.0
#define DOTS_MOST 40		/* points of a line that get a dot with its value */
#define TICKS_MOST 24
#define BAR_HEIGHT 30.0

struct axis {
	double low, high;	/* of what is shown; of a log scale the logarithms */
	double ticks[TICKS_MOST];
	unsigned nticks;
};

struct frame {
	FILE *out;
	const struct chart *chart;
	struct axis x, y;
};

/* --- text ------------------------------------------------------------------------------------ */

static void put_text(FILE *out, const char *s, size_t n)
{
	static const char special[] = "&<>\"'";
	static const char *const names[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
	uint32_t cp;

	for (size_t i = 0; i < n;) {
		unsigned len = utf8_decode(s + i, n - i, &cp);
		const char *at = len == 1 ? memchr(special, s[i], 5) : NULL;

		if (len == 0 || utf8_is_control(cp))
			fputs("\xef\xbf\xbd", out);
		else if (at != NULL)
			fputs(names[at - special], out);
		else
			fwrite(s + i, 1, len, out);
		i += len == 0 ? 1 : len;
	}
}

void chart_text(FILE *out, const char *s)
{
	put_text(out, s, strlen(s));
}

static bool is_micro(const char *from, const char *at)
{
	return at > from && at[-1] >= '0' && at[-1] <= '9' && strchr(" .,;)", at[3]) != NULL;
}

void chart_figures(FILE *out, const char *s)
{
	const char *from = s, *at;

	for (; (at = strstr(s, " us")) != NULL; s = at + 3) {
		put_text(out, s, (size_t)(at - s));
		fputs(is_micro(from, at) ? " \xc2\xb5s" : " us", out);
	}
	chart_text(out, s);
}

void chart_time(FILE *out, double ns)
{
	char text[FIGURE_LEN];

	chart_figures(out, figure_time(text, ns));
}

/* A tick: "200 us", "1 s", without decimals that are not needed. */
static void put_tick_time(FILE *out, double ns)
{
	static const char *const units[] = {"ns", "\xc2\xb5s", "ms", "s"};
	unsigned unit = 0;

	while (unit < 3 && ns >= 999.5) {
		ns /= 1000;
		unit++;
	}
	fprintf(out, "%g %s", ns, units[unit]);
}

static void put_tick_rate(FILE *out, double v)
{
	static const char *const units[] = {"", " k", " M", " G"};
	unsigned unit = 0;

	while (unit < 3 && v >= 999.5) {
		v /= 1000;
		unit++;
	}
	fprintf(out, "%g%s", v, units[unit]);
}

static void put_tick_seconds(FILE *out, double s, double last)
{
	if (last >= 7200)
		fprintf(out, "%g h", s / 3600);
	else if (last >= 180)
		fprintf(out, "%g min", s / 60);
	else
		fprintf(out, "%g s", s);
}

/* --- axes ------------------------------------------------------------------------------------ */

static void add_tick(struct axis *a, double v)
{
	if (a->nticks < TICKS_MOST)
		a->ticks[a->nticks++] = v;
}

/* The range of y, or of x, over all lines. */
static void find_range(const struct chart *c, bool of_x, double *low, double *high)
{
	*low = INFINITY;
	*high = -INFINITY;
	for (unsigned k = 0; k < c->nlines; k++)
		for (unsigned i = 0; i < c->lines[k].n; i++) {
			double v = of_x ? c->lines[k].x[i] : c->lines[k].y[i];

			if (!of_x && c->y == CHART_TIME && v <= 0)
				continue;
			*low = v < *low ? v : *low;
			*high = v > *high ? v : *high;
		}
}

/* The largest of 1, 2, 5 times a power of ten that is not above (v). */
static double nice_below(double v)
{
	double decade = pow(10, floor(log10(v) + 1e-9));

	return v >= 5 * decade * (1 - 1e-9) ? 5 * decade : v >= 2 * decade * (1 - 1e-9) ? 2 * decade : decade;
}

static double nice_after(double v)
{
	double decade = pow(10, floor(log10(v) + 1e-9)), first = v / decade;

	return first < 1.5 ? 2 * decade : first < 3.5 ? 5 * decade : 10 * decade;
}

/*
 * A log scale from one nice number to another, at least a factor of two; ticks at 1, 2, 5 if there
 * is room.
 */
static void log_axis(struct axis *a, double low, double high)
{
	double from = nice_below(low), to = nice_below(high), step;
	bool all;

	if (to < high * (1 - 1e-9))
		to = nice_after(to);
	if (to <= from)
		to = nice_after(from);
	all = log10(to / from) <= 2.4;
	a->low = log10(from);
	a->high = log10(to);
	for (double v = from; v <= to * (1 + 1e-9); v = step) {
		double decade = pow(10, round(log10(v)));

		step = nice_after(v);
		if (all || fabs(v / decade - 1) < 1e-6)
			add_tick(a, log10(v));
	}
}

static void linear_axis(struct axis *a, double high)
{
	double step = high > 0 ? nice_below(high / 3) : 1;

	if (high / step > 5.01)
		step = nice_after(step);
	a->low = 0;
	a->high = high > 0 ? ceil(high / step - 1e-9) * step : 1;
	for (unsigned i = 0; i * step <= a->high * (1 + 1e-9); i++)
		add_tick(a, i * step);
}

static void seconds_axis(struct axis *a, double high)
{
	static const double steps[] = {0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800,
		3600, 7200, 21600, 43200, 86400};
	size_t i = 0;

	while (i < sizeof(steps) / sizeof(steps[0]) - 1 && high / steps[i] > 6)
		i++;
	a->low = 0;
	a->high = high > 0 ? high : 1;
	for (double v = 0; v <= high * (1 + 1e-9) && a->nticks < TICKS_MOST; v += steps[i])
		add_tick(a, v);
}

static void percentile_axis(struct axis *a, double high)
{
	a->low = 0;
	a->high = high < 2 ? 2 : high;
	add_tick(a, log10(2));
	for (double v = 1; v <= a->high; v++)
		add_tick(a, v);
}

static double place_x(const struct frame *f, double x)
{
	return LEFT + (x - f->x.low) / (f->x.high - f->x.low) * (WIDTH - LEFT - RIGHT);
}

/* (y) as it is scaled: of a log axis its logarithm. */
static double place_y(const struct frame *f, double y)
{
	return HEIGHT - BOTTOM - (y - f->y.low) / (f->y.high - f->y.low) * (HEIGHT - TOP - BOTTOM);
}

static void put_x_label(const struct frame *f, double v)
{
	char text[FIGURE_LEN];

	if (f->chart->x == CHART_SECONDS)
		put_tick_seconds(f->out, v, f->x.high);
	else if (v < 1)
		fputs("50 %", f->out);
	else {
		snprintf(text, sizeof(text), "%.*f", v < 2.5 ? 0 : (int)v - 2, 100 * (1 - pow(10, -v)));
		fprintf(f->out, "%s %%", text);
	}
}

static void put_axes(const struct frame *f)
{
	for (unsigned i = 0; i < f->y.nticks; i++) {
		double y = place_y(f, f->y.ticks[i]);

		fprintf(f->out, "<path class=\"grid\" d=\"M%.0f %.1fH%.0f\"/>", LEFT, y, WIDTH - RIGHT);
		fprintf(f->out, "<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">", LEFT - 7, y + 4);
		if (f->chart->y == CHART_TIME)
			put_tick_time(f->out, pow(10, f->y.ticks[i]));
		else
			put_tick_rate(f->out, f->y.ticks[i]);
		fputs("</text>\n", f->out);
	}
	for (unsigned i = 0; i < f->x.nticks; i++) {
		double x = place_x(f, f->x.ticks[i]);
		bool last = x > WIDTH - RIGHT - 20;

		fprintf(f->out, "<path class=\"grid\" d=\"M%.1f %.0fV%.0f\"/>", x, TOP, HEIGHT - BOTTOM);
		fprintf(f->out, "<text x=\"%.1f\" y=\"%.0f\" text-anchor=\"%s\">", last ? WIDTH - 2 : x,
			HEIGHT - BOTTOM + 18, last ? "end" : "middle");
		put_x_label(f, f->x.ticks[i]);
		fputs("</text>\n", f->out);
	}
}

/* --- lines ----------------------------------------------------------------------------------- */

static bool is_shown(const struct frame *f, double y)
{
	return f->chart->y != CHART_TIME || y > 0;
}

static double scaled_y(const struct frame *f, double y)
{
	return place_y(f, f->chart->y == CHART_TIME ? log10(y) : y);
}

static void put_dot(const struct frame *f, const struct chart_line *l, unsigned i)
{
	char text[FIGURE_LEN];

	fprintf(f->out, "<circle class=\"s%u\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"><title>",
		l->colour % CHART_COLOURS, place_x(f, l->x[i]), scaled_y(f, l->y[i]));
	chart_text(f->out, l->name);
	fprintf(f->out, ", %.4g s: ", l->x[i]);
	if (f->chart->y == CHART_TIME)
		chart_time(f->out, l->y[i]);
	else
		fputs(figure_number(text, l->y[i]), f->out);
	fputs("</title></circle>", f->out);
}

static void put_line(const struct frame *f, const struct chart_line *l)
{
	bool begun = false;

	fprintf(f->out, "<path class=\"s%u%s\" d=\"", l->colour % CHART_COLOURS, l->dashed ? " dashed" : "");
	for (unsigned i = 0; i < l->n; i++) {
		if (is_shown(f, l->y[i]))
			fprintf(f->out, "%c%.1f %.1f", begun ? 'L' : 'M', place_x(f, l->x[i]),
				scaled_y(f, l->y[i]));
		begun = is_shown(f, l->y[i]);
	}
	fputs("\"/>\n", f->out);
	for (unsigned i = 0; f->chart->x == CHART_SECONDS && l->n <= DOTS_MOST && i < l->n; i++)
		if (is_shown(f, l->y[i]))
			put_dot(f, l, i);
}

static void put_legend(FILE *out, const struct chart *c)
{
	if (c->nlines < 2)
		return;
	fputs("<ul class=\"legend\">", out);
	for (unsigned i = 0; i < c->nlines; i++) {
		fprintf(out, "<li><svg class=\"key\" viewBox=\"0 0 22 8\" aria-hidden=\"true\">"
			"<path class=\"s%u%s\" d=\"M1 4H21\"/></svg>", c->lines[i].colour % CHART_COLOURS,
			c->lines[i].dashed ? " dashed" : "");
		chart_text(out, c->lines[i].name);
		fputs("</li>", out);
	}
	fputs("</ul>\n", out);
}

static bool is_worth(const struct chart *c)
{
	for (unsigned i = 0; i < c->nlines; i++)
		if (c->lines[i].n >= 2)
			return true;
	return false;
}

void chart_lines(FILE *out, const struct chart *chart)
{
	struct frame f = {.out = out, .chart = chart};
	double low, high;

	find_range(chart, false, &low, &high);
	if (!is_worth(chart) || (chart->y == CHART_TIME && !(low > 0 && isfinite(low))))
		return;
	if (chart->y == CHART_TIME)
		log_axis(&f.y, low, high);
	else
		linear_axis(&f.y, high);
	find_range(chart, true, &low, &high);
	if (chart->x == CHART_SECONDS)
		seconds_axis(&f.x, high);
	else
		percentile_axis(&f.x, high);
	fprintf(out, "<figure><figcaption>%s</figcaption>\n", chart->title);
	put_legend(out, chart);
	fprintf(out, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s\">\n",
		WIDTH, HEIGHT, chart->title);
	put_axes(&f);
	for (unsigned i = 0; i < chart->nlines; i++)
		put_line(&f, &chart->lines[i]);
	fputs("</svg></figure>\n", out);
}

/* --- bars ------------------------------------------------------------------------------------ */

void chart_bars(FILE *out, const char *title, const struct chart_bar *bars, unsigned n)
{
	const double left = 84, right = 82, room = WIDTH - left - right;

	fprintf(out, "<figure><figcaption>%s</figcaption>\n", title);
	fprintf(out, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s\">\n",
		WIDTH, BAR_HEIGHT * n, title);
	for (unsigned i = 0; i < n; i++) {
		double y = BAR_HEIGHT * i, wide = isnan(bars[i].share) ? 0 : fmax(1, bars[i].share * room);

		fprintf(out, "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">", left - 8, y + 20);
		chart_figures(out, bars[i].name);
		fprintf(out, "</text><rect class=\"b%u\" x=\"%.0f\" y=\"%.0f\" width=\"%.1f\" "
			"height=\"%.0f\" rx=\"2\"/>", bars[i].colour % CHART_COLOURS, left, y + 6,
			wide, BAR_HEIGHT - 11);
		fprintf(out, "<text class=\"value\" x=\"%.1f\" y=\"%.0f\">", left + wide + 7, y + 20);
		chart_figures(out, bars[i].value);
		fputs("</text>\n", out);
	}
	fputs("</svg></figure>\n", out);
}
