/* SPDX-License-Identifier: MIT */
#include "libcommon/envelope.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/unit/tap.h"

static void eq_slice(struct str got, const char *want, const char *what)
{
	if (want == NULL)
		ok(got.p == NULL, "%s is absent", what);
	else
		eq_bytes(got.p, got.n, want, strlen(want), what);
}

static void whole(void)
{
	static const char text[] = "{\"id\":\"1763950000123456\",\"topic\":\"chat/lobby\",\"seq\":17,"
		"\"time\":\"2025-11-24T02:06:40.123Z\",\"type\":\"say\",\"key\":\"k\",\"from\":\"me\","
		"\"data\":{\"text\":\"hi\", \"topic\":\"no\"},\"later\":[1]}";
	struct envelope e;

	eq_num(envelope_parse(&e, STR_LIT(text)), JSON_OK, "an envelope");
	eq_slice(e.id, "\"1763950000123456\"", "id");
	eq_slice(e.topic, "\"chat/lobby\"", "topic");
	eq_slice(e.seq, "17", "seq");
	eq_slice(e.time, "\"2025-11-24T02:06:40.123Z\"", "time");
	eq_slice(e.type, "\"say\"", "type");
	eq_slice(e.key, "\"k\"", "key");
	eq_slice(e.from, "\"me\"", "from");
	eq_slice(e.data, "{\"text\":\"hi\", \"topic\":\"no\"}", "data, byte for byte");
	eq_slice(e.data_base64, NULL, "data_base64");
	eq_slice(e.gap, NULL, "gap");
	eq_slice(e.error, NULL, "error");
	eq_slice(e.line, text, "line");
}

static void others(void)
{
	struct envelope e;

	eq_num(envelope_parse(&e, STR_LIT("{\"gap\":{\"topic\":\"a\",\"until\":null}}")), JSON_OK, "a gap");
	eq_slice(e.gap, "{\"topic\":\"a\",\"until\":null}", "gap");
	eq_slice(e.topic, NULL, "topic");
	eq_num(envelope_parse(&e, STR_LIT("{\"error\":\"no\"}")), JSON_OK, "a refusal");
	eq_slice(e.error, "\"no\"", "error");
	eq_num(envelope_parse(&e, STR_LIT("{\"id\":null,\"seq\":null,\"key\":null,\"data\":null}")),
		JSON_OK, "nulls");
	ok(e.id.p == NULL && e.seq.p == NULL && e.key.p == NULL, "are absent");
	eq_slice(e.data, "null", "but not as data");
	eq_num(envelope_parse(&e, STR_LIT("{}")), JSON_OK, "an empty object");
	eq_num(envelope_parse(&e, STR_LIT("[]")), JSON_SYNTAX, "no object");
	eq_num(envelope_parse(&e, STR_LIT("")), JSON_EMPTY, "nothing");
	ok(e.data.p == NULL && e.id.p == NULL, "leaves nothing behind");
	eq_num(envelope_parse(&e, STR_LIT("{\"data\":\"\xFF\"}")), JSON_UTF8, "not UTF-8");
	eq_num(envelope_parse(&e, STR_LIT("{\"data\":1}{}")), JSON_TRAILING, "two of them");
	eq_num(envelope_parse(&e, STR_LIT("{\"data\":1,}")), JSON_SYNTAX, "what jsmn would take");
}

static void truncated(void)
{
	static const char text[] =
		"{\"id\":\"1\",\"topic\":\"a\",\"seq\":1,\"data\":[\"\xC3\xBC\",{\"x\":1.5e3}]}";
	unsigned taken = 0;
	struct envelope e;

	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		char *exact = malloc(n > 0 ? n : 1);

		memcpy(exact, text, n);
		taken += envelope_parse(&e, (struct str){exact, n}) == JSON_OK;
		free(exact);
	}
	eq_num(taken, 0, "no beginning of an envelope is one");
}

static void foreign(const char *id, const char *type, struct str data, const char *want)
{
	struct envelope_foreign f = {.id = str_of(id), .type = str_of(type), .data = data};
	struct buf b;

	buf_init(&b, strlen(want) + 4);
	ok(envelope_from_foreign(&b, &f) == 0, "made");
	eq_bytes(b.p, b.len, want, strlen(want), "a foreign event");
	eq_num(json_check((char *)b.p, b.len, NULL), JSON_OK, "is JSON");
	buf_fini(&b);
}

static void foreign_events(void)
{
	struct envelope_foreign f = {.id = STR_LIT("7"), .data = STR_LIT("text")};
	char deep[2 * (JSON_MAX_DEPTH + 1)];
	struct envelope e;
	struct buf b;

	foreign("7", "message", STR_LIT("{\"a\":1}"),
		"{\"id\":\"7\",\"type\":\"message\",\"data\":{\"a\":1}}");
	foreign(NULL, NULL, STR_LIT("plain \"text\""), "{\"data\":\"plain \\\"text\\\"\"}");
	foreign("7", NULL, STR_LIT(" [1,\n2]\n"), "{\"id\":\"7\",\"data\":[1,2]}");
	foreign(NULL, "t", STR_LIT("a\nb"), "{\"type\":\"t\",\"data\":\"a\\nb\"}");
	foreign(NULL, NULL, STR_LIT(""), "{\"data\":\"\"}");
	foreign(NULL, NULL, STR_LIT("\"s\""), "{\"data\":\"s\"}");
	foreign(NULL, NULL, STR_LIT("\xFF\x00\x01"), "{\"data_base64\":\"/wAB\"}");
	foreign("a\xFF""b", "\xC3", STR_LIT("1"),
		"{\"id\":\"a\xEF\xBF\xBD""b\",\"type\":\"\xEF\xBF\xBD\",\"data\":1}");
	foreign("7", NULL, STR_NULL, "{\"id\":\"7\"}");
	foreign(NULL, NULL, STR_NULL, "{}");

	memset(deep, '[', sizeof(deep) / 2);
	memset(deep + sizeof(deep) / 2, ']', sizeof(deep) / 2);
	buf_init(&b, 4096);
	f.data = (struct str){deep, sizeof(deep)};
	ok(envelope_from_foreign(&b, &f) == 0 && envelope_parse(&e, buf_str(&b)) == JSON_OK &&
		json_type_of(e.data) == JSON_STRING, "what is too deep becomes a string");
	buf_fini(&b);

	f.data = STR_LIT("text");
	for (size_t max = 0; max < sizeof("{\"id\":\"7\",\"data\":\"text\"}") - 1; max++) {
		buf_init(&b, max);
		if (envelope_from_foreign(&b, &f) != -1 || errno != EMSGSIZE || b.len != 0)
			ok(false, "a maximum of %zu", max);
		buf_fini(&b);
	}
	ok(true, "a buffer that is too small stays unchanged");
}

static void payload(const char *text, const char *want, size_t n)
{
	struct envelope e;
	struct buf b;

	ok(envelope_parse(&e, str_of(text)) == JSON_OK, "%s", text);
	buf_init(&b, 100);
	buf_addc(&b, '>');
	eq_num(envelope_payload(&b, &e), 0, "its payload");
	eq_bytes(b.p + 1, b.len - 1, want, n, "as plain bytes");
	buf_fini(&b);
}

static void payloads(void)
{
	struct envelope e;
	struct buf b;

	payload("{\"data\":\"a\\nb\"}", "a\nb", 3);
	payload("{\"data\":\"\"}", "", 0);
	payload("{\"data\":{\"a\": 1}}", "{\"a\": 1}", 8);
	payload("{\"data\":null}", "null", 4);
	payload("{\"data_base64\":\"/wAB\"}", "\xFF\0\x01", 3);
	payload("{\"data_base64\":\"\\/w\\u0041B\"}", "\xFF\0\x01", 3);
	payload("{\"data_base64\":\"\"}", "", 0);
	payload("{\"gap\":{}}", "", 0);
	buf_init(&b, 100);
	buf_addc(&b, '>');
	envelope_parse(&e, STR_LIT("{\"data_base64\":\"/wA\"}"));
	ok(envelope_payload(&b, &e) == -1 && errno == EINVAL && b.len == 1, "malformed base64");
	buf_fini(&b);
}

int main(void)
{
	whole();
	others();
	truncated();
	foreign_events();
	payloads();
	return tap_done();
}
