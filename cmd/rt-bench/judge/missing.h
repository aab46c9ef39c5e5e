/* SPDX-License-Identifier: MIT */
#ifndef RT_MISSING_H
#define RT_MISSING_H

/*
 * The numbers that a stream should have brought and has not yet: a sorted set of ranges, which exists
 * only while something is missing. It has a maximum: when it is full, the oldest range is settled, which
 * means that only its size is remembered, and that whatever may still come of it is taken to be of it.
 */
#include <stdbool.h>
#include <stdint.h>

#define MISSING_RANGES_MAX 4096

struct missing;

/** Numbers of a stream that were never acknowledged, so that their absence is no loss. */
struct unsure {
	uint64_t from, to;
};

/**
 * Add (from) ... (to), which are above all that (*m) has, to (*m), which may be NULL. (announced): a
 * gap record said so. Without memory they are settled. False: not even that was possible.
 */
bool missing_add(struct missing **m, uint64_t from, uint64_t to, bool announced);

/** Take (n) out. False: it was not missing. Sets (*m) to NULL when nothing is missing any more. */
bool missing_take(struct missing **m, uint64_t n);

/** How many are missing that are not announced, and not among the (n) sorted (unsure). */
uint64_t missing_lost(const struct missing *m, const struct unsure *unsure, uint32_t n);

/** How many are missing that are announced, and not unsure. */
uint64_t missing_announced(const struct missing *m, const struct unsure *unsure, uint32_t n);

/** How many of (from) ... (to) are not among the (n) sorted (unsure); 0 if from > to. */
uint64_t missing_sure(uint64_t from, uint64_t to, const struct unsure *unsure, uint32_t n);

void missing_free(struct missing *m);

#endif
