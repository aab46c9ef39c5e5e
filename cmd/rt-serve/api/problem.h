/* SPDX-License-Identifier: MIT */
#ifndef RT_PROBLEM_H
#define RT_PROBLEM_H

/*
 * Errors as application/problem+json (RFC 9457): the status, its title, and a detail that says
 * what to do. problem_respond and problem_write are declared in request.h.
 */
#include <stddef.h>

/** For http_handler.problem: the whole JSON into (dst), its type into *type. Returns the length. */
size_t problem_format(unsigned status, const char *why, char *dst, size_t cap, const char **type);

#endif
