/* SPDX-License-Identifier: MIT */
#include "api/draft.h"

#include <stdio.h>
#include <stdlib.h>

#include "base64.h"
#include "json.h"
#include "tests/unit/api/helper_config.h"
#include "tests/unit/tap.h"

static struct config *config;

/** The envelope's members behind seq and time, of an event made of (value); or why there is none. */
static void draft_n(const struct draft *d, const char *value, size_t n, const char *want, const char *what)
{
	char *exact = malloc(n + 1);
	struct draft_error err = {0};
	struct event *e;

	memcpy(exact, value, n);
	e = draft_event(config, d, (struct str){n > 0 ? exact : "", n}, &err);
	free(exact);
	if (e == NULL) {
		eq_str(err.why, want, what);
		return;
	}
	eq_bytes(event_data(e).p, event_data(e).n, want, strlen(want), what);
	event_unref(e);
}

static void draft(const struct draft *d, const char *value, const char *want, const char *what)
{
	draft_n(d, value, strlen(value), want, what);
}

static const struct draft json = {.form = DRAFT_JSON, .topic = {"t", 1}};
static const struct draft text = {.form = DRAFT_TEXT, .topic = {"t", 1}};
static const struct draft bytes = {.form = DRAFT_BYTES, .topic = {"t", 1}};
static const struct draft envelope = {.form = DRAFT_ENVELOPE};

/** The event of an envelope; status of the refusal in *status. */
static struct event *open_envelope(const char *value, unsigned *status, const char **why)
{
	struct draft_error err = {0};
	struct event *e = draft_event(config, &envelope, str_of(value), &err);

	*status = err.status;
	*why = err.why;
	return e;
}

static void test_json(void)
{
	draft(&json, "{\"a\":1}", "{\"a\":1}", "an object");
	draft(&json, " \t\r\n null \n", "null", "no white space around");
	draft(&json, "{\n  \"a\" :  [1,\r\n2]\n}", "{  \"a\" :  [1,2]}", "line breaks go, nothing else");
	draft(&json, "\"a\\nb \\u00e9 \xc3\xa9 \\ud83d\"", "\"a\\nb \\u00e9 \xc3\xa9 \\ud83d\"",
		"escapes stay as they are");
	draft(&json, "-0.0e-999", "-0.0e-999", "odd numbers too");
	draft(&json, "123456789012345678901234567890", "123456789012345678901234567890", "and large ones");
	draft(&json, "\"\xe2\x80\xa8\"", "\"\xe2\x80\xa8\"", "U+2028 is no line break of JSON");
	draft(&json, "", json_status_text(JSON_EMPTY), "nothing");
	draft(&json, "{\"a\":1,}", json_status_text(JSON_SYNTAX), "what jsmn alone would take");
	draft(&json, "1 2", json_status_text(JSON_TRAILING), "two values");
	draft(&json, "\"\xff\"", json_status_text(JSON_UTF8), "not UTF-8");
	draft_n(&json, "\"\0\"", 3, json_status_text(JSON_SYNTAX), "a NUL");
}

static void test_text_and_bytes(void)
{
	draft(&text, "say \"hi\"\n", "\"say \\\"hi\\\"\\n\"", "text is quoted");
	draft(&text, "", "\"\"", "empty text");
	draft(&text, "\xff", "the text is not UTF-8; send it as application/octet-stream", "bytes as text");
	draft_n(&bytes, "\xff\0\n", 3, "\"/wAK\"", "bytes are base64");
	draft(&bytes, "", "\"\"", "no bytes");
}

static void test_sizes(void)
{
	static const char over[] = "the event is over the server's limit (--max-event)";
	char *big = malloc(102);

	memset(big, '1', 101);
	draft_n(&json, big, 101, over, "a byte over --max-event");
	draft_n(&text, big, 101, over, "as text");
	draft_n(&bytes, big, 101, over, "as bytes");
	big[100] = '\0';
	draft(&json, big, big, "just --max-event");
	memset(big, '"', 60);
	draft_n(&text, big, 60, over, "text whose escapes are over it");
	free(big);
}

/** An envelope of (n) bytes. */
static struct event *envelope_of_bytes(size_t n, unsigned *status)
{
	char data[101] = {0}, base64[BASE64_ENCODED_LEN(101) + 1] = {0}, line[256];
	const char *why;

	base64_encode(base64, data, n);
	snprintf(line, sizeof(line), "{\"topic\":\"t\",\"data_base64\":\"%s\"}", base64);
	return open_envelope(line, status, &why);
}

static void test_sizes_of_bytes(void)
{
	unsigned status;
	struct event *e = envelope_of_bytes(100, &status);

	ok(e != NULL, "bytes of just --max-event come back as an envelope");
	event_unref(e);
	e = envelope_of_bytes(101, &status);
	ok(e == NULL && status == 413, "a byte more does not");
}

static void refused(const char *value, unsigned want, const char *what)
{
	const char *why;
	unsigned status;
	struct event *e = open_envelope(value, &status, &why);

	ok(e == NULL && status == want, "%s: %u", what, want);
	if (e == NULL)
		printf("# %s\n", why);
	else
		event_unref(e);
}

static void test_envelope(void)
{
	unsigned status;
	const char *why;
	struct event *e = open_envelope("{\"id\":\"9\",\"topic\":\"a\\/b\",\"seq\":7,\"time\":\"x\","
		"\"type\":\"note\",\"key\":\"k\\u00e9\",\"from\":\"mallory\",\"data\":{\"x\":\n[1]},\"n\":0}",
		&status, &why);

	ok(e != NULL, "what a poll returned");
	if (e == NULL)
		return;
	eq_bytes(event_topic(e).p, event_topic(e).n, "a/b", 3, "its topic, decoded");
	eq_bytes(event_type(e).p, event_type(e).n, "note", 4, "its type");
	eq_bytes(event_key(e).p, event_key(e).n, "k\xc3\xa9", 3, "its key");
	eq_bytes(event_data(e).p, event_data(e).n, "{\"x\":[1]}", 9, "its data, on one line");
	ok(event_from(e).p == NULL, "from is not believed");
	ok(event_id(e).p == NULL && e->seq == 0, "nor id and seq");
	event_unref(e);
	e = open_envelope("{\"topic\":\"t\",\"data_base64\":\"/wAK\"}", &status, &why);
	ok(e != NULL && e->base64, "bytes");
	if (e != NULL)
		eq_bytes(event_data(e).p, event_data(e).n, "\"/wAK\"", 6, "as they were");
	event_unref(e);
	e = open_envelope("{\"topic\":\"t\",\"data_base64\":\"\\/wA\\u004b\"}", &status, &why);
	ok(e != NULL && e->base64, "bytes, escaped as PHP does");
	if (e != NULL)
		eq_bytes(event_data(e).p, event_data(e).n, "\"/wAK\"", 6, "without the escapes");
	event_unref(e);
	e = open_envelope("{\"topic\":\"t\",\"data\":null}", &status, &why);
	ok(e != NULL, "data may be null");
	event_unref(e);
}

static void test_bad_envelopes(void)
{
	refused("[]", 400, "no object");
	refused("{\"data\":1}", 400, "no topic");
	refused("{\"topic\":5,\"data\":1}", 400, "a topic that is no string");
	refused("{\"topic\":null,\"data\":1}", 400, "a topic that is null");
	refused("{\"topic\":\"\",\"data\":1}", 400, "an empty topic");
	refused("{\"topic\":\"a/*\",\"data\":1}", 400, "a pattern");
	refused("{\"topic\":\"a\\u0000b\",\"data\":1}", 400, "a NUL in the topic");
	refused("{\"topic\":\"$presence/a\",\"data\":1}", 403, "a topic of the server");
	refused("{\"topic\":\"t\"}", 400, "no data");
	refused("{\"topic\":\"t\",\"type\":1,\"data\":1}", 400, "a type that is no string");
	refused("{\"topic\":\"t\",\"key\":\"a\\nb\",\"data\":1}", 400, "a line break in the key");
	refused("{\"topic\":\"t\",\"data_base64\":\"/w\"}", 400, "base64 without padding");
	refused("{\"topic\":\"t\",\"data_base64\":5}", 400, "base64 that is no string");
	refused("{\"gap\":{\"topic\":\"t\",\"after\":\"1\",\"until\":\"2\",\"reason\":\"retention\"}}", 400,
		"a gap record");
	refused("{\"topic\":\"t\",\"data\":1", 400, "cut short");
	refused("{\"topic\":\"t\",\"data\":\"12345678901234567890123456789012345678901234567890"
		"12345678901234567890123456789012345678901234567890\"}", 413, "too much data");
}

static void test_defaults(void)
{
	struct draft d = {.form = DRAFT_ENVELOPE, .type = STR_LIT("T"), .key = STR_LIT("K"),
		.ephemeral = true};
	struct draft_error err;
	struct event *e = draft_event(config, &d,
		STR_LIT("{\"topic\":\"t\",\"key\":\"own\",\"data\":1}"), &err);

	ok(e != NULL && e->ephemeral, "ephemeral as the request says");
	if (e == NULL)
		return;
	eq_bytes(event_type(e).p, event_type(e).n, "T", 1, "the request's type where the line has none");
	eq_bytes(event_key(e).p, event_key(e).n, "own", 3, "the line's own key wins");
	event_unref(e);
}

static void test_names(void)
{
	char name[EVENT_NAME_MAX + 2];
	unsigned status;

	memset(name, 'n', sizeof(name));
	ok(draft_name(STR_NULL), "an absent name");
	ok(draft_name((struct str){name, EVENT_NAME_MAX}), "255 bytes");
	ok(!draft_name((struct str){name, EVENT_NAME_MAX + 1}), "256 are too many");
	ok(draft_name(STR_LIT("caf\xc3\xa9 \xf0\x9f\x98\x80")), "any text");
	ok(!draft_name(STR_LIT("a\nb")) && !draft_name(STR_LIT("a\x7f")), "no control characters");
	ok(!draft_name(STR_LIT("a\xc2\x85")) && !draft_name(STR_LIT("\xe2\x80\xa8")),
		"nor line breaks of Unicode");
	ok(!draft_name(STR_LIT("\xff")), "nor bytes");
	ok(draft_topic(config, STR_LIT("a/b"), &status) == NULL, "a topic");
	ok(draft_topic(config, STR_LIT("1234567890123456789012345678901234567890+"), &status) != NULL &&
		status == 400, "over --max-topic");
	ok(draft_topic(config, STR_LIT("$x"), &status) != NULL && status == 403, "of the server");
}

int main(void)
{
	config = configured("--max-event", "100", "--max-topic", "40", NULL);
	test_json();
	test_text_and_bytes();
	test_sizes();
	test_sizes_of_bytes();
	test_envelope();
	test_bad_envelopes();
	test_defaults();
	test_names();
	config_free(config);
	return tap_done();
}
