/* SPDX-License-Identifier: MIT */
#include "api/publish_check.h"
#include "tests/unit/tap.h"

int main(void)
{
	static const struct {
		const char *type;
		enum publish_body body;
	} cases[] = {
		{NULL, PUBLISH_JSON}, {"", PUBLISH_JSON},
		{"application/json", PUBLISH_JSON}, {"Application/JSON; charset=utf-8", PUBLISH_JSON},
		{"application/json ;x", PUBLISH_JSON}, {"application/vnd.app+json", PUBLISH_JSON},
		{"application/x-www-form-urlencoded", PUBLISH_JSON},
		{"application/x-ndjson", PUBLISH_NDJSON}, {"application/ndjson", PUBLISH_NDJSON},
		{"application/jsonl", PUBLISH_NDJSON}, {"APPLICATION/X-NDJSON;a=b", PUBLISH_NDJSON},
		{"text/plain", PUBLISH_TEXT}, {"text/plain; charset=utf-8", PUBLISH_TEXT},
		{"application/octet-stream", PUBLISH_BYTES},
		{"application/jso", PUBLISH_UNSUPPORTED}, {"application/jsonx", PUBLISH_UNSUPPORTED},
		{"+json", PUBLISH_UNSUPPORTED}, {"text/", PUBLISH_UNSUPPORTED},
		{"multipart/form-data; boundary=x", PUBLISH_UNSUPPORTED}, {"image/png", PUBLISH_UNSUPPORTED},
		{"application/xml", PUBLISH_UNSUPPORTED}, {";", PUBLISH_UNSUPPORTED},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(publish_body_of(str_of(cases[i].type)) == cases[i].body, "\"%s\"",
			cases[i].type != NULL ? cases[i].type : "(none)");
	return tap_done();
}
