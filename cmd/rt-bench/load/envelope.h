/* SPDX-License-Identifier: MIT */
#ifndef RT_BENCH_ENVELOPE_H
#define RT_BENCH_ENVELOPE_H

/*
 * The envelope of an rt-serve's event, by rt(7). But for its id and its seq, each of its bytes is known
 * beforehand: the topic, the time, which is the id's, and what stands between them.
 */
#include <stdbool.h>
#include <stdint.h>

#include "load/bench.h"
#include "str.h"

struct envelope {
	struct str id_text;
	uint64_t id, seq;
	uint32_t topic;
	const char *rest;	/* behind the seq */
};

/**
 * {"id":"…","topic":"…","seq":N at their fixed places. False: it is not so, as for an ephemeral
 * event, or in a store whose ids are no numbers.
 */
bool envelope_parse(const struct bench *b, struct envelope *e, struct str record);

/**
 * Is its time that of its id? *next gets what is behind it. Of others than rt-bench there may be more
 * than the data.
 */
bool envelope_is_timely(const struct envelope *e, const char *end, const char **next);

/** Is everything around the payload (where) as it has to be? */
bool envelope_is_whole(const struct envelope *e, struct str record, struct str where);

/**
 * The id and the seq of an answer to a publish, which begins at (p) with "id". False: it does not
 * say both.
 */
bool envelope_parse_ack(const char *p, const char *end, uint64_t *id, uint64_t *seq);

/** What an event is called by those who heard of it. */
static inline uint64_t envelope_name(uint64_t id, uint64_t seq)
{
	return id * UINT64_C(0x9e3779b97f4a7c15) + seq;
}

#endif
