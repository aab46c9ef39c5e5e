/* SPDX-License-Identifier: MIT */
#ifndef RT_MUX_REQUEST_H
#define RT_MUX_REQUEST_H

/* What a client of /ws says in one message: a JSON object, taken apart. */
#include "api/publish_value.h"
#include "api/subscribe.h"
#include "json.h"

/** Members of a request; rt(7) says which op has which. */
enum mux_member {
	MUX_OP, MUX_REF, MUX_TOPICS, MUX_TOPIC, MUX_SINCE, MUX_LAST, MUX_CURSOR, MUX_LATEST, MUX_EVERY,
	MUX_BATCH, MUX_HEARTBEAT, MUX_DATA, MUX_DATA_BASE64, MUX_TYPE, MUX_KEY, MUX_STORE,
	MUX_MEMBERS
};

struct mux_request {
	struct json_member m[MUX_MEMBERS];
	struct str ref;			/* raw JSON, "null" if there was none */
	char *scratch;			/* room for all text of the message, decoded */
};

/**
 * Take (text) apart. NULL, or a sentence on what is wrong (r->ref is as good as it gets). The
 * members point into (text); (scratch) must have room for text.n bytes.
 */
const char *mux_request_parse(struct mux_request *r, struct str text, char *scratch);

/** A member that is a string, decoded; p == NULL: absent. False if it is something else. */
bool mux_request_text(struct mux_request *r, enum mux_member m, struct str *out);

/** A member that is true or false; absent: as *out was. False if it is something else. */
bool mux_request_flag(const struct mux_request *r, enum mux_member m, bool *out);

/**
 * op subscribe: topics, where they begin (cursor, since, latest, last or now, in this order), every
 * and batch, into (s), whose text then points into (r). (store): identity that the client's cursors
 * come with; p == NULL: not told. 0, or -1 and a sentence in (why). subscribe_fini in either case.
 */
int mux_request_subscribe(struct mux_request *r, struct api *a, struct str store,
	struct subscribe *s, struct buf *why);

/**
 * op publish: topic, type, key, store and data into (v), whose text then points into (r) and the
 * message. The scratch must have room for twice the message. NULL, or what is wrong.
 */
const char *mux_request_value(struct mux_request *r, struct publish_value *v);

#endif
