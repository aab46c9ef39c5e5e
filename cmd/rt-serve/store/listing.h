/* SPDX-License-Identifier: MIT */
#ifndef RT_LISTING_H
#define RT_LISTING_H

#include "store/window.h"

/** store_topics and the figures of store_stats, of a store with a window. */
void listing_topics(struct window *w, struct str after, struct str pattern, size_t max,
	bool (*fn)(void *arg, const struct topic_info *t), void *arg);
void listing_stats(struct window *w, struct store_stats *out);

#endif
