/* SPDX-License-Identifier: MIT */
#ifndef RT_FIELDS_H
#define RT_FIELDS_H

/*
 * The header fields of an answer while they are collected: those that every answer carries
 * (nosniff, and CORS for an allowed origin) come first.
 */
#include "api/request.h"

#define FIELDS_MAX 24

struct fields {
	struct http_field f[FIELDS_MAX];
	unsigned n;
	char scratch[2600];	/* numbers and cursors */
	size_t used;
};

/** Begin an answer to (r), of which only the allowed origin counts; NULL: none. */
void fields_init(struct fields *f, const struct request *r);

/** Add one. (name) is static text; (value) is copied, and left out if there is no room. */
void fields_add_named(struct fields *f, struct str name, struct str value);

/* Here, so that the length of the name is known when it is compiled. */
static inline void fields_add(struct fields *f, const char *name, struct str value)
{
	fields_add_named(f, str_of(name), value);
}

/** The same without a copy: (value) stays until (f) is sent. */
static inline void fields_refer(struct fields *f, const char *name, struct str value)
{
	if (f->n < FIELDS_MAX)
		f->f[f->n++] = (struct http_field){str_of(name), value};
}

#endif
