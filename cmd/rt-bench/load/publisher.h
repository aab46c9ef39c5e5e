/* SPDX-License-Identifier: MIT */
#ifndef RT_BENCH_PUBLISHER_H
#define RT_BENCH_PUBLISHER_H

/*
 * One who publishes, on a connection of its own, by a schedule that does not wait for the server, or as fast
 * as the window allows. How events become bytes is up to a table of functions.
 */
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "load/conn.h"
#include "load/inflight.h"
#include "load/plan.h"
#include "str.h"

struct publisher;

struct publish_ops {
	/** It is connected. NULL, or the upgrade; publisher_open follows from there. */
	void (*connected)(struct publisher *p);
	/** May another event be added? */
	bool (*room)(const struct publisher *p);
	/** Append the event (payload) of (topic) to p->out. 0, or -1 without memory. */
	int (*add)(struct publisher *p, uint32_t topic, struct str payload);
	/** What was added is to be written now: make it whole. May be NULL. */
	void (*seal)(struct publisher *p);
	/** There will be no more events: append what ends the request. May be NULL. */
	void (*finish)(struct publisher *p);
	/** As of struct conn_ops; heads of refusals, and their bodies, are not handed on. */
	void (*head)(struct publisher *p, struct str head, uint64_t now);
	size_t (*data)(struct publisher *p, struct str data, uint64_t now);
	void (*end)(struct publisher *p, struct str rest, uint64_t now);
	void (*message)(struct publisher *p, struct str data, uint64_t now);
	bool acknowledged;	/* events are answered */
};

extern const struct publish_ops publish_lines, publish_post, publish_batch, publish_mux, publish_ws;

struct publisher {
	struct conn conn;
	ev_timer timer;		/* to connect again, or until it is open */
	const struct publish_ops *ops;
	struct plan plan;
	struct inflight inflight;	/* added, not answered */
	struct unsure_list *unsure;	/* by topic of the plan */
	struct buf out;		/* to be written */
	uint64_t fresh;		/* of the newest in flight, so many have not been given to the socket yet */
	uint64_t free_ns;	/* since when nothing of the server kept it from writing */
	uint64_t refusals;	/* of requests */
	uint32_t number;
	uint32_t pending;	/* events of the request that is being made, or answered */
	size_t mark;		/* in out: where a chunk or a body begins */
	uint8_t tries;
	bool open;		/* events can be added */
	bool waiting;		/* the socket takes no more, or the server has to answer first */
	bool scheduled;		/* it is in the agenda */
	bool request_open;	/* an endless request, or a batch that is not answered */
	bool refused;		/* this answer */
	bool was_open, finished, done;
	bool over;		/* nobody waits for answers any more */
};

/** Make number (number). 0, or -1 without memory. */
int publisher_init(struct publisher *p, struct worker *w, uint32_t number);
void publisher_fini(struct publisher *p);

/** Connect. */
void publisher_start(struct publisher *p);

/** Publish what is due, or what the window allows; call again by the agenda, or when the window opens. */
void publisher_go(struct publisher *p);

/**
 * No more events: what is not answered, or was not even written, is unsure. Fills its streams in the totals
 * of struct bench, which stay as they are, whatever comes later.
 */
void publisher_finish(struct publisher *p);

/* --- for the tables --------------------------------------------------------------------------- */

/** It can publish from now on. */
void publisher_open(struct publisher *p);

/**
 * The oldest (n) events in flight were accepted. More than there are: false, and the connection is
 * closed.
 */
bool publisher_accepted(struct publisher *p, uint64_t n, uint64_t now);

/**
 * The (k)th oldest event in flight is to be accepted, by the answer at (p), which goes on with its
 * "id": is it what subscribers were told?
 */
void publisher_named(struct publisher *p, uint64_t k, const char *at, const char *end);

/** The oldest was refused, with (why). */
bool publisher_refused(struct publisher *p, struct str why);

/**
 * Give the connection up, and make a new one: the server has ended the request, or is not to be
 * understood.
 */
void publisher_again(struct publisher *p, const char *why);

#endif
