/* SPDX-License-Identifier: MIT */
#ifndef RT_PUB_ENCODE_H
#define RT_PUB_ENCODE_H

/*
 * From a line of input to a line of the NDJSON that goes to the server. JSON goes as it is, once
 * it is known to be JSON; text becomes a JSON string; bytes become an envelope with data_base64,
 * since no JSON value stands for them.
 */
#include <stddef.h>

#include "buf.h"
#include "str.h"

enum encode_mode { ENCODE_JSON, ENCODE_TEXT, ENCODE_BYTES };

struct encode {
	enum encode_mode mode;
	struct buf head;	/* ENCODE_BYTES: the envelope up to the base64 text */
};

enum encode_result {
	ENCODE_OK,
	ENCODE_BLANK,	/* nothing to send: a blank line is no JSON value */
	ENCODE_BAD,	/* it cannot be sent; see encode_why */
	ENCODE_NOMEM,
};

/** (topic), (type) and (key) are needed for ENCODE_BYTES; the last two may be NULL. 0 or -1. */
int encode_init(struct encode *e, enum encode_mode mode, const char *topic, const char *type,
	const char *key);
void encode_fini(struct encode *e);

/** Append (line) and a LF to (out), which is unchanged unless ENCODE_OK. */
enum encode_result encode_line(const struct encode *e, struct buf *out, struct str line);

/** The same for a whole text that may have line breaks, as -f gives. */
enum encode_result encode_whole(const struct encode *e, struct buf *out, struct str text);

/**
 * The same for what a person typed after -m: in ENCODE_JSON it need not be JSON and is a string
 * then, unless it begins like an object, array or string, and so was meant to be one.
 */
enum encode_result encode_message(const struct encode *e, struct buf *out, struct str text);

/** After ENCODE_BAD: append the reason, for people. */
void encode_why(const struct encode *e, struct buf *why, struct str line);

/** Upper bound of what a line of (n) bytes becomes. */
size_t encode_max(const struct encode *e, size_t n);

#endif
