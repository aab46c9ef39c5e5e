/* SPDX-License-Identifier: MIT */
#ifndef RT_PUBLISH_CHECK_H
#define RT_PUBLISH_CHECK_H

/* What the head of a POST says, checked before its body is read. */
#include "api/request.h"

/** How the body is to be read. */
enum publish_body { PUBLISH_JSON, PUBLISH_NDJSON, PUBLISH_TEXT, PUBLISH_BYTES, PUBLISH_UNSUPPORTED };

/** By the Content-Type; absent, or what curl -d says, counts as JSON. */
enum publish_body publish_body_of(struct str content_type);

/**
 * What is wrong with (r), static, and the HTTP status for it; NULL: nothing. (*kind) is set in any
 * case.
 */
const char *publish_check(const struct request *r, enum publish_body *kind, unsigned *status);

#endif
