/* SPDX-License-Identifier: MIT */
#include "api/mux_request.h"

/* Bytes of a ref, which is kept for every subscription. */
#define REF_MAX 256

static const char *const member_names[MUX_MEMBERS] = {
	[MUX_OP] = "op", [MUX_REF] = "ref", [MUX_TOPICS] = "topics", [MUX_TOPIC] = "topic",
	[MUX_SINCE] = "since", [MUX_LAST] = "last", [MUX_CURSOR] = "cursor", [MUX_LATEST] = "latest",
	[MUX_EVERY] = "every", [MUX_BATCH] = "batch", [MUX_HEARTBEAT] = "heartbeat",
	[MUX_DATA] = "data", [MUX_DATA_BASE64] = "data_base64", [MUX_TYPE] = "type", [MUX_KEY] = "key",
	[MUX_STORE] = "store",
};

const char *mux_request_parse(struct mux_request *r, struct str text, char *scratch)
{
	enum json_status st = json_check(text.p, text.n, NULL);

	for (unsigned i = 0; i < MUX_MEMBERS; i++)
		r->m[i] = (struct json_member){.name = member_names[i]};
	r->ref = STR_LIT("null");
	r->scratch = scratch;
	if (st != JSON_OK)
		return json_status_text(st);
	if (json_members(text, r->m, MUX_MEMBERS, NULL) != 0)
		return "send an object such as {\"op\":\"subscribe\",\"topics\":[\"chat\"]}";
	if (r->m[MUX_REF].raw.p == NULL)
		return NULL;
	if (r->m[MUX_REF].raw.n > REF_MAX)
		return "ref takes at most 256 bytes";
	r->ref = r->m[MUX_REF].raw;
	return NULL;
}

bool mux_request_text(struct mux_request *r, enum mux_member m, struct str *out)
{
	*out = STR_NULL;
	if (r->m[m].raw.p == NULL)
		return true;
	if (r->m[m].type != JSON_STRING)
		return false;
	*out = (struct str){r->scratch, json_unquote(r->scratch, r->m[m].raw)};
	r->scratch += out->n;
	return true;
}

bool mux_request_flag(const struct mux_request *r, enum mux_member m, bool *out)
{
	if (r->m[m].raw.p == NULL)
		return true;
	if (r->m[m].type != JSON_BOOL)
		return false;
	*out = str_is(r->m[m].raw, "true");
	return true;
}
