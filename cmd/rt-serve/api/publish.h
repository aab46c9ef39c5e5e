/* SPDX-License-Identifier: MIT */
#ifndef RT_PUBLISH_H
#define RT_PUBLISH_H

/*
 * POST /topics/{topic} and POST /events. One value, or NDJSON of any length that goes to the store
 * while it comes in; with an Idempotency-Key all of it in one transaction.
 */
#include "api/request.h"

/** Takes over the exchange. */
void publish_start(struct exchange *x, struct request *r);

#endif
