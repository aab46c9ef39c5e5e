/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "report/report.h"
#include "report/shared.h"

#define FIELDS 6
#define FIELD_LEN 80

/* What the line may say; the lower the rank, the later it is left out where there is no room. */
struct field {
	unsigned rank;
	char text[FIELD_LEN];
};

static struct text of(struct field *f, unsigned rank)
{
	f->rank = rank;
	f->text[0] = '\0';
	return (struct text){f->text, sizeof(f->text), 0};
}

static void put_time(struct field *f, const struct result_interval *i, const char *label, double total_s)
{
	struct text t = of(f, 0);

	if (*label != '\0')
		text_add(&t, "%s: ", label);
	if (total_s > 0 && i->at_s > total_s + 0.5)
		text_add(&t, "waiting for the rest");
	else if (total_s > 0)
		text_add(&t, "%.0f of %.0f s", i->at_s, total_s);
	else
		text_add(&t, "%.0f s", i->at_s);
}

static void put_deliveries(struct field fields[FIELDS], unsigned *n,
	const struct result_interval *i, double seconds)
{
	char figure[FIGURE_LEN];
	struct text t = of(&fields[*n], 3);

	text_add(&t, "%s deliveries/s", figure_number(figure, (double)i->deliveries / seconds));
	t = of(&fields[*n + 1], 1);
	text_add(&t, "p99 %s", figure_time(figure, i->p99_ns > 0 ? (double)i->p99_ns : NAN));
	t = of(&fields[*n + 2], 2);
	text_add(&t, "lost %s", figure_count(figure, i->lost));
	*n += 3;
}

/* Columns of those whose rank is at most (rank). */
static size_t length(const struct field *fields, unsigned n, unsigned rank)
{
	size_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		if (fields[i].rank <= rank)
			sum += strlen(fields[i].text) + (sum > 0 ? 2 : 0);
	return sum;
}

void report_progress(char *dst, size_t size, const struct result_interval *i, const char *label,
	double total_s, unsigned width)
{
	struct text line = {dst, width + 1 < size ? width + 1 : size, 0};
	double seconds = i->seconds > 0 ? i->seconds : 1;
	struct field fields[FIELDS];
	char figure[FIGURE_LEN];
	unsigned n = 1, rank = FIELDS;
	struct text t;

	dst[0] = '\0';
	put_time(&fields[0], i, label, total_s);
	if (i->connections > 0) {
		t = of(&fields[n++], 5);
		text_add(&t, "%s connected", figure_count(figure, i->connections));
	}
	t = of(&fields[n++], 4);
	text_add(&t, "%s events/s", figure_number(figure, (double)i->sent / seconds));
	if (i->connections > 0 || i->deliveries > 0) {
		put_deliveries(fields, &n, i, seconds);
	} else if (i->ack_p99_ns > 0) {
		t = of(&fields[n++], 1);
		text_add(&t, "ack p99 %s", figure_time(figure, (double)i->ack_p99_ns));
	}
	while (rank > 0 && length(fields, n, rank) > width)
		rank--;
	for (unsigned k = 0; k < n; k++)
		if (fields[k].rank <= rank)
			text_add(&line, "%s%s", line.len > 0 ? "  " : "", fields[k].text);
}
