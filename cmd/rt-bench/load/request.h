/* SPDX-License-Identifier: MIT */
#ifndef RT_BENCH_REQUEST_H
#define RT_BENCH_REQUEST_H

/* The requests of subscribers. */
#include "buf.h"
#include "load/subscriber.h"

struct request {
	const char *accept;
	const char *query;	/* more of it, for an rt-serve: "follow"; NULL: nothing */
	bool upgrade;		/* to WebSocket */
	/* the cursor goes into the query, "now" if there is none; else into Last-Event-ID */
	bool since;
};

/** Put the request of (s) together in (b). 0, or -1 as buf_add. */
int request_build(struct buf *b, const struct subscriber *s, const struct request *r);

/** Put it together and send it. */
void request_send(struct subscriber *s, const struct request *r);

#endif
