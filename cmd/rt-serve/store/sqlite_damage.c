/* SPDX-License-Identifier: MIT */

/*
 * Rows whose content is not what was written: readers are told by gap records, the operator here.
 * They are left as they are until retention drops them: somebody may know how to mend them.
 */
#include <stdlib.h>

#include "log.h"
#include "store/sqlite.h"

#define NAMED_MAX 1000	/* rows counted, and told of one by one */

static bool is_known(const struct sqlite *s, uint64_t first)
{
	for (size_t i = 0; i < s->ndamaged; i++)
		if (s->damaged[i] == first)
			return true;
	return false;
}

/* Under the lock. Without memory it will be new again. */
static size_t note(struct sqlite *s, uint64_t first)
{
	size_t cap = s->cap_damaged > 0 ? s->cap_damaged * 2 : 16;
	uint64_t *damaged;

	if (s->ndamaged == NAMED_MAX || is_known(s, first))
		return 0;
	if (s->ndamaged == s->cap_damaged) {
		damaged = realloc(s->damaged, cap * sizeof(*damaged));
		if (damaged == NULL)
			return 0;
		s->damaged = damaged;
		s->cap_damaged = cap;
	}
	s->damaged[s->ndamaged++] = first;
	return s->ndamaged;
}

void sqlite_found_damage(struct sqlite *s, struct str topic, uint64_t first, uint64_t last)
{
	size_t number;

	window_lock(&s->window);
	number = note(s, first);
	window_unlock(&s->window);
	if (number == 0)
		return;
	log_error("the store %s is damaged: the events %llu to %llu of %.*s cannot be read; who asks "
		"for them is told by a gap record", s->path, (unsigned long long)first,
		(unsigned long long)last, (int)topic.n, topic.p);
	if (number == NAMED_MAX)
		log_error("the store %s is damaged: more is not told one by one", s->path);
}
