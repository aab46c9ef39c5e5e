/* SPDX-License-Identifier: MIT */
#ifndef RT_SPEAKER_H
#define RT_SPEAKER_H

/*
 * What the request of a WebSocket told of its client that counts for what the client says later.
 * Most requests tell nothing: then there is none, and a quiet client costs that much less.
 */
#include "api/request.h"

struct speaker {
	struct str user;	/* p == NULL: nobody known */
	struct str store;	/* identity that its cursors come with; p == NULL: not told */
	const char *client;	/* address told by a proxy, or NULL */
	char text[];		/* of all three */
};

/**
 * Into *s, for free(); NULL if there is nothing to keep. (store): keep that, too. 0, or -1 without
 * memory.
 */
int speaker_new(struct speaker **s, const struct request *r, bool store);

/** Those of (s), which may be NULL. */
static inline struct str speaker_user(const struct speaker *s)
{
	return s != NULL ? s->user : STR_NULL;
}

static inline struct str speaker_store(const struct speaker *s)
{
	return s != NULL ? s->store : STR_NULL;
}

static inline const char *speaker_client(const struct speaker *s)
{
	return s != NULL ? s->client : NULL;
}

#endif
