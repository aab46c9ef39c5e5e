/* SPDX-License-Identifier: MIT */
#ifndef RT_STREAM_H
#define RT_STREAM_H

/*
 * Server-Sent Events and endless NDJSON: an answer that goes on until the client leaves, the
 * event of until= was sent, --max-stream is over, or the server drains.
 */
#include "api/subscribe.h"

/** Begin the stream that (s) asks for; takes over the exchange, not (s). */
void stream_start(struct exchange *x, struct request *r, struct subscribe *s);

/**
 * Answer instead of a stream, because the server drains or is full. A browser's EventSource gives
 * up for good on anything but 200: it gets a stream that only says when to come back.
 */
void stream_refuse(struct exchange *x, const struct request *r, bool sse);

#endif
