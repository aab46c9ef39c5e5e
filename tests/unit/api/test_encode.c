/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "api/encode.h"
#include "base64.h"
#include "tests/unit/tap.h"

struct fixture {
	struct arena arena;
	struct encoder *encoder;
};

static void setup(struct fixture *f)
{
	arena_init(&f->arena, encode_release);
	f->encoder = encoder_new(&f->arena);
}

static void teardown(struct fixture *f)
{
	encoder_free(f->encoder);
	arena_fini(&f->arena);
}

static struct event *make(const struct event_draft *d, const char *id, uint64_t seq)
{
	struct event *e = event_new(d);

	event_commit(e, str_of(id), seq, 1763950000123);
	return e;
}

static struct event *make_json(const char *data, const char *type)
{
	struct event_draft d = {.topic = STR_LIT("chat"), .type = str_of(type), .data = str_of(data)};

	return make(&d, "1763950000123456", 17);
}

static void is(struct slice s, const char *want, const char *what)
{
	if (!ok(s.block != NULL, "%s: there is memory", what))
		return;
	eq_bytes(s.block->bytes + s.off, s.len, want, strlen(want), what);
}

static void is_bytes(struct slice s, const void *want, size_t n, const char *what)
{
	if (!ok(s.block != NULL, "%s: there is memory", what))
		return;
	eq_bytes(s.block->bytes + s.off, s.len, want, n, what);
}

/** (text) framed as one HTTP chunk. */
static void is_chunk(struct slice s, const char *text, const char *what)
{
	char want[4096];

	snprintf(want, sizeof(want), "%zx\r\n%s\r\n", strlen(text), text);
	is(s, want, what);
}

#define ENVELOPE "{\"id\":\"1763950000123456\",\"topic\":\"chat\",\"seq\":17," \
	"\"time\":\"2025-11-24T02:06:40.123Z\",\"data\":{\"text\":\"hi\"}}"

static void test_sse(void)
{
	struct fixture f;
	struct event *e = make_json("{\"text\":\"hi\"}", NULL);

	setup(&f);
	is(encode_event(f.encoder, e, FORM_SSE, false),
		"id: 1763950000123456\ndata: " ENVELOPE "\n\n", "SSE is id and data");
	is_chunk(encode_event(f.encoder, e, FORM_SSE, true),
		"id: 1763950000123456\ndata: " ENVELOPE "\n\n", "SSE in one HTTP chunk");
	is(encode_event(f.encoder, e, FORM_SSE_DATA, false),
		"id: 1763950000123456\ndata: {\"text\":\"hi\"}\n\n", "format=data without a type");
	teardown(&f);
	event_unref(e);
}

static void test_sse_cursor(void)
{
	struct fixture f;
	struct event *e = make_json("1", NULL);

	setup(&f);
	e->cursor = strdup("a:7,b:9");
	is(encode_event(f.encoder, e, FORM_SSE_DATA, false), "id: a:7,b:9\ndata: 1\n\n",
		"the id of SSE is the cursor, where the store has another one than the id");
	teardown(&f);
	event_unref(e);
}

static void test_event_names(void)
{
	static const struct {
		const char *type, *want;
	} cases[] = {
		{"message.new", "id: 1763950000123456\nevent: message.new\ndata: 1\n\n"},
		{"done", "id: 1763950000123456\nevent: done\ndata: 1\n\n"},
		{"open", "id: 1763950000123456\ndata: 1\n\n"},
		{"error", "id: 1763950000123456\ndata: 1\n\n"},
		{"gap", "id: 1763950000123456\ndata: 1\n\n"},
		{"errors", "id: 1763950000123456\nevent: errors\ndata: 1\n\n"},
		{"", "id: 1763950000123456\ndata: 1\n\n"},
		{"a\nid: 9", "id: 1763950000123456\ndata: 1\n\n"},
		{"a\rid: 9", "id: 1763950000123456\ndata: 1\n\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;
		struct event *e = make_json("1", cases[i].type);

		setup(&f);
		is(encode_event(f.encoder, e, FORM_SSE_DATA, false), cases[i].want, "name of the SSE event");
		teardown(&f);
		event_unref(e);
	}
}

static void test_ndjson(void)
{
	struct fixture f;
	struct event *e = make_json("{\"text\":\"hi\"}", NULL);

	setup(&f);
	is(encode_event(f.encoder, e, FORM_NDJSON, false), ENVELOPE "\n", "NDJSON is a line");
	is_chunk(encode_event(f.encoder, e, FORM_NDJSON, true), ENVELOPE "\n", "NDJSON in one HTTP chunk");
	is(encode_event(f.encoder, e, FORM_NDJSON_DATA, false), "{\"text\":\"hi\"}\n", "NDJSON payload");
	teardown(&f);
	event_unref(e);
}

static void test_websocket(void)
{
	struct fixture f;
	struct event *e = make_json("{\"text\":\"hi\"}", NULL);
	char want[300] = "\x81\x7e";
	size_t n = strlen(ENVELOPE);

	setup(&f);
	is(encode_event(f.encoder, e, FORM_WS_DATA, false), "\x81\x0d{\"text\":\"hi\"}", "short text frame");
	want[2] = (char)(n >> 8);
	want[3] = (char)n;
	memcpy(want + 4, ENVELOPE, n);
	if (n < 126) {
		want[1] = (char)n;
		memcpy(want + 2, ENVELOPE, n);
		is_bytes(encode_event(f.encoder, e, FORM_WS, false), want, n + 2, "text frame");
	} else {
		is_bytes(encode_event(f.encoder, e, FORM_WS, false), want, n + 4,
			"text frame with 16 bit length");
	}
	teardown(&f);
	event_unref(e);
}

static void test_bytes(void)
{
	static const char *const payloads[] = {"", "\xff", "\xff\xfe", "\xff\xfe\xfd", "\xff\xfe\xfd\xfc"};

	for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
		struct fixture f;
		size_t n = strlen(payloads[i]);
		struct event_draft d = {.topic = STR_LIT("b"), .bytes = {payloads[i], n}};
		struct event *e = make(&d, "5", 1);
		char want[16] = "\x82", line[32];
		size_t len;

		setup(&f);
		want[1] = (char)n;
		memcpy(want + 2, payloads[i], n);
		is_bytes(encode_event(f.encoder, e, FORM_WS_DATA, false), want, n + 2,
			"bytes are a binary frame");
		line[0] = '"';
		len = base64_encode(line + 1, payloads[i], n);
		strcpy(line + 1 + len, "\"\n");
		is(encode_event(f.encoder, e, FORM_NDJSON_DATA, false), line, "in NDJSON a string of base64");
		teardown(&f);
		event_unref(e);
	}
}

static void test_ephemeral(void)
{
	struct fixture f;
	struct event_draft d = {.topic = STR_LIT("t"), .type = STR_LIT("typing"), .data = STR_LIT("1"),
		.ephemeral = true};
	struct event *e = event_new(&d);

	event_commit(e, STR_NULL, 0, 1763950000123);
	setup(&f);
	is(encode_event(f.encoder, e, FORM_SSE_DATA, false), "event: typing\ndata: 1\n\n",
		"an ephemeral event has no id line");
	teardown(&f);
	event_unref(e);
}

static void test_cache(void)
{
	struct fixture f;
	struct event *e = make_json("1", NULL), *other = make_json("2", NULL);
	struct slice first, again, unframed;

	setup(&f);
	first = encode_event(f.encoder, e, FORM_SSE, true);
	again = encode_event(f.encoder, e, FORM_SSE, true);
	ok(first.block == again.block && first.off == again.off && first.len == again.len,
		"the same event is encoded once");
	unframed = encode_event(f.encoder, e, FORM_SSE, false);
	ok(unframed.off != first.off, "with and without chunk framing are two forms");
	again = encode_event(f.encoder, other, FORM_SSE, true);
	ok(again.block != first.block || again.off > first.off, "another event is another encoding");
	arena_turn(&f.arena);
	is_chunk(encode_event(f.encoder, other, FORM_NDJSON_DATA, true), "2\n",
		"after the turn: encoded anew");
	is_chunk(encode_event(f.encoder, other, FORM_NDJSON_DATA, true), "2\n", "and cached again");
	arena_turn(&f.arena);
	is_chunk(encode_event(f.encoder, e, FORM_NDJSON_DATA, true), "1\n",
		"a turn of the arena alone makes the cache void, too");
	is_chunk(encode_event(f.encoder, other, FORM_NDJSON_DATA, true), "2\n", "for every event");
	teardown(&f);
	event_unref(e);
	event_unref(other);
}

static void test_tags(void)
{
	struct fixture f;
	struct event *e = make_json("1", NULL);
	struct slice s;

	setup(&f);
	s = encode_event(f.encoder, e, FORM_SSE, false);
	encode_event(f.encoder, e, FORM_SSE, false);
	eq_num(s.block->nmarks, 1, "one mark a message");
	ok(s.block->marks[0].tag == e, "the mark knows the event");
	eq_num(s.block->marks[0].end, s.off + s.len, "and where it ends");
	eq_num(atomic_load(&e->refs), 2, "and holds one reference");
	teardown(&f);
	eq_num(atomic_load(&e->refs), 1, "which the arena gives back");
	event_unref(e);
}

static void test_large(void)
{
	struct fixture f;
	size_t n = 300000;
	char *data = malloc(n + 1), head[16];
	struct event *e;
	struct slice s;
	int nhead;

	memset(data, 'x', n);
	data[0] = data[n - 1] = '"';
	data[n] = '\0';
	e = make_json(data, NULL);
	setup(&f);
	s = encode_event(f.encoder, e, FORM_NDJSON_DATA, true);
	nhead = snprintf(head, sizeof(head), "%zx\r\n", n + 1);
	eq_num(s.len, (size_t)nhead + n + 1 + 2, "length of a large event");
	ok(memcmp(s.block->bytes + s.off, head, (size_t)nhead) == 0, "its chunk head");
	ok(memcmp(s.block->bytes + s.off + nhead, data, n) == 0, "its bytes");
	teardown(&f);
	event_unref(e);
	free(data);
}

static void test_heartbeats(void)
{
	struct fixture f;
	char cursor[200];
	struct slice a, b;

	setup(&f);
	is_chunk(encode_heartbeat(f.encoder, STR_LIT("42"), FORM_SSE, true), "id: 42\n\n", "SSE heartbeat");
	is(encode_heartbeat(f.encoder, STR_LIT("42"), FORM_SSE_DATA, false), "id: 42\n\n",
		"the same for data");
	is(encode_heartbeat(f.encoder, STR_LIT("42"), FORM_NDJSON, false), "\n", "NDJSON: an empty line");
	is(encode_heartbeat(f.encoder, STR_LIT("42"), FORM_WS, false), "\x89\x02" "42", "WebSocket: a ping");
	a = encode_heartbeat(f.encoder, STR_LIT("42"), FORM_SSE, true);
	b = encode_heartbeat(f.encoder, STR_LIT("42"), FORM_SSE, true);
	ok(a.block == b.block && a.off == b.off, "shared by all who stand at the same cursor");
	is_chunk(encode_heartbeat(f.encoder, STR_LIT("43"), FORM_SSE, true), "id: 43\n\n", "not by others");
	ok(a.block->marks[0].tag == NULL, "heartbeats have no tag");
	memset(cursor, '7', sizeof(cursor));
	b = encode_heartbeat(f.encoder, (struct str){cursor, 125}, FORM_WS, false);
	eq_num(b.len, 127, "a ping takes 125 bytes");
	is_bytes(encode_heartbeat(f.encoder, (struct str){cursor, 126}, FORM_WS, false), "\x89\0", 2,
		"longer cursors don't fit");
	teardown(&f);
}

static void test_gaps(void)
{
	struct gap g = {STR_LIT("chat/\"lobby\""), STR_LIT("12"), STR_LIT("34"), "retention"};
	struct buf b;

	buf_init(&b, 4096);
	eq_num(encode_gap_json(&b, &g), 0, "a gap is written");
	eq_str(buf_cstr(&b), "{\"gap\":{\"topic\":\"chat/\\\"lobby\\\"\",\"after\":\"12\","
		"\"until\":\"34\",\"reason\":\"retention\"}}", "as rt(7) has it");
	buf_reset(&b);
	g.until = STR_NULL;
	encode_gap_json(&b, &g);
	ok(strstr(buf_cstr(&b), "\"until\":null,") != NULL, "an end that is not known is null");
	buf_fini(&b);
	buf_init(&b, 20);
	eq_num(encode_gap_json(&b, &g), -1, "a buffer that is too small is told");
	buf_fini(&b);
}

int main(void)
{
	test_sse();
	test_sse_cursor();
	test_event_names();
	test_ndjson();
	test_websocket();
	test_bytes();
	test_ephemeral();
	test_cache();
	test_tags();
	test_large();
	test_heartbeats();
	test_gaps();
	encoder_free(NULL);
	return tap_done();
}
