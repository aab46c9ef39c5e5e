/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "report/report.h"

/* Quoted if it must be; its quotes doubled. A spreadsheet would take a formula for one: it gets a "'". */
static void put_text(FILE *out, const char *s)
{
	const char *formula = strchr("=+-@\t\r", *s) != NULL && *s != '\0' ? "'" : "";

	if (strpbrk(s, ",\"\r\n") == NULL) {
		fprintf(out, "%s%s", formula, s);
		return;
	}
	fprintf(out, "\"%s", formula);
	for (; *s != '\0'; s++) {
		if (*s == '"')
			fputc('"', out);
		fputc(*s, out);
	}
	fputc('"', out);
}

/* Empty if nobody measured it. */
static void put_known(FILE *out, uint64_t n)
{
	if (n > 0)
		fprintf(out, "%" PRIu64, n);
}

static void put_interval(FILE *out, const char *label, const struct result_interval *i)
{
	const uint64_t measured[] = {i->p50_ns, i->p99_ns, i->max_ns, i->ack_p99_ns,
		i->server_cpu_ns, i->own_cpu_ns};
	double seconds = i->seconds > 0 ? i->seconds : 1;

	put_text(out, label);
	fprintf(out, ",%.3f,%.3f", i->at_s, i->seconds);
	fprintf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, i->sent, i->acked, i->deliveries);
	fprintf(out, ",%.1f,%" PRIu64 ",%" PRIu64, (double)i->deliveries / seconds, i->lost, i->connections);
	for (size_t k = 0; k < sizeof(measured) / sizeof(measured[0]); k++) {
		fputc(',', out);
		put_known(out, measured[k]);
	}
	fputs("\r\n", out);
}

int report_csv(FILE *out, const struct result *const *r, unsigned n)
{
	fputs("run,at_s,seconds,sent,acked,deliveries,deliveries_per_s,lost,connections,"
		"p50_ns,p99_ns,max_ns,ack_p99_ns,server_cpu_ns,own_cpu_ns\r\n", out);
	for (unsigned k = 0; k < n; k++)
		for (unsigned i = 0; i < r[k]->nintervals; i++)
			put_interval(out, r[k]->label, &r[k]->intervals[i]);
	return ferror(out) ? -1 : 0;
}
