/* SPDX-License-Identifier: MIT */
#ifndef RT_DRAFT_H
#define RT_DRAFT_H

/*
 * From what a publisher sent to an event: the checks of JSON, UTF-8, topic, names and size that
 * every way in shares.
 */
#include "config.h"
#include "json.h"
#include "store/event.h"

enum draft_form {
	DRAFT_JSON,		/* one JSON value */
	DRAFT_TEXT,		/* text, becomes a JSON string */
	DRAFT_BYTES,		/* any bytes, become data_base64 */
	DRAFT_ENVELOPE,		/* an envelope with its topic */
};

/** What is known before the value; text is plain and checked (draft_topic, draft_name). */
struct draft {
	enum draft_form form;
	struct str topic, type, key, from;
	bool ephemeral;
};

struct draft_error {
	unsigned status;	/* of the HTTP answer if it is the only value */
	const char *why;	/* static text, a sentence that says what to do */
	enum json_status json;	/* if that is what is wrong, */
	size_t json_at;		/* the byte, from 1, where it is */
};

/** May (topic) be published to? NULL, or what is wrong. */
const char *draft_topic(const struct config *c, struct str topic, unsigned *status);

/** Can (s) be a type or a key? p == NULL is fine. */
bool draft_name(struct str s);

/** Make the event of (value). NULL and the reason if it is refused. */
struct event *draft_event(const struct config *c, const struct draft *d, struct str value,
	struct draft_error *err);

#endif
