/* SPDX-License-Identifier: MIT */
#ifndef RT_BACKOFF_H
#define RT_BACKOFF_H

/*
 * How long to wait before the next try, as --retry and --retry-max-time allow it.
 */
#include <stdint.h>

struct client_config;

/* The shortest and the longest ceiling of a wait, in all tools. */
#define BACKOFF_FIRST_MS 100
#define BACKOFF_CAP_MS 30000

/** Exponential back-off with full jitter. */
struct backoff {
	uint64_t first_ms, cap_ms;
	unsigned tries;		/* failures in a row */
	uint64_t since_ms;	/* monotonic time of the first of them */
};

/** The first wait is at most (first_ms); each failure doubles that, up to (cap_ms). */
void backoff_init(struct backoff *b, uint64_t first_ms, uint64_t cap_ms);

/** It went well: the next failure is the first again. */
void backoff_success(struct backoff *b);

/**
 * After a failure: how many milliseconds to wait, at least (at_least_ms, the server's
 * Retry-After), or -1 if --retry or --retry-max-time of (c) are used up.
 */
int64_t backoff_next(struct backoff *b, const struct client_config *c, uint64_t at_least_ms);

#endif
