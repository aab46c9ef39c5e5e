/* SPDX-License-Identifier: MIT */
#ifndef RT_WORKER_H
#define RT_WORKER_H

/*
 * A thread: its loop, its share of the subscribers and publishers, and what it counts. Only the thread
 * itself touches it, but for the orders and what is atomic, which it alone writes.
 */
#include <ev.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "figures/tally.h"
#include "load/agenda.h"
#include "judge/known.h"
#include "judge/witness.h"
#include "load/bench.h"
#include "str.h"

struct subscriber;
struct publisher;

/** What run.c tells all threads to do; several at once are bits of one word. */
enum order {
	ORDER_CONNECT = 1 << 0,		/* connect everybody */
	ORDER_PUBLISH = 1 << 1,		/* by the times in struct bench; churn and slowness begin, too */
	ORDER_COLLECT = 1 << 2,		/* go on counting in the other tally */
	ORDER_HERD = 1 << 3,		/* all subscribers reconnect */
	ORDER_WAKE = 1 << 4,		/* look whether the window is open */
	ORDER_CALM = 1 << 5,		/* no more slowness: who is paused reads on */
	/* no more events and no more churn; what is not acknowledged is unsure; fill totals */
	ORDER_FINISH = 1 << 6,
	ORDER_CHECK = 1 << 7,		/* set (complete) */
	ORDER_QUIT = 1 << 8,
};

struct worker {
	struct bench *b;
	struct ev_loop *loop;
	unsigned index;
	struct tally *tally;		/* what is counted in now: one of the two */
	struct tally tallies[2];
	struct subscriber *subscribers;
	uint32_t nsubscribers;
	struct publisher *publishers;
	uint32_t npublishers;

	/* lent to whoever needs them within one call */
	char *input;
	size_t ninput;
	struct buf request, scratch;
	struct str cursor;		/* of the last event that was read; p == NULL: none */

	struct witness *witness;
	struct known *known;
	/* of the frame or chunk at hand: how many events, and the last one, if nothing is wrong with it */
	uint32_t nheard;
	bool sound;
	struct known_event heard;

	/* connecting */
	uint32_t next;			/* subscriber to connect first time */
	uint32_t opening;		/* are not ready yet */
	uint64_t ramp_ns;		/* since when it connects */
	unsigned next_source;

	uint64_t random;
	uint32_t live;			/* subscribers that are connected */
	uint32_t complete;		/* of the first so many it is known that nothing is missing */
	bool publishing;
	uint64_t churn_ns;		/* since when subscribers come and go */
	uint64_t churned;		/* how many did */
	struct subscriber **suspects;	/* whose events did not all come as they should */
	uint32_t nsuspects, suspects_cap;

	struct agenda agenda;		/* publishers by when their next event is due */
	uint32_t first_publisher;	/* whose turn it is to be first */
	uint64_t clock_due;		/* what the timer is set to */
	ev_io clock_io;
	int clock_fd;			/* timerfd: epoll knows only milliseconds */
	ev_timer ramp, churn, slow;
	ev_prepare prepare;

	/* written by this thread alone, read by others */
	/* for the window: deliveries made, and to be made by what was sent */
	_Atomic uint64_t delivered, expected;
	_Atomic uint64_t acked;			/* publications answered, for seeing progress */
	_Atomic int64_t wake_at;		/* a publisher waits for so few outstanding; -1: none does */
	_Atomic uint32_t ready, gave_up;	/* subscribers, first time */
	_Atomic uint32_t publishers_ready, publishers_done;
	_Atomic bool is_complete;		/* answer to ORDER_CHECK */

	/* orders */
	pthread_t thread;
	bool running;
	ev_async async;
	pthread_mutex_t lock;
	pthread_cond_t done;
	unsigned orders;		/* under lock: not done yet */
};

/**
 * Thread (index) of (b), with its share, not running yet; (transports) has one for each subscriber of the
 * run. NULL without memory or descriptors.
 */
struct worker *worker_new(struct bench *b, unsigned index, const uint8_t *transports);

/** Let it run. 0, or -1 with errno. */
int worker_start(struct worker *w);

/** Give an order, to be done when the thread comes to it; worker_wait until it is. */
void worker_order(struct worker *w, unsigned order);
void worker_wait(struct worker *w);

/** End the thread, if it runs. What it has counted and its subscribers may be read then. */
void worker_stop(struct worker *w);

/** Free it all; after worker_stop. */
void worker_free(struct worker *w);

/* --- for what runs within it ------------------------------------------------------------------ */

/** The buffer to read to: (n) bytes are taken already, *room are free behind. NULL without memory. */
char *worker_input(struct worker *w, size_t n, size_t *room);

/** The next source address; NULL: the system's choice. */
const struct in_addr *worker_source(struct worker *w);

uint32_t worker_random(struct worker *w);

/** A back-off with full jitter after (tries) failures, in seconds. */
double worker_backoff(struct worker *w, unsigned tries);

/** A subscriber's first attempts have ended, well or not: others may connect. */
void worker_connect_more(struct worker *w);

/** Not all came to (s) as it should: its losses so far are counted from now on. */
void worker_suspect(struct worker *w, struct subscriber *s);

/** Call after each read: publishes what is due by (now), so that reading delays no schedule. */
void worker_turn(struct worker *w, uint64_t now);

static inline void worker_add(_Atomic uint64_t *counter, uint64_t n)
{
	/* One writer: no locked instruction. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
		memory_order_relaxed);
}

static inline void worker_count(_Atomic uint32_t *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
		memory_order_relaxed);
}

#endif
