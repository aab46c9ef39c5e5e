/* SPDX-License-Identifier: MIT */
#ifndef RT_STDIN_SOURCE_H
#define RT_STDIN_SOURCE_H

/*
 * --stdin TOPIC: each line of the server's standard input is an event. A line that is a JSON value
 * is taken as it is, any other as text. Reading stops while the store is busy.
 */
#include "api/api.h"

struct stdin_source;

/** Read on (a)'s loop, from before it runs. NULL with errno. */
struct stdin_source *stdin_source_new(struct api *a, const char *topic);

/** After the loop has ended, before it is freed: what the store still has is waited for there. */
void stdin_source_free(struct stdin_source *s);

#endif
