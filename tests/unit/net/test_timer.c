/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "net/timer.h"
#include "tests/unit/tap.h"

#define TIMERS 5000

struct entry {
	struct loop_timer t;
	uint64_t want_ms;	/* 0: not to fire */
};

static struct wheel wheel;
static struct entry entries[TIMERS];
static uint64_t now;
static unsigned fired, early, late;

static void on_fire(struct loop *l, struct loop_timer *t)
{
	struct entry *e = (struct entry *)t;

	(void)l;
	fired++;
	early += e->want_ms == 0 || now < e->want_ms;
	late += e->want_ms != 0 && now > e->want_ms + 2 * WHEEL_TICK_MS;
	e->want_ms = 0;
	/* A callback may arm itself and cancel others. */
	if (rand() % 4 == 0) {
		e->want_ms = now + 1 + (uint64_t)rand() % 200000;
		wheel_set(&wheel, t, e->want_ms);
	}
	if (rand() % 8 == 0) {
		struct entry *o = &entries[rand() % TIMERS];

		wheel_cancel(&wheel, &o->t);
		o->want_ms = 0;
	}
}

static void test_random(void)
{
	unsigned left = 0, armed = 0;

	srand(7);
	now = 123456789;
	wheel_init(&wheel, now);
	for (int i = 0; i < TIMERS; i++) {
		loop_timer_init(&entries[i].t, on_fire);
		entries[i].want_ms = now + (uint64_t)rand() % 300000;
		wheel_set(&wheel, &entries[i].t, entries[i].want_ms);
	}
	/* Come exactly when the wheel says so, as the loop does. */
	while (wheel_next_ms(&wheel) != UINT64_MAX) {
		if (wheel_next_ms(&wheel) > now)
			now = wheel_next_ms(&wheel);
		wheel_advance(&wheel, NULL, now);
		if (now > 123456789 + 400000)
			break;
	}
	for (int i = 0; i < TIMERS; i++) {
		left += entries[i].want_ms != 0 && entries[i].want_ms < now;
		armed += loop_timer_armed(&entries[i].t) != (entries[i].want_ms != 0);
	}
	ok(fired > TIMERS / 2, "%u timers fired", fired);
	eq_num(early, 0, "none too early, none that was cancelled");
	eq_num(late, 0, "none late by more than two ticks");
	eq_num(left, 0, "none was forgotten");
	eq_num(armed, 0, "armed() tells who is");
	for (int i = 0; i < TIMERS; i++)
		wheel_cancel(&wheel, &entries[i].t);
	wheel_advance(&wheel, NULL, now + 10);
	ok(wheel_next_ms(&wheel) == UINT64_MAX, "an empty wheel never asks to be turned");
}

static void test_sleep(void)
{
	struct entry e = {.want_ms = 0};

	now = 1000000;
	fired = 0;
	wheel_init(&wheel, now);
	loop_timer_init(&e.t, on_fire);
	srand(1);
	e.want_ms = now + 90000;	/* more than a turn of the wheel */
	wheel_set(&wheel, &e.t, e.want_ms);
	now += 20000;
	wheel_advance(&wheel, NULL, now);
	eq_num(fired, 0, "a timer of the next round waits");
	now += 10000000;
	e.want_ms = now;
	wheel_advance(&wheel, NULL, now);
	eq_num(fired, 1, "after a long sleep what is due fires");
	wheel_cancel(&wheel, &e.t);
	wheel_set(&wheel, &e.t, now);
	ok(e.t.due_ms > now && e.t.due_ms <= now + WHEEL_TICK_MS, "a timer due now fires at the next tick");
	wheel_cancel(&wheel, &e.t);
	ok(!loop_timer_armed(&e.t), "cancelled");
}

int main(void)
{
	test_random();
	test_sleep();
	return tap_done();
}
