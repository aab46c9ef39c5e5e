/* SPDX-License-Identifier: MIT */
#include "dialect.h"

#include <stdio.h>
#include <string.h>

#include "wire/frame.h"

static const struct dialect *const all[] = {
	&dialect_floor_sse, &dialect_floor_ws, &dialect_rt_sse, &dialect_rt_ws, &dialect_nchan_sse,
	&dialect_nchan_ws, &dialect_node_ws, &dialect_socketio, &dialect_redis, &dialect_nats, &dialect_mqtt,
};

#define COUNT (sizeof(all) / sizeof(all[0]))

/* Any will do: it is there so that what comes from pages does not look like another protocol. */
#define MASK 0x5c17a3e9u

const struct dialect *dialect_find(const char *name)
{
	for (size_t i = 0; i < COUNT; i++)
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	return NULL;
}

const char *dialect_names(char *dst, size_t n)
{
	size_t at = 0;

	dst[0] = '\0';
	for (size_t i = 0; i < COUNT && at < n; i++)
		at += (size_t)snprintf(dst + at, n - at, "%s%s", i == 0 ? "" : " ", all[i]->name);
	return dst;
}

void dialect_ask_upgrade(struct buf *out, const char *path)
{
	buf_addf(out, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", path);
}

ssize_t dialect_take_head(const char *p, size_t n, int *status)
{
	const char *end = memmem(p, n, "\r\n\r\n", 4);

	if (end == NULL)
		return n > 16384 ? -1 : 0;
	if (memcmp(p, "HTTP/1.1 ", 9) != 0 || sscanf(p + 9, "%3d", status) != 1)
		return -1;
	return end + 4 - p;
}

void dialect_frame(struct buf *out, unsigned opcode, struct str payload)
{
	char head[FRAME_HEAD_MAX];

	buf_add(out, head, frame_head(head, opcode, payload.n, MASK));
	buf_addstr(out, payload);
	frame_mask((char *)out->p + out->len - payload.n, payload.n, MASK);
}
