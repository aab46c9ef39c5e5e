/* SPDX-License-Identifier: MIT */
#ifndef RT_SUB_TRANSPORT_H
#define RT_SUB_TRANSPORT_H

/*
 * A way in which events come. What it hears it tells to the sub_* functions for transports in
 * sub.h; connecting again, resuming and giving up are decided there.
 */
#include <stdbool.h>
#include <stdint.h>

#include "http.h"
#include "line.h"
#include "request.h"

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

/* --- what several of them do ------------------------------------------------------------------ */

#define TRANSPORT_ANSWER_MS 30000	/* for an answer to begin, once it is due */

/**
 * Ask by HTTP for what (want), which sub_want has completed, says: the answer should begin within
 * (limit_ms), redirects included, which are followed from a URL. (large): it is an endless stream;
 * (ops) and (arg) as for http_get. 0, or -1 without memory.
 */
int transport_get(struct sub *s, const struct request_want *want, bool large, uint64_t limit_ms,
	const struct http_ops *ops, void *arg);

/**
 * For http_ops.body: (bytes) came, of an answer of lines. Gives each whole one to (take), until that
 * returns other than 0. 0, or -1: no more are wanted, and why was reported.
 */
int transport_lines(struct sub *s, struct line *lines, struct str bytes,
	int (*take)(void *arg, struct str line), void *arg);

#endif
