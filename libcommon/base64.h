/* SPDX-License-Identifier: MIT */
#ifndef RT_BASE64_H
#define RT_BASE64_H

/* Base64 with padding, RFC 4648 section 4. */
#include <stddef.h>
#include <sys/types.h>

#define BASE64_ENCODED_LEN(n) (((n) + 2) / 3 * 4)

/** Encode (n) bytes to (dst); returns BASE64_ENCODED_LEN(n). No NUL. */
size_t base64_encode(char *dst, const void *p, size_t n);

/** Decode strictly to (dst), room for n / 4 * 3; returns the length, or -1 if malformed. */
ssize_t base64_decode(void *dst, const char *p, size_t n);

#endif
