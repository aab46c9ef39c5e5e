/* SPDX-License-Identifier: MIT */
#ifndef RT_FRAME_H
#define RT_FRAME_H

/*
 * WebSocket frames (RFC 6455, section 5) as a client sees them: unmasked ones come, masked ones go.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "str.h"

#define FRAME_CONTINUATION 0x0
#define FRAME_TEXT 0x1
#define FRAME_BINARY 0x2
#define FRAME_CLOSE 0x8
#define FRAME_PING 0x9
#define FRAME_PONG 0xa

/** Bytes of the longest head of a frame that goes. */
#define FRAME_HEAD_MAX 14

/** Longest payload of a control frame. */
#define FRAME_CONTROL_MAX 125

struct frame {
	unsigned opcode;
	bool fin;
	struct str payload;	/* in the caller's buffer */
};

/** What frame_parse returns for a frame that is longer than it may be. */
#define FRAME_TOO_LONG (-2)

/**
 * Take the frame apart that begins the (n) bytes at (p). Its length with its head; 0: not all of it is
 * there; -1: it is malformed, masked or compressed; FRAME_TOO_LONG: it is longer than (max).
 */
ssize_t frame_parse(struct frame *f, const char *p, size_t n, size_t max);

/**
 * Write the head of a frame of (n) bytes, the last of its message, masked by (mask), to (dst), with
 * room for FRAME_HEAD_MAX bytes. Returns its length.
 */
size_t frame_head(char *dst, unsigned opcode, size_t n, uint32_t mask);

/** Mask the (n) bytes of its payload in place. */
void frame_mask(char *p, size_t n, uint32_t mask);

#endif
