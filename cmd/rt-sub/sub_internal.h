/* SPDX-License-Identifier: MIT */
#ifndef RT_SUB_SUB_INTERNAL_H
#define RT_SUB_SUB_INTERNAL_H

/*
 * The state of the subscriber, between sub.c, which connects, delivers and ends, sub_report.c, which
 * hears from transports, and sub_silence.c, which looks for what does not come.
 */
#include "client.h"
#include "delivery.h"
#include "sub.h"
#include "transport.h"

#define SUB_WHY_MAX 1024

/* Reasons to leave the network alone. */
enum hold { HOLD_READER = 1, HOLD_COMMANDS = 2 };

struct sub {
	const struct config *config;
	struct ev_loop *loop;
	struct http *http;
	struct delivery *delivery;

	const struct transport *transport;	/* for the next connection */
	const struct transport *via;	/* of this one */
	void *connection;		/* NULL: none */
	bool asking, opened, rt;
	bool body_seen;			/* since it was asked for */
	bool rt_seen;			/* any answer so far was rt-serve's */
	uint64_t asked_at_ms, limit_ms;	/* the answer should begin in that time */
	uint64_t opened_at_ms, heard_at_ms;
	bool heard;			/* in this turn: the clock is read once, at its end */
	uint64_t heartbeat_ms;		/* as announced; 0: not */
	uint64_t watched_at_ms;		/* when silence was last looked for */
	uint64_t missed_since_ms;	/* first request whose answer never told a cursor; 0: none */
	uint64_t event_at_ms;		/* -w counts from here */
	uint64_t events_seen;

	enum sub_down down;		/* acted upon before the loop waits */
	char why[SUB_WHY_MAX];
	uint64_t retry_after_ms;	/* asked for in an error answer */
	uint64_t retry_ms;		/* asked for by the stream; 0: not */
	struct backoff backoff;
	bool complained;		/* about the connection, since it was last good */
	bool token_renewed;
	bool connect_due;		/* when there is no more reason to hold back */

	unsigned held;			/* enum hold */
	bool finishing, stopped, broken_pipe;
	bool out_of_time;		/* -W */
	bool forced;			/* what is not written by now stays so */
	int status;

	ev_prepare before_wait;
	ev_timer retry, watch, idle, total, grace;
	ev_io signals;
};

/** Look for silence from now on: a request is on its way, or its answer has begun. */
void sub_silence_begin(struct sub *s);
void sub_silence_end(struct sub *s);

/** The turn ends: what was heard in it was heard now. */
void sub_silence_note(struct sub *s);

/** Once, before all others. */
void sub_silence_init(struct sub *s);

/** Would this stream have begun by now, if nothing on the way held it back? */
bool sub_expects_beginning(const struct sub *s);

/** Something holds streams back: the next connection is a long poll, at once. */
void sub_fall_back(struct sub *s);

#endif
