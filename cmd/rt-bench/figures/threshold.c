/* SPDX-License-Identifier: MIT */
#include "figures/threshold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "str.h"

#define CONDITION_LEN 64

enum kind { KIND_TIMES, KIND_TIME, KIND_COUNT, KIND_SIZE };

struct threshold_figure {
	const char *name;	/* of KIND_TIMES: what stands before "p99" */
	enum kind kind;
	const struct histogram *(*times)(const struct result *r);
	double (*value)(const struct result *r);
};

static const struct histogram *latency(const struct result *r)
{
	return &r->all.latency;
}

static const struct histogram *ack(const struct result *r)
{
	return &r->pub.ack;
}

static const struct histogram *connecting(const struct result *r)
{
	return &r->all.connect;
}

#define COUNT(name, member) \
	static double name(const struct result *r) \
	{ \
		return (double)r->member; \
	}

COUNT(lost, all.verdict.lost)
COUNT(doubled, all.verdict.doubled)
COUNT(disordered, all.verdict.disordered)
COUNT(corrupt, all.verdict.corrupt)
COUNT(broken, all.broken)
COUNT(refused, pub.refused)
COUNT(deliveries, all.deliveries)
COUNT(sent, pub.sent)

/* Subscribers that were not there when publishing began. */
static double absent(const struct result *r)
{
	return (double)(r->all.subscribers - r->all.connected);
}

static const struct threshold_figure figures[] = {
	{"ack_", KIND_TIMES, ack, NULL},
	{"connect_", KIND_TIMES, connecting, NULL},
	{"", KIND_TIMES, latency, NULL},
	{"lost", KIND_COUNT, NULL, lost},
	{"doubled", KIND_COUNT, NULL, doubled},
	{"disordered", KIND_COUNT, NULL, disordered},
	{"corrupt", KIND_COUNT, NULL, corrupt},
	{"broken", KIND_COUNT, NULL, broken},
	{"absent", KIND_COUNT, NULL, absent},
	{"refused", KIND_COUNT, NULL, refused},
	{"deliveries", KIND_COUNT, NULL, deliveries},
	{"sent", KIND_COUNT, NULL, sent},
	{"rate", KIND_COUNT, NULL, figure_rate},
	{"cpu", KIND_TIME, NULL, figure_cpu},
	{"memory", KIND_SIZE, NULL, figure_memory},
};

#define FIGURES (sizeof(figures) / sizeof(figures[0]))

/* Of KIND_TIMES. */
static const struct {
	const char *name;
	double percent;		/* below 0: the mean */
} percentiles[] = {
	{"p50", 50},
	{"p90", 90},
	{"p99", 99},
	{"p999", 99.9},
	{"p99.9", 99.9},
	{"max", 100},
	{"mean", -1},
};

#define PERCENTILES (sizeof(percentiles) / sizeof(percentiles[0]))

struct unit {
	const char *name;
	double factor;
};

static const struct unit times[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {NULL, 0}};
static const struct unit counts[] = {{"", 1}, {"k", 1e3}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}, {NULL, 0}};
static const struct unit sizes[] = {{"", 1}, {"B", 1}, {"K", 1024}, {"KB", 1024}, {"KiB", 1024},
	{"M", 1 << 20}, {"MB", 1 << 20}, {"MiB", 1 << 20}, {"G", 1 << 30}, {"GB", 1 << 30},
	{"GiB", 1 << 30}, {NULL, 0}};

/* --- parsing --------------------------------------------------------------------------------- */

static bool find_times(struct threshold *t, const struct threshold_figure *f, struct str name)
{
	size_t n = strlen(f->name);

	if (name.n < n || memcmp(name.p, f->name, n) != 0)
		return false;
	for (size_t i = 0; i < PERCENTILES; i++)
		if (str_is((struct str){name.p + n, name.n - n}, percentiles[i].name)) {
			t->percentile = (int)i;
			return true;
		}
	return false;
}

static bool find_figure(struct threshold *t, struct str name)
{
	for (size_t i = 0; i < FIGURES; i++) {
		const struct threshold_figure *f = &figures[i];

		if (f->kind == KIND_TIMES ? find_times(t, f, name) : str_is(name, f->name)) {
			t->figure = f;
			return true;
		}
	}
	return false;
}

/* Digits and one point: strtod would take more ("inf", "0x", "1e3"). */
static bool parse_number(struct str *s, double *v)
{
	char text[CONDITION_LEN];
	size_t n = 0, digits = 0, points = 0;

	while (n < s->n && n < sizeof(text) - 1 && ((s->p[n] >= '0' && s->p[n] <= '9') || s->p[n] == '.')) {
		*(s->p[n] == '.' ? &points : &digits) += 1;
		text[n] = s->p[n];
		n++;
	}
	if (digits == 0 || points > 1)
		return false;
	text[n] = '\0';
	*v = strtod(text, NULL);
	s->p += n;
	s->n -= n;
	return true;
}

static bool parse_limit(struct str s, const struct unit *units, double *limit)
{
	double v;

	if (!parse_number(&s, &v))
		return false;
	for (; units->name != NULL; units++)
		if (str_is(s, units->name)) {
			*limit = v * units->factor;
			return true;
		}
	return false;
}

static const char *set_limit(struct threshold *t, struct str s)
{
	switch (t->figure->kind) {
	case KIND_TIMES:
	case KIND_TIME:
		return parse_limit(s, times, &t->limit) ? NULL :
			"compares a time with what is none: it needs a unit, ns, us, ms, s or m, "
			"as in 'p99>50ms'";
	case KIND_SIZE:
		return parse_limit(s, sizes, &t->limit) ? NULL :
			"compares a size with what is none: a number of bytes, or as in 'memory>2K'";
	default:
		return parse_limit(s, counts, &t->limit) ? NULL :
			"compares a count with what is none: a number, or as in 'rate<20k'";
	}
}

static struct str trimmed(struct str s)
{
	while (s.n > 0 && s.p[0] == ' ') {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && s.p[s.n - 1] == ' ')
		s.n--;
	return s;
}

static const char *parse_one(struct threshold *t, struct str s)
{
	size_t n = 0, width = 1;

	memset(t, 0, sizeof(*t));
	t->text = s.p;
	t->len = s.n;
	while (n < s.n && s.p[n] != '<' && s.p[n] != '>')
		n++;
	if (n == 0 || n == s.n)
		return "is not a condition: a figure, >, >=, < or <=, and a limit, as in 'p99>50ms,lost>0'";
	if (!find_figure(t, trimmed((struct str){s.p, n})))
		return "names no figure: p50, p90, p99, p999, max, mean (also with ack_ or connect_ "
			"in front), lost, doubled, disordered, corrupt, broken, absent, refused, "
			"deliveries, sent, rate, cpu and memory are known";
	t->op = s.p[n];
	if (n + 1 < s.n && s.p[n + 1] == '=') {
		t->op = t->op == '>' ? 'G' : 'L';
		width = 2;
	}
	return set_limit(t, trimmed((struct str){s.p + n + width, s.n - n - width}));
}

const char *threshold_parse(struct threshold *t, unsigned *n, const char *arg)
{
	for (;;) {
		size_t len = strcspn(arg, ",");
		const char *wrong;

		if (*n == THRESHOLDS_MAX)
			return "has more than 32 conditions";
		wrong = parse_one(&t[*n], trimmed((struct str){arg, len}));
		if (wrong != NULL)
			return wrong;
		*n += 1;
		if (arg[len] == '\0')
			return NULL;
		arg += len + 1;
	}
}

bool threshold_needs_pid(const struct threshold *t)
{
	return t->figure->value == figure_cpu || t->figure->value == figure_memory;
}

/* --- judging --------------------------------------------------------------------------------- */

static double value_of(const struct threshold *t, const struct result *r)
{
	const struct histogram *h;
	double percent;

	if (t->figure->kind != KIND_TIMES)
		return t->figure->value(r);
	h = t->figure->times(r);
	percent = percentiles[t->percentile].percent;
	if (h->count == 0)
		return NAN;
	return percent < 0 ? histogram_mean(h) : (double)histogram_percentile(h, percent);
}

bool threshold_exceeded(const struct threshold *t, const struct result *r, double *value)
{
	double v = value_of(t, r);

	*value = v;
	if (isnan(v))
		return true;
	switch (t->op) {
	case '>':
		return v > t->limit;
	case 'G':
		return v >= t->limit;
	case '<':
		return v < t->limit;
	default:
		return v <= t->limit;
	}
}

char *threshold_format(char dst[FIGURE_LEN], const struct threshold *t, double value)
{
	if (isnan(value))
		return strcpy(dst, "not measured");
	switch (t->figure->kind) {
	case KIND_TIMES:
	case KIND_TIME:
		return figure_time(dst, value);
	case KIND_SIZE:
		return figure_size(dst, value);
	default:
		return value == floor(value) ? figure_count(dst, (uint64_t)value) : figure_number(dst, value);
	}
}
