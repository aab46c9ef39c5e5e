/* SPDX-License-Identifier: MIT */
#ifndef RT_POLL_H
#define RT_POLL_H

/*
 * Polls and long polls (RFC 6202): one page of events as a JSON array or NDJSON, with the cursor
 * behind it as ETag and in the Link to the next page.
 */
#include "api/subscribe.h"

/** Answer (x) as (s) says; takes over the exchange, not (s). */
void poll_start(struct exchange *x, struct request *r, struct subscribe *s);

/* --- what can be tried without a connection ---------------------------------------------------- */

/**
 * Append the path and query of the next page, all but the cursor itself: PATH?...&since= . What
 * said where this page begins (since, last, latest, last_event_id) is left out. 0 or -1.
 */
int poll_next_url(struct buf *b, const struct request *r);

/** Is (tag), without its quotes, among those of an If-None-Match field (RFC 9110, 13.1.2)? */
bool poll_tag_matches(struct str if_none_match, struct str tag);

#endif
