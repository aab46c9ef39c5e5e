/* SPDX-License-Identifier: MIT */
#ifndef RT_UNITS_H
#define RT_UNITS_H

/*
 * Times, durations, sizes and numbers as people write them, and back.
 */
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define UNITS_RFC3339_LEN 24	/* "2025-11-24T02:06:40.123Z" */

/** Write (unix_ms) as RFC 3339 in UTC with milliseconds; no NUL is added. Years 1970..9999. */
void units_format_time(char dst[UNITS_RFC3339_LEN], uint64_t unix_ms);

/**
 * Parse an RFC 3339 date-time with any offset into Unix microseconds; not before 1970. 0, or -1
 * (EINVAL).
 */
int units_parse_time(const char *s, size_t n, uint64_t *unix_us);

/**
 * Parse a duration: a number, fractions allowed, and us, ms, s, m, h, d or w; several may follow
 * each other ("1h30m"); a bare number counts (bare_ms) milliseconds per unit, or is refused if
 * that is 0. 0, or -1 (EINVAL, ERANGE).
 */
int units_parse_duration(const char *s, size_t n, uint64_t bare_ms, uint64_t *ms);

/**
 * Parse bytes: a number, fractions allowed, and nothing, K, M, G or T (powers of 1024; "KiB",
 * "KB" too). 0, or -1 (EINVAL, ERANGE).
 */
int units_parse_size(const char *s, size_t n, uint64_t *bytes);

/** Parse a decimal number in [min, max], nothing around it. 0, or -1 (EINVAL, ERANGE). */
int units_parse_number(const char *s, size_t n, uint64_t min, uint64_t max, uint64_t *out);

/** The clocks: Unix microseconds, and monotonic milliseconds. */
uint64_t units_now_us(void);
uint64_t units_monotonic_ms(void);

/** The monotonic time (ms) from now, as a deadline for who waits for a condition. */
struct timespec units_monotonic_after(uint64_t ms);

/** Write (v) in decimal to (dst), at most 20 bytes, no NUL; returns the length. */
size_t units_format_u64(char *dst, uint64_t v);

#endif
