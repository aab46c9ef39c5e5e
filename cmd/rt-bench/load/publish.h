/* SPDX-License-Identifier: MIT */
#ifndef RT_BENCH_PUBLISH_H
#define RT_BENCH_PUBLISH_H

/* What the ways to publish share: where to, and what an event is there. */
#include "load/bench.h"
#include "load/publisher.h"
#include "wire/template.h"

/**
 * Append the head of a POST of NDJSON to an rt-serve, with the parameters (query), up to its last field; the
 * caller adds the length and the empty line. 0, or -1 as buf_add.
 */
int publish_begin(struct publisher *p, const char *query);

/** Append an event as a line. 0, or -1 as buf_add. */
int publish_line(struct publisher *p, uint32_t topic, struct str payload);

/**
 * What to fill into the templates of another server for the newest event in flight; (name) keeps
 * the topic.
 */
struct template_values publish_values(const struct publisher *p, uint32_t topic, struct str payload,
	char name[BENCH_TOPIC_MAX]);

/** All in flight was refused by one answer, which has been complained about. */
void publish_refuse_all(struct publisher *p);

#endif
