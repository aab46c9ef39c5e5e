/* SPDX-License-Identifier: MIT */
#ifndef RT_SUB_TRANSPORT_H
#define RT_SUB_TRANSPORT_H

/*
 * A way in which events come. What it hears it tells to the sub_* functions for transports in
 * sub.h; connecting again, resuming and giving up are decided there.
 */
#include <stdbool.h>

struct sub;

struct transport {
	const char *name;
	/**
	 * Begin, from where sub_want says. Returns the connection, or NULL without memory. Calls
	 * nothing of sub.h that reports within.
	 */
	void *(*start)(struct sub *s);
	/** Stop or go on reading; going on may report within. */
	void (*pause)(void *connection, bool on);
	/** End it without another report, and free it. Not called from within a report. */
	void (*stop)(void *connection);
};

extern const struct transport transport_sse, transport_ndjson, transport_ws, transport_longpoll,
	transport_poll;

#endif
