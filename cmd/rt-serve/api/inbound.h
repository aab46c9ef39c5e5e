/* SPDX-License-Identifier: MIT */
#ifndef RT_INBOUND_H
#define RT_INBOUND_H

/*
 * The inbound side of a WebSocket, with its backpressure: messages are taken in no faster than they
 * can be dealt with. While many publishes of the client are in progress, the store's queue is full,
 * or answers pile up that it does not read, its socket is not read. (The outbound side is feed.h.)
 */
#include "net/loop.h"
#include "net/websocket.h"
#include "store/store.h"

struct inbound {
	struct websocket *w;		/* NULL afterwards */
	struct loop_timer timer;	/* looks whether answers have gone out */
	unsigned in_progress;		/* publishes */
	bool paused;
	const char *client;		/* whose publish rate is counted; NULL: the peer's */
};

/**
 * With each message: *in, made if it is NULL. (client): address told by a proxy, or NULL; kept. NULL
 * without memory.
 */
struct inbound *inbound_begin(struct inbound **in, struct websocket *w, const char *client);

/** After it: most only listen, so that *in is freed, and NULL, if there is nothing to remember. */
void inbound_rest(struct inbound **in);

/** The socket is gone: forget it. Publishes in progress still end with inbound_done. (NULL) is fine. */
void inbound_fini(struct inbound *in);

/** After a message was dealt with, or a publish began. */
void inbound_update(struct inbound *in);

/** A publish has ended. */
void inbound_done(struct inbound *in);

/** Publishes in progress. */
static inline unsigned inbound_in_progress(const struct inbound *in)
{
	return in != NULL ? in->in_progress : 0;
}

/** Would one more event be over --publish-rate? Counts it if not. */
bool inbound_too_fast(struct inbound *in);
#define INBOUND_TOO_FAST \
	"too many events a second from this address (--publish-rate): publish more slowly"

#endif
