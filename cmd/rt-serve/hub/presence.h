/* SPDX-License-Identifier: MIT */
#ifndef RT_PRESENCE_H
#define RT_PRESENCE_H

/*
 * Presence: who is subscribed to a plain topic now. One roster for all loops, guarded by a mutex;
 * only topics that match a --presence pattern are kept. Joins and leaves become ephemeral events
 * of $presence/{topic}, gathered per second: {"joined":[member…],"left":[member…],"count":N}; many
 * at once make several. A leave waits for the grace time, and a member who is back by then (same
 * user, else same connection id) never left: he keeps the id that was told.
 */
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "store/store.h"

struct presence;

struct presence_config {
	const struct str *patterns;	/* copied */
	unsigned n;
	uint64_t grace_ms;		/* 0: a leave counts with the next tick */
	uint64_t max_members;		/* per topic; more are counted, not listed; default 10,000 */
};

struct presence_member {
	char id[17];			/* random, of the connection; a client may keep it over reconnects */
	struct str user;		/* as authenticated; p == NULL: nobody */
	const char *transport;		/* "sse", "websocket", ...: static text */
	uint64_t since_ms;
};

/** NULL without memory. With no pattern everything below does nothing. */
struct presence *presence_new(const struct presence_config *c);
void presence_free(struct presence *p);

/** Is (topic) watched? Not if it is too long for a topic below $presence/. (NULL): no. */
bool presence_wants(const struct presence *p, struct str topic);

/** (m) is copied. A join with an id that waits for its leave takes it back. 0, or -1: no memory. */
int presence_join(struct presence *p, struct str topic, const struct presence_member *m,
	uint64_t now_ms);
void presence_leave(struct presence *p, struct str topic, const char *id, uint64_t now_ms);

/**
 * Append the JSON answer {"topic":…,"count":N,"members":[{"id":…,"user":…,"transport":…,
 * "since":…}…]}, the newest member first. 0 or -1 as buf_add.
 */
int presence_write(struct presence *p, struct str topic, struct buf *b);

/**
 * Once a second on one loop: leaves whose grace is over happen, and changes of the last second
 * are published to (s) as ephemeral events.
 */
void presence_tick(struct presence *p, struct store *s, uint64_t now_ms);

#endif
