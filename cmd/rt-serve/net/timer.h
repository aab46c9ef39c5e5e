/* SPDX-License-Identifier: MIT */
#ifndef RT_TIMER_H
#define RT_TIMER_H

/*
 * The timer wheel of a loop: slots of 10 ms, one turn of the wheel is 82 s. A timer that is due
 * later waits in its slot for another turn. Arming and cancelling are O(1); an armed timer costs
 * nothing until its slot comes up, and slots without timers are skipped.
 */
#include <stdint.h>

#include "net/loop.h"

#define WHEEL_TICK_MS 10
#define WHEEL_SLOTS 8192	/* a power of two */

struct wheel {
	uint64_t tick;				/* the last one that was worked off */
	uint64_t next_ms;			/* nothing is due before this */
	struct loop_timer *slots[WHEEL_SLOTS];
	uint64_t used[WHEEL_SLOTS / 64];	/* a bit for each slot that has timers */
};

/** An empty wheel. All times are monotonic milliseconds; there is nothing to free. */
void wheel_init(struct wheel *w, uint64_t now_ms);

/** Arm (t), again if it is armed, for the first tick at or after (due_ms). */
void wheel_set(struct wheel *w, struct loop_timer *t, uint64_t due_ms);
void wheel_cancel(struct wheel *w, struct loop_timer *t);

/** Fire what is due. Callbacks may arm and cancel any timer. */
void wheel_advance(struct wheel *w, struct loop *l, uint64_t now_ms);

/** When to come again at the latest; UINT64_MAX: no timer is armed. Exact after wheel_advance. */
uint64_t wheel_next_ms(const struct wheel *w);

#endif
