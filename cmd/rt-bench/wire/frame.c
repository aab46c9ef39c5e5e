/* SPDX-License-Identifier: MIT */
#include "wire/frame.h"

#include <string.h>

#define FIN 0x80
#define RSV 0x70
#define MASKED 0x80

static bool is_known(unsigned opcode)
{
	return opcode <= FRAME_BINARY || (opcode >= FRAME_CLOSE && opcode <= FRAME_PONG);
}

/* The length that the head says; *head gets how long the head is. -1: not all there, -2: malformed. */
static int64_t parse_length(const unsigned char *p, size_t n, size_t *head)
{
	unsigned bytes = p[1] == 127 ? 8 : p[1] == 126 ? 2 : 0;
	uint64_t len = 0;

	*head = 2 + bytes;
	if (bytes == 0)
		return p[1];
	if (n < *head)
		return -1;
	for (unsigned i = 0; i < bytes; i++)
		len = len << 8 | p[2 + i];
	/* It has to be in the shortest form. */
	if (len < 126 || (bytes == 8 && (len <= 0xffff || len > INT64_MAX)))
		return -2;
	return (int64_t)len;
}

ssize_t frame_parse(struct frame *f, const char *p, size_t n, size_t max)
{
	const unsigned char *u = (const unsigned char *)p;
	int64_t len;
	size_t head;

	if (n < 2)
		return 0;
	f->opcode = u[0] & 0xf;
	f->fin = (u[0] & FIN) != 0;
	if ((u[0] & RSV) != 0 || (u[1] & MASKED) != 0 || !is_known(f->opcode))
		return -1;
	if (f->opcode >= FRAME_CLOSE && (!f->fin || u[1] > FRAME_CONTROL_MAX))
		return -1;
	len = parse_length(u, n, &head);
	if (len == -1)
		return 0;
	if (len < 0)
		return -1;
	if ((uint64_t)len > max)
		return FRAME_TOO_LONG;
	if (n - head < (uint64_t)len)
		return 0;
	f->payload = (struct str){p + head, (size_t)len};
	return (ssize_t)(head + (size_t)len);
}

size_t frame_head(char *dst, unsigned opcode, size_t n, uint32_t mask)
{
	unsigned bytes = n < 126 ? 0 : n <= 0xffff ? 2 : 8;
	size_t at = 2;

	dst[0] = (char)(FIN | opcode);
	dst[1] = (char)(MASKED | (bytes == 0 ? n : bytes == 2 ? 126 : 127));
	for (unsigned i = bytes; i-- > 0;)
		dst[at++] = (char)((uint64_t)n >> (8 * i) & 0xff);
	memcpy(dst + at, &mask, sizeof(mask));
	return at + sizeof(mask);
}

void frame_mask(char *p, size_t n, uint32_t mask)
{
	uint64_t wide, word;
	char bytes[sizeof(mask)];

	memcpy(bytes, &mask, sizeof(mask));
	memcpy(&wide, bytes, sizeof(mask));
	memcpy((char *)&wide + sizeof(mask), bytes, sizeof(mask));
	for (; n >= sizeof(word); p += sizeof(word), n -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		word ^= wide;
		memcpy(p, &word, sizeof(word));
	}
	for (size_t i = 0; i < n; i++)
		p[i] ^= bytes[i % sizeof(mask)];
}
