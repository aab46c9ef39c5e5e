/* SPDX-License-Identifier: MIT */
#ifndef RT_WS_H
#define RT_WS_H

/*
 * The WebSocket of a subscription, GET /topics/{topic} with an upgrade: envelopes out, and if it
 * is about one plain topic, values in, which are published there. ws_topic_start is declared in
 * request.h.
 */
#include "api/request.h"

/** Close codes (RFC 6455, 7.4.1, and the registry it founded). */
enum ws_close {
	WS_CLOSE_NORMAL = 1000,
	WS_CLOSE_GOING_AWAY = 1001,	/* the server goes down */
	WS_CLOSE_INTERNAL = 1011,
	WS_CLOSE_RESTART = 1012,	/* connect again, to be balanced anew */
};

#endif
