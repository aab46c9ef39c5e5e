/* SPDX-License-Identifier: MIT */
#include "store/retention.h"

#include <stdlib.h>
#include <string.h>

#include "topic.h"

int retention_init(struct retention *r, const struct store_config *c)
{
	size_t size = c->nrules * sizeof(*r->rules), at = size;
	char *p;

	*r = (struct retention){.max_bytes = c->max_bytes, .max_age_ms = c->max_age_ms};
	if (c->nrules == 0)
		return 0;
	for (unsigned i = 0; i < c->nrules; i++)
		size += c->rules[i].pattern.n;
	r->rules = malloc(size);
	if (r->rules == NULL)
		return -1;
	p = (char *)r->rules + at;
	for (unsigned i = 0; i < c->nrules; i++) {
		r->rules[i] = c->rules[i];
		r->rules[i].pattern.p = memcpy(p, c->rules[i].pattern.p, c->rules[i].pattern.n);
		p += c->rules[i].pattern.n;
	}
	r->nrules = c->nrules;
	return 0;
}

void retention_fini(struct retention *r)
{
	free(r->rules);
	*r = (struct retention){0};
}

const struct retention_rule *retention_rule(const struct retention *r, struct str topic)
{
	for (unsigned i = 0; i < r->nrules; i++) {
		if (topic_match(r->rules[i].pattern, topic))
			return &r->rules[i];
	}
	return NULL;
}
