/* SPDX-License-Identifier: MIT */
#include "topic.h"

#include "utf8.h"

struct str topic_next_level(struct str *rest)
{
	struct str level = *rest;
	const char *slash = rest->n > 0 ? memchr(rest->p, '/', rest->n) : NULL;

	if (slash == NULL) {
		*rest = STR_NULL;
		return level;
	}
	level.n = (size_t)(slash - level.p);
	rest->p += level.n + 1;
	rest->n -= level.n + 1;
	return level;
}

static bool is_one(struct str level)
{
	return level.n == 1 && level.p[0] == '*';
}

static bool is_rest(struct str level)
{
	return level.n == 2 && level.p[0] == '*' && level.p[1] == '*';
}

static bool is_dots(struct str level)
{
	return level.n > 0 && level.n <= 2 && level.p[0] == '.' && level.p[level.n - 1] == '.';
}

static enum topic_status check_characters(struct str s)
{
	enum topic_status st = TOPIC_OK;
	uint32_t cp;
	unsigned len;

	for (size_t i = 0; i < s.n; i += len) {
		len = utf8_decode(s.p + i, s.n - i, &cp);
		if (len == 0)
			return TOPIC_UTF8;
		if (utf8_is_control(cp))
			st = TOPIC_CHARACTER;
	}
	return st;
}

/* Both checks: in a (pattern), levels may be wildcards. */
static enum topic_status check(struct str s, bool pattern)
{
	enum topic_status st;
	struct str level;

	if (s.n == 0)
		return TOPIC_EMPTY;
	if (s.n > TOPIC_MAX)
		return TOPIC_TOO_LONG;
	st = check_characters(s);
	if (st != TOPIC_OK)
		return st;
	while (s.p != NULL) {
		level = topic_next_level(&s);
		if (level.n == 0)
			return TOPIC_EMPTY_LEVEL;
		if (is_dots(level))
			return TOPIC_DOT_LEVEL;
		if (is_one(level) && !pattern)
			return TOPIC_WILDCARD;
		if (is_rest(level) && (!pattern || s.p != NULL))
			return TOPIC_WILDCARD;
	}
	return TOPIC_OK;
}

enum topic_status topic_check(struct str name)
{
	return check(name, false);
}

enum topic_status topic_check_pattern(struct str pattern)
{
	return check(pattern, true);
}

const char *topic_status_text(enum topic_status st)
{
	switch (st) {
	case TOPIC_OK:
		return "the topic is well-formed";
	case TOPIC_EMPTY:
		return "the topic is empty: name one, such as chat/lobby";
	case TOPIC_TOO_LONG:
		return "the topic is longer than 255 bytes: shorten it";
	case TOPIC_EMPTY_LEVEL:
		return "the topic has an empty level: remove the \"/\" at its beginning or end, "
			"or the doubled one";
	case TOPIC_DOT_LEVEL:
		return "the topic has a level \".\" or \"..\": give that level another name";
	case TOPIC_CHARACTER:
		return "the topic has a control or format character in it: remove it";
	case TOPIC_UTF8:
		return "the topic is not UTF-8: encode it so";
	case TOPIC_WILDCARD:
		return "a level \"*\" or \"**\" is only for subscriptions, "
			"and \"**\" only for the last level";
	}
	return "the topic is malformed";
}

bool topic_is_reserved(struct str name)
{
	return name.n > 0 && name.p[0] == '$';
}

bool topic_is_pattern(struct str pattern)
{
	struct str level;

	while (pattern.p != NULL) {
		level = topic_next_level(&pattern);
		if (is_one(level) || is_rest(level))
			return true;
	}
	return false;
}

bool topic_match(struct str pattern, struct str name)
{
	struct str want, have;
	bool reserved = topic_is_reserved(name), first = true;

	while (pattern.p != NULL && name.p != NULL) {
		want = topic_next_level(&pattern);
		have = topic_next_level(&name);
		if (is_one(want) || is_rest(want)) {
			if (reserved && first)
				return false;
			if (is_rest(want))
				return true;
		} else if (!str_eq(want, have)) {
			return false;
		}
		first = false;
	}
	return pattern.p == NULL && name.p == NULL;
}
