/* SPDX-License-Identifier: MIT */
#ifndef RT_PUBLISH_VALUE_H
#define RT_PUBLISH_VALUE_H

/* One value from a WebSocket, made an event and handed to the store. */
#include "api/api.h"

struct publish_value {
	struct str topic, type, key, from;
	struct str value;	/* JSON text, or with (binary) bytes */
	bool binary, ephemeral;
};

/**
 * Check (v) and append it; (done) is called on this loop, once, with the event (ids set; NULL if
 * it was not stored) and why not. Returns -1, the HTTP status of the refusal in (*status) and a
 * sentence in (why), if it is refused at once (done is not called).
 */
int publish_value(struct api *a, const struct publish_value *v,
	void (*done)(void *arg, struct event *e, enum store_status st, enum store_ack ack), void *arg,
	unsigned *status, struct buf *why);

/** Why the store did not take what was published. Static text, and the HTTP status for it. */
const char *publish_value_refusal(const struct event *e, enum store_status st, unsigned *status);

#endif
