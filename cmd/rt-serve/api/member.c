/* SPDX-License-Identifier: MIT */
#include "api/member.h"

#include <stdlib.h>

#include "hash.h"
#include "topic.h"

struct member {
	struct filters *filters;
	char id[17];
};

static bool watched(struct api *a, struct str topic)
{
	return !topic_is_pattern(topic) && presence_wants(a->shared->presence, topic);
}

/**
 * The same for all that comes over one connection, so that one long poll after the other is one
 * member; unpredictable, because the hash is keyed.
 */
static void make_id(char id[17], struct conn *c, uint64_t nth)
{
	struct conn_info info;
	uint64_t seed[2], hash;

	conn_info(c, false, &info);
	seed[0] = info.id;
	seed[1] = nth;
	hash = hash_bytes(seed, sizeof(seed));
	hash_hex(id, (const uint8_t *)&hash, sizeof(hash));
}

struct member *member_join(struct api *a, struct filters *f, struct str user, const char *transport,
	struct conn *c, uint64_t nth)
{
	struct presence_member about = {.user = user, .transport = transport};
	struct member *m = NULL;

	for (unsigned i = 0; i < f->n; i++) {
		if (!watched(a, f->items[i]))
			continue;
		if (m == NULL) {
			m = malloc(sizeof(*m));
			if (m == NULL)
				return NULL;
			make_id(m->id, c, nth);
			m->filters = filters_ref(f);
			memcpy(about.id, m->id, sizeof(about.id));
			about.since_ms = loop_unix_ms(a->loop);
		}
		presence_join(a->shared->presence, f->items[i], &about, loop_unix_ms(a->loop));
	}
	return m;
}

void member_leave(struct member *m, struct api *a)
{
	if (m == NULL)
		return;
	for (unsigned i = 0; i < m->filters->n; i++)
		if (watched(a, m->filters->items[i]))
			presence_leave(a->shared->presence, m->filters->items[i], m->id,
				loop_unix_ms(a->loop));
	filters_unref(m->filters);
	free(m);
}
