/* SPDX-License-Identifier: MIT */
#ifndef RT_COLLECT_H
#define RT_COLLECT_H

/*
 * Figures from all loops: each adds its part on its own thread, then the exchange is answered on
 * the loop where it was asked. No lock, and nobody is stopped.
 */
#include "api/api.h"

struct collect_ops {
	/** On each loop in turn: add the figures of (a) to (sum). */
	void (*add)(struct api *a, void *sum);
	/** Back on the first loop, unless the asker has gone meanwhile: answer (x). */
	void (*answer)(struct exchange *x, void *sum);
	/** Free (sum); in any case, at the end. */
	void (*free)(void *sum);
};

/** Takes over (x) and (sum). */
void collect_start(struct exchange *x, const struct collect_ops *ops, void *sum);

#endif
