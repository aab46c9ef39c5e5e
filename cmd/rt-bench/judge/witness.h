/* SPDX-License-Identifier: MIT */
#ifndef RT_WITNESS_H
#define RT_WITNESS_H

/*
 * What a server says of an event, it has to say to everybody who hears of it: to each subscriber, and to the
 * publisher when it acknowledges. What nobody can compute beforehand, as an event's id, is compared
 * here: what the first was told counts until another is told something else; from then on what most
 * were told. Threads tell each other only what they do not agree with: of those that heard nothing else, one
 * voice counts among all, so that it is sure that something was wrong, but not how often.
 *
 * Only the newest events are remembered, WITNESS_EVENTS of them, in memory that is used as events come.
 */
#include <stdbool.h>
#include <stdint.h>

#define WITNESS_EVENTS 65536

struct witness;

/** What all threads' witnesses ask when they do not know; NULL without memory. */
struct witness_shared *witness_shared_new(void);
void witness_shared_free(struct witness_shared *s);

/** One thread's, which asks (shared) if that is not NULL. NULL without memory. */
struct witness *witness_new(struct witness_shared *shared);
void witness_free(struct witness *w);

/**
 * Somebody was told (what) of event (n) of (stream), n > 0. False: others were told something else. Of each
 * way to say it, but the first or the most frequent, false is said once for everybody who was told so (with
 * several threads: at least once).
 */
bool witness_agrees(struct witness *w, uint32_t stream, uint64_t n, uint64_t what);

#endif
