/* SPDX-License-Identifier: MIT */
#ifndef RT_UTF8_H
#define RT_UTF8_H

/* Text in UTF-8 (RFC 3629): is it well-formed, and what does not belong in a line for people? */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Decode the code point at (p) of (n) >= 1 bytes into (cp). Returns its length 1..4, or 0 if it
 * is no well-formed UTF-8 (RFC 3629: overlong forms, surrogates and > U+10FFFF are refused).
 */
unsigned utf8_decode(const char *p, size_t n, uint32_t *cp);

/** Write the code point (cp), at most U+10FFFF, to (dst), room for 4 bytes. Returns its length. */
unsigned utf8_encode(char *dst, uint32_t cp);

/** Are all (n) bytes well-formed UTF-8? */
bool utf8_valid(const char *p, size_t n);

/** Is (cp) a control (Cc), format (Cf), or line/paragraph separator character? */
bool utf8_is_control(uint32_t cp);

#endif
