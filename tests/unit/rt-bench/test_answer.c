/* SPDX-License-Identifier: MIT */
#include "wire/answer.h"

#include <stdlib.h>

#include "helper_exact.h"
#include "tests/unit/tap.h"

#define STORY_MAX 4096

/* What a connection told, as text: "200 [body] . 304 . !" */
struct story {
	char text[STORY_MAX];
	size_t n;
	bool in_body;
};

static void tell(struct story *s, const char *text, size_t n)
{
	if (s->n + n < sizeof(s->text)) {
		memcpy(s->text + s->n, text, n);
		s->n += n;
		s->text[s->n] = '\0';
	}
}

static void tell_step(struct story *s, const struct answer *a, enum answer_step step, struct str piece)
{
	char head[64];

	switch (step) {
	case ANSWER_HEAD:
		tell(s, head, (size_t)snprintf(head, sizeof(head), "%u%s ", a->status, a->keep ? "" : "x"));
		break;
	case ANSWER_DATA:
		tell(s, s->in_body ? "" : "[", s->in_body ? 0 : 1);
		s->in_body = true;
		tell(s, piece.p, piece.n);
		break;
	case ANSWER_END:
		tell(s, s->in_body ? "]. " : ". ", s->in_body ? 3 : 2);
		s->in_body = false;
		break;
	default:
		tell(s, "!", 1);
	}
}

/*
 * Feed what is there: (kept) bytes were given before, and not consumed. Returns how many are left;
 * -1: malformed.
 */
static ssize_t feed(struct story *s, struct answer *a, const char *p, size_t n)
{
	size_t at = 0;

	for (;;) {
		char *copy = exact(p + at, n - at);
		struct str piece = STR_NULL;
		size_t used;
		enum answer_step step = answer_next(a, copy, n - at, &used, &piece);

		if (step != ANSWER_MORE)
			tell_step(s, a, step, piece);
		free(copy);
		at += used;
		if (step == ANSWER_MORE || step == ANSWER_MALFORMED)
			return step == ANSWER_MORE ? (ssize_t)(n - at) : -1;
	}
}

/* As it comes: up to (first), and then (step) bytes at a time. */
static void read_pieces(struct story *s, struct answer *a, const char *text, size_t n,
	size_t first, size_t step)
{
	size_t kept = 0;

	memset(s, 0, sizeof(*s));
	answer_init(a);
	for (size_t end = first; end <= n; end = end == n ? n + 1 : end + step < n ? end + step : n) {
		ssize_t left = feed(s, a, text + kept, end - kept);

		if (left < 0)
			return;
		kept = end - (size_t)left;
	}
}

static void read_whole(struct story *s, struct answer *a, const char *text)
{
	read_pieces(s, a, text, strlen(text), strlen(text), strlen(text) + 1);
}

/* Whole, split in two at each byte, and byte by byte. */
static void reads(const char *text, const char *want, const char *what)
{
	size_t n = strlen(text), wrong = 0;
	struct story s;
	struct answer a;

	read_whole(&s, &a, text);
	eq_str(s.text, want, what);
	for (size_t cut = 0; cut <= n; cut++) {
		read_pieces(&s, &a, text, n, cut, n);
		wrong += strcmp(s.text, want) != 0;
	}
	read_pieces(&s, &a, text, n, 1, 1);
	wrong += strcmp(s.text, want) != 0;
	ok(wrong == 0, "... split anywhere, too");
	/* Cut short it is incomplete, but never wrong. */
	for (size_t end = 0; want[strlen(want) - 1] != '!' && end < n; end++) {
		read_pieces(&s, &a, text, end, end, n + 1);
		wrong += strchr(s.text, '!') != NULL;
	}
	ok(wrong == 0, "... and cut short");
}

static void bodies(void)
{
	reads("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200 [hello]. ", "a body of known length");
	reads("HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", "200 . ", "an empty one");
	reads("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"
		"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", "204 . 304 . 200 [x]. ",
		"answers without a body");
	reads("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n"
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "200 [abc0123456789]. 200 [ok]. ",
		"chunks");
	reads("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip , Chunked\r\nContent-Length: 3\r\n\r\n1f\r\n"
		"0123456789012345678901234567890\r\n000\r\nTrailer: x\r\nOther: y\r\n\r\n"
		"HTTP/1.1 204 \r\n\r\n", "200 [0123456789012345678901234567890]. 204 . ", "trailers");
	reads("HTTP/1.1 200 OK\r\n\r\nuntil the end", "200x [until the end",
		"a body that ends with the connection");
	reads("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
		"HTTP/1.1 201 C\r\nContent-Length: 0\r\n\r\n", "201 . ", "interim answers are skipped");
	reads("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n", "101 ", "an upgrade");
	reads("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "200x [x]. ", "HTTP/1.0 closes");
	reads("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx",
		"200 [x]. ", "... unless it says so");
	reads("HTTP/1.1 200 OK\r\nConnection: foo, close\r\nContent-Length: 1\r\n\r\nx",
		"200x [x]. ", "a last answer");
}

static void malformed(void)
{
	static const char *const heads[] = {
		"HTTQ", "HTTP/2 200\r\n\r\n", "HTTP/1.2 200 OK\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n",
		"HTTP/1.1 099 OK\r\n\r\n", "HTTP/1.1 2000\r\n\r\n", "HTTP/1.1 20\r\n\r\n",
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
	};
	static const char *const chunks[] = {"\r\n", "x\r\n", "-1\r\n", "fffffffffffffffff\r\n",
		"1\r\nab\r\n", "1\r\na\n", "1\r\na\rx", "1\n", "1;x\n", "1\rx\r\n", "0\r\n\n", "0\r\nX: y\n",
		"0\r\nX\r: y\r\n", "0\r\nX: y\r\n\rx"};
	char text[256];
	struct story s;
	struct answer a;

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		read_whole(&s, &a, heads[i]);
		ok(strcmp(s.text, "!") == 0, "refused: head %zu", i);
	}
	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		snprintf(text, sizeof(text),
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s", chunks[i]);
		read_whole(&s, &a, text);
		ok(strchr(s.text, '!') != NULL, "refused: chunk %zu", i);
	}
}

/* A head has a most, and so many interim answers take no more stack than one. */
static void limits(void)
{
	static const char interim[] = "HTTP/1.1 100 C\r\n\r\n";
	size_t n = ANSWER_HEAD_MAX + 100, many = 200000, len = sizeof(interim) - 1, used;
	char *text = malloc(many * len + 1);
	struct answer a;
	struct str piece;

	memset(text, 'a', n);
	memcpy(text, "HTTP/1.1 200 OK\r\n", 17);
	answer_init(&a);
	ok(answer_next(&a, text, ANSWER_HEAD_MAX - 1, &used, &piece) == ANSWER_MORE && used == 0,
		"a long head");
	ok(answer_next(&a, text, ANSWER_HEAD_MAX, &used, &piece) == ANSWER_MALFORMED, "... that is too long");
	for (size_t i = 0; i < many; i++)
		memcpy(text + i * len, interim, len);
	answer_init(&a);
	ok(answer_next(&a, text, many * len, &used, &piece) == ANSWER_MORE && used == many * len,
		"many interim answers");
	free(text);
}

static void fields(void)
{
	static const char text[] = "Host: a\r\nEmpty:\r\nX-Y: \t b c \t\r\nx-y: second";
	char *copy = exact(text, sizeof(text) - 1);
	struct str head = {copy, sizeof(text) - 1}, v = answer_field(head, "x-Y");

	ok(str_is(v, "b c"), "a field, by any case, without the space around it");
	ok(str_is(answer_field(head, "Host"), "a"), "the first");
	v = answer_field(head, "empty");
	ok(v.p != NULL && v.n == 0, "an empty one");
	ok(answer_field(head, "X").p == NULL, "none");
	ok(answer_field(STR_NULL, "X").p == NULL, "... of nothing");
	free(copy);
}

/* What the end of the connection means. */
static void closed(void)
{
	struct answer a;
	struct story s;

	answer_init(&a);
	ok(answer_closed(&a) && answer_idle(&a), "nothing has begun");
	read_whole(&s, &a, "HTTP/1.1 200 OK\r\n\r\nabc");
	ok(answer_closed(&a) && !answer_idle(&a), "a body that the end completes");
	read_whole(&s, &a, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc");
	ok(!answer_closed(&a), "a body that is cut");
}

/* Chunks that are left out. */
static void chunks(void)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
	struct answer a;
	struct str piece;
	size_t used;

	answer_init(&a);
	ok(!answer_begins_chunk(&a, head, sizeof(head) - 1), "no chunk begins with a head");
	answer_next(&a, head, sizeof(head) - 1, &used, &piece);
	ok(answer_begins_chunk(&a, "fa\r\n", 4), "a chunk begins");
	ok(!answer_begins_chunk(&a, "FA\r\n", 4), "... but not with a size of other letters");
	answer_init(&a);
	answer_next(&a, head, sizeof(head) - 1, &used, &piece);
	answer_next(&a, "3\r\nabc", 6, &used, &piece);
	ok(used == 6 && !answer_begins_chunk(&a, "\r\n3\r\n", 5), "none begins before the end of the last");
	ok(answer_end_chunk(&a, "\r", 1) == 0 && answer_end_chunk(&a, "\r\r", 2) == 0, "... which is CRLF");
	ok(answer_end_chunk(&a, "\r\n3", 3) == 2 && answer_begins_chunk(&a, "3", 1), "... and then one does");
	answer_next(&a, "3\r\nab", 5, &used, &piece);
	ok(answer_end_chunk(&a, "\r\n", 2) == 0, "within a chunk it does not end");
}

int main(void)
{
	chunks();
	bodies();
	malformed();
	limits();
	fields();
	closed();
	return tap_done();
}
