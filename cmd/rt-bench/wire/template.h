/* SPDX-License-Identifier: MIT */
#ifndef RT_TEMPLATE_H
#define RT_TEMPLATE_H

/*
 * URLs and bodies of other servers, with places to be filled: {topic}, {n} (its number), {sub} (number of
 * the subscriber), {payload} (the JSON text), {payload:json} (the same as a JSON string), {cursor} (last
 * event id, percent-encoded; empty at first). A brace is a brace where no letter follows, and "{{" is one
 * anywhere. An unknown name is an error.
 */
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "str.h"

struct template_values {
	struct str topic, payload, cursor;
	uint64_t n, sub;
};

/** NULL, or what is wrong with (text), static. */
const char *template_check(const char *text);

/** Append (text), filled. In a URL ((url)) values are percent-encoded. 0, or -1 as buf_add. */
int template_fill(struct buf *b, const char *text, const struct template_values *v, bool url);

/** Does (text) have the place {(name)}? */
bool template_uses(const char *text, const char *name);

/** Append (s) percent-encoded for a path or a query; "/" stays, as it may in both. 0, or -1 as buf_add. */
int template_encode(struct buf *b, struct str s);

#endif
