/* SPDX-License-Identifier: MIT */
#ifndef RT_CLIENT_JUDGE_H
#define RT_CLIENT_JUDGE_H

/*
 * What an answer means for a client: done, try again, or final. The same for all tools, whether
 * the answer came through libcurl or not.
 */
#include <curl/curl.h>
#include <stdint.h>

#include "buf.h"
#include "str.h"

/**
 * The HEADERFUNCTION that client_handle sets, with the handle as its data: client_judge hears by it
 * whether a head was complete. Whoever sets another one calls this from there. Returns size * n.
 */
size_t client_on_header(char *p, size_t size, size_t n, void *handle);

/** What to do after a transfer. */
enum client_verdict {
	CLIENT_OK,		/* a 2xx, or 304 */
	CLIENT_RETRY,		/* worth trying again */
	CLIENT_REFUSED,		/* final: the server said no */
	CLIENT_PROTOCOL,	/* final: TLS or protocol error */
};

/**
 * Judge a finished transfer by libcurl's result, the HTTP status and the body of an error (for
 * its problem "detail"). (why) gets a sentence for people. *retry_after_ms: what the server asked
 * for, or 0.
 */
enum client_verdict client_judge(CURL *h, CURLcode result, struct str body, struct buf *why,
	uint64_t *retry_after_ms);

/** An answer to judge by itself; p == NULL: absent. */
struct client_answer {
	long status;
	struct str body;	/* of an error */
	struct str location;	/* of a redirection */
	struct str retry_after;	/* seconds, or a date */
};

/** The same for an answer that came without libcurl, like that to a WebSocket's handshake. */
enum client_verdict client_judge_answer(const struct client_answer *a, struct buf *why,
	uint64_t *retry_after_ms);

#endif
