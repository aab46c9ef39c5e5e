/* SPDX-License-Identifier: MIT */
#ifndef RT_PUBLISH_STATE_H
#define RT_PUBLISH_STATE_H

/* The state of one POST, between publish.c, which reads it, and publish_answer.c. */
#include "api/draft.h"
#include "api/group.h"
#include "api/live.h"
#include "api/publish_check.h"
#include "api/request.h"
#include "line.h"

#define PUBLISH_ERRORS_MAX 100

struct publish {
	struct exchange *x;		/* NULL once it is over */
	struct api *api;
	struct live live;
	enum publish_body kind;
	struct str topic, type, event_key, user;	/* topic.p == NULL: envelopes */
	const char *origin_allowed;
	bool ephemeral, ack_lines;
	bool ended;			/* the body */
	bool unparsed;			/* keyed lines, until the store has room */
	bool paused, waiting;
	bool begun;			/* the answer of ?ack=lines */
	bool answered, failed;
	unsigned pushing, in_flight;
	struct publish *next_waiting;
	struct batch_key *key;		/* &key_space, or NULL */
	struct batch_key key_space;
	struct buf body;		/* one value, or a keyed body */
	struct line lines;
	struct group *filling;
	uint64_t body_bytes, accepted, refused;
	uint64_t unread_since_ms, unread_bytes_out;
	struct group_line *errors;
	unsigned nerrors, failure_status;
	enum store_ack ack;
	uint8_t last_n;
	char last[EVENT_ID_MAX];
	char client[48];		/* its address; empty until it is asked for, or a proxy told it */
	char text[];
};

/** For problem_respond and fields_init, which want of a request only its allowed origin. */
#define NULL_REQUEST(p) (&(const struct request){.origin_allowed = (p)->origin_allowed})

static inline enum draft_form publish_form(const struct publish *p)
{
	if (p->topic.p == NULL)
		return DRAFT_ENVELOPE;
	return p->kind == PUBLISH_TEXT ? DRAFT_TEXT : p->kind == PUBLISH_BYTES ? DRAFT_BYTES : DRAFT_JSON;
}

#endif
