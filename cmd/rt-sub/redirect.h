/* SPDX-License-Identifier: MIT */
#ifndef RT_SUB_REDIRECT_H
#define RT_SUB_REDIRECT_H

/*
 * Where an answer sends a request on, as a browser's EventSource follows it (WHATWG HTML, 9.2; Fetch,
 * 4.4): by GET to http and https, and from https to https only.
 */
#include <stdbool.h>

#define REDIRECT_MAX 20		/* one after the other */

/** Does an answer of this (status) send elsewhere, if it says where to? */
bool redirect_is(long status);

struct redirect {
	char *url;		/* to be freed by curl_free; NULL: not to be followed */
	bool leaves;		/* it is of another origin: scheme, host and port */
	const char *why_not;	/* how "not followed" goes on */
};

/**
 * Where (location), out of the answer to (url), leads; it may be relative. Within an origin the user
 * and password of (url) stay in force. 0, or -1 without memory.
 */
int redirect_resolve(struct redirect *r, const char *url, const char *location);

#endif
