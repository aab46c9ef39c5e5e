/* SPDX-License-Identifier: MIT */
/* The loop itself: messages and wake-ups from other threads, deferred work, the hook, timers. */
#include <pthread.h>
#include <stdlib.h>

#include "net/loop_internal.h"
#include "tests/unit/net/helper_net.h"
#include "tests/unit/tap.h"

#define SENDERS 3
#define MESSAGES 20000

struct letter {
	struct loop_msg msg;
	int sender, number;
};

static int expected[SENDERS], received;
static unsigned disorder;

static void on_letter(struct loop *l, struct loop_msg *m)
{
	struct letter *a = (struct letter *)m;

	disorder += a->number != expected[a->sender];
	expected[a->sender] = a->number + 1;
	free(a);
	if (++received == SENDERS * MESSAGES)
		loop_stop(l);
}

struct sender {
	struct loop *loop;
	int index;
};

static void *send_all(void *arg)
{
	struct sender *s = arg;

	for (int i = 0; i < MESSAGES; i++) {
		struct letter *a = calloc(1, sizeof(*a));

		a->msg.run = on_letter;
		a->sender = s->index;
		a->number = i;
		loop_post(s->loop, &a->msg);
	}
	return NULL;
}

static void test_mail(void)
{
	struct loop *l = loop_new(3);
	struct sender senders[SENDERS];
	pthread_t threads[SENDERS];

	for (int i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){l, i};
		pthread_create(&threads[i], NULL, send_all, &senders[i]);
	}
	loop_run(l);
	for (int i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
	eq_num(received, SENDERS * MESSAGES, "all messages arrive");
	eq_num(disorder, 0, "each sender's in order");
	eq_num(loop_index(l), 3, "the loop knows its number");
	loop_free(l);
}

/* --- a turn ---------------------------------------------------------------------------------- */

static char order[64];
static unsigned again;
static struct loop_deferred first, second, gone;

static void note(char c)
{
	size_t n = strlen(order);

	if (n + 1 < sizeof(order))
		order[n] = c;
}

static void run_second(struct loop *l, struct loop_deferred *d)
{
	(void)l;
	(void)d;
	note('2');
}

static void run_first(struct loop *l, struct loop_deferred *d)
{
	(void)d;
	note('1');
	loop_defer(l, &second);
}

static void run_gone(struct loop *l, struct loop_deferred *d)
{
	(void)l;
	(void)d;
	note('!');
}

static bool hook(struct loop *l)
{
	(void)l;
	note('h');
	return again > 0 && again-- > 0;
}

static void on_timer(struct loop *l, struct loop_timer *t)
{
	(void)t;
	note('t');
	loop_stop(l);
}

static void test_turn(void)
{
	struct loop *l = loop_new(0);
	struct loop_timer timer;
	uint64_t begin, turns;

	loop_set_hook(l, hook);
	first.run = run_first;
	second.run = run_second;
	gone.run = run_gone;
	loop_defer(l, &first);
	loop_defer(l, &gone);
	loop_defer(l, &first);
	loop_undefer(l, &gone);
	ev_run(loop_ev(l), EVRUN_NOWAIT);
	eq_str(order, "1h2", "deferred, hook, deferred again; nothing twice, nothing that was undeferred");

	memset(order, 0, sizeof(order));
	again = 3;
	loop_timer_init(&timer, on_timer);
	loop_timer_set(l, &timer, 30);
	begin = now_ms();
	turns = loop_stats(l)->turns;
	loop_run(l);
	ok(strncmp(order, "hhhh", 4) == 0, "a hook that asks for another turn gets it at once");
	ok(strchr(order, 't') != NULL && now_ms() - begin >= 29 && now_ms() - begin < 3000,
		"a timer fires in time");
	ok(loop_stats(l)->turns - turns < 12, "and nobody turns meanwhile (%u turns)",
		(unsigned)(loop_stats(l)->turns - turns));
	ok(loop_unix_ms(l) > 1500000000000u && loop_now_ms(l) >= begin + 20, "the clocks");
	loop_free(l);
}

static void *wake_often(void *arg)
{
	struct loop *l = arg;

	for (int i = 0; i < 100000; i++)
		loop_wake(l);
	loop_stop(l);
	return NULL;
}

static void test_wake(void)
{
	struct loop *l = loop_new(0);
	pthread_t t;

	pthread_create(&t, NULL, wake_often, l);
	loop_run(l);
	pthread_join(t, NULL);
	ok(loop_stats(l)->turns <= 100002, "wake-ups are gathered, and none is lost");
	loop_free(l);
}

static unsigned hooks;
static bool asked, woken;

static bool on_hook(struct loop *l)
{
	hooks++;
	if (asked)
		loop_stop(l);
	if (hooks == 3) {
		woken = atomic_load(&l->woken);
		loop_wake(l);	/* too late for this turn */
	}
	asked = hooks == 3;
	return false;
}

static void on_ask(struct loop *l, struct loop_msg *m)
{
	(void)m;
	hooks = 2;
	loop_wake(l);
}

static void test_wake_itself(void)
{
	struct loop *l = loop_new(0);
	struct loop_msg m = {.run = on_ask};

	loop_set_hook(l, on_hook);
	loop_post(l, &m);
	loop_run(l);
	ok(!woken, "what asks before the hook needs no other turn");
	eq_num(hooks, 4, "what asks later gets one");
	loop_free(l);
}

/* A message that goes on from loop to loop. */
struct traveller {
	struct loop_msg msg;
	struct loop **loops;
	int hops;
};

static int arrived;

static void on_traveller(struct loop *l, struct loop_msg *m)
{
	struct traveller *t = (struct traveller *)m;

	(void)l;
	arrived++;
	if (--t->hops == 0)
		free(t);
	else
		loop_post(t->loops[t->hops % 3], &t->msg);
}

static void test_settle(void)
{
	struct loop *loops[3] = {loop_new(0), loop_new(1), loop_new(2)};
	struct traveller *t = calloc(1, sizeof(*t));

	*t = (struct traveller){.msg = {.run = on_traveller}, .loops = loops, .hops = 10};
	loop_post(loops[2], &t->msg);
	loops_settle(loops, 3);
	eq_num(arrived, 10, "mail that goes from loop to loop arrives before the first loop is freed");
	for (int i = 0; i < 3; i++)
		loop_free(loops[i]);
}

int main(void)
{
	test_mail();
	test_turn();
	test_wake();
	test_wake_itself();
	test_settle();
	return tap_done();
}
