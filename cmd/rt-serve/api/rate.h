/* SPDX-License-Identifier: MIT */
#ifndef RT_RATE_H
#define RT_RATE_H

/*
 * How many events a second each client address may publish: a token bucket per address that holds
 * one second's worth, shared by all loops. Addresses that have not published lately cost nothing.
 */
#include <stdbool.h>
#include <stdint.h>

#include "str.h"

struct rate;

/** NULL without memory. */
struct rate *rate_new(void);
void rate_free(struct rate *r);

/**
 * Take (n) events for (address) at (per_second). Returns 0 if they may be published now; else
 * after how many milliseconds to ask again (nothing was taken). A bucket may go into debt once, so
 * that a batch larger than a second's worth is not stuck. per_second 0: no limit.
 */
uint64_t rate_take(struct rate *r, struct str address, uint64_t n, uint64_t per_second, uint64_t now_ms);

#endif
