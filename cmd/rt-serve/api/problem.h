/* SPDX-License-Identifier: MIT */
#ifndef RT_PROBLEM_H
#define RT_PROBLEM_H

/*
 * Errors as application/problem+json (RFC 9457): the status, its title, and a detail that says
 * what to do.
 */
#include <stddef.h>

#include "api/request.h"

/**
 * Answer (x) with the error (status), whose detail is formatted as by printf. (r) as for
 * fields_init. Counts it.
 */
void problem_respond(struct exchange *x, const struct request *r, unsigned status, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/** The same with a given detail, and Retry-After of (retry_s) seconds; 0: none. */
void problem_respond_later(struct exchange *x, const struct request *r, unsigned status,
	uint64_t retry_s, const char *detail);

/** The JSON of a problem alone, appended to (b). 0 or -1. */
int problem_write(struct buf *b, unsigned status, struct str detail);

/** For http_handler.problem: the whole JSON into (dst), its type into *type. Returns the length. */
size_t problem_format(unsigned status, const char *why, char *dst, size_t cap, const char **type);

#endif
