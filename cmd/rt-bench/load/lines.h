/* SPDX-License-Identifier: MIT */
#ifndef RT_BENCH_LINES_H
#define RT_BENCH_LINES_H

/* Records that are a line each. */
#include "load/subscriber.h"

/** Judge each whole line of (data); returns how much that was. */
size_t lines_take(struct subscriber *s, struct str data, uint64_t now);

#endif
