/* SPDX-License-Identifier: MIT */
#ifndef RT_STATUS_H
#define RT_STATUS_H

/* What the server says of itself: the answer to each of the paths below. */
#include "api/request.h"

/**
 * /healthz, /readyz, /topics, /connections, /stats, /metrics and /presence. Takes over the
 * exchange.
 */
void status_get(struct exchange *x, struct request *r);

#endif
