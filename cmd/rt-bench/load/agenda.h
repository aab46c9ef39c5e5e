/* SPDX-License-Identifier: MIT */
#ifndef RT_AGENDA_H
#define RT_AGENDA_H

/* Who has something due when: a heap, the earliest on top. */
#include <stddef.h>
#include <stdint.h>

struct agenda_entry {
	uint64_t due_ns;
	void *who;
};

struct agenda {
	struct agenda_entry *heap;
	size_t n, cap;
};

#define AGENDA_EMPTY UINT64_MAX

/** Room for (cap) entries, which is never exceeded. 0, or -1 without memory. */
int agenda_init(struct agenda *a, size_t cap);
void agenda_fini(struct agenda *a);

void agenda_add(struct agenda *a, uint64_t due_ns, void *who);

/** Take the earliest out. NULL: there is none that is due by (now). */
void *agenda_take(struct agenda *a, uint64_t now);

/** When the earliest is due; AGENDA_EMPTY: there is none. */
static inline uint64_t agenda_next(const struct agenda *a)
{
	return a->n == 0 ? AGENDA_EMPTY : a->heap[0].due_ns;
}

#endif
