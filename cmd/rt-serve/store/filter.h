/* SPDX-License-Identifier: MIT */
#ifndef RT_FILTER_H
#define RT_FILTER_H

/*
 * What a subscription asks for: an immutable list of topic names and patterns, counted by
 * reference across threads, since reads in other threads use it.
 */
#include <stdatomic.h>
#include <stdbool.h>

#include "str.h"

struct filters {
	atomic_uint refs;
	unsigned n;
	unsigned npatterns;	/* the first of the items; names follow, sorted bytewise */
	bool has_pattern;
	struct str items[];	/* valid names or patterns, no two equal; the text follows */
};

/** Copy (n) >= 1 checked names or patterns; equal ones once. NULL without memory. */
struct filters *filters_new(const struct str *items, unsigned n);
struct filters *filters_ref(struct filters *f);
void filters_unref(struct filters *f);

/** Does any of them match (topic)? */
bool filters_match(const struct filters *f, struct str topic);

#endif
