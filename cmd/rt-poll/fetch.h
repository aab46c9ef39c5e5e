/* SPDX-License-Identifier: MIT */
#ifndef RT_POLL_FETCH_H
#define RT_POLL_FETCH_H

/*
 * One GET at a time over a kept connection, repeated as the retry options say, and given up at
 * once when a signal comes.
 */
#include <stdbool.h>
#include <stdint.h>

#include "client.h"
#include "str.h"

struct fetch;

/** Answers of at most (max_body) bytes. (follow): follow redirects. NULL without memory. */
struct fetch *fetch_new(const struct client_config *c, uint64_t max_body, bool follow);
void fetch_free(struct fetch *f);

#define FETCH_STOPPED (-1)	/* a signal came */

/**
 * GET (url) with (extra) header lines (ends with NULL); the answer may take (wait_ms) to begin.
 * 0: an answer of status 2xx or 304 is there, until the next fetch_get. FETCH_STOPPED; or the
 * exit status, and what went wrong was reported.
 */
int fetch_get(struct fetch *f, const char *url, const char *const *extra, uint64_t wait_ms);

/** Of the answer: its status, its body, a header field by name (NULL: absent). */
long fetch_status(const struct fetch *f);
struct str fetch_body(const struct fetch *f);
const char *fetch_header(struct fetch *f, const char *name);

/** Is there a Link with rel="next"? */
bool fetch_has_next(struct fetch *f);

/** Sleep until (at_ms) on the monotonic clock. 0 or FETCH_STOPPED. */
int fetch_sleep_until(uint64_t at_ms);

#endif
