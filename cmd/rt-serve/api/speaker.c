/* SPDX-License-Identifier: MIT */
#include "api/speaker.h"

#include <stdlib.h>

#define STORE_MAX 16	/* no identity is longer: one that is, is none of ours */

/** Copy (s) to *at, which moves on; a NUL follows it. */
static struct str keep(char **at, struct str s)
{
	struct str copy = {s.p != NULL ? *at : NULL, s.n};

	if (s.n > 0)
		memcpy(*at, s.p, s.n);
	(*at)[s.n] = '\0';
	*at += s.n + 1;
	return copy;
}

int speaker_new(struct speaker **s, const struct request *r, bool store)
{
	struct str id = store ? http_field(r->http, "rt-store") : STR_NULL;
	char *at;

	*s = NULL;
	if (id.n == 0 || id.n > STORE_MAX)
		id = STR_NULL;
	if (r->user.p == NULL && r->client.p == NULL && id.p == NULL)
		return 0;
	*s = malloc(sizeof(**s) + r->user.n + r->client.n + id.n + 3);
	if (*s == NULL)
		return -1;
	at = (*s)->text;
	(*s)->user = keep(&at, r->user);
	(*s)->store = keep(&at, id);
	(*s)->client = keep(&at, r->client).p;
	return 0;
}
