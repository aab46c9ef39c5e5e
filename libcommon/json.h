/* SPDX-License-Identifier: MIT */
#ifndef RT_JSON_H
#define RT_JSON_H

/*
 * JSON by the grammar of RFC 8259. jsmn splits but does not validate, so text from outside goes
 * through json_check first; json_members then uses jsmn to find the members of an object.
 */
#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "str.h"

enum json_status {
	JSON_OK,
	JSON_EMPTY,	/* nothing but white space */
	JSON_SYNTAX,	/* not a JSON value */
	JSON_UTF8,	/* not UTF-8 */
	JSON_DEPTH,	/* nested deeper than allowed */
	JSON_TRAILING,	/* a value, and then something else */
};

#define JSON_MAX_DEPTH 128

enum json_type { JSON_NONE, JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_NUMBER, JSON_BOOL, JSON_NULL };

/**
 * Check that the (n) bytes at (p) are exactly one JSON value in UTF-8, white space around it
 * allowed, nested at most JSON_MAX_DEPTH deep. On error (err_at, may be NULL) is the offset of
 * the first byte that cannot be.
 */
enum json_status json_check(const char *p, size_t n, size_t *err_at);

/** The same for a value that will stand inside (outer) <= JSON_MAX_DEPTH levels more, as in an envelope. */
enum json_status json_check_within(const char *p, size_t n, unsigned outer, size_t *err_at);

/** A clause that says what (st) means to whoever wrote the text, e.g. "not a JSON value". */
const char *json_status_text(enum json_status st);

/**
 * Copy a valid JSON text of (n) bytes to (dst) (room for n) without CR and LF, which can only be
 * insignificant in it, and without white space at both ends. Returns the length.
 */
size_t json_one_line(char *dst, const char *p, size_t n);

/**
 * Of the (n) bytes at (p), how many from the first on are ASCII that stands for itself in a JSON string: no
 * quote, no backslash, no control character.
 */
size_t json_plain_len(const char *p, size_t n);

/** Append (s) to (b) as a JSON string with its quotes. (s) must be UTF-8. 0, or -1 as buf_add. */
int json_quote(struct buf *b, struct str s);

/** Upper bound of what json_quote appends for (n) bytes. */
#define JSON_QUOTE_MAX(n) ((n) * 6 + 2)

/**
 * Decode the raw JSON string (raw, with its quotes, valid) to UTF-8 at (dst), room for raw.n
 * bytes; lone surrogates become U+FFFD. Returns the length; it may contain NUL bytes. A value
 * that is no string is copied as it is.
 */
size_t json_unquote(char *dst, struct str raw);

/** Append the decoded string to (b). 0, or -1 as buf_add. */
int json_unquote_add(struct buf *b, struct str raw);

/** The type of a valid JSON value, by its first character. */
enum json_type json_type_of(struct str raw);

struct json_member {
	const char *name;	/* in: which member is wanted */
	struct str raw;		/* out: its raw text, strings with their quotes; p == NULL: absent */
	enum json_type type;	/* out */
};

/**
 * Find members of the object (text), which json_check has accepted. Fills (raw) and (type) of
 * the (n) wanted (m); of a member given twice the last counts. Names are compared after
 * decoding. (unknown, may be NULL) gets the raw name of the first member that is not wanted.
 * The slices point into (text). Returns 0; -1 if (text) is no object (errno EINVAL) or ENOMEM.
 */
int json_members(struct str text, struct json_member *m, size_t n, struct str *unknown);

/**
 * Call (fn) for each element of the array (text), which json_check has accepted, until it
 * returns other than 0, which is then returned. -1 with errno EINVAL if it is no array.
 */
int json_elements(struct str text, int (*fn)(void *arg, struct str raw), void *arg);

#endif
