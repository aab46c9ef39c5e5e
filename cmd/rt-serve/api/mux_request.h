/* SPDX-License-Identifier: MIT */
#ifndef RT_MUX_REQUEST_H
#define RT_MUX_REQUEST_H

/* What a client of /ws says in one message: a JSON object, taken apart. */
#include "json.h"
#include "str.h"

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

#endif
