/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "opt.h"
#include "report/chart.h"
#include "report/shared.h"

#define PERCENTILE_POINTS 200
#define FIRST_NINES 0.0458	/* 10 %: below it a line would fall to its minimum at once */
#define LINES_MAX (TRANSPORTS + 8)
#define BARS_MAX 24

/* --- style ----------------------------------------------------------------------------------- */

static const char style[] =
	":root{color-scheme:light dark;"
	"--bg:#f6f7f9;--card:#fff;--text:#1b2330;--muted:#5d6878;--grid:#e1e5eb;"
	"--fault:#b91c1c;--fault-bg:#fdecec;--warn:#8a5300;--warn-bg:#fff4dc;"
	"--good:#16703c;--good-bg:#e6f5ec;"
	"--c0:#2563eb;--c1:#d9730d;--c2:#0d8a66;--c3:#b4259f;--c4:#0e8aa8;--c5:#7048c8;--c6:#70831a}\n"
	"@media screen and (prefers-color-scheme:dark){:root{"
	"--bg:#12161c;--card:#1b2129;--text:#e6eaf0;--muted:#9aa5b4;"
	"--grid:#2d3541;--fault:#ff9d94;--fault-bg:#431c1c;--warn:#f5c66b;--warn-bg:#3b2d0e;--good:#7fd8a4;"
	"--good-bg:#15341f;--c0:#6ea8ff;--c1:#ff9f52;--c2:#45cfa4;--c3:#ec7fdc;--c4:#4fc7e3;--c5:#b094ff;"
	"--c6:#bccf5a}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0;background:var(--bg);color:var(--text);font:16px/1.5 system-ui,sans-serif;"
	"-webkit-text-size-adjust:100%}\n"
	"main{max-width:1180px;margin:0 auto;padding:24px 16px 40px}\n"
	"h1{font-size:1.6rem;margin:0 0 4px}h2{font-size:1.1rem;margin:32px 0 10px}\n"
	".asked{color:var(--muted);margin:0 0 20px;overflow-wrap:anywhere}\n"
	".say{border-left:4px solid;border-radius:6px;padding:9px 14px;margin:8px 0;overflow-wrap:anywhere}\n"
	".fault{color:var(--fault);background:var(--fault-bg)}"
	".warn{color:var(--warn);background:var(--warn-bg)}\n"
	".good{color:var(--good);background:var(--good-bg)}.note{color:var(--muted);background:var(--card)}\n"
	".advice{background:var(--card);border-color:var(--c0)}\n"
	".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(132px,1fr));"
	"gap:12px;margin:20px 0}\n"
	".tile{background:var(--card);border-radius:10px;padding:12px 14px}\n"
	".tile b{display:block;font-size:1.4rem;line-height:1.25;font-weight:650;"
	"font-variant-numeric:tabular-nums;"
	"white-space:nowrap}\n"
	".tile span{color:var(--muted);font-size:.85rem}\n"
	".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,460px),1fr));gap:16px;"
	"margin:20px 0}\n"
	"figure{background:var(--card);border-radius:10px;margin:0;padding:14px 16px}\n"
	"figcaption{font-weight:600;margin-bottom:4px}\n"
	"figure>svg{display:block;width:100%;height:auto;overflow:visible}\n"
	"svg text{fill:var(--muted);font:12px system-ui,sans-serif;font-variant-numeric:tabular-nums}\n"
	"svg text.value{fill:var(--text)}.grid{stroke:var(--grid);stroke-width:1;fill:none}\n"
	"path[class^=s]{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}\n"
	"path.dashed{stroke-dasharray:2 5}\n"
	".legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 16px;margin:0 0 6px;padding:0;"
	"font-size:.85rem;color:var(--muted)}\n"
	".key{width:22px;height:8px;margin-right:6px}\n"
	".scroll{overflow-x:auto;background:var(--card);border-radius:10px;padding:6px 8px}\n"
	"table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
	"th,td{padding:6px 10px;text-align:right;border-bottom:1px solid var(--grid)}\n"
	"th{color:var(--muted);font-weight:500;font-size:.85rem}tr:last-child>*{border-bottom:0}\n"
	"th:first-child{text-align:left;color:var(--text);font-size:1rem}"
	"tr.part th:first-child{padding-left:28px}\n"
	"td.text{text-align:left;white-space:normal;overflow-wrap:anywhere}\n"
	"footer{color:var(--muted);font-size:.85rem;margin-top:32px}\n"
	".say+.scroll{margin-top:16px}\n"
	"@media(max-width:520px){svg text{font-size:15px}table{font-size:.9rem}th,td{padding:6px 7px}"
	"th:first-child{font-size:.9rem}figure{padding:12px 10px}}\n"
	"@media print{figure,.tile,.scroll{break-inside:avoid;border:1px solid var(--grid)}}\n";

static void put_style(FILE *out)
{
	fputs("<style>\n", out);
	fputs(style, out);
	for (unsigned i = 0; i < CHART_COLOURS; i++)
		fprintf(out, "path.s%u{stroke:var(--c%u)}circle.s%u,rect.b%u{fill:var(--c%u)}\n",
			i, i, i, i, i);
	fputs("</style>\n", out);
}

static void put_head(FILE *out, const struct bench_config *c, bool compare)
{
	char asked[1024];

	report_asked(asked, sizeof(asked), c, compare);
	fputs("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
		"<meta name=\"color-scheme\" content=\"light dark\">\n<title>rt-bench: ", out);
	chart_text(out, asked);
	fputs("</title>\n", out);
	put_style(out);
	fprintf(out, "<main>\n<h1>%s</h1>\n<p class=\"asked\">",
		compare ? "rt-bench: comparison" : "rt-bench");
	chart_text(out, asked);
	fputs("</p>\n", out);
}

static void put_foot(FILE *out)
{
	char when[64];
	time_t now = time(NULL);
	struct tm tm;

	strftime(when, sizeof(when), "%Y-%m-%d %H:%M UTC", gmtime_r(&now, &tm));
	fprintf(out, "<footer>rt-bench %s, %s. Latency counts from when an event was due to be "
		"sent, whatever the server did meanwhile. Events of the warm-up are in counts, not in "
		"latency.</footer>\n</main>\n", opt_version, when);
}

/* --- what was wrong -------------------------------------------------------------------------- */

static void put_say(FILE *out, const char *class, const char *who, const char *text)
{
	fprintf(out, "<p class=\"say %s\">", class);
	if (*who != '\0') {
		fputs("<b>", out);
		chart_text(out, who);
		fputs(":</b> ", out);
	}
	chart_text(out, text);
	fputs("</p>\n", out);
}

static void put_remarks(FILE *out, const struct bench_config *c, const struct result *const *r, unsigned n)
{
	static const char *const classes[] = {"note", "warn", "fault"};
	struct said said[SAID_MAX];
	unsigned sum = report_said(said, c, r, n);

	for (unsigned i = 0; i < sum; i++)
		put_say(out, classes[said[i].remark.kind], said[i].who, said[i].remark.text);
}

static void put_advice(FILE *out, const char *text)
{
	fputs("<p class=\"say advice\">", out);
	chart_figures(out, text);
	fputs("</p>\n", out);
}

static bool all_clean(const struct result *const *r, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!verdict_clean(&r[i]->all.verdict) || r[i]->undelivered > 0)
			return false;
	return true;
}

/* --- the figures of one run ------------------------------------------------------------------ */

static void put_tile(FILE *out, const char *name, const char *value)
{
	if (strcmp(value, "-") == 0)
		return;
	fputs("<div class=\"tile\"><b>", out);
	chart_text(out, value);
	fprintf(out, "</b><span>%s</span></div>\n", name);
}

static void put_tile_time(FILE *out, const char *name, double ns)
{
	if (isnan(ns))
		return;
	fputs("<div class=\"tile\"><b>", out);
	chart_time(out, ns);
	fprintf(out, "</b><span>%s</span></div>\n", name);
}

static void put_tiles(FILE *out, const struct result *r)
{
	const struct histogram *h = r->all.latency.count > 0 ? &r->all.latency : &r->pub.ack;
	const char *p50 = h == &r->all.latency ? "latency, half are below" :
		"acknowledgement, half are below";
	char text[FIGURE_LEN];

	fputs("<div class=\"tiles\">\n", out);
	if (r->all.subscribers > 0)
		put_tile(out, "subscribers", figure_count(text, r->all.connected));
	put_tile(out, "deliveries a second",
		figure_number(text, r->all.deliveries > 0 ? figure_rate(r) : NAN));
	put_tile_time(out, p50, report_value(h, &report_columns[0]));
	put_tile_time(out, "99 of 100 are below", report_value(h, &report_columns[2]));
	put_tile_time(out, "999 of 1,000 are below", report_value(h, &report_columns[3]));
	put_tile(out, "on the wire per event", figure_size(text, figure_bytes_per_event(r)));
	put_tile_time(out, "server CPU per delivery", figure_cpu(r));
	put_tile(out, "server memory per connection", figure_size(text, figure_memory(r)));
	fputs("</div>\n", out);
}

static void put_times(FILE *out, const struct result *r)
{
	struct report_row rows[REPORT_ROWS];
	unsigned n = report_rows(rows, r);

	if (n == 0)
		return;
	fputs("<h2>Times</h2>\n<div class=\"scroll\"><table>\n<tr><th></th>", out);
	for (unsigned i = 0; i < REPORT_COLUMNS; i++)
		fprintf(out, "<th>%s</th>", report_columns[i].name);
	fputs("</tr>\n", out);
	for (unsigned k = 0; k < n; k++) {
		fprintf(out, "<tr%s><th>%s</th>", rows[k].part ? " class=\"part\"" : "", rows[k].name);
		for (unsigned i = 0; i < REPORT_COLUMNS; i++) {
			fputs("<td>", out);
			chart_time(out, report_value(rows[k].h, &report_columns[i]));
			fputs("</td>", out);
		}
		fputs("</tr>\n", out);
	}
	fputs("</table></div>\n", out);
}

static void put_count(FILE *out, const char *name, uint64_t n)
{
	char text[FIGURE_LEN];

	fprintf(out, "<tr><th>%s</th><td>%s</td></tr>\n", name, figure_count(text, n));
}

/* Of those that are only interesting when there are any. */
static void put_some(FILE *out, const char *name, uint64_t n)
{
	if (n > 0)
		put_count(out, name, n);
}

static void put_counts(FILE *out, const struct result *r)
{
	const struct verdict *v = &r->all.verdict;

	fputs("<h2>Counts</h2>\n<div class=\"scroll\"><table>\n", out);
	put_count(out, "events published", r->pub.sent);
	put_count(out, "acknowledged", r->pub.acked);
	put_some(out, "refused", r->pub.refused);
	put_some(out, "never acknowledged", r->pub.unsure);
	put_count(out, "deliveries", r->all.deliveries);
	put_count(out, "lost", v->lost);
	put_count(out, "doubled", v->doubled);
	put_count(out, "out of order", v->disordered);
	put_count(out, "corrupt", v->corrupt);
	put_some(out, "missed as rt-bench itself could not connect again", r->missed);
	put_some(out, "of these, acknowledged by another id or none", r->pub.misnamed);
	put_some(out, "missing, but announced", v->announced);
	put_count(out, "connections opened", r->all.connects);
	put_some(out, "attempts to connect that failed", r->all.connect_failures);
	put_some(out, "reconnections", r->all.reconnects);
	put_some(out, "connections that broke", r->all.broken);
	put_count(out, "HTTP requests", r->all.requests);
	put_count(out, "bytes received", r->all.bytes);
	fputs("</table></div>\n", out);
}

/* --- the plots of one run -------------------------------------------------------------------- */

/* Points of lines, in one allocation; a plot that there is no memory for is left out. */
struct points {
	double *p;
	size_t n, cap;
};

static double *take_points(struct points *p, size_t n)
{
	if (p->p == NULL || n > p->cap - p->n)
		return NULL;
	p->n += n;
	return p->p + p->n - n;
}

static void add_percentiles(struct chart_line *lines, unsigned *n, struct points *points, const char *name,
	const struct histogram *h, unsigned colour, bool dashed)
{
	double *x = take_points(points, PERCENTILE_POINTS), *y = take_points(points, PERCENTILE_POINTS);
	double nines = log10((double)h->count);

	if (x == NULL || y == NULL || h->count < 10)
		return;
	if (nines > 7)
		nines = 7;
	for (unsigned i = 0; i < PERCENTILE_POINTS; i++) {
		x[i] = FIRST_NINES + (nines - FIRST_NINES) * i / (PERCENTILE_POINTS - 1);
		y[i] = (double)histogram_percentile(h, 100 * (1 - pow(10, -x[i])));
	}
	lines[*n] = (struct chart_line){name, colour, dashed, x, y, PERCENTILE_POINTS};
	*n += 1;
}

enum series { SERIES_P50, SERIES_P99, SERIES_MAX, SERIES_RATE, SERIES_SENT };

static double interval_value(const struct result_interval *i, enum series s)
{
	double seconds = i->seconds > 0 ? i->seconds : 1;

	switch (s) {
	case SERIES_P50:
		return (double)i->p50_ns;
	case SERIES_P99:
		return (double)i->p99_ns;
	case SERIES_MAX:
		return (double)i->max_ns;
	case SERIES_SENT:
		return (double)i->sent / seconds;
	default:
		return (double)i->deliveries / seconds;
	}
}

static void add_series(struct chart_line *lines, unsigned *n, struct points *points, const char *name,
	const struct result *r, enum series s, unsigned colour)
{
	double *x = take_points(points, r->nintervals), *y = take_points(points, r->nintervals);

	if (x == NULL || y == NULL || r->nintervals < 2)
		return;
	for (unsigned i = 0; i < r->nintervals; i++) {
		x[i] = r->intervals[i].at_s;
		y[i] = interval_value(&r->intervals[i], s);
	}
	lines[*n] = (struct chart_line){name, colour, false, x, y, r->nintervals};
	*n += 1;
}

static struct points new_points(const struct result *const *r, unsigned n)
{
	struct points p = {NULL, 0, LINES_MAX * 2 * PERCENTILE_POINTS};

	for (unsigned i = 0; i < n; i++)
		p.cap += 8 * (size_t)r[i]->nintervals;
	p.p = malloc(p.cap * sizeof(*p.p));
	return p;
}

static void put_chart(FILE *out, const char *title, enum chart_x x, enum chart_y y,
	const struct chart_line *lines, unsigned n)
{
	chart_lines(out, &(struct chart){title, x, y, lines, n});
}

static void plot_percentiles(FILE *out, const struct result *r)
{
	struct points points = new_points(&r, 1);
	struct chart_line lines[LINES_MAX];
	unsigned n = 0;

	if (report_transports(r) < 2)
		add_percentiles(lines, &n, &points, "latency", &r->all.latency, 0, false);
	for (unsigned t = 0; report_transports(r) > 1 && t < TRANSPORTS; t++)
		if (r->by_transport[t].latency.count > 0)
			add_percentiles(lines, &n, &points, transport_name((enum transport)t),
				&r->by_transport[t].latency, t, false);
	add_percentiles(lines, &n, &points, "acknowledgement", &r->pub.ack, TRANSPORTS, true);
	put_chart(out, "Latency by percentile", CHART_PERCENTILE, CHART_TIME, lines, n);
	free(points.p);
}

static void plot_times(FILE *out, const struct result *r)
{
	struct points points = new_points(&r, 1);
	struct chart_line lines[LINES_MAX];
	unsigned n = 0;

	add_series(lines, &n, &points, "max", r, SERIES_MAX, 3);
	add_series(lines, &n, &points, "p99", r, SERIES_P99, 1);
	add_series(lines, &n, &points, "p50", r, SERIES_P50, 0);
	put_chart(out, "Latency over time", CHART_SECONDS, CHART_TIME, lines, n);
	n = 0;
	if (r->all.deliveries > 0)
		add_series(lines, &n, &points, "deliveries a second", r, SERIES_RATE, 2);
	else
		add_series(lines, &n, &points, "events a second", r, SERIES_SENT, 2);
	put_chart(out, r->all.deliveries > 0 ? "Deliveries a second" : "Events published a second",
		CHART_SECONDS, CHART_RATE, lines, n);
	free(points.p);
}

/* How the latencies are spread: a bar for each step of a third of a power of two or more. */
static void plot_spread(FILE *out, const struct histogram *h)
{
	struct chart_bar bars[BARS_MAX];
	char names[BARS_MAX][FIGURE_LEN];
	double low = log2((double)(h->min_ns > 0 ? h->min_ns : 1));
	double high = log2((double)h->max_ns + 1), step, most = 0;
	uint64_t before = 0;
	unsigned n = 9;

	if (h->count == 0 || high - low < 0.1)
		return;
	step = (high - low) / n;
	for (unsigned i = 0; i < n; i++) {
		double end = pow(2, low + step * (i + 1));
		uint64_t all = i == n - 1 ? h->count : histogram_count_below(h, (uint64_t)end);

		bars[i] = (struct chart_bar){.name = names[i],
			.share = (double)(all - before) / (double)h->count};
		snprintf(names[i], sizeof(names[i]), "\u2264 %s", figure_time(bars[i].value, end));
		figure_percent(bars[i].value, bars[i].share);
		before = all;
		most = fmax(most, bars[i].share);
	}
	for (unsigned i = 0; i < n; i++)
		bars[i].share = bars[i].share > 0 ? bars[i].share / most : NAN;
	chart_bars(out, "How latencies are spread", bars, n);
}

static void put_one(FILE *out, const struct result *r)
{
	put_tiles(out, r);
	fputs("<div class=\"plots\">\n", out);
	plot_percentiles(out, r);
	plot_times(out, r);
	plot_spread(out, &r->all.latency);
	fputs("</div>\n", out);
	put_times(out, r);
	put_counts(out, r);
}

/* --- several runs ---------------------------------------------------------------------------- */

static void put_cell(FILE *out, const char *text)
{
	fputs("<td>", out);
	chart_text(out, text);
	fputs("</td>", out);
}

static void put_cell_time(FILE *out, double ns)
{
	fputs("<td>", out);
	chart_time(out, ns);
	fputs("</td>", out);
}

static void put_comparison(FILE *out, const struct result *const *r, unsigned n)
{
	char text[FIGURE_LEN];
	bool server = false;	/* only --pid measures it */

	for (unsigned i = 0; i < n; i++)
		server |= !isnan(figure_cpu(r[i])) || !isnan(figure_memory(r[i]));
	fputs("<div class=\"scroll\"><table>\n"
		"<tr><th></th><th>p50</th><th>p99</th><th>max</th><th>bytes/event</th>", out);
	if (server)
		fputs("<th>server CPU/delivery</th><th>memory/connection</th>", out);
	fputs("<th>requests</th><th>connections</th><th>lost</th></tr>\n", out);
	for (unsigned i = 0; i < n; i++) {
		fputs("<tr><th>", out);
		chart_text(out, r[i]->label);
		fputs("</th>", out);
		put_cell_time(out, report_value(&r[i]->all.latency, &report_columns[0]));
		put_cell_time(out, report_value(&r[i]->all.latency, &report_columns[2]));
		put_cell_time(out, report_value(&r[i]->all.latency, &report_columns[4]));
		put_cell(out, figure_size(text, figure_bytes_per_event(r[i])));
		if (server) {
			put_cell_time(out, figure_cpu(r[i]));
			put_cell(out, figure_size(text, figure_memory(r[i])));
		}
		put_cell(out, figure_count(text, r[i]->all.requests));
		put_cell(out, figure_count(text, r[i]->all.connects));
		put_cell(out, figure_count(text, r[i]->all.verdict.lost));
		fputs("</tr>\n", out);
	}
	fputs("</table></div>\n", out);
}

static void plot_cost(FILE *out, const char *title, const struct result *const *r, unsigned n,
	double value(const struct result *r), char *format(char dst[FIGURE_LEN], double v))
{
	struct chart_bar bars[BARS_MAX];
	double most = 0;

	for (unsigned i = 0; i < n; i++)
		most = fmax(most, isnan(value(r[i])) ? 0 : value(r[i]));
	if (most <= 0)
		return;
	for (unsigned i = 0; i < n; i++) {
		bars[i] = (struct chart_bar){.name = r[i]->label, .colour = i, .share = value(r[i]) / most};
		format(bars[i].value, value(r[i]));
	}
	chart_bars(out, title, bars, n);
}

static void put_several(FILE *out, const struct result *const *r, unsigned n)
{
	struct points points = new_points(r, n);
	struct chart_line lines[LINES_MAX];
	unsigned k = 0;

	put_comparison(out, r, n);
	fputs("<div class=\"plots\">\n", out);
	for (unsigned i = 0; i < n; i++)
		add_percentiles(lines, &k, &points, r[i]->label, &r[i]->all.latency, i, i >= CHART_COLOURS);
	put_chart(out, "Latency by percentile", CHART_PERCENTILE, CHART_TIME, lines, k);
	k = 0;
	for (unsigned i = 0; i < n; i++)
		add_series(lines, &k, &points, r[i]->label, r[i], SERIES_P99, i);
	put_chart(out, "p99 over time", CHART_SECONDS, CHART_TIME, lines, k);
	plot_cost(out, "Server CPU per delivery", r, n, figure_cpu, figure_time);
	plot_cost(out, "Bytes on the wire per event", r, n, figure_bytes_per_event, figure_size);
	k = 0;
	for (unsigned i = 0; i < n; i++)
		add_series(lines, &k, &points, r[i]->label, r[i], SERIES_RATE, i);
	put_chart(out, "Deliveries a second", CHART_SECONDS, CHART_RATE, lines, k);
	fputs("</div>\n", out);
	free(points.p);
}

int report_html(FILE *out, const struct bench_config *c, const struct result *const *r, unsigned n)
{
	char advice[1024];

	if (n > LINES_MAX)
		n = LINES_MAX;
	put_head(out, c, n != 1);
	if (n > 0 && all_clean(r, n) && r[0]->all.subscribers > 0)
		put_say(out, "good", "", "Nothing was lost, doubled, out of order or corrupt.");
	put_remarks(out, c, r, n);
	if (n == 1) {
		put_one(out, r[0]);
	} else {
		report_advice(advice, sizeof(advice), r, n);
		if (*advice != '\0')
			put_advice(out, advice);
		put_several(out, r, n);
	}
	put_foot(out);
	return ferror(out) ? -1 : 0;
}
