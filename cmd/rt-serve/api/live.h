/* SPDX-License-Identifier: MIT */
#ifndef RT_LIVE_H
#define RT_LIVE_H

/*
 * A long request: a stream, a WebSocket, a waiting poll, a publish that goes on. Embedded in its
 * state and linked into its loop's list while it is open.
 */
#include "api/api.h"

enum live_kind { LIVE_LONGPOLL, LIVE_SSE, LIVE_NDJSON, LIVE_WS, LIVE_MUX, LIVE_PUBLISH };

struct live;

struct live_ops {
	enum live_kind kind;
	struct conn *(*conn)(const struct live *v);
	/** End it kindly because the server drains or --max-stream is over: answer or last frames. */
	void (*drain)(struct live *v);
	/** Append its part of /connections: topics, lag, … as JSON members without braces. */
	void (*describe)(const struct live *v, struct buf *b);
};

struct live {
	struct live *next, **prev;
	const struct live_ops *ops;
};

static inline bool live_is_open(const struct live *v)
{
	return v->prev != NULL;
}

void live_add(struct api *a, struct live *v, const struct live_ops *ops);
void live_remove(struct live *v);

/** It is asked to end: from the list of open ones to that of those leaving. */
void live_leave(struct api *a, struct live *v);

#endif
