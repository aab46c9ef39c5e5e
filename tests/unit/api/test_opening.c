/* SPDX-License-Identifier: MIT */
#include "api/opening.h"

#include "tests/unit/tap.h"

#define ROUNDS 1000

/* Where (ROUNDS) waits lie that were asked for at about the same time. */
static void spread(uint64_t (*jitter)(const void *who, uint64_t ms), uint64_t ms, uint64_t least,
	uint64_t most, const char *what)
{
	uint64_t min = UINT64_MAX, max = 0;
	static char who[ROUNDS];

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t got = jitter(&who[i], ms);

		min = got < min ? got : min;
		max = got > max ? got : max;
	}
	ok(min >= least && max <= most, "%s: %llu to %llu", what, (unsigned long long)min,
		(unsigned long long)max);
	ok(max - min >= (most - least) * 3 / 4, "and not all alike");
}

int main(void)
{
	spread(opening_jitter, 2000, 1000, 3000, "give or take half of it");
	spread(opening_jitter_tenth, 3600000, 3240000, 3960000, "give or take a tenth");
	eq_num(opening_jitter(&(char){0}, 0), 0, "nothing of nothing");
	eq_num(opening_jitter_tenth(&(char){0}, 1), 1, "nor of next to nothing");
	return tap_done();
}
