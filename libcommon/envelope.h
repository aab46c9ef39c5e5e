/* SPDX-License-Identifier: MIT */
#ifndef RT_ENVELOPE_H
#define RT_ENVELOPE_H

/*
 * The envelope: the one line of JSON that an event is. rt(7) defines its members.
 */
#include <stdbool.h>

#include "buf.h"
#include "json.h"
#include "str.h"

/**
 * The raw members of an envelope, of whatever type they are; strings still have their quotes.
 * Absent, or null (but data may be null): p == NULL.
 */
struct envelope {
	struct str id, topic, seq, time, type, key, from, data, data_base64;
	struct str gap;		/* the object of a gap record, which has nothing else */
	struct str error;	/* a refusal on a WebSocket */
	struct str line;	/* the whole text */
};

/**
 * Take (text) apart. It must be one JSON object (it is checked). Members nobody knows are
 * ignored. Returns JSON_OK, or why not (JSON_SYNTAX also when it is no object or out of memory).
 */
enum json_status envelope_parse(struct envelope *e, struct str text);

/** The same for text that json_check has accepted. 0, or -1 when it is no object or out of memory. */
int envelope_members(struct envelope *e, struct str text);

/** What a foreign stream gave, to be made an envelope. Absent: p == NULL. */
struct envelope_foreign {
	struct str id, type;	/* plain text */
	struct str data;	/* a JSON value is kept as it is; anything else becomes a string */
};

/** Append the envelope of a foreign event to (b), without a line end. 0, or -1 as buf_add. */
int envelope_from_foreign(struct buf *b, const struct envelope_foreign *f);

/**
 * Append the payload as plain bytes: strings unquoted, base64 decoded, else the JSON text; nothing
 * if there is none. 0, or -1 as buf_add, or with errno EINVAL if it is malformed base64.
 */
int envelope_payload(struct buf *b, const struct envelope *e);

#endif
