/* SPDX-License-Identifier: MIT */
#ifndef RT_TOPIC_H
#define RT_TOPIC_H

/*
 * Topic names and subscription patterns: "/"-separated levels of UTF-8, compared bytewise. In a
 * pattern a level "*" stands for one level, and "**" as the last level for all the rest, at
 * least one level. Neither matches a first level that begins with "$".
 */
#include <stdbool.h>
#include <stddef.h>

#include "str.h"

#define TOPIC_MAX 255	/* bytes */

enum topic_status {
	TOPIC_OK,
	TOPIC_EMPTY,		/* no name at all */
	TOPIC_TOO_LONG,		/* over TOPIC_MAX bytes */
	TOPIC_EMPTY_LEVEL,	/* "a//b", or a "/" at either end */
	TOPIC_DOT_LEVEL,	/* a level "." or ".." */
	TOPIC_CHARACTER,	/* a control or format character */
	TOPIC_UTF8,		/* not UTF-8 */
	TOPIC_WILDCARD,		/* "*" or "**" as a level of a name, or "**" not last in a pattern */
};

/** Check a plain topic name. Names beginning with "$" are well-formed; see topic_is_reserved. */
enum topic_status topic_check(struct str name);

/** Check a subscription: a name or a pattern. */
enum topic_status topic_check_pattern(struct str pattern);

/** A sentence for the person who typed it, saying what to do. */
const char *topic_status_text(enum topic_status st);

/** Does (name) belong to the server ("$...")? */
bool topic_is_reserved(struct str name);

/** Does a valid subscription contain a wildcard level? */
bool topic_is_pattern(struct str pattern);

/** Does valid (pattern) match valid (name)? Equal bytes match too. */
bool topic_match(struct str pattern, struct str name);

/** The first level of *rest, which is moved behind it and its "/"; rest->p == NULL at the end. */
struct str topic_next_level(struct str *rest);

#endif
