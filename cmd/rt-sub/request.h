/* SPDX-License-Identifier: MIT */
#ifndef RT_SUB_REQUEST_H
#define RT_SUB_REQUEST_H

/*
 * The URL and the header fields that ask a server for events: the topics, from where on, and how
 * they are to come.
 */
#include "buf.h"
#include "config.h"
#include "position.h"

/** What one request wants, besides what the command line says. */
struct request_want {
	const char *as;		/* sse, ndjson, ws or poll: how rt-serve is to answer */
	const char *accept;	/* media type; NULL for a WebSocket */
	const struct position *from;	/* none yet: what the command line says */
	uint64_t missed_ms;	/* nothing else said: from this long ago on; 0: from now on */
	const char *store;	/* identity of the store that (from) belongs to, or "" */
	bool is_rt;		/* a URL is known to be rt-serve's */
	unsigned wait_s;	/* long poll; 0: none */
	unsigned limit;		/* events in an answer; 0: the server's default */
	const char *last;	/* overrides where to start, for a question of its own; or NULL */
};

#define REQUEST_MAX_HEADERS 5

struct request {
	struct buf url;		/* ends in NUL, which is not counted */
	char fields[REQUEST_MAX_HEADERS][POSITION_MAX + 32];
	const char *headers[REQUEST_MAX_HEADERS + 1];	/* ends with NULL */
};

/** Build what (want) asks for. 0, or -1 without memory. request_fini it in either case. */
int request_init(struct request *r, const struct config *c, const struct request_want *want);
void request_fini(struct request *r);

#endif
