/* SPDX-License-Identifier: MIT */
#ifndef RT_SUB_SEQS_H
#define RT_SUB_SEQS_H

/*
 * The last seq seen of each topic, which shows what is missing and what comes twice. Memory is
 * bounded: topics beyond 65,536 push out others, for which the next seq is then taken on trust.
 */
#include <stdint.h>

#include "str.h"

struct seqs;

enum seqs_result {
	SEQS_NEXT,	/* what was to come, or the first of its topic */
	SEQS_REPEATED,	/* seen already; it is not recorded */
	SEQS_HOLE,	/* some between are missing */
};

/** NULL without memory. */
struct seqs *seqs_new(void);
void seqs_free(struct seqs *s);

/** Record (seq) of (topic). On SEQS_HOLE (*missing) is how many did not come. */
enum seqs_result seqs_see(struct seqs *s, struct str topic, uint64_t seq, uint64_t *missing);

/** Forget one topic, or all: the next seq is taken on trust. */
void seqs_forget(struct seqs *s, struct str topic);
void seqs_forget_all(struct seqs *s);

#endif
