/* SPDX-License-Identifier: MIT */
#include "wire/frame.h"

#include "helper_exact.h"
#include "tests/unit/tap.h"

static ssize_t parse(struct frame *f, const void *p, size_t n, size_t max)
{
	char *copy = exact(p, n);
	ssize_t used = frame_parse(f, copy, n, max);

	/* Compared while it lives. */
	if (used > 0 && f->payload.n > 0 &&
			memcmp(f->payload.p, (const char *)p + used - f->payload.n, f->payload.n) != 0)
		used = -100;
	free(copy);
	return used;
}

/* A head of (n) bytes of payload, as servers send it. */
static size_t put_head(unsigned char *dst, unsigned first, uint64_t n)
{
	unsigned bytes = n < 126 ? 0 : n <= 0xffff ? 2 : 8;

	dst[0] = (unsigned char)first;
	dst[1] = (unsigned char)(bytes == 0 ? n : bytes == 2 ? 126 : 127);
	for (unsigned i = 0; i < bytes; i++)
		dst[2 + i] = (unsigned char)(n >> (8 * (bytes - 1 - i)));
	return 2 + bytes;
}

static void lengths(void)
{
	static const size_t sizes[] = {0, 1, 125, 126, 127, 65535, 65536, 70000};
	unsigned char *text = malloc(80000);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t head = put_head(text, 0x81, sizes[i]), all = head + sizes[i];
		bool waits = true;
		struct frame f;

		for (size_t k = 0; k < sizes[i]; k++)
			text[head + k] = (unsigned char)('a' + k % 26);
		ok(parse(&f, text, all, 100000) == (ssize_t)all && f.payload.n == sizes[i] &&
			f.fin && f.opcode == FRAME_TEXT, "%zu bytes", sizes[i]);
		ok(parse(&f, text, all, sizes[i]) == (ssize_t)all, "... are not too many");
		ok(sizes[i] == 0 || parse(&f, text, all, sizes[i] - 1) == FRAME_TOO_LONG,
			"... or are, before they have come");
		for (size_t cut = 0; cut < all; cut += cut < 20 || cut + 20 > all ? 1 : 997)
			waits = waits && parse(&f, text, cut, 100000) == 0;
		ok(waits, "... cut short it waits for the rest");
	}
	free(text);
}

static void malformed(void)
{
	static const struct {
		unsigned char bytes[12];
		size_t n;
		const char *what;
	} cases[] = {
		{{0x81, 0x80, 1, 2, 3, 4}, 6, "masked"},
		{{0xc1, 0x00}, 2, "compressed"},
		{{0x91, 0x00}, 2, "a reserved bit"},
		{{0x83, 0x00}, 2, "an unknown opcode"},
		{{0x8b, 0x00}, 2, "an unknown control frame"},
		{{0x09, 0x00}, 2, "a ping in pieces"},
		{{0x89, 0x7e, 0x00, 0x7e}, 4, "a ping that is too long"},
		{{0x81, 0x7e, 0x00, 0x7d}, 4, "a length that is not in its shortest form"},
		{{0x81, 0x7f, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 10, "nor this"},
		{{0x81, 0x7f, 0x80, 0, 0, 0, 0, 0, 0, 0}, 10, "a length of 64 bits"},
	};
	struct frame f;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(parse(&f, cases[i].bytes, cases[i].n, SIZE_MAX) == -1, "refused: %s", cases[i].what);
	ok(parse(&f, "\x81\x0bhello world", 13, 10) == FRAME_TOO_LONG &&
		parse(&f, "\x82\x7e\x00\xc8", 4, 199) == FRAME_TOO_LONG,
		"... but too long is another matter");
	ok(parse(&f, "\x01\x01x", 3, 10) == 3 && !f.fin && f.opcode == FRAME_TEXT, "the first of several");
	ok(parse(&f, "\x80\x01y", 3, 10) == 3 && f.fin && f.opcode == FRAME_CONTINUATION,
		"the last of several");
	ok(parse(&f, "\x88\x02\x03\xe8", 4, 10) == 4 && f.opcode == FRAME_CLOSE, "a close");
	ok(parse(&f, "\x89\x00\x89\x00", 4, 10) == 2 && f.opcode == FRAME_PING, "one of two pings");
}

/* What goes: a server takes it apart by RFC 6455, 5.3. */
static void outgoing(void)
{
	static const size_t sizes[] = {0, 5, 125, 126, 65535, 65536};
	char head[FRAME_HEAD_MAX], *text = malloc(65600);
	const unsigned char *u = (const unsigned char *)head;
	bool same = true;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned bytes = sizes[i] < 126 ? 0 : sizes[i] < 65536 ? 2 : 8;
		size_t n = frame_head(head, FRAME_TEXT, sizes[i], 0x11223344);
		uint64_t len = u[1] & 0x7f;

		for (unsigned k = 0; k < bytes; k++)
			len = (k == 0 ? 0 : len << 8) | u[2 + k];
		ok(n == 6 + bytes && u[0] == 0x81 && (u[1] & 0x80) != 0 && len == sizes[i],
			"a head for %zu bytes", sizes[i]);
	}
	for (size_t n = 0; n < 40; n++) {
		size_t at = frame_head(head, FRAME_BINARY, n, 0xdeadbeef);
		const unsigned char *mask = u + at - 4;
		char *copy;

		for (size_t k = 0; k < n; k++)
			text[k] = (char)(k * 7);
		copy = exact(text, n);
		frame_mask(copy, n, 0xdeadbeef);
		for (size_t k = 0; k < n; k++)
			same = same && ((unsigned char)copy[k] ^ mask[k % 4]) == (unsigned char)text[k];
		free(copy);
	}
	ok(same, "masked as its head says, at any length");
	free(text);
}

int main(void)
{
	lengths();
	malformed();
	outgoing();
	return tap_done();
}
