/* SPDX-License-Identifier: MIT */
#include "units.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define SECOND_US UINT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)
#define LAST_SECOND UINT64_C(253402300799)	/* of the year 9999 */

static int invalid(void)
{
	errno = EINVAL;
	return -1;
}

static int out_of_range(void)
{
	errno = ERANGE;
	return -1;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* --- numbers --- */

static const char two_digits[201] =
	"00010203040506070809101112131415161718192021222324252627282930313233343536373839"
	"40414243444546474849505152535455565758596061626364656667686970717273747576777879"
	"8081828384858687888990919293949596979899";

static void put2(char *dst, unsigned v)
{
	memcpy(dst, two_digits + 2 * v, 2);
}

size_t units_format_u64(char *dst, uint64_t v)
{
	char tmp[20];
	size_t at = sizeof(tmp);

	while (v >= 100) {
		at -= 2;
		put2(tmp + at, (unsigned)(v % 100));
		v /= 100;
	}
	if (v >= 10) {
		at -= 2;
		put2(tmp + at, (unsigned)v);
	} else {
		tmp[--at] = (char)('0' + v);
	}
	memcpy(dst, tmp + at, sizeof(tmp) - at);
	return sizeof(tmp) - at;
}

int units_parse_number(const char *s, size_t n, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;
	bool large = false;

	if (n == 0)
		return invalid();
	for (size_t i = 0; i < n; i++) {
		if (!is_digit(s[i]))
			return invalid();
		large |= __builtin_mul_overflow(v, UINT64_C(10), &v) ||
			__builtin_add_overflow(v, (uint64_t)(s[i] - '0'), &v);
	}
	if (large || v < min || v > max)
		return out_of_range();
	*out = v;
	return 0;
}

/* A run of text that is taken apart from the left. */
struct reader {
	const char *p, *end;
};

/* A number with a fraction, exact to nine digits after the point. */
struct decimal {
	uint64_t whole, billionths;
};

static int take_decimal(struct reader *r, struct decimal *d)
{
	const char *start = r->p;
	uint64_t place = 100000000;

	*d = (struct decimal){0, 0};
	while (r->p < r->end && is_digit(*r->p))
		r->p++;
	if (r->p > start &&
			units_parse_number(start, (size_t)(r->p - start), 0, UINT64_MAX, &d->whole) < 0)
		return -1;
	if (r->p == r->end || *r->p != '.')
		return r->p > start ? 0 : invalid();
	if (++r->p == r->end || !is_digit(*r->p))
		return invalid();
	for (; r->p < r->end && is_digit(*r->p); r->p++, place /= 10)
		d->billionths += (uint64_t)(*r->p - '0') * place;
	return 0;
}

/* d times (unit), the fraction rounded down. */
static int scale(struct decimal d, uint64_t unit, uint64_t *out)
{
	uint64_t part = (uint64_t)((unsigned __int128)d.billionths * unit / 1000000000);

	if (__builtin_mul_overflow(d.whole, unit, out) || __builtin_add_overflow(*out, part, out))
		return out_of_range();
	return 0;
}

struct unit {
	const char *name;
	uint64_t value;
};

/* Take the letters at (r); returns the unit they name, or NULL. */
static const struct unit *take_unit(struct reader *r, const struct unit *units)
{
	const char *start = r->p;
	size_t n;

	while (r->p < r->end && (*r->p | 0x20) >= 'a' && (*r->p | 0x20) <= 'z')
		r->p++;
	n = (size_t)(r->p - start);
	for (; units->name != NULL; units++)
		if (strlen(units->name) == n && memcmp(units->name, start, n) == 0)
			return units;
	return NULL;
}

static int take_duration_part(struct reader *r, uint64_t *us)
{
	static const struct unit units[] = {
		{"us", 1}, {"ms", 1000}, {"s", SECOND_US}, {"m", MINUTE_US}, {"h", HOUR_US},
		{"d", DAY_US}, {"w", 7 * DAY_US}, {NULL, 0},
	};
	const struct unit *unit;
	struct decimal d;
	uint64_t part;

	if (take_decimal(r, &d) < 0)
		return -1;
	unit = take_unit(r, units);
	if (unit == NULL)
		return invalid();
	if (scale(d, unit->value, &part) < 0)
		return -1;
	return __builtin_add_overflow(*us, part, us) ? out_of_range() : 0;
}

int units_parse_duration(const char *s, size_t n, uint64_t bare_ms, uint64_t *ms)
{
	struct reader r = {s, n > 0 ? s + n : s};
	struct decimal d;
	uint64_t us = 0;

	if (n == 0)
		return invalid();
	if (take_decimal(&r, &d) < 0)
		return -1;
	if (r.p == r.end) {
		if (bare_ms == 0)
			return invalid();
		if (bare_ms > UINT64_MAX / 1000)
			return out_of_range();
		if (scale(d, bare_ms * 1000, &us) < 0)
			return -1;
	} else {
		for (r.p = s; r.p < r.end;)
			if (take_duration_part(&r, &us) < 0)
				return -1;
	}
	/* Upwards: what was meant to be some time must not become none. */
	*ms = us / 1000 + (us % 1000 != 0);
	return 0;
}

int units_parse_size(const char *s, size_t n, uint64_t *bytes)
{
	struct reader r = {s, n > 0 ? s + n : s};
	struct decimal d;
	unsigned shift = 0;

	if (n == 0)
		return invalid();
	if (take_decimal(&r, &d) < 0)
		return -1;
	if (r.p < r.end) {
		switch (*r.p | 0x20) {
		case 't':
			shift += 10;
			/* fall through */
		case 'g':
			shift += 10;
			/* fall through */
		case 'm':
			shift += 10;
			/* fall through */
		case 'k':
			shift += 10;
			r.p++;
		}
	}
	if (shift > 0 && r.end - r.p == 2 && r.p[0] == 'i')
		r.p++;
	if (r.end - r.p == 1 && *r.p == 'B')
		r.p++;
	if (r.p != r.end)
		return invalid();
	return scale(d, UINT64_C(1) << shift, bytes);
}

/* --- times --- */

/* Days since 1970-01-01 of a date in the Gregorian calendar; the year is counted from March. */
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
	int64_t y = year - (month < 3), era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (int64_t)(month < 3 ? month + 9 : month - 3) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct date {
	unsigned year, month, day;
};

/* The inverse, for 1970 to 9999. */
static struct date date_of(uint64_t days)
{
	uint64_t d = days + 719468, era = d / 146097, of_era = d % 146097;
	uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	uint64_t from_march = (5 * of_year + 2) / 153;
	unsigned month = (unsigned)(from_march < 10 ? from_march + 3 : from_march - 9);

	return (struct date){
		.year = (unsigned)(year + era * 400 + (month < 3)),
		.month = month,
		.day = (unsigned)(of_year - (153 * from_march + 2) / 5 + 1),
	};
}

/* "2025-11-24T02:06:40." */
static void format_second(char dst[20], uint64_t second)
{
	struct date d = date_of(second / 86400);
	unsigned of_day = (unsigned)(second % 86400);

	memcpy(dst, "0000-00-00T00:00:00.", 20);
	put2(dst, d.year / 100);
	put2(dst + 2, d.year % 100);
	put2(dst + 5, d.month);
	put2(dst + 8, d.day);
	put2(dst + 11, of_day / 3600);
	put2(dst + 14, of_day / 60 % 60);
	put2(dst + 17, of_day % 60);
}

void units_format_time(char dst[UNITS_RFC3339_LEN], uint64_t unix_ms)
{
	/* Events come many to a second: keep the text of the last one. */
	static _Thread_local uint64_t last = UINT64_MAX;
	static _Thread_local char text[20];
	uint64_t second = unix_ms / 1000;
	unsigned ms = (unsigned)(unix_ms % 1000);

	if (second > LAST_SECOND) {
		second = LAST_SECOND;
		ms = 999;
	}
	if (second != last) {
		format_second(text, second);
		last = second;
	}
	memcpy(dst, text, sizeof(text));
	dst[20] = (char)('0' + ms / 100);
	put2(dst + 21, ms % 100);
	dst[23] = 'Z';
}

/* Take exactly (digits) digits, a value in [min, max]. */
static bool take_field(struct reader *r, unsigned digits, unsigned min, unsigned max, unsigned *out)
{
	unsigned v = 0;

	for (; digits > 0; digits--, r->p++) {
		if (r->p == r->end || !is_digit(*r->p))
			return false;
		v = v * 10 + (unsigned)(*r->p - '0');
	}
	*out = v;
	return v >= min && v <= max;
}

/* Take one character of (set). */
static bool take_one_of(struct reader *r, const char *set)
{
	if (r->p == r->end || *r->p == '\0' || strchr(set, *r->p) == NULL)
		return false;
	r->p++;
	return true;
}

static bool take_date(struct reader *r, int64_t *days)
{
	static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	unsigned year, month, day;
	bool leap;

	if (!take_field(r, 4, 0, 9999, &year) || !take_one_of(r, "-") ||
			!take_field(r, 2, 1, 12, &month) || !take_one_of(r, "-") ||
			!take_field(r, 2, 1, 31, &day))
		return false;
	leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	*days = days_of(year, month, day);
	return day <= lengths[month - 1] + (month == 2 && leap);
}

/* "02:06:40", and a fraction if there is one, of which microseconds count. */
static bool take_time(struct reader *r, unsigned *second, unsigned *us)
{
	unsigned h, m, s, place = 100000;

	if (!take_field(r, 2, 0, 23, &h) || !take_one_of(r, ":") || !take_field(r, 2, 0, 59, &m) ||
			!take_one_of(r, ":") || !take_field(r, 2, 0, 60, &s))
		return false;
	*second = h * 3600 + m * 60 + s;
	*us = 0;
	if (!take_one_of(r, "."))
		return true;
	if (r->p == r->end || !is_digit(*r->p))
		return false;
	for (; r->p < r->end && is_digit(*r->p); r->p++, place /= 10)
		*us += (unsigned)(*r->p - '0') * place;
	return true;
}

/* "Z", or how far the local time is ahead of UTC. */
static bool take_offset(struct reader *r, int *offset)
{
	unsigned h, m;
	bool west;

	*offset = 0;
	if (take_one_of(r, "Zz"))
		return true;
	west = r->p < r->end && *r->p == '-';
	if (!take_one_of(r, "+-") || !take_field(r, 2, 0, 23, &h) || !take_one_of(r, ":") ||
			!take_field(r, 2, 0, 59, &m))
		return false;
	*offset = (int)(h * 3600 + m * 60) * (west ? -1 : 1);
	return true;
}

int units_parse_time(const char *s, size_t n, uint64_t *unix_us)
{
	struct reader r = {s, n > 0 ? s + n : s};
	unsigned second, us;
	int64_t days, unix_s;
	bool leap_second;
	int offset;

	/* A space instead of the "T" is what `date --rfc-3339` prints. */
	if (!take_date(&r, &days) || !take_one_of(&r, "Tt ") || !take_time(&r, &second, &us))
		return invalid();
	leap_second = s[17] == '6';
	if (!take_offset(&r, &offset) || r.p != r.end)
		return invalid();
	unix_s = days * 86400 + (int64_t)second - offset;
	/* Leap seconds come at the end of a day in UTC; Unix time counts the next second instead. */
	if (unix_s < 0 || (leap_second && unix_s % 86400 != 0))
		return invalid();
	*unix_us = (uint64_t)unix_s * SECOND_US + us;
	return 0;
}

/* --- clocks --- */

static struct timespec now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts;
}

uint64_t units_now_us(void)
{
	struct timespec ts = now(CLOCK_REALTIME);

	return (uint64_t)ts.tv_sec * SECOND_US + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t units_monotonic_ms(void)
{
	struct timespec ts = now(CLOCK_MONOTONIC);

	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

struct timespec units_monotonic_after(uint64_t ms)
{
	struct timespec ts = now(CLOCK_MONOTONIC);

	ts.tv_sec += (time_t)(ms / 1000);
	ts.tv_nsec += (long)(ms % 1000) * 1000000L;
	ts.tv_sec += ts.tv_nsec / 1000000000L;
	ts.tv_nsec %= 1000000000L;
	return ts;
}
