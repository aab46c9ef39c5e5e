/* SPDX-License-Identifier: MIT */
#ifndef RT_MEMBER_H
#define RT_MEMBER_H

/*
 * A subscriber in the rosters of presence (hub/presence.h): once in each plain topic of its
 * subscription that is watched.
 */
#include "api/api.h"

struct member;

/**
 * Join. (transport) is static text, (nth) tells subscriptions of one connection apart. NULL if no
 * topic is watched, or without memory.
 */
struct member *member_join(struct api *a, struct filters *f, struct str user, const char *transport,
	struct conn *c, uint64_t nth);

/** Leave and free. (NULL) is fine. */
void member_leave(struct member *m, struct api *a);

#endif
