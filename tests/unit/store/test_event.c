/* SPDX-License-Identifier: MIT */
#include "store/event.h"

#include <stdlib.h>

#include "hash.h"
#include "json.h"
#include "tests/unit/tap.h"

#define AT 1763950000123u	/* 2025-11-24T02:06:40.123Z */

static struct event *make(struct event_draft d)
{
	struct event *e = event_new(&d);

	if (e == NULL)
		abort();
	return e;
}

static void check(struct event *e, const char *id, uint64_t seq, const char *want)
{
	event_commit(e, str_of(id), seq, AT);
	eq_bytes(event_json(e).p, event_json(e).n, want, strlen(want), want);
	ok(json_check(event_json(e).p, event_json(e).n, NULL) == JSON_OK, "which is JSON");
}

static void test_envelope(void)
{
	struct event *e = make((struct event_draft){.topic = STR_LIT("chat/lobby"),
		.data = STR_LIT("{ \"text\" :1}")});

	ok(str_is(event_topic(e), "chat/lobby"), "the topic is known before the commit");
	ok(e->topic_hash == hash_bytes("chat/lobby", 10), "its hash too");
	check(e, "1763950000123456", 17,
		"{\"id\":\"1763950000123456\",\"topic\":\"chat/lobby\",\"seq\":17,"
		"\"time\":\"2025-11-24T02:06:40.123Z\",\"data\":{ \"text\" :1}}");
	ok(str_is(event_topic(e), "chat/lobby"), "the topic after the commit");
	ok(str_is(event_id(e), "1763950000123456"), "the id");
	ok(str_is(event_cursor(e), "1763950000123456"), "the cursor is the id");
	ok(str_is(event_data(e), "{ \"text\" :1}"), "the data");
	ok(event_type(e).p == NULL && event_key(e).p == NULL && event_from(e).p == NULL,
		"what was not given is absent");
	event_unref(e);
}

static void test_members(void)
{
	struct event *e = make((struct event_draft){
		.topic = STR_LIT("t"), .type = STR_LIT(""), .key = STR_LIT("k"),
			.from = STR_LIT("ann"), .data = STR_LIT("1"),
	});

	check(e, "1", UINT64_MAX, "{\"id\":\"1\",\"topic\":\"t\",\"seq\":18446744073709551615,"
		"\"time\":\"2025-11-24T02:06:40.123Z\",\"type\":\"\",\"key\":\"k\",\"from\":\"ann\","
		"\"data\":1}");
	ok(event_type(e).p != NULL && event_type(e).n == 0, "an empty type is there");
	ok(str_is(event_key(e), "k") && str_is(event_from(e), "ann"), "key and from");
	event_unref(e);
}

static void test_escapes(void)
{
	struct event *e = make((struct event_draft){
		.topic = STR_LIT("a\"b\\c"), .type = STR_LIT("x\ny"), .key = STR_LIT("\"\""),
		.data = STR_LIT("null"),
	});

	check(e, "0123456789012345678901234567890123456789", 1,
		"{\"id\":\"0123456789012345678901234567890123456789\",\"topic\":\"a\\\"b\\\\c\",\"seq\":1,"
		"\"time\":\"2025-11-24T02:06:40.123Z\",\"type\":\"x\\u000ay\","
		"\"key\":\"\\\"\\\"\",\"data\":null}");
	ok(str_is(event_topic(e), "a\"b\\c"), "the plain topic");
	ok(str_is(event_type(e), "x\ny"), "the plain type");
	ok(str_is(event_key(e), "\"\""), "the plain key");
	event_unref(e);
}

static void test_longest(void)
{
	char topic[255], name[255];
	struct event_draft d = {
		.topic = {topic, 255}, .type = {name, 255}, .key = {name, 255},
		.from = {name, 255}, .data = STR_LIT("0"),
	};
	struct event *e;

	memset(topic, '"', sizeof(topic));
	memset(name, 1, sizeof(name));
	e = make(d);
	event_commit(e, STR_LIT("5"), 1, AT);
	ok(json_check(event_json(e).p, event_json(e).n, NULL) == JSON_OK,
		"the longest texts, all escaped");
	ok(str_eq(event_topic(e), d.topic) && str_eq(event_from(e), d.from), "and as they were");
	event_unref(e);
	memset(topic, 'a', sizeof(topic));
	e = make(d);
	event_commit(e, STR_LIT("5"), 1, AT);
	ok(str_eq(event_topic(e), d.topic), "the longest topic without an escape");
	event_unref(e);
}

static void test_bytes(void)
{
	struct event *e = make((struct event_draft){.topic = STR_LIT("t"),
		.bytes = {"\0\1\2\3", 4}});

	ok(e->base64, "bytes become base64");
	check(e, "1", 1,
		"{\"id\":\"1\",\"topic\":\"t\",\"seq\":1,\"time\":\"2025-11-24T02:06:40.123Z\","
		"\"data_base64\":\"AAECAw==\"}");
	ok(str_is(event_data(e), "\"AAECAw==\""), "data is the JSON string");
	event_unref(e);
	e = make((struct event_draft){.topic = STR_LIT("t"), .base64 = STR_LIT("AAEC")});
	check(e, "1", 1,
		"{\"id\":\"1\",\"topic\":\"t\",\"seq\":1,\"time\":\"2025-11-24T02:06:40.123Z\","
		"\"data_base64\":\"AAEC\"}");
	event_unref(e);
}

static void test_ephemeral(void)
{
	struct event *e = make((struct event_draft){.topic = STR_LIT("t"), .data = STR_LIT("1"),
	.ephemeral = true});

	check(e, NULL, 0, "{\"topic\":\"t\",\"time\":\"2025-11-24T02:06:40.123Z\",\"data\":1}");
	ok(event_id(e).p == NULL, "an ephemeral event has no id");
	event_unref(e);
}

static void test_times(void)
{
	struct event *e;

	e = make((struct event_draft){.topic = STR_LIT("t"), .data = STR_LIT("1")});
	event_commit(e, STR_LIT("1"), 1, AT + 1);
	ok(memmem(event_json(e).p, event_json(e).n, "06:40.124Z", 10) != NULL,
		"milliseconds within the same second");
	event_unref(e);
	e = make((struct event_draft){.topic = STR_LIT("t"), .data = STR_LIT("1")});
	event_commit(e, STR_LIT("1"), 1, AT - 1000);
	ok(memmem(event_json(e).p, event_json(e).n, "06:39.123Z", 10) != NULL, "a second earlier");
	event_unref(e);
}

static void test_references(void)
{
	struct event *e = make((struct event_draft){.topic = STR_LIT("t"), .data = STR_LIT("1")});

	e->cursor = strdup("a.b");
	ok(str_is(event_cursor(e), "a.b"), "a cursor of its own");
	event_ref(e);
	event_unref(e);
	ok(e->refs == 1, "references are counted");
	event_unref(e);
}

int main(void)
{
	test_envelope();
	test_members();
	test_escapes();
	test_longest();
	test_bytes();
	test_ephemeral();
	test_times();
	test_references();
	return tap_done();
}
