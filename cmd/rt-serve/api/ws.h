/* SPDX-License-Identifier: MIT */
#ifndef RT_WS_H
#define RT_WS_H

/*
 * The WebSocket of a subscription, GET /topics/{topic} with an upgrade: envelopes out, and if it
 * is about one plain topic, values in, which are published there.
 */
#include "api/subscribe.h"

/** Begin the WebSocket that (s) asks for; takes over the exchange, not (s). */
void ws_start(struct exchange *x, struct request *r, struct subscribe *s);

#endif
