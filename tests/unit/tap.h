/* SPDX-License-Identifier: MIT */
#ifndef RT_TAP_H
#define RT_TAP_H

/*
 * Unit tests in the Test Anything Protocol: ok() and its kin print one line a check; the
 * program ends with `return tap_done();`, which prints the plan and is 0 if all held.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned tap_count, tap_failed;

static inline bool tap_ok(bool ok, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static inline bool tap_ok(bool ok, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	tap_count++;
	if (!ok)
		tap_failed++;
	printf("%sok %u - ", ok ? "" : "not ", tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	if (!ok)
		printf("#   at %s:%d\n", file, line);
	return ok;
}

static inline bool tap_eq_bytes(const void *got, size_t ngot, const void *want, size_t nwant,
	const char *file, int line, const char *what)
{
	bool same = ngot == nwant && (ngot == 0 || memcmp(got, want, ngot) == 0);

	tap_ok(same, file, line, "%s", what);
	if (!same)
		printf("#   got  (%zu) %.*s\n#   want (%zu) %.*s\n", ngot, (int)ngot,
			ngot ? (const char *)got : "", nwant, (int)nwant, nwant ? (const char *)want : "");
	return same;
}

static inline bool tap_eq_num(long long got, long long want, const char *file, int line, const char *what)
{
	tap_ok(got == want, file, line, "%s", what);
	if (got != want)
		printf("#   got  %lld\n#   want %lld\n", got, want);
	return got == want;
}

#define ok(cond, ...) tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)
#define eq_num(got, want, what) tap_eq_num((long long)(got), (long long)(want), __FILE__, __LINE__, what)
#define eq_bytes(got, ngot, want, nwant, what) \
	tap_eq_bytes(got, ngot, want, nwant, __FILE__, __LINE__, what)
#define eq_str(got, want, what) \
	tap_eq_bytes(got, strlen(got), want, strlen(want), __FILE__, __LINE__, what)

static inline int tap_done(void)
{
	printf("1..%u\n", tap_count);
	return tap_failed == 0 ? 0 : 1;
}

#endif
