/* SPDX-License-Identifier: MIT */
#include "libcommon/units.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "tests/unit/tap.h"

typedef int parser(const char *s, size_t n, uint64_t *out);

/* Parse from memory of exactly that size. */
static int exactly(parser *parse, const char *s, uint64_t *out)
{
	size_t n = strlen(s);
	char *p = malloc(n > 0 ? n : 1);
	int r;

	memcpy(p, s, n);
	*out = 0;
	errno = 0;
	r = parse(p, n, out);
	free(p);
	return r;
}

static void good(parser *parse, const char *s, uint64_t want)
{
	uint64_t got;

	if (!ok(exactly(parse, s, &got) == 0 && got == want, "\"%s\" is %" PRIu64, s, want))
		printf("#   got %" PRIu64 "\n", got);
}

static void bad(parser *parse, const char *s, int why)
{
	uint64_t got;

	ok(exactly(parse, s, &got) == -1 && errno == why, "\"%s\" is refused: %s", s, strerror(why));
}

static int duration(const char *s, size_t n, uint64_t *out)
{
	return units_parse_duration(s, n, 0, out);
}

static int seconds(const char *s, size_t n, uint64_t *out)
{
	return units_parse_duration(s, n, 1000, out);
}

static int port(const char *s, size_t n, uint64_t *out)
{
	return units_parse_number(s, n, 1, 65535, out);
}

static int any_number(const char *s, size_t n, uint64_t *out)
{
	return units_parse_number(s, n, 0, UINT64_MAX, out);
}

static void durations(void)
{
	good(duration, "100ms", 100);
	good(duration, "90s", 90000);
	good(duration, "10m", 600000);
	good(duration, "1h", 3600000);
	good(duration, "7d", 604800000);
	good(duration, "2w", 1209600000);
	good(duration, "1h30m", 5400000);
	good(duration, "1m30s500ms", 90500);
	good(duration, "1.5s", 1500);
	good(duration, ".5s", 500);
	good(duration, "0.001s", 1);
	good(duration, "2000us", 2);
	good(duration, "1us", 1);
	good(duration, "1500us", 2);
	good(duration, "0s", 0);
	good(seconds, "3", 3000);
	good(seconds, "0.25", 250);
	good(seconds, "0", 0);
	good(seconds, "3m", 180000);
	bad(duration, "", EINVAL);
	bad(duration, "3", EINVAL);
	bad(duration, "s", EINVAL);
	bad(duration, "1h30", EINVAL);
	bad(seconds, "1h30", EINVAL);
	bad(duration, "-1s", EINVAL);
	bad(duration, "+1s", EINVAL);
	bad(duration, " 1s", EINVAL);
	bad(duration, "1s ", EINVAL);
	bad(duration, "1 s", EINVAL);
	bad(duration, "1.s", EINVAL);
	bad(duration, "1.2.3s", EINVAL);
	bad(duration, "1S", EINVAL);
	bad(duration, "1sec", EINVAL);
	bad(duration, "1e3s", EINVAL);
	bad(duration, "99999999999999999999s", ERANGE);
	bad(duration, "99999999999999999w", ERANGE);
	bad(seconds, "18446744073709551615", ERANGE);
	bad(duration, "18446744073709551615us1us", ERANGE);
}

static void sizes(void)
{
	good(units_parse_size, "0", 0);
	good(units_parse_size, "4096", 4096);
	good(units_parse_size, "100B", 100);
	good(units_parse_size, "1K", 1024);
	good(units_parse_size, "1k", 1024);
	good(units_parse_size, "64KiB", 65536);
	good(units_parse_size, "64KB", 65536);
	good(units_parse_size, "1.5M", 1572864);
	good(units_parse_size, "1G", UINT64_C(1) << 30);
	good(units_parse_size, "2TiB", UINT64_C(2) << 40);
	bad(units_parse_size, "", EINVAL);
	bad(units_parse_size, "K", EINVAL);
	bad(units_parse_size, "1X", EINVAL);
	bad(units_parse_size, "1Ki", EINVAL);
	bad(units_parse_size, "1iB", EINVAL);
	bad(units_parse_size, "1KBB", EINVAL);
	bad(units_parse_size, "1 K", EINVAL);
	bad(units_parse_size, "-1", EINVAL);
	bad(units_parse_size, "0x10", EINVAL);
	bad(units_parse_size, "18446744073709551616", ERANGE);
	bad(units_parse_size, "99999999T", ERANGE);
}

static void numbers(void)
{
	char text[20];

	good(port, "1", 1);
	good(port, "65535", 65535);
	good(port, "0080", 80);
	bad(port, "0", ERANGE);
	bad(port, "65536", ERANGE);
	bad(port, "", EINVAL);
	bad(port, "-1", EINVAL);
	bad(port, "+1", EINVAL);
	bad(port, "1 ", EINVAL);
	bad(port, "1x", EINVAL);
	good(any_number, "18446744073709551615", UINT64_MAX);
	bad(any_number, "18446744073709551616", ERANGE);
	bad(any_number, "99999999999999999999999x", EINVAL);
	for (uint64_t v = 1, i = 0; i < 64; i++, v *= 2) {
		uint64_t around[] = {v - 1, v, v * 10, v - 7};

		for (int j = 0; j < 4; j++) {
			char want[32];
			size_t n = units_format_u64(text, around[j]);

			snprintf(want, sizeof(want), "%" PRIu64, around[j]);
			if (n != strlen(want) || memcmp(text, want, n) != 0)
				ok(false, "%s", want);
		}
	}
	ok(true, "decimal as printf has it");
}

/* The C library's idea of a time. */
static void format_oracle(char *dst, uint64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;
	char date[32];

	gmtime_r(&t, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(dst, 64, "%s.%03uZ", date, (unsigned)(ms % 1000));
}

static void formatted_times(void)
{
	uint64_t last = UINT64_C(253402300799999), ms, us;
	unsigned wrong = 0, unequal = 0;
	char got[24], want[64];

	units_format_time(got, UINT64_C(1763950000123));
	eq_bytes(got, 24, "2025-11-24T02:06:40.123Z", 24, "the example of the manual");
	/* Over all the years in odd steps, and each day's ends once more. */
	for (ms = 0; ms <= last; ms += UINT64_C(86400000) * 3 + 12345677) {
		uint64_t at[] = {ms, ms / 86400000 * 86400000, ms / 86400000 * 86400000 + 86399999};

		for (int i = 0; i < 3; i++) {
			units_format_time(got, at[i]);
			format_oracle(want, at[i]);
			wrong += memcmp(got, want, 24) != 0;
			unequal += units_parse_time(got, 24, &us) != 0 || us != at[i] * 1000;
		}
	}
	eq_num(wrong, 0, "as gmtime and strftime have it, 1970 to 9999");
	eq_num(unequal, 0, "and parsed back");
	units_format_time(got, UINT64_MAX);
	eq_bytes(got, 24, "9999-12-31T23:59:59.999Z", 24, "never beyond 9999");
}

static void parsed_times(void)
{
	parser *p = units_parse_time;

	good(p, "1970-01-01T00:00:00Z", 0);
	good(p, "2025-11-24T02:06:40.123Z", UINT64_C(1763950000123000));
	good(p, "2025-11-24t02:06:40.123456z", UINT64_C(1763950000123456));
	good(p, "2025-11-24 02:06:40Z", UINT64_C(1763950000000000));
	good(p, "2025-11-24T02:06:40.1234567891234Z", UINT64_C(1763950000123456));
	good(p, "2025-11-24T03:06:40+01:00", UINT64_C(1763950000000000));
	good(p, "2025-11-23T20:36:40-05:30", UINT64_C(1763950000000000));
	good(p, "2025-11-24T02:06:40-00:00", UINT64_C(1763950000000000));
	good(p, "2024-02-29T00:00:00Z", UINT64_C(1709164800000000));
	good(p, "2000-02-29T00:00:00Z", UINT64_C(951782400000000));
	good(p, "1990-12-31T23:59:60Z", UINT64_C(662688000000000));	/* RFC 3339, section 5.8 */
	good(p, "1990-12-31T15:59:60-08:00", UINT64_C(662688000000000));
	good(p, "9999-12-31T23:59:59Z", UINT64_C(253402300799000000));
	bad(p, "", EINVAL);
	bad(p, "2025-11-24", EINVAL);
	bad(p, "2025-11-24T02:06:40", EINVAL);
	bad(p, "2025-11-24T02:06Z", EINVAL);
	bad(p, "2025-11-24T02:06:40.Z", EINVAL);
	bad(p, "2025-11-24T02:06:40Z ", EINVAL);
	bad(p, "2025-11-24T02:06:40+0100", EINVAL);
	bad(p, "2025-11-24T02:06:40+24:00", EINVAL);
	bad(p, "2025-11-24T02:06:40+01:60", EINVAL);
	bad(p, "2025-13-24T02:06:40Z", EINVAL);
	bad(p, "2025-00-24T02:06:40Z", EINVAL);
	bad(p, "2025-11-31T02:06:40Z", EINVAL);
	bad(p, "2025-11-00T02:06:40Z", EINVAL);
	bad(p, "2025-02-29T02:06:40Z", EINVAL);
	bad(p, "2100-02-29T02:06:40Z", EINVAL);
	bad(p, "2025-11-24T24:00:00Z", EINVAL);
	bad(p, "2025-11-24T02:60:00Z", EINVAL);
	bad(p, "2025-11-24T02:06:61Z", EINVAL);
	bad(p, "2025-11-24T02:06:60Z", EINVAL);
	bad(p, "1969-12-31T23:59:59Z", EINVAL);
	bad(p, "1970-01-01T00:59:59+01:00", EINVAL);
	bad(p, "25-11-24T02:06:40Z", EINVAL);
	bad(p, "2025-11-24X02:06:40Z", EINVAL);
}

/* Nothing that is cut short is a time, nor does looking at it read past its end. */
static void truncated_times(void)
{
	static const char text[] = "2025-11-24T02:06:40.5+01:00";
	unsigned taken = 0;
	uint64_t us;

	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		char *p = malloc(n > 0 ? n : 1);

		memcpy(p, text, n);
		taken += units_parse_time(p, n, &us) == 0;
		free(p);
	}
	eq_num(taken, 0, "no beginning of a time is a time");
}

static void clocks(void)
{
	uint64_t us = units_now_us(), ms = units_monotonic_ms();

	ok(us / 1000000 - (uint64_t)time(NULL) + 1 <= 2, "the clock is Unix time in microseconds");
	ok(units_monotonic_ms() >= ms, "the other does not go back");
}

int main(void)
{
	durations();
	sizes();
	numbers();
	formatted_times();
	parsed_times();
	truncated_times();
	clocks();
	return tap_done();
}
