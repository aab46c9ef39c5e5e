/* SPDX-License-Identifier: MIT */
#ifndef RT_LOAD_DIALECT_H
#define RT_LOAD_DIALECT_H

/*
 * How to subscribe and publish with each kind of server. A dialect turns the bytes of a connection into
 * what was heard, and knows neither sockets nor what is measured. Topics are numbers, called t0, t1, ...
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "buf.h"
#include "str.h"

struct dialect;

/** One connection's part in a conversation. */
struct talk {
	const struct dialect *d;
	bool publishes;		/* else it subscribes to (topic) */
	uint8_t state;		/* the dialect's own; 0 at first */
	uint32_t topic;
};

enum heard {
	HEARD_NOTHING,		/* nothing that matters */
	HEARD_READY,		/* subscribed; or may publish */
	HEARD_EVENT,
	HEARD_ANSWER,		/* one publish was acknowledged */
	HEARD_SYNCED,		/* all that was published before the sync was */
	HEARD_REFUSED,
};

struct dialect {
	const char *name;

	/** What to send first, into (out). A subscriber subscribes as soon as the protocol allows. */
	void (*begin)(struct talk *t, struct buf *out);

	/**
	 * Take the first message of the (n) bytes at (p): its length; 0: more is needed; -1: malformed. Of an
	 * event, *event gets the bytes that hold the payload. What is to be sent in return goes into (out).
	 */
	ssize_t (*take)(struct talk *t, const char *p, size_t n, enum heard *heard, struct str *event,
		struct buf *out);

	void (*publish)(struct talk *t, uint32_t topic, struct str payload, struct buf *out);

	/** Ask for HEARD_SYNCED. NULL: each publish is answered. */
	void (*sync)(struct talk *t, struct buf *out);
};

/** By its name; NULL: there is none. */
const struct dialect *dialect_find(const char *name);

/** All names, separated by spaces. */
const char *dialect_names(char *dst, size_t n);

/* --- the dialects, and what they share -------------------------------------------------------- */

extern const struct dialect dialect_floor_sse, dialect_floor_ws, dialect_rt_sse, dialect_rt_ws;
extern const struct dialect dialect_nchan_sse, dialect_nchan_ws;
extern const struct dialect dialect_node_ws, dialect_socketio;
extern const struct dialect dialect_redis, dialect_nats, dialect_mqtt;

/** States of those that begin with HTTP. */
enum { STATE_HEAD, STATE_OPEN, STATE_OWN };

/** Ask to upgrade to WebSocket at (path). */
void dialect_ask_upgrade(struct buf *out, const char *path);

/** Take the head of an HTTP answer: as take; *status gets the status. */
ssize_t dialect_take_head(const char *p, size_t n, int *status);

/** A WebSocket frame from a client. */
void dialect_frame(struct buf *out, unsigned opcode, struct str payload);

#endif
