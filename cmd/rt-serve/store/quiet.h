/* SPDX-License-Identifier: MIT */
#ifndef RT_QUIET_H
#define RT_QUIET_H

/*
 * Has nothing happened? What most polls ask, and what most subscribers that come back find: answered
 * from the catalog of topics, without a read.
 */
#include "store/window.h"

/** As store_is_quiet. Takes the lock. */
bool quiet_after(struct window *w, const struct filters *f, struct str position, uint64_t *pos);

#endif
