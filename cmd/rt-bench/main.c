/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compare.h"
#include "config.h"
#include "exitcode.h"
#include "load/clock.h"
#include "load/run.h"
#include "log.h"
#include "report/report.h"
#include "stdfds.h"
#include "stop.h"

/* Columns of a table: where stdout is no terminal, and within which limits it follows one. */
#define WIDTH_DEFAULT 80
#define WIDTH_LEAST 40
#define WIDTH_MOST 120

/* What was measured: one run, or those of --compare. */
struct outcome {
	struct result *results[COMPARE_RUNS];
	unsigned n;
};

static int measure(const struct bench_config *c, struct outcome *o)
{
	int status;

	if (c->compare)
		return compare_run(c, o->results, &o->n);
	o->results[0] = calloc(1, sizeof(*o->results[0]));
	if (o->results[0] == NULL) {
		log_error("out of memory");
		return EXIT_RESOURCES;
	}
	status = run(c, o->results[0]);
	o->n = 1;
	return status;
}

/* --- output ---------------------------------------------------------------------------------- */

/* Is an environment variable there, and not empty? */
static bool is_set(const char *name)
{
	const char *v = getenv(name);

	return v != NULL && *v != '\0';
}

static int print_table(const struct bench_config *c, const struct outcome *o)
{
	unsigned width = report_width(STDOUT_FILENO);
	bool colour = width > 0 && !is_set("NO_COLOR");
	const struct result *const *r = (const struct result *const *)o->results;

	if (width == 0)
		width = WIDTH_DEFAULT;
	else
		width = width < WIDTH_LEAST ? WIDTH_LEAST : width > WIDTH_MOST ? WIDTH_MOST : width;
	if (c->compare)
		return report_compare(stdout, c, r, o->n, width, colour);
	return report_text(stdout, c, r[0], width, colour);
}

static int print(const struct bench_config *c, const struct outcome *o)
{
	int failed = 0;

	if (!c->json)
		failed = print_table(c, o);
	for (unsigned i = 0; c->json && i < o->n && failed == 0; i++)
		failed = report_json(stdout, c, o->results[i]);
	if (failed == 0 && fflush(stdout) == 0)
		return 0;
	if (errno == EPIPE)
		stop_by(SIGPIPE);
	log_error("standard output: %m");
	return -1;
}

/*
 * Open (path), so that what cannot be written is known before a run and not after it. What is in
 * the file stays until there is something new. 0, or -1 having said why; *f stays NULL without a
 * path.
 */
static int open_file(FILE **f, const char *path)
{
	if (path == NULL)
		return 0;
	*f = fopen(path, "a");
	if (*f != NULL)
		return 0;
	log_error("%s: %m", path);
	return -1;
}

/* (write) fills the file, which is closed in any case. */
static int save(FILE *f, const char *path, const struct bench_config *c, const struct outcome *o,
	int (*write)(FILE *f, const struct bench_config *c, const struct outcome *o))
{
	int failed;

	if (f == NULL)
		return 0;
	/* A pipe has nothing to be cut. */
	failed = ftruncate(fileno(f), 0) != 0 && errno != EINVAL;
	failed = failed || write(f, c, o) != 0 || fflush(f) != 0;
	if (failed)
		log_error("%s: %m", path);
	if (fclose(f) == 0 || failed)
		return failed ? -1 : 0;
	log_error("%s: %m", path);
	return -1;
}

static int write_html(FILE *f, const struct bench_config *c, const struct outcome *o)
{
	return report_html(f, c, (const struct result *const *)o->results, o->n);
}

static int write_csv(FILE *f, const struct bench_config *c, const struct outcome *o)
{
	(void)c;
	return report_csv(f, (const struct result *const *)o->results, o->n);
}

/* --- judgement ------------------------------------------------------------------------------- */

static int judge_thresholds(const struct bench_config *c, const struct outcome *o)
{
	char text[FIGURE_LEN];
	int status = EXIT_DONE;
	double value;

	for (unsigned i = 0; i < o->n; i++)
		for (unsigned t = 0; t < c->nthresholds; t++) {
			const struct threshold *limit = &c->thresholds[t];

			if (!threshold_exceeded(limit, o->results[i], &value))
				continue;
			log_error("failed: %.*s (%s%sit is %s)", (int)limit->len, limit->text,
				o->results[i]->label, *o->results[i]->label == '\0' ? "" : ": ",
				threshold_format(text, limit, value));
			status = EXIT_THRESHOLD;
		}
	return status;
}

static int judge(const struct bench_config *c, const struct outcome *o)
{
	int status = judge_thresholds(c, o);

	for (unsigned i = 0; status == EXIT_DONE && i < o->n; i++)
		if (!verdict_clean(&o->results[i]->all.verdict))
			status = EXIT_LOSS;
	for (unsigned i = 0; status == EXIT_DONE && i < o->n; i++)
		status = o->results[i]->failure;
	return status;
}

static int tell(const struct bench_config *c, const struct outcome *o, FILE *html, FILE *csv)
{
	int failed = print(c, o);

	failed |= save(html, c->html_file, c, o, write_html);
	failed |= save(csv, c->csv_file, c, o, write_csv);
	return failed != 0 ? EXIT_RESOURCES : judge(c, o);
}

int main(int argc, char **argv)
{
	struct bench_config c;
	struct outcome o = {0};
	FILE *html = NULL, *csv = NULL;
	int status;

	stdfds_take();
	config_parse(&c, argc, argv);
	clock_init();
	signal(SIGPIPE, SIG_IGN);
	if (stop_catch() != 0) {
		log_error("no descriptors: %m");
		return EXIT_RESOURCES;
	}
	if (open_file(&html, c.html_file) != 0 || open_file(&csv, c.csv_file) != 0)
		return EXIT_RESOURCES;
	status = measure(&c, &o);
	if (stop_signal() != 0)
		log_warn("ended by SIG%s%s", sigabbrev_np(stop_signal()),
			status == EXIT_DONE ? ": what follows was measured until then" : "");
	if (status == EXIT_DONE)
		status = tell(&c, &o, html, csv);
	for (unsigned i = 0; i < o.n; i++) {
		result_fini(o.results[i]);
		free(o.results[i]);
	}
	config_fini(&c);
	if (stop_signal() != 0)
		stop_by(stop_signal());
	return status;
}
