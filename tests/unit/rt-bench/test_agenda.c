/* SPDX-License-Identifier: MIT */
#include "load/agenda.h"

#include <stdlib.h>

#include "tests/unit/tap.h"

#define MANY 1000

/* Any order in, the earliest out; of the same time each once. */
static void order(void)
{
	static uint64_t due[MANY];
	static bool out[MANY];
	uint64_t random = 12345, last = 0;
	unsigned taken = 0;
	struct agenda a;
	uint64_t *who;
	bool sorted = true, once = true;

	ok(agenda_init(&a, MANY) == 0, "an agenda");
	ok(agenda_next(&a) == AGENDA_EMPTY && agenda_take(&a, UINT64_MAX) == NULL, "... is empty");
	for (unsigned i = 0; i < MANY; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		due[i] = random >> 56;
		agenda_add(&a, due[i], &due[i]);
	}
	ok(agenda_take(&a, 0) == NULL || due[0] == 0 || agenda_next(&a) <= 255, "the earliest is on top");
	for (uint64_t now = 0; now <= 255; now++)
		while ((who = agenda_take(&a, now)) != NULL) {
			once = once && !out[who - due];
			out[who - due] = true;
			sorted = sorted && *who >= last && *who <= now;
			last = *who;
			taken++;
		}
	ok(sorted, "none before its time, and in order");
	ok(once && taken >= MANY - 1 && agenda_next(&a) == AGENDA_EMPTY, "each once");
	agenda_fini(&a);
}

/* As publishers use it: who is taken comes back later. */
static void turns(void)
{
	uint64_t due[5] = {3, 1, 4, 1, 5}, now = 0;
	unsigned turn[5] = {0};
	struct agenda a;
	uint64_t *who;
	bool fair = true;

	agenda_init(&a, 5);
	for (unsigned i = 0; i < 5; i++)
		agenda_add(&a, due[i], &due[i]);
	for (unsigned i = 0; i < 5000; i++) {
		now = agenda_next(&a);
		who = agenda_take(&a, now);
		if (who == NULL)
			break;
		turn[who - due]++;
		*who += 10;
		agenda_add(&a, *who, who);
	}
	for (unsigned i = 0; i < 5; i++)
		fair = fair && turn[i] == 1000;
	ok(fair, "each has its turn");
	agenda_fini(&a);
	ok(agenda_init(&a, 0) == 0 && agenda_take(&a, 1) == NULL, "an agenda for nobody");
	agenda_fini(&a);
}

int main(void)
{
	order();
	turns();
	return tap_done();
}
