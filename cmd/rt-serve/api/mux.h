/* SPDX-License-Identifier: MIT */
#ifndef RT_MUX_H
#define RT_MUX_H

/*
 * GET /ws, one WebSocket for everything: JSON in text frames, {"op":...}. Any number of
 * subscriptions, each with a cursor of its own, and publishes; what the client calls a request,
 * its (ref), comes back in the answer.
 */
#include "api/request.h"

/** Takes over the exchange. */
void mux_start(struct exchange *x, struct request *r);

#endif
