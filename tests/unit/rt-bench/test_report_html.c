/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include <math.h>
#include <stdlib.h>

#include "helper_result.h"
#include "report/chart.h"
#include "tests/unit/tap.h"
#include "utf8.h"

#define DEPTH_MOST 32

struct page_of {
	const struct bench_config *c;
	struct result *const *r;
	unsigned n;
};

static int write_page(FILE *out, void *arg)
{
	const struct page_of *p = arg;

	return report_html(out, p->c, (const struct result *const *)p->r, p->n);
}

static char *page_of(const struct bench_config *c, struct result *const *r, unsigned n)
{
	return helper_written(write_page, &(struct page_of){c, r, n});
}

static unsigned count(const char *text, const char *part)
{
	unsigned n = 0;

	while ((text = strstr(text, part)) != NULL) {
		text += strlen(part);
		n++;
	}
	return n;
}

static void has(const char *text, const char *part, const char *what)
{
	if (!ok(strstr(text, part) != NULL, "%s", what))
		printf("# no '%s'\n", part);
}

static bool is_void(const char *name)
{
	return strcmp(name, "meta") == 0 || strcmp(name, "html") == 0 || strcmp(name, "!doctype") == 0;
}

/* Does each tag that opens close, in the right order? Says where not. */
static bool balanced(const char *p)
{
	char open[DEPTH_MOST][16];
	unsigned depth = 0;

	while ((p = strchr(p, '<')) != NULL) {
		bool closes = p[1] == '/';
		size_t n = strcspn(p + 1 + closes, " >/\n");
		const char *end = strchr(p, '>');
		char name[16];

		snprintf(name, sizeof(name), "%.*s", (int)n, p + 1 + closes);
		if (end == NULL || n == 0)
			return printf("# at %.60s\n", p) < 0;
		if (closes && (depth == 0 || strcmp(open[--depth], name) != 0))
			return printf("# at %.60s\n", p) < 0;
		if (!closes && end[-1] != '/' && !is_void(name)) {
			if (depth == DEPTH_MOST)
				return false;
			strcpy(open[depth++], name);
		}
		p = end;
	}
	return depth == 0;
}

/* What every page must be. */
static void sound(const char *page, const char *what)
{
	ok(balanced(page), "%s: tags close as they open", what);
	ok(utf8_valid(page, strlen(page)), "... it is UTF-8");
	ok(strstr(page, "nan") == NULL && strstr(page, "inf ") == NULL && strstr(page, "inf\"") == NULL,
		"... all its numbers are numbers");
	ok(strstr(page, "<script") == NULL && strstr(page, "src=") == NULL && strstr(page, "href=") == NULL &&
		strstr(page, "url(") == NULL && strstr(page, "@import") == NULL &&
		strstr(page, "<link") == NULL, "... it runs and loads nothing");
	has(page, "<!doctype html>", "... a page");
	has(page, "width=device-width", "... for phones");
	has(page, "prefers-color-scheme:dark", "... in the dark as well");
}

static void one(void)
{
	struct bench_config c;
	struct result *r = helper_result();
	char *page;

	helper_config(&c);
	page = page_of(&c, &r, 1);
	sound(page, "one result");
	has(page, "<p class=\"say good\">Nothing was lost", "all is well");
	has(page, "1,000 subscribers (500 sse, 500 ws) on 1 topic", "what was asked");
	has(page, "<b>11.0 ms</b><span>99 of 100 are below</span>", "p99");
	has(page, "<figcaption>Latency by percentile", "a plot of percentiles");
	has(page, ">99.9 %</text>", "... with its axis");
	has(page, "</svg>sse</li>", "... and a legend of transports");
	has(page, "<figcaption>Latency over time", "a plot over time");
	has(page, "<title>p99, 6 s: ", "... with its values");
	has(page, "<figcaption>Deliveries a second", "a plot of the rate");
	has(page, "<figcaption>How latencies are spread", "a histogram");
	has(page, "<th>latency</th><td>5.21 ms</td>", "the table");
	has(page, "<tr class=\"part\"><th>ws</th>", "... of transports, too");
	has(page, "399 \xc2\xb5s", "microseconds");
	eq_num(count(page, "<figure>"), 4, "four plots");
	ok(strstr(page, "server CPU per delivery") == NULL, "nothing is known of the server");
	free(page);
	r->server_cpu_ns = 1320000000;
	r->all.verdict.lost = 3;
	r->limit = "it was busy";
	r->all.verdict.foreign = 1;
	page = page_of(&c, &r, 1);
	sound(page, "one bad result");
	ok(strstr(page, "say good") == NULL, "not all is well");
	has(page, "<p class=\"say fault\">lost 3 (", "what was lost");
	has(page, "<p class=\"say warn\">rt-bench was the bottleneck", "who was the limit");
	has(page, "<p class=\"say note\">1 events of others", "others");
	has(page, "<b>6.60 \xc2\xb5s</b><span>server CPU per delivery", "the server's figures");
	free(page);
	helper_free(r);
}

static void several(void)
{
	struct bench_config c;
	struct result *r[3] = {
		helper_variant("sse", TRANSPORT_SSE, 5.2, 11, 166, 6, 1000, 1000),
		helper_variant("ws", TRANSPORT_WS, 5, 10, 158, 6, 1000, 1000),
		helper_variant("poll 1s", TRANSPORT_POLL, 510, 1010, 95, 3, 10000, 1000),
	};
	char *page;

	helper_config(&c);
	page = page_of(&c, r, 3);
	sound(page, "a comparison");
	has(page, "<h1>rt-bench: comparison</h1>", "its name");
	has(page, "What fits: sse.", "the advice");
	has(page, "6.00 \xc2\xb5s of the server&#39;s CPU", "... with its figures");
	has(page, "<tr><th>poll 1s</th>", "a row each");
	has(page, "<figcaption>Server CPU per delivery", "a plot of CPU");
	has(page, "<figcaption>Bytes on the wire per event", "a plot of bytes");
	has(page, "</svg>poll 1s</li>", "a legend");
	has(page, "<p class=\"say good\">", "all is well");
	free(page);
	r[1]->all.verdict.doubled = 1;
	page = page_of(&c, r, 3);
	ok(strstr(page, "say good") == NULL, "one is not well");
	has(page, "<p class=\"say fault\"><b>ws:</b> lost 0, doubled 1", "it is said which");
	has(page, "<th>memory/connection</th>", "columns of the server");
	free(page);
	for (unsigned i = 0; i < 3; i++)
		r[i]->server_cpu_ns = r[i]->server_pss_before = r[i]->server_pss_idle = 0;
	page = page_of(&c, r, 3);
	ok(strstr(page, "memory/connection") == NULL && strstr(page, "CPU/delivery") == NULL,
		"... but not without --pid, which measures them");
	has(page, "<th>bytes/event</th><th>requests</th>", "... and nothing in their place");
	free(page);
	for (unsigned i = 0; i < 3; i++)
		helper_free(r[i]);
}

static void little(void)
{
	static struct result none;
	struct result *none_at = &none;
	struct bench_config c;
	struct result *r = helper_result();
	char *page;

	helper_config(&c);
	page = page_of(&c, &none_at, 1);
	sound(page, "nothing was measured");
	free(page);
	page = page_of(&c, &none_at, 0);
	sound(page, "no result");
	free(page);
	memset(&r->all, 0, sizeof(r->all));
	memset(r->by_transport, 0, sizeof(r->by_transport));
	page = page_of(&c, &r, 1);
	sound(page, "only publishing");
	has(page, "acknowledgement, half are below", "acknowledgements instead of latency");
	ok(strstr(page, "say good") == NULL, "nobody could lose anything");
	free(page);
	helper_free(r);
}

static void long_run(void)
{
	struct bench_config c;
	struct result *r = helper_result();
	char *page;

	helper_config(&c);
	r->nintervals = 3600;
	r->intervals = realloc(r->intervals, r->nintervals * sizeof(*r->intervals));
	for (unsigned i = 0; i < r->nintervals; i++)
		r->intervals[i] = (struct result_interval){.at_s = i + 1, .seconds = 1,
			.deliveries = i % 7 * 100000, .p50_ns = i % 10 == 0 ? 0 : 5000000,
			.p99_ns = 10000000, .max_ns = 20000000};
	page = page_of(&c, &r, 1);
	sound(page, "an hour");
	has(page, ">60 min</text>", "... in minutes");
	ok(strstr(page, "<circle") == NULL, "... without a dot for each second");
	ok(strlen(page) < 400000, "... %zu bytes", strlen(page));
	free(page);
	helper_free(r);
}

static void escaped(void)
{
	struct bench_config c;
	struct result *r[2] = {helper_result(), helper_result()};
	char *page;

	helper_config(&c);
	c.server = "\"><script>alert('1')</script>&\xff\x1b";
	strcpy(r[0]->label, "<b onclick='x'>");
	strcpy(r[1]->label, "</title>\xe2\x80\xae");
	for (unsigned n = 1; n <= 2; n++) {
		page = page_of(&c, r, n);
		sound(page, "a command line that means harm");
		has(page, "&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;"
			"\xef\xbf\xbd\xef\xbf\xbd", "it is text");
		free(page);
	}
	helper_free(r[0]);
	helper_free(r[1]);
}

/* --- charts ---------------------------------------------------------------------------------- */

static int write_chart(FILE *out, void *arg)
{
	chart_lines(out, arg);
	return 0;
}

static void charts(void)
{
	static const double ranges[][2] = {{1, 1}, {5, 5.0001}, {1, 3.6e12}, {999, 1001},
		{1e9, 1e9}, {2e6, 9e7}, {0, 0}};
	double x[3] = {0, 1, 2}, y[3];
	char *svg;

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		for (unsigned kind = 0; kind < 4; kind++) {
			struct chart_line line = {"a", 0, false, x, y, 3};
			struct chart chart = {"title", kind % 2 ? CHART_SECONDS : CHART_PERCENTILE,
				kind / 2 ? CHART_TIME : CHART_RATE, &line, 1};

			y[0] = ranges[i][0];
			y[1] = (ranges[i][0] + ranges[i][1]) / 2;
			y[2] = ranges[i][1];
			svg = helper_written(write_chart, &chart);
			if (!balanced(svg) || strstr(svg, "nan") != NULL || strstr(svg, "inf") != NULL)
				ok(false, "%g to %g, kind %u: %s", ranges[i][0], ranges[i][1], kind, svg);
			if ((y[2] > 0 || kind / 2 == 0) &&
					(count(svg, "text-anchor=\"end\"") < 2 ||
					strstr(svg, " d=\"M") == NULL))
				ok(false, "%g to %g, kind %u has no axis or line: %s", ranges[i][0],
					ranges[i][1], kind, svg);
			free(svg);
		}
	ok(true, "axes of any range");
	svg = helper_written(write_chart, &(struct chart){"title", CHART_SECONDS, CHART_TIME,
		&(struct chart_line){"a", 0, false, x, y, 1}, 1});
	eq_str(svg, "", "no plot of one point");
	free(svg);
}

struct sentence {
	const char *given;
};

static int write_figures(FILE *out, void *arg)
{
	const struct sentence *s = arg;

	chart_figures(out, s->given);
	return 0;
}

static void figures(void)
{
	static const char *const pairs[][2] = {{"6.60 us", "6.60 \xc2\xb5s"},
		{"1 us, 2 us.", "1 \xc2\xb5s, 2 \xc2\xb5s."}, {"call us", "call us"},
		{"3 users", "3 users"}, {" us", " us"}, {"<5 us>", "&lt;5 us&gt;"}, {"", ""}};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char *text = helper_written(write_figures, &(struct sentence){pairs[i][0]});

		eq_str(text, pairs[i][1], "microseconds in a sentence");
		free(text);
	}
}

int main(void)
{
	one();
	several();
	little();
	long_run();
	escaped();
	charts();
	figures();
	return tap_done();
}
