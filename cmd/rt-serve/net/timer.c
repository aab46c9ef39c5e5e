/* SPDX-License-Identifier: MIT */
#include "net/timer.h"

#include <stddef.h>

static unsigned slot_of(uint64_t tick)
{
	return (unsigned)(tick & (WHEEL_SLOTS - 1));
}

static void slot_link(struct wheel *w, struct loop_timer *t)
{
	unsigned s = slot_of(t->due_ms / WHEEL_TICK_MS);

	t->next = w->slots[s];
	t->prev = &w->slots[s];
	if (t->next != NULL)
		t->next->prev = &t->next;
	w->slots[s] = t;
	w->used[s / 64] |= UINT64_C(1) << (s % 64);
}

static void timer_unlink(struct loop_timer *t)
{
	*t->prev = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	t->next = NULL;
	t->prev = NULL;
}

static void slot_check(struct wheel *w, unsigned s)
{
	if (w->slots[s] == NULL)
		w->used[s / 64] &= ~(UINT64_C(1) << (s % 64));
}

void wheel_init(struct wheel *w, uint64_t now_ms)
{
	*w = (struct wheel){.tick = now_ms / WHEEL_TICK_MS, .next_ms = UINT64_MAX};
}

void wheel_set(struct wheel *w, struct loop_timer *t, uint64_t due_ms)
{
	uint64_t tick = due_ms / WHEEL_TICK_MS + (due_ms % WHEEL_TICK_MS != 0);

	wheel_cancel(w, t);
	if (tick <= w->tick)
		tick = w->tick + 1;
	t->due_ms = tick * WHEEL_TICK_MS;
	slot_link(w, t);
	if (t->due_ms < w->next_ms)
		w->next_ms = t->due_ms;
}

void wheel_cancel(struct wheel *w, struct loop_timer *t)
{
	if (t->prev == NULL)
		return;
	timer_unlink(t);
	slot_check(w, slot_of(t->due_ms / WHEEL_TICK_MS));
}

/* First tick after (from) whose slot has timers, or UINT64_MAX. */
static uint64_t next_used(const struct wheel *w, uint64_t from)
{
	for (uint64_t tick = from + 1; tick <= from + WHEEL_SLOTS;) {
		unsigned s = slot_of(tick);
		uint64_t bits = w->used[s / 64] >> (s % 64);

		if (bits != 0)
			return tick + (unsigned)__builtin_ctzll(bits);
		tick += 64 - s % 64;
	}
	return UINT64_MAX;
}

/* The slot's timers move to a list on the stack first: callbacks may arm timers in the same slot. */
static void slot_fire(struct wheel *w, struct loop *l, uint64_t now_ms)
{
	unsigned s = slot_of(w->tick);
	struct loop_timer *list = w->slots[s], *t;

	w->slots[s] = NULL;
	slot_check(w, s);
	if (list != NULL)
		list->prev = &list;
	while ((t = list) != NULL) {
		timer_unlink(t);
		if (t->due_ms > now_ms)
			slot_link(w, t);
		else
			t->fire(l, t);
	}
}

void wheel_advance(struct wheel *w, struct loop *l, uint64_t now_ms)
{
	uint64_t target = now_ms / WHEEL_TICK_MS, tick;

	/* After a long sleep once around the wheel sees every timer. */
	if (target > w->tick + WHEEL_SLOTS)
		w->tick = target - WHEEL_SLOTS;
	while ((tick = next_used(w, w->tick)) <= target) {
		w->tick = tick;
		slot_fire(w, l, now_ms);
	}
	if (target > w->tick)
		w->tick = target;
	tick = next_used(w, w->tick);
	w->next_ms = tick == UINT64_MAX ? UINT64_MAX : tick * WHEEL_TICK_MS;
}

uint64_t wheel_next_ms(const struct wheel *w)
{
	return w->next_ms;
}
