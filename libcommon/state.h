/* SPDX-License-Identifier: MIT */
#ifndef RT_STATE_H
#define RT_STATE_H

/*
 * The file of -S: where a subscriber stands, across runs. One JSON object on one line, bound to
 * what was asked (server and topics, or URL); written to a temporary file beside it and renamed,
 * locked against a second run for as long as it is open.
 */
#include <stdbool.h>

#include "str.h"

#define STATE_VALUE_MAX 4096

struct state;

enum state_error {
	STATE_OK,
	STATE_LOCKED,	/* another run holds it */
	STATE_FOREIGN,	/* it belongs to another URL or other topics */
	STATE_DAMAGED,	/* not a state file */
	STATE_IO,	/* errno */
};

/**
 * Open or create the state at (path) for (what), a canonical text of the question; with path NULL
 * it is kept in memory only. On failure returns NULL and the reason. The lock (flock on path +
 * ".lock") ends with the process. An empty file counts as a new one.
 */
struct state *state_open(const char *path, const char *what, enum state_error *err);

/** A value by name ("cursor", "id", "store", "etag", "last-modified", "hash"), or NULL. Valid until
 *  the next set. */
const char *state_get(const struct state *s, const char *name);

/**
 * Set or (value NULL) remove one of those values in memory. 0, or -1 with errno: ENOMEM, EMSGSIZE
 * (over STATE_VALUE_MAX), EINVAL (not UTF-8).
 */
int state_set(struct state *s, const char *name, const char *value);

/**
 * Write the file if a value changed: temporary file, fsync if (durable), rename. Without a change
 * the file is not touched. 0, or -1 with errno.
 */
int state_save(struct state *s, bool durable);

/** Unlock and free; what was not saved is forgotten. (NULL) is fine. */
void state_free(struct state *s);

/** A sentence on (err) for (path). */
const char *state_error_text(enum state_error err);

#endif
