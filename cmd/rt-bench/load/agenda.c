/* SPDX-License-Identifier: MIT */
#include "load/agenda.h"

#include <assert.h>
#include <stdlib.h>

int agenda_init(struct agenda *a, size_t cap)
{
	*a = (struct agenda){.cap = cap};
	a->heap = calloc(cap == 0 ? 1 : cap, sizeof(*a->heap));
	return a->heap == NULL ? -1 : 0;
}

void agenda_fini(struct agenda *a)
{
	free(a->heap);
	*a = (struct agenda){0};
}

void agenda_add(struct agenda *a, uint64_t due_ns, void *who)
{
	size_t at = a->n++;

	assert(a->n <= a->cap);
	while (at > 0 && a->heap[(at - 1) / 2].due_ns > due_ns) {
		a->heap[at] = a->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	a->heap[at] = (struct agenda_entry){due_ns, who};
}

void *agenda_take(struct agenda *a, uint64_t now)
{
	struct agenda_entry last;
	size_t at = 0, child;
	void *who;

	if (a->n == 0 || a->heap[0].due_ns > now)
		return NULL;
	who = a->heap[0].who;
	last = a->heap[--a->n];
	while ((child = 2 * at + 1) < a->n) {
		if (child + 1 < a->n && a->heap[child + 1].due_ns < a->heap[child].due_ns)
			child++;
		if (a->heap[child].due_ns >= last.due_ns)
			break;
		a->heap[at] = a->heap[child];
		at = child;
	}
	a->heap[at] = last;
	return who;
}
