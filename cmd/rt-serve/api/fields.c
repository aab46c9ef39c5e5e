/* SPDX-License-Identifier: MIT */
#include "api/fields.h"

void fields_init(struct fields *f, const struct request *r)
{
	f->n = 0;
	f->used = 0;
	fields_refer(f, "X-Content-Type-Options", STR_LIT("nosniff"));
	if (r == NULL || r->origin_allowed == NULL)
		return;
	fields_add(f, "Access-Control-Allow-Origin", str_of(r->origin_allowed));
	fields_add(f, "Access-Control-Expose-Headers",
		STR_LIT("Last-Event-ID, ETag, Link, Heartbeat, Rt-Store, Preference-Applied, Retry-After, "
			"Idempotency-Replayed"));
}

void fields_add_named(struct fields *f, struct str name, struct str value)
{
	if (f->n == FIELDS_MAX || value.n > sizeof(f->scratch) - f->used)
		return;
	memcpy(f->scratch + f->used, value.p, value.n);
	f->f[f->n++] = (struct http_field){name, {f->scratch + f->used, value.n}};
	f->used += value.n;
}
