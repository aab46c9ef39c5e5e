/* SPDX-License-Identifier: MIT */
#ifndef RT_TALK_H
#define RT_TALK_H

/*
 * What a WebSocket client says is taken in no faster than it can be dealt with: while many of its
 * publishes are in progress, the store's queue is full, or answers pile up that it does not read,
 * its socket is not read.
 */
#include "net/loop.h"
#include "net/websocket.h"
#include "store/store.h"

struct talk {
	struct websocket *w;		/* NULL afterwards */
	struct loop_timer timer;	/* looks whether answers have gone out */
	unsigned in_progress;		/* publishes */
	bool paused;
	const char *client;		/* whose publish rate is counted; NULL: the peer's */
};

/** Begin, with the first message at the latest. (client): address told by a proxy, or NULL; kept. */
void talk_init(struct talk *t, struct websocket *w, const char *client);

/** Is there nothing to remember? Then it may be forgotten (talk_fini), until the next message. */
bool talk_at_rest(const struct talk *t);

/** The socket is gone: forget it. Publishes in progress still end with talk_done. */
void talk_fini(struct talk *t);

/** After a message was dealt with, or a publish began. */
void talk_update(struct talk *t);

/** A publish has ended. */
void talk_done(struct talk *t);

/** Would one more event be over --publish-rate? Counts it if not. */
bool talk_too_fast(struct talk *t);
#define TALK_TOO_FAST \
	"too many events a second from this address (--publish-rate): publish more slowly"

/** Why the store did not take what was published. Static text, and the HTTP status for it. */
const char *talk_refusal(const struct event *e, enum store_status st, unsigned *status);

#endif
