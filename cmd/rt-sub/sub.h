/* SPDX-License-Identifier: MIT */
#ifndef RT_SUB_SUB_H
#define RT_SUB_SUB_H

/*
 * The subscriber: connects, resumes where it stood, watches for silence, waits before it tries
 * again, hands events to the output or to commands, and keeps the cursor. One per process.
 */
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "envelope.h"
#include "http.h"
#include "request.h"

struct sub;

/** NULL without memory, or if the state file cannot be used (*status then says how to exit). */
struct sub *sub_new(const struct config *c, int *status);
void sub_free(struct sub *s);

/**
 * Subscribe until it is over. Returns the exit status. *by_signal: the signal to end by instead,
 * SIGPIPE if stdout was closed, or 0.
 */
int sub_run(struct sub *s, int *by_signal);

/* --- for transports --------------------------------------------------------------------------- */

const struct config *sub_config(const struct sub *s);
struct ev_loop *sub_loop(const struct sub *s);
struct http *sub_http(const struct sub *s);

/** Fill in from where on to ask, and what is known about the server. */
void sub_want(const struct sub *s, struct request_want *want);

/** A request is on its way, whose answer should begin within (limit_ms). */
void sub_asking(struct sub *s, uint64_t limit_ms);

/** No request is, on purpose. */
void sub_resting(struct sub *s);

/** The answer began; fields of its head, p == NULL: absent. */
struct sub_opening {
	struct str cursor, store, heartbeat;
};
void sub_opened(struct sub *s, const struct sub_opening *o);

/** The opening of the HTTP request in progress. */
void sub_opened_http(struct sub *s);

/** Does the server speak rt's envelopes? Known once the answer began. */
bool sub_is_rt(const struct sub *s);

/** Anything at all came. */
void sub_heard(struct sub *s);

/**
 * A record of rt-serve's came: an envelope or a gap; (one_line): surely without a line break within.
 * (cursor): where we stand after it; p == NULL: its id says so. Other than 0: no more are wanted.
 */
int sub_record(struct sub *s, struct str text, bool one_line, struct str cursor);

/** An event of somebody else's came. */
int sub_foreign(struct sub *s, const struct envelope_foreign *f, struct str cursor);

/** The cursor moved on without an event. */
void sub_cursor(struct sub *s, struct str cursor);

/** --latest: the snapshot that the subscription begins with is complete. */
void sub_settled(struct sub *s);

/** The server wants to be asked again no sooner than this after a connection ended. */
void sub_set_retry(struct sub *s, uint64_t ms);

enum sub_down {
	SUB_UP,
	SUB_CLOSED,	/* the server ended the stream in good order */
	SUB_LOST,	/* worth another try */
	SUB_AGAIN,	/* at once, another way */
	SUB_OVER,	/* there will be no more events */
	SUB_END_KNOWN,	/* -e: all is read */
	SUB_REFUSED,
	SUB_PROTOCOL,
	SUB_NOMEM,
};

/** The connection is of no use any more. What is done about it is done later. */
void sub_down(struct sub *s, enum sub_down how, const char *why, uint64_t retry_after_ms);

/** The same, as an HTTP request of (sub_http) ended. True: with a 200 and in good order. */
bool sub_http_ended(struct sub *s, CURLcode result);

/** The same, by an answer that is not what was asked for and did not come through (sub_http). */
void sub_answered(struct sub *s, const struct client_answer *a);

/** Is the connection down, or all over? Then nothing more is to be reported. */
bool sub_is_down(const struct sub *s);

#endif
