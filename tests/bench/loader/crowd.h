/* SPDX-License-Identifier: MIT */
#ifndef RT_LOAD_CROWD_H
#define RT_LOAD_CROWD_H

/* The subscribers: they connect once, and are judged anew in each run. */
#include <stdint.h>
#include <sys/types.h>

#include "figures/histogram.h"
#include "judge/judge.h"
#include "link.h"

#define SERVERS_MAX 2	/* that share the subscribers */

/** Where the servers listen on 127.0.0.1, and what processes they are (0: unknown). */
struct servers {
	uint16_t ports[SERVERS_MAX];
	pid_t pids[SERVERS_MAX];
	unsigned n;
};

struct subscriber_link {
	struct link link;
	struct ledger *ledger;
	uint8_t state;		/* of connecting: crowd.c */
};

struct crowd {
	const struct dialect *d;
	struct servers servers;
	uint32_t n, topics;
	struct subscriber_link *subs;
	struct link *publishers;	/* one per server, read in the same loop, if not NULL */
	link_hear *hear_publisher;
	void *hear_publisher_arg;
	int epoll;
	uint32_t opening, ready, failed;
	/* of the run */
	uint64_t deliveries;
	uint64_t last_ns;	/* of the newest delivery */
	struct histogram latency;
	bool dead;		/* a connection ended, or the publisher's did */
};

/** (n) subscribers to (topics) topics, of the servers in turn. 0, or -1 with errno. */
int crowd_init(struct crowd *c, const struct dialect *d, const struct servers *servers, uint32_t n,
	uint32_t topics);
void crowd_fini(struct crowd *c);

/** Connect them all, in at most (seconds). 0, or -1 when some failed. */
int crowd_connect(struct crowd *c, double seconds);

/** Read the publisher's connections, too, one per server. They must be connected. */
int crowd_adopt(struct crowd *c, struct link *publishers, link_hear *hear, void *arg);

/** A run begins: new ledgers, nothing counted. 0, or -1 without memory. */
int crowd_begin(struct crowd *c, uint32_t run);

/** Note when bytes arrive, see link_stamp. */
void crowd_stamp(struct crowd *c, bool on);

/** Wait until (until_ns) by clock_ns() at most, and read what has come. */
void crowd_turn(struct crowd *c, uint64_t until_ns);

/** What all received together, by what was (published) in each topic. */
void crowd_verdict(const struct crowd *c, const struct stream_total *published, struct verdict *v);

#endif
