/* SPDX-License-Identifier: MIT */
#ifndef RT_BENCH_H
#define RT_BENCH_H

/*
 * What all threads of a run share. Made before the threads and const from then on, but for what is
 * atomic, and the times, which are set before the threads are told to publish.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "judge/judge.h"
#include "wire/target.h"
#include "wire/upgrade.h"

struct worker;
struct witness_shared;

/** On the loopback interface, so many addresses are used without being asked for. */
#define BENCH_LOOPBACK_MAX 64

struct bench {
	const struct bench_config *c;
	struct streams streams;
	uint32_t run;			/* in every event, so that those of another run are known */
	struct target sub, pub;
	const struct in_addr *sources;	/* to connect from in turn; NULL: the system's choice */
	unsigned nsources;
	struct in_addr loopback[BENCH_LOOPBACK_MAX];
	bool sub_is_rt, pub_is_rt;	/* an rt-serve: envelopes, cursors */
	bool from_outside;		/* events come that are not ours, and count */
	char *fields;			/* -H: "Name: value" CRLF each */
	char *topic_json;		/* c->topic as it stands in envelopes, without quotes */
	size_t ntopic_json;
	struct upgrade_key key;
	/* by topic: deliveries that an event should make, slow subscribers not included */
	uint32_t *listeners;
	double *shares;			/* publisher p makes the events shares[p] to shares[p + 1], of 1 */
	struct stream_total *totals;	/* by stream; each filled by its publisher at the end */
	uint32_t nstreams;
	struct worker **workers;
	unsigned nworkers;
	struct witness_shared *witness;	/* of all threads; NULL if there is one */

	uint64_t start_ns;		/* the first event is due */
	uint64_t measure_ns;		/* those that are due before do not count in latency */
	uint64_t end_ns;		/* no event is due from here on; UINT64_MAX: --count says how many */

	/* deliveries that were missing for long when everything else had stopped: the window forgets them */
	_Atomic int64_t given_up;
	_Atomic uint32_t meetings;	/* of threads; see bench_meet */
	/* what went wrong first is said, the rest is counted */
	atomic_bool sub_complained, pub_complained;
	pthread_mutex_t complaining;
	char complaint[512];		/* the last: what is wrong with both is said once */
	_Atomic int failure;		/* the exit status that the first complaint means */
	atomic_bool held;		/* --max-unacked kept a publisher from sending */
	atomic_bool progress_shown;	/* a progress line stands on the terminal */
};

/** Fill (b) from (c). 0, or an exit status, having said why. bench_fini may follow in any case. */
int bench_init(struct bench *b, const struct bench_config *c);
void bench_fini(struct bench *b);

/** The topic of (number). Writes at most BENCH_TOPIC_MAX bytes to (dst). */
#define BENCH_TOPIC_MAX 320
struct str bench_topic(const struct bench *b, uint32_t number, char dst[BENCH_TOPIC_MAX]);

/**
 * The topic whose name begins at (p), as it stands in an envelope: *number gets its number. Returns
 * the closing quote; NULL: it is none of ours, or does not end before (end).
 */
const char *bench_topic_parse(const struct bench *b, const char *p, const char *end, uint32_t *number);

/** A connection cannot be made for (error): is it for want of something on this side? */
bool bench_is_own(int error);

/**
 * Say what went wrong, once for all subscribers or publishers (flag); (status) is the exit status if the
 * run cannot begin because of it.
 */
void bench_complain(struct bench *b, atomic_bool *flag, int status, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/** The same for a connection to (t) that cannot be made; errno says why. */
void bench_complain_connect(struct bench *b, atomic_bool *flag, const struct target *t);

/** The same for an answer: its status, and the detail of its body (RFC 9457). */
void bench_complain_answer(struct bench *b, atomic_bool *flag, const char *who, unsigned status,
	struct str body);

/** How often events go to (topic), for each of its publishers; relative to others. */
double bench_topic_weight(const struct bench *b, uint32_t topic);

/**
 * Of two threads that do this, one is the second, and sees all that the first wrote before it did: so
 * one of both sees what the other wrote. (A fence alone would do, but that TSan does not know.)
 */
static inline void bench_meet(struct bench *b)
{
	atomic_fetch_add_explicit(&b->meetings, 1, memory_order_acq_rel);
}

/** Deliveries that are on their way: of what was sent, not yet received by all, and not given up. */
int64_t bench_outstanding(const struct bench *b);

#endif
