/* SPDX-License-Identifier: MIT */
#ifndef RT_RETENTION_H
#define RT_RETENTION_H

/*
 * What is kept: a copy of the rules that a store was configured with.
 */
#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

struct retention {
	uint64_t max_bytes, max_age_ms;	/* over all topics; 0: no limit */
	struct retention_rule *rules;
	unsigned nrules;
};

/** Copy what (c) says. 0, or -1 without memory. */
int retention_init(struct retention *r, const struct store_config *c);
void retention_fini(struct retention *r);

/** The first rule that matches (topic), or NULL. Valid until retention_fini. */
const struct retention_rule *retention_rule(const struct retention *r, struct str topic);

/** Events with a smaller order than this are over (age_ms) old; 0 without a limit. */
static inline uint64_t retention_cutoff(uint64_t age_ms, uint64_t now_us)
{
	return age_ms == 0 || age_ms >= now_us / 1000 ? 0 : now_us - age_ms * 1000;
}

#endif
