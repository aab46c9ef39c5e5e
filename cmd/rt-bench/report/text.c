/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include <math.h>
#include <string.h>

#include "report/shared.h"

#define LABEL 16	/* width of the first column */
#define COLUMN 10	/* of each other in a table */
#define BARS_MAX 14	/* rows of a histogram */
#define RED "\x1b[31m"
#define YELLOW "\x1b[33m"
#define OFF "\x1b[0m"

struct page {
	FILE *out;
	unsigned width;
	bool colour, utf8;
};

static void colour_on(const struct page *p, enum remark_kind kind)
{
	if (p->colour && kind != REMARK_NOTE)
		fputs(kind == REMARK_FAULT ? RED : YELLOW, p->out);
}

static void colour_off(const struct page *p, enum remark_kind kind)
{
	if (p->colour && kind != REMARK_NOTE)
		fputs(OFF, p->out);
}

/* "label  text", wrapped beside the label. */
static void line(const struct page *p, const char *label, enum remark_kind kind, const char *text)
{
	colour_on(p, kind);
	fprintf(p->out, "%-*s", LABEL, label);
	report_wrap(p->out, text, LABEL, LABEL, p->width);
	colour_off(p, kind);
	fputc('\n', p->out);
}

/* --- what was done --------------------------------------------------------------------------- */

static void print_connected(const struct page *p, const struct result *r)
{
	char text[200], a[FIGURE_LEN], b[FIGURE_LEN];
	struct text t = {text, sizeof(text), 0};

	if (r->all.subscribers == 0)
		return;
	text_add(&t, "%s of %s", figure_count(a, r->all.connected), figure_count(b, r->all.subscribers));
	text_add(&t, " in %s", figure_time(a, r->connect_s * 1e9));
	if (r->connect_s > 0)
		text_add(&t, ", %s/s", figure_number(a, (double)r->all.connected / r->connect_s));
	if (r->all.reconnects > 0)
		text_add(&t, "; then %s reconnections", figure_count(a, r->all.reconnects));
	line(p, "connected", r->all.connected < r->all.subscribers ? REMARK_WARNING : REMARK_NOTE, text);
}

static void print_published(const struct page *p, const struct result *r)
{
	char text[200], a[FIGURE_LEN];
	struct text t = {text, sizeof(text), 0};
	const struct result_publishers *pub = &r->pub;

	if (pub->sent == 0)
		return;
	text_add(&t, "%s event%s", figure_count(a, pub->sent), pub->sent == 1 ? "" : "s");
	if (r->sending_s > 0)
		text_add(&t, ", %s/s", figure_number(a, figure_publish_rate(r)));
	if (pub->acked == pub->sent)
		text_add(&t, ", all acknowledged");
	else if (pub->acked > 0)
		text_add(&t, ", %s acknowledged", figure_count(a, pub->acked));
	line(p, "published", REMARK_NOTE, text);
}

static void print_delivered(const struct page *p, const struct result *r)
{
	char text[200], a[FIGURE_LEN];
	struct text t = {text, sizeof(text), 0};
	uint64_t asked = r->by_transport[TRANSPORT_POLL].requests +
		r->by_transport[TRANSPORT_LONGPOLL].requests;

	if (r->all.subscribers == 0)
		return;
	text_add(&t, "%s event%s", figure_count(a, r->all.deliveries), r->all.deliveries == 1 ? "" : "s");
	if (r->all.deliveries > 0) {
		text_add(&t, ", %s/s", figure_number(a, figure_rate(r)));
		text_add(&t, ", %s each on the wire", figure_size(a, figure_bytes_per_event(r)));
	}
	if (asked > 0)
		text_add(&t, ", %s polls", figure_count(a, asked));
	line(p, "delivered", REMARK_NOTE, text);
}

static void print_server(const struct page *p, const struct result *r)
{
	char text[200], a[FIGURE_LEN], b[FIGURE_LEN];
	struct text t = {text, sizeof(text), 0};

	text[0] = '\0';
	if (!isnan(figure_cpu(r)))
		text_add(&t, "%s of CPU per delivery (%s of a core)", figure_time(a, figure_cpu(r)),
			figure_percent(b, (double)r->server_cpu_ns / 1e9 / r->publish_s));
	if (!isnan(figure_memory(r)))
		text_add(&t, "%s%s of memory per connection", t.len > 0 ? ", " : "",
			figure_size(a, figure_memory(r)));
	else if (r->server_pss_before > 0 && r->server_pss_idle > 0)
		text_add(&t, "%sits memory did not grow with the connections", t.len > 0 ? ", " : "");
	if (t.len > 0)
		line(p, "server", REMARK_NOTE, text);
}

static void print_own(const struct page *p, const struct result *r)
{
	char text[200], a[FIGURE_LEN];
	struct text t = {text, sizeof(text), 0};

	text_add(&t, "%u thread%s", r->threads, r->threads == 1 ? "" : "s");
	if (r->own_cpu_ns > 0 && r->all.deliveries > 0)
		text_add(&t, ", %s of CPU per delivery", figure_time(a, figure_own_cpu(r)));
	text_add(&t, ", %s of a core%s", figure_percent(a, r->own_busiest),
		r->threads > 1 ? " in the busiest" : "");
	if (r->pub.lateness.count > 0)
		text_add(&t, ", sent at most %s late (p99)", figure_time(a,
			(double)histogram_percentile(&r->pub.lateness, 99)));
	line(p, "rt-bench", r->limit != NULL ? REMARK_WARNING : REMARK_NOTE, text);
}

/* What most want to know, in one line: did all arrive, and how soon? */
static void print_verdict(const struct page *p, const struct result *r)
{
	char text[REMARK_LEN + FIGURE_LEN], time[FIGURE_LEN];
	bool good = verdict_clean(&r->all.verdict);
	struct text t = {text, sizeof(text), 0};

	if (r->all.deliveries == 0 && r->undelivered == 0)
		return;
	report_faults(text, REMARK_LEN, r);
	t.len = strlen(text);
	if (r->all.latency.count > 0)
		text_add(&t, "; 99 of 100 came within %s",
			figure_time(time, (double)histogram_percentile(&r->all.latency, 99)));
	line(p, "verdict", good ? REMARK_NOTE : REMARK_FAULT, text);
}

static void print_remarks(const struct page *p, const struct bench_config *c, const struct result *r)
{
	static const char *const labels[] = {"note", "warning", "fault"};
	struct remark remarks[REMARKS_MAX];
	unsigned n = report_remarks(remarks, c, r);

	for (unsigned i = 0; i < n; i++) {
		if (i == 0 && !verdict_clean(&r->all.verdict))
			continue;	/* the verdict says it already */
		line(p, labels[remarks[i].kind], remarks[i].kind, remarks[i].text);
	}
}

/* --- the table of times ---------------------------------------------------------------------- */

static bool column_fits(const struct page *p, const struct report_column *column)
{
	return LABEL + (column->rank + 1) * COLUMN <= p->width;
}

static void print_times(const struct page *p, const struct result *r)
{
	struct report_row rows[REPORT_ROWS];
	unsigned n = report_rows(rows, r);
	char text[FIGURE_LEN];

	if (n == 0)
		return;
	fprintf(p->out, "\n%-*s", LABEL, "");
	for (unsigned i = 0; i < REPORT_COLUMNS; i++)
		if (column_fits(p, &report_columns[i]))
			fprintf(p->out, "%*s", COLUMN, report_columns[i].name);
	fputc('\n', p->out);
	for (unsigned row = 0; row < n; row++) {
		fprintf(p->out, "%s%-*s", rows[row].part ? "  " : "",
			LABEL - (rows[row].part ? 2 : 0), rows[row].name);
		for (unsigned i = 0; i < REPORT_COLUMNS; i++)
			if (column_fits(p, &report_columns[i]))
				fprintf(p->out, "%*s", COLUMN,
					figure_time(text, report_value(rows[row].h, &report_columns[i])));
		fputc('\n', p->out);
	}
}

/* --- the histogram --------------------------------------------------------------------------- */

/* Where rows end within a power of ten; from the finest to the coarsest. */
static const double steps[][10] = {
	{1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8},
	{1, 1.5, 2, 3, 5, 7},
	{1, 2, 5},
	{1, 3},
	{1},
};

/* The upper ends of rows that cover (h). Returns how many, or 0 if there would be too many. */
static unsigned edges(double ends[BARS_MAX], const struct histogram *h, const double series[10])
{
	unsigned n = 0;

	for (double decade = 1; decade < 1e16; decade *= 10)
		for (unsigned i = 0; i < 10 && series[i] > 0; i++) {
			double end = series[i] * decade;

			if (end < (double)h->min_ns)
				continue;
			if (n == BARS_MAX)
				return 0;
			ends[n++] = end;
			if (end >= (double)h->max_ns)
				return n;
		}
	return 0;
}

/* The end of a row: "1.5 ms", "20 us". */
static char *edge_text(char dst[FIGURE_LEN], double ns)
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	unsigned unit = 0;

	while (unit < 3 && ns >= 1000) {
		ns /= 1000;
		unit++;
	}
	snprintf(dst, FIGURE_LEN, "%g %s", ns, units[unit]);
	return dst;
}

/* A bar of (share) of (width) columns, in eighths; what is more than nothing is seen. */
static void print_bar(const struct page *p, double share, unsigned width)
{
	static const char *const eighths[] = {"", "\u258f", "\u258e", "\u258d", "\u258c", "\u258b",
		"\u258a", "\u2589"};
	unsigned parts = (unsigned)(share * width * 8 + 0.5), used;

	if (share > 0 && parts == 0)
		parts = 1;
	used = parts / 8 + (parts % 8 > 0);
	for (unsigned i = 0; i < parts / 8; i++)
		fputs(p->utf8 ? "\u2588" : "#", p->out);
	if (parts % 8 > 0)
		fputs(p->utf8 ? eighths[parts % 8] : parts > 7 ? "#" : ":", p->out);
	fprintf(p->out, "%*s", (int)(width - used), "");
}

static void print_histogram(const struct page *p, const struct histogram *h, const char *title)
{
	double ends[BARS_MAX];
	uint64_t counts[BARS_MAX], before = 0, most = 0;
	bool narrow = p->width < 60;
	unsigned n = 0, bar = p->width - (narrow ? 34 : 45);
	char time[FIGURE_LEN], count[FIGURE_LEN], share[FIGURE_LEN], below[FIGURE_LEN];

	for (unsigned i = 0; n == 0 && i < sizeof(steps) / sizeof(steps[0]); i++)
		n = edges(ends, h, steps[i]);
	if (h->count == 0 || n < 2)
		return;
	for (unsigned i = 0; i < n; i++) {
		uint64_t all = i == n - 1 ? h->count : histogram_count_below(h, (uint64_t)ends[i]);

		counts[i] = all - before;
		before = all;
		if (counts[i] > most)
			most = counts[i];
	}
	fprintf(p->out, "\n%-*s%13s %8s%s\n", (int)(11 + bar), title, "events", "share",
		narrow ? "" : "     so far");
	before = 0;
	for (unsigned i = 0; i < n; i++) {
		before += counts[i];
		fprintf(p->out, "<= %7s ", edge_text(time, ends[i]));
		print_bar(p, most == 0 ? 0 : (double)counts[i] / (double)most, bar);
		fprintf(p->out, " %12s %8s", figure_count(count, counts[i]),
			figure_percent(share, (double)counts[i] / (double)h->count));
		if (!narrow)
			fprintf(p->out, " %10s", figure_percent(below, (double)before / (double)h->count));
		fputc('\n', p->out);
	}
}

/* --- all of it ------------------------------------------------------------------------------- */

/* What matters most comes last: there a terminal shows it, however small. */
int report_text(FILE *out, const struct bench_config *c, const struct result *r, unsigned width, bool colour)
{
	struct page p = {out, width, colour, report_utf8()};
	char asked[1024];

	report_asked(asked, sizeof(asked), c, false);
	report_wrap(out, asked, 0, 0, width);
	fputc('\n', out);
	if (r->all.latency.count > 0)
		print_histogram(&p, &r->all.latency, "latency");
	else
		print_histogram(&p, &r->pub.ack, "acknowledgement");
	print_times(&p, r);
	fputc('\n', out);
	print_connected(&p, r);
	print_published(&p, r);
	print_delivered(&p, r);
	print_server(&p, r);
	print_own(&p, r);
	print_verdict(&p, r);
	print_remarks(&p, c, r);
	return ferror(out) ? -1 : 0;
}
