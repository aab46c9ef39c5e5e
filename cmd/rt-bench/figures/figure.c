/* SPDX-License-Identifier: MIT */
#include "figures/figure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "units.h"

static char *put(char dst[FIGURE_LEN], const char *text)
{
	snprintf(dst, FIGURE_LEN, "%s", text);
	return dst;
}

/* Decimal places with which (v) has three significant digits, once it is rounded to them. */
static int places(double v)
{
	double a = fabs(v);

	if (a == 0)
		return 0;
	for (int n = 0; n < 5; n++, a *= 10)
		if (a >= 99.95)
			return n;
	return 5;
}

/* (v) in the first of the units in which it is below (step) when rounded. */
static char *scaled(char dst[FIGURE_LEN], double v, double step, const char *const *units)
{
	if (isnan(v))
		return put(dst, "-");
	while (units[1] != NULL && fabs(v) >= step * (1 - 0.0005)) {
		v /= step;
		units++;
	}
	if (fabs(v) >= 999.5)
		figure_count(dst, (uint64_t)(fabs(v) + 0.5));
	else
		snprintf(dst, FIGURE_LEN, "%.*f", places(v), v);
	return strncat(dst, units[0], FIGURE_LEN - strlen(dst) - 1);
}

char *figure_time(char dst[FIGURE_LEN], double ns)
{
	static const char *const units[] = {" ns", " us", " ms", " s", NULL};

	return scaled(dst, ns, 1000, units);
}

char *figure_size(char dst[FIGURE_LEN], double bytes)
{
	static const char *const units[] = {" B", " KiB", " MiB", " GiB", " TiB", NULL};

	return scaled(dst, bytes, 1024, units);
}

char *figure_number(char dst[FIGURE_LEN], double v)
{
	static const char *const units[] = {"", " k", " M", " G", NULL};

	return scaled(dst, v, 1000, units);
}

char *figure_count(char dst[FIGURE_LEN], uint64_t n)
{
	char digits[20];
	size_t len = units_format_u64(digits, n), at = 0;

	for (size_t i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			dst[at++] = ',';
		dst[at++] = digits[i];
	}
	dst[at] = '\0';
	return dst;
}

char *figure_percent(char dst[FIGURE_LEN], double share)
{
	double v = share * 100;
	int n = places(v) < 2 ? places(v) : 2;

	if (isnan(v))
		return put(dst, "-");
	for (double a = v; a > 0 && a < 0.0095 && n < 9; a *= 10)	/* the first digit that is not 0 */
		n++;
	if (v > 99.9 && v < 100) {
		n = 2;
		v = floor(v * 100) / 100;
	}
	snprintf(dst, FIGURE_LEN, "%.*f %%", n, v);
	return dst;
}

/* What a process has grows by pages: less than a few of them says nothing of a connection. */
#define MEMORY_LEAST 16384

static double ratio(double a, double b)
{
	return b > 0 ? a / b : NAN;
}

double figure_rate(const struct result *r)
{
	return ratio((double)(r->all.deliveries - r->caught_up), r->delivering_s);
}

double figure_publish_rate(const struct result *r)
{
	return ratio((double)r->pub.sent, r->sending_s);
}

double figure_bytes_per_event(const struct result *r)
{
	return ratio((double)r->all.bytes, (double)r->all.deliveries);
}

double figure_cpu(const struct result *r)
{
	return r->server_cpu_ns == 0 ? NAN : ratio((double)r->server_cpu_ns, (double)r->all.deliveries);
}

double figure_own_cpu(const struct result *r)
{
	return ratio((double)r->own_cpu_ns, (double)r->all.deliveries);
}

double figure_memory(const struct result *r)
{
	if (r->server_pss_before == 0 || r->server_pss_idle == 0)
		return NAN;
	/*
	 * A server that was loaded before has memory to reuse, and nobody can tell how much of it a
	 * connection takes.
	 */
	if (r->server_pss_idle < r->server_pss_before + MEMORY_LEAST)
		return NAN;
	return ratio((double)(r->server_pss_idle - r->server_pss_before), (double)r->all.connected);
}
