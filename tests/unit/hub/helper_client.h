/* SPDX-License-Identifier: MIT */
#ifndef RT_TEST_HELPER_CLIENT_H
#define RT_TEST_HELPER_CLIENT_H

/*
 * A hub's host and its transports, as the server has them: what is handed on is queued, and in
 * the flush after a turn all or some of it goes out.
 */
#include "hub/hub.h"

struct host {
	struct hub *hub;
	struct read *done;	/* reads to be given to hub_read_done, newest first */
	unsigned wakes;
};

/** A hub on (s), whose host is (h). */
struct hub *host_open(struct host *h, struct store *s, const struct hub_config *c);
void host_close(struct host *h);

/** Give the hub its reads, then a turn. Whether it wants another. */
bool host_turn(struct host *h);

/** Turns until nothing is left to do. */
void host_settle(struct host *h);

struct client_gap {
	char topic[64], after[64], until[64];
	const char *reason;
	size_t at;		/* events it had before */
};

struct client {
	struct subscription sub;
	struct hub *hub;
	struct filters *filters;
	struct event **got;	/* a reference each; those from (sent) on are queued */
	size_t n, cap, sent;
	size_t room;		/* events it takes until it is full */
	struct client_gap *gaps;
	size_t ngaps;
	bool refuse_gaps;
	char start[64];		/* cursor it started at */
	unsigned started, live, failed;
	enum store_status status;
	bool leave_when_live;
	bool runs;		/* takes several events at once; set before it subscribes */
	unsigned nruns;
};

#define ROOM_ENOUGH ((size_t)1 << 40)

/** Make (c) a client of (hub) for the comma-separated (filters); takes everything. */
void client_init(struct client *c, struct hub *hub, const char *filters);
void client_fini(struct client *c);

/** Subscribe from a cursor, or NULL: from now, or "all". (o) may be NULL. */
int client_subscribe(struct client *c, const char *from, const struct hub_options *o);
int client_subscribe_at(struct client *c, const struct hub_start *start,
	const struct hub_options *o);

/** Of what is queued, (n) events go out; the others are handed back. False: everything went. */
bool client_flush(struct client *c, size_t n);

/** The ids of what it has, separated by spaces, "e" for ephemeral ones; until the next call. */
const char *client_ids(const struct client *c);

/** Its cursor; until the next call. */
const char *client_cursor(const struct client *c);

#endif
