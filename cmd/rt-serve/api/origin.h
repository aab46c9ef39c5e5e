/* SPDX-License-Identifier: MIT */
#ifndef RT_ORIGIN_H
#define RT_ORIGIN_H

/*
 * Browsers are not trusted: a page may use this server only if it is of the same origin, or of one
 * that --origin names; and the Host must be one this server answers to, so that a name that was
 * rebound to it (DNS rebinding) does not help a page.
 */
#include <stdbool.h>

#include "config.h"
#include "net/http.h"

/** May the (Host) field be answered? IP addresses, localhost, and what --host names. */
bool origin_host_allowed(const struct config *c, struct str host);

enum origin_verdict {
	ORIGIN_NONE,		/* not from a page of another origin */
	ORIGIN_ALLOWED,		/* named by --origin, or the same: (origin) may be echoed */
	ORIGIN_REFUSED,
};

/** Judge by Origin and Sec-Fetch-Site. *named: the --origin text that allowed it, else NULL. */
enum origin_verdict origin_check(const struct config *c, const struct http_request *r,
	const char **named);

#endif
