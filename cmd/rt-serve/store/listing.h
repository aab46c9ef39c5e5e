/* SPDX-License-Identifier: MIT */
#ifndef RT_LISTING_H
#define RT_LISTING_H

/* What a store with a window has, for those who look at it: its topics, page by page, and figures. */
#include "store/window.h"

/**
 * As store_topics (store.h): call (fn) for the topics behind (after) that match (pattern), at most (max)
 * of them, by name. Takes the lock, (fn) runs without it.
 */
void listing_topics(struct window *w, struct str after, struct str pattern, size_t max,
	bool (*fn)(void *arg, const struct topic_info *t), void *arg);

/** Fill in what store_stats tells of events and topics. Takes the lock. */
void listing_stats(struct window *w, struct store_stats *out);

#endif
