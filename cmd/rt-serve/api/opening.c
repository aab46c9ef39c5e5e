/* SPDX-License-Identifier: MIT */
#include "api/opening.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/fields.h"
#include "api/member.h"
#include "api/problem.h"
#include "config.h"
#include "hash.h"
#include "units.h"

/** Copy (s) to *dst, which moves on; a NUL follows it. */
static struct str keep(char **dst, struct str s)
{
	struct str copy = {s.p != NULL ? *dst : NULL, s.n};

	if (s.n > 0)
		memcpy(*dst, s.p, s.n);
	(*dst)[s.n] = '\0';
	*dst += s.n + 1;
	return copy;
}

struct opening *opening_new(const struct subscribe *s, const struct request *r, struct str user)
{
	struct str origin = r != NULL ? str_of(r->origin_allowed) : STR_NULL;
	size_t n = s->start.position.n + s->start.store.n + s->until.n + user.n + origin.n;
	/* Most soon go, and the next takes their place: which calloc would give, in part, to what stays. */
	struct opening *o = malloc(sizeof(*o) + n + 5);
	char *text;

	if (o == NULL)
		return NULL;
	*o = (struct opening){.feed = NULL};
	text = o->text;
	o->s = *s;
	o->s.start.position = keep(&text, s->start.position);
	o->s.start.store = keep(&text, s->start.store);
	o->s.until = keep(&text, s->until);
	o->s.if_none_match = STR_NULL;
	o->user = keep(&text, user);
	o->origin = keep(&text, origin).p;
	o->s.filters = filters_ref(s->filters);
	return o;
}

void opening_free(struct opening *o, struct api *a)
{
	if (o == NULL)
		return;
	loop_timer_cancel(a->loop, &o->tick);
	member_leave(o->member, a);
	subscribe_fini(&o->s);
	free(o);
}

void opening_fields(struct fields *f, const char *origin, const struct api *a, struct str cursor)
{
	struct request r = {.origin_allowed = origin};

	fields_init(f, &r);
	fields_add(f, "Last-Event-ID", cursor);
	fields_refer(f, "Rt-Store", str_of(store_identity(a->shared->store)));
	fields_refer(f, "Vary", STR_LIT("Accept, Prefer, Origin"));
}

void opening_heartbeat(struct fields *f, const struct api *a)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%llu",
		(unsigned long long)(api_config(a)->heartbeat_ms + 999) / 1000);

	fields_add(f, "Heartbeat", (struct str){text, (size_t)n});
}

unsigned opening_status(enum store_status st, const char **why)
{
	switch (st) {
	case STORE_BAD_CURSOR:
		*why = "this is no cursor and no id of this server: send one that it gave, or start over "
			"with since=all, since=now, or an age such as since=10m";
		return 400;
	case STORE_TOO_MANY:
		*why = "these topics have more topics and keys than latest begins with (--max-latest): "
			"ask for fewer topics, or start with since= or last=";
		return 413;
	case STORE_CLOSED:
		*why = "the server is going down: connect again in a moment";
		return 503;
	case STORE_NOMEM:
		*why = "out of memory: try again later";
		return 503;
	default:
		*why = "the store cannot be read: see the log of rt-serve";
		return 503;
	}
}

void opening_problem(struct exchange *x, const char *origin, enum store_status st)
{
	struct request r = {.api = api_of(x), .origin_allowed = origin};
	const char *why;
	unsigned status = opening_status(st, &why);

	problem_respond(x, &r, status, "%s", why);
}

static uint64_t jitter(const void *who, uint64_t ms, uint64_t spread)
{
	const struct {
		const void *who;
		uint64_t now_us;
	} seed = {who, units_now_us()};

	return ms - spread / 2 + (spread > 0 ? hash_bytes(&seed, sizeof(seed)) % spread : 0);
}

uint64_t opening_jitter(const void *who, uint64_t ms)
{
	return jitter(who, ms, ms);
}

uint64_t opening_jitter_tenth(const void *who, uint64_t ms)
{
	return jitter(who, ms, ms / 5);
}
