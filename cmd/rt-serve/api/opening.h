/* SPDX-License-Identifier: MIT */
#ifndef RT_OPENING_H
#define RT_OPENING_H

/*
 * What a subscription needs of its request after the head is gone: a store on disk tells the
 * starting cursor later. Streams keep it only if they need more than that (until=, every=,
 * batch=, presence).
 */
#include "api/subscribe.h"
#include "net/loop.h"

struct feed;
struct fields;
struct member;

struct opening {
	struct subscribe s;	/* its texts are copies; holds a reference to the filters */
	const char *origin;	/* see struct request, a copy */
	struct str user;
	struct member *member;	/* in the rosters of presence, or NULL */
	struct loop_timer tick;	/* every=, batch= */
	struct feed *feed;	/* for (tick) */
	char text[];
};

/**
 * Copy what is needed of (s), of (r) (NULL: there was no request), and (user). NULL without
 * memory.
 */
struct opening *opening_new(const struct subscribe *s, const struct request *r, struct str user);

/** Leaves the rosters, too. (NULL) is fine. */
void opening_free(struct opening *o, struct api *a);

/**
 * Fields of every answer to a subscriber: the starting cursor, the store, Vary; (origin) as in
 * struct request.
 */
void opening_fields(struct fields *f, const char *origin, const struct api *a, struct str cursor);

/** Heartbeat: how many seconds pass between two heartbeats of what begins now. */
void opening_heartbeat(struct fields *f, const struct api *a);

/** Answer that the subscription could not start. (st) is not STORE_OK. */
void opening_problem(struct exchange *x, const char *origin, enum store_status st);

/** The HTTP status and a sentence for a subscription that could not start. */
unsigned opening_status(enum store_status st, const char **why);

/** (ms) give or take half of it, so that clients don't come back all at once. */
uint64_t opening_jitter(const void *who, uint64_t ms);

/** (ms) give or take a tenth. */
uint64_t opening_jitter_tenth(const void *who, uint64_t ms);

#endif
