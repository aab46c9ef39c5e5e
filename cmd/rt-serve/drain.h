/* SPDX-License-Identifier: MIT */
#ifndef RT_DRAIN_H
#define RT_DRAIN_H

/*
 * Going down without losing anybody: long polls are answered at once, streams end spread over the
 * drain time, publishes get their answers. The listeners stay open meanwhile, so that whoever comes
 * is told. Then the loops stop.
 */
#include "api/api.h"

struct drain;

/**
 * Begin on all loops of (shared), which is marked as draining; each stops once nothing is left to
 * end, at the latest (ms) and a grace later. Any thread. NULL without memory.
 */
struct drain *drain_start(struct api_shared *shared, uint64_t ms);

void drain_free(struct drain *d);

#endif
