/* SPDX-License-Identifier: MIT */
#include "api/publish_check.h"

#include <string.h>
#include <strings.h>

#include "api/draft.h"

#define KEY_MAX 255	/* bytes of an Idempotency-Key */

enum publish_body publish_body_of(struct str type)
{
	static const struct {
		const char *type;
		enum publish_body body;
	} known[] = {
		{"application/json", PUBLISH_JSON},
		{"application/x-www-form-urlencoded", PUBLISH_JSON},	/* curl -d */
		{"application/x-ndjson", PUBLISH_NDJSON},
		{"application/ndjson", PUBLISH_NDJSON},
		{"application/jsonl", PUBLISH_NDJSON},
		{"application/octet-stream", PUBLISH_BYTES},
	};
	const char *semicolon;

	if (type.p == NULL || type.n == 0)
		return PUBLISH_JSON;
	semicolon = memchr(type.p, ';', type.n);
	if (semicolon != NULL)
		type.n = (size_t)(semicolon - type.p);
	while (type.n > 0 && type.p[type.n - 1] == ' ')
		type.n--;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (type.n == strlen(known[i].type) && strncasecmp(type.p, known[i].type, type.n) == 0)
			return known[i].body;
	}
	if (type.n > 5 && strncasecmp(type.p, "text/", 5) == 0)
		return PUBLISH_TEXT;
	if (type.n > 5 && strncasecmp(type.p + type.n - 5, "+json", 5) == 0)
		return PUBLISH_JSON;
	return PUBLISH_UNSUPPORTED;
}

/** What is wrong with the request's parameters; NULL: nothing. */
static const char *check_parameters(const struct request *r, unsigned *status)
{
	struct str key = http_field(r->http, "idempotency-key"), store = request_param(r, "store"),
		ack = request_param(r, "ack");
	const char *wrong = NULL;

	*status = 400;
	if (r->topic.p != NULL)
		wrong = draft_topic(api_config(r->api), r->topic, status);
	if (wrong != NULL)
		return wrong;
	*status = 400;
	if (!draft_name(request_param(r, "type")) || !draft_name(request_param(r, "key")))
		return "type= and key= take at most 255 bytes without control characters";
	if (store.p != NULL && !str_is(store, "no") && !str_is(store, "yes"))
		return "store= takes yes or no";
	if (ack.p != NULL && !str_is(ack, "lines") && !str_is(ack, "end"))
		return "ack= takes lines or end";
	if (key.p != NULL && (key.n == 0 || key.n > KEY_MAX))
		return "an Idempotency-Key has 1 to 255 characters";
	if (http_field_count(r->http, "idempotency-key") > 1)
		return "there are several Idempotency-Key fields: send one";
	return NULL;
}

/** Has the body a coding (RFC 9110, 8.4)? It must not be kept as if that were the data. */
static bool is_encoded(const struct request *r)
{
	struct str coding = http_field(r->http, "content-encoding");

	return coding.n > 0 && (coding.n != 8 || strncasecmp(coding.p, "identity", 8) != 0);
}

const char *publish_check(const struct request *r, enum publish_body *kind, unsigned *status)
{
	const char *wrong = check_parameters(r, status);

	*kind = publish_body_of(http_field(r->http, "content-type"));
	if (wrong != NULL)
		return wrong;
	*status = 415;
	if (*kind == PUBLISH_UNSUPPORTED)
		return "send application/json, application/x-ndjson, text/plain or application/octet-stream";
	if (is_encoded(r))
		return "bodies are not decoded here: send it without Content-Encoding";
	if (r->topic.p == NULL && (*kind == PUBLISH_TEXT || *kind == PUBLISH_BYTES))
		return "/events takes envelopes as application/json or application/x-ndjson";
	return NULL;
}
