/* SPDX-License-Identifier: MIT */
#include "cmd/rt-pub/encode.h"

#include "tests/unit/tap.h"

typedef enum encode_result encoder(const struct encode *, struct buf *, struct str);

static void check(encoder *fn, const struct encode *e, struct str in, enum encode_result want,
	const char *out, const char *what)
{
	struct buf b;

	buf_init(&b, 4096);
	buf_adds(&b, "before");
	eq_num(fn(e, &b, in), want, what);
	eq_bytes(b.p + 6, b.len - 6, out, strlen(out), what);
	ok(fn == encode_message || b.len - 6 <= encode_max(e, in.n), "within encode_max");
	buf_fini(&b);
}

static void test_json(void)
{
	struct encode e;

	encode_init(&e, ENCODE_JSON, "t", NULL, NULL);
	check(encode_line, &e, STR_LIT("{\"a\": 1.0}"), ENCODE_OK, "{\"a\": 1.0}\n", "byte for byte");
	check(encode_line, &e, STR_LIT("  \t\r"), ENCODE_BLANK, "", "blank");
	check(encode_line, &e, STR_LIT(""), ENCODE_BLANK, "", "empty");
	check(encode_line, &e, STR_LIT("{\"a\":}"), ENCODE_BAD, "", "bad");
	check(encode_line, &e, (struct str){ "1\0", 2 }, ENCODE_BAD, "", "a NUL");
	check(encode_line, &e, STR_LIT("\"\xff\""), ENCODE_BAD, "", "not UTF-8");
	check(encode_whole, &e, STR_LIT("\n[1,\r\n 2]\n"), ENCODE_OK, "[1, 2]\n", "one line");
	check(encode_message, &e, STR_LIT("hello"), ENCODE_OK, "\"hello\"\n", "a typed text");
	check(encode_message, &e, STR_LIT(""), ENCODE_OK, "\"\"\n", "an empty one");
	check(encode_message, &e, STR_LIT("17"), ENCODE_OK, "17\n", "a typed number");
	check(encode_message, &e, STR_LIT(" {\"a\""), ENCODE_BAD, "", "broken JSON is no text");
	check(encode_message, &e, STR_LIT("\xff"), ENCODE_BAD, "", "nor is what is not UTF-8");
	encode_fini(&e);
}

static void test_text(void)
{
	struct encode e;

	encode_init(&e, ENCODE_TEXT, "t", NULL, NULL);
	check(encode_line, &e, STR_LIT("a\"\\\xC3\xA9\x01"), ENCODE_OK, "\"a\\\"\\\\\xC3\xA9\\u0001\"\n",
		"a string");
	check(encode_line, &e, STR_LIT(""), ENCODE_OK, "\"\"\n", "an empty line is one too");
	check(encode_line, &e, STR_LIT("\xff"), ENCODE_BAD, "", "not UTF-8");
	check(encode_message, &e, STR_LIT("17"), ENCODE_OK, "\"17\"\n", "always a string");
	encode_fini(&e);
}

static void test_bytes(void)
{
	struct encode e;

	encode_init(&e, ENCODE_BYTES, "a/\"b", "T", NULL);
	check(encode_line, &e, STR_LIT("\xff\xfe"), ENCODE_OK,
		"{\"topic\":\"a/\\\"b\",\"type\":\"T\",\"data_base64\":\"//4=\"}\n", "an envelope");
	encode_fini(&e);
	encode_init(&e, ENCODE_BYTES, "t", NULL, "k");
	check(encode_line, &e, STR_LIT(""), ENCODE_OK,
		"{\"topic\":\"t\",\"key\":\"k\",\"data_base64\":\"\"}\n", "empty, with a key");
	encode_fini(&e);
}

static void test_no_room(void)
{
	static const enum encode_mode modes[] = { ENCODE_JSON, ENCODE_TEXT, ENCODE_BYTES };
	struct encode e;
	struct buf b;

	for (size_t i = 0; i < 3; i++) {
		encode_init(&e, modes[i], "t", NULL, NULL);
		buf_init(&b, 8);
		buf_adds(&b, "x");
		eq_num(encode_line(&e, &b, STR_LIT("12345678")), ENCODE_NOMEM, "no room");
		eq_num(b.len, 1, "leaves the buffer as it was");
		buf_fini(&b);
		encode_fini(&e);
	}
}

int main(void)
{
	test_json();
	test_text();
	test_bytes();
	test_no_room();
	return tap_done();
}
