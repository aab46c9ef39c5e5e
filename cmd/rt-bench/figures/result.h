/* SPDX-License-Identifier: MIT */
#ifndef RT_RESULT_H
#define RT_RESULT_H

/*
 * What a run measured: filled by run.c, read by the reports. Plain data; times in nanoseconds.
 */
#include <stdbool.h>
#include <stdint.h>

#include "figures/histogram.h"
#include "judge/judge.h"

enum transport {
	TRANSPORT_SSE, TRANSPORT_WS, TRANSPORT_NDJSON, TRANSPORT_LONGPOLL, TRANSPORT_POLL, TRANSPORTS
};

/** "sse", "ws", ... */
const char *transport_name(enum transport t);

/** Subscribers of one transport, or all of them. */
struct result_group {
	uint64_t subscribers;	/* wanted */
	uint64_t connected;	/* were connected when publishing began */
	uint64_t connects, connect_failures;	/* over the whole run, reconnections included */
	uint64_t reconnects;	/* after churn, herd or a connection that broke */
	uint64_t broken;	/* connections that ended though nobody wanted it */
	uint64_t requests;	/* HTTP requests; for polls each question */
	uint64_t deliveries;	/* events received, those of the warm-up too */
	uint64_t measured;	/* events received that count into (latency) */
	uint64_t bytes;		/* read from sockets since publishing began, heads and framing included */
	struct verdict verdict;
	struct histogram latency;	/* from when it was due to be sent until it was read */
	struct histogram connect;	/* from connect() to the first byte of a stream's answer */
	struct histogram recover;	/* after a herd or churn: from the break until it is live again */
};

struct result_publishers {
	uint64_t publishers;
	bool held;		/* --max-unacked kept them from sending */
	uint64_t sent, acked, refused, unsure;	/* events */
	uint64_t misnamed;		/* acknowledged by another id than subscribers were told */
	uint64_t unsent;		/* were due, but the server took no more, or was not there */
	uint64_t bytes;			/* of requests */
	struct histogram ack;		/* from when it was due until it was acknowledged */
	struct histogram lateness;	/* from when it was due until it was written: the generator's own */
};

/** One line of --csv, one point of the plots: an interval of about a second. */
struct result_interval {
	double at_s;		/* since publishing began, its end */
	double seconds;		/* its length */
	uint64_t sent, acked, deliveries, connections;
	uint64_t lost;		/* from the beginning until its end */
	uint64_t p50_ns, p99_ns, max_ns, ack_p99_ns;
	uint64_t server_cpu_ns, own_cpu_ns;	/* in it; 0: not known */
};

struct result {
	char label[64];			/* of --compare: which variant */
	/* what is corrupt in (all) is so by a transport, or misnamed in (pub) */
	struct result_group all, by_transport[TRANSPORTS];
	struct result_publishers pub;
	struct result_interval *intervals;
	unsigned nintervals;
	double connect_s;		/* until all were connected */
	double publish_s;		/* from the first publish to the last delivery */
	double measured_s;		/* the same without the warm-up */
	/*
	 * What rates are of: from the first publish until no more was sent (with a rate: until the next would
	 * have been due), and until no more came; but for what slow subscribers got after that, (caught_up).
	 */
	double sending_s, delivering_s;
	uint64_t caught_up;
	/* the server, with --pid; 0: not known */
	uint64_t server_cpu_ns;		/* from the first publish to the last delivery */
	uint64_t server_pss_before, server_pss_idle, server_pss_after;	/* idle: all connected */
	/* this program */
	unsigned threads;
	uint64_t own_cpu_ns;		/* in that time, all threads */
	double own_busiest;		/* the busiest thread: share of a core, 0 to 1 */
	const char *limit;		/* why figures are the generator's; NULL: they are the server's */
	bool interrupted;		/* by a signal: figures are of what was done */
	int failure;			/* exit status: it ran, but not as it was asked to; 0: it did */
	/* subscribers whose connection had ended at the end, though nobody wanted it */
	uint64_t gone;
	/* attempts to connect that failed for want of something on this side; deliveries missed by that */
	uint64_t stranded, missed;
	uint64_t undelivered;		/* still missing when --drain was over */
};

/** Add what (from) has counted to (to): all but who subscribes, and the verdict. */
void result_group_add(struct result_group *to, const struct result_group *from);

/** Free what it holds. */
void result_fini(struct result *r);

#endif
