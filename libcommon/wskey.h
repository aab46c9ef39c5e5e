/* SPDX-License-Identifier: MIT */
#ifndef RT_WSKEY_H
#define RT_WSKEY_H

/* What proves that a server understood a WebSocket handshake (RFC 6455, 4.2.2, step 5.4). */

#define WSKEY_LEN 24		/* of Sec-WebSocket-Key: 16 bytes in base64 */
#define WSKEY_ACCEPT_LEN 28	/* of Sec-WebSocket-Accept: a SHA-1 in base64 */

/** The Sec-WebSocket-Accept that answers the WSKEY_LEN bytes at (key). No NUL follows. */
void wskey_accept(char dst[WSKEY_ACCEPT_LEN], const char *key);

#endif
