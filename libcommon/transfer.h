/* SPDX-License-Identifier: MIT */
#ifndef RT_TRANSFER_H
#define RT_TRANSFER_H

/*
 * One HTTP request at a time over a kept connection, by libcurl, its answer gathered in memory: for
 * tools that wait for an answer, rather than for events. When to try again is theirs to say.
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "client.h"

struct transfer {
	CURLM *multi;		/* keeps the connection from one request to the next */
	CURL *easy;		/* of the request in progress or the newest answer; NULL: none */
	struct curl_slist *headers;	/* sent with it */
	struct buf body;	/* of the answer */
	bool too_large;		/* the answer was given up: its body is over the maximum */
};

/** Answers of at most (max_body) bytes. 0, or -1 without memory: then there is nothing to free. */
int transfer_init(struct transfer *t, uint64_t max_body);

/** Give up what is in progress, and close the connection. */
void transfer_fini(struct transfer *t);

/**
 * Forget the request before and prepare one for (url), with (extra) header lines (ends with NULL).
 * It fails if no byte moves for (stall_ms), in whole seconds. Set what else it takes on (t)->easy; then
 * transfer_start. 0, or -1 without memory.
 */
int transfer_prepare(struct transfer *t, const struct client_config *c, const char *url,
	const char *const *extra, uint64_t stall_ms);

/** Begin what was prepared. 0, or -1 without memory: it is forgotten. */
int transfer_start(struct transfer *t);

/**
 * Do what can be done without waiting; to wait, curl_multi_poll (t)->multi. True when it has just ended,
 * with (*result): then ask (transfer_judge), (t)->easy and (t)->body about it until the next
 * transfer_prepare or transfer_end.
 */
bool transfer_perform(struct transfer *t, CURLcode *result);

/** client_judge of the answer that came. */
enum client_verdict transfer_judge(struct transfer *t, CURLcode result, struct buf *why,
	uint64_t *retry_after_ms);

/** The HTTP status of the answer; 0: none came. */
long transfer_status(const struct transfer *t);

/** Forget the request, in progress or not; the connection is kept. */
void transfer_end(struct transfer *t);

#endif
