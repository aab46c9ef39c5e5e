/* SPDX-License-Identifier: MIT */
#ifndef RT_FORWARDED_H
#define RT_FORWARDED_H

/*
 * Who the client is behind trusted proxies: Forwarded (RFC 7239) or X-Forwarded-For, read from the
 * right, past every address that --trust-proxy names.
 */
#include "config.h"
#include "net/http.h"

#define FORWARDED_MAX 48

/** The address into (text). p == NULL if the peer is no trusted proxy, or nothing is told. */
struct str forwarded_client(const struct config *c, const struct conn *conn,
	const struct http_request *r, char text[FORWARDED_MAX]);

/** The same from the values alone: (forwarded) wins over (x_forwarded_for); either may be absent. */
struct str forwarded_pick(const struct config *c, struct str forwarded, struct str x_forwarded_for,
	char text[FORWARDED_MAX]);

#endif
