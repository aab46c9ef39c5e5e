/* SPDX-License-Identifier: MIT */
#include "judge/witness.h"

#include <pthread.h>

#include "tests/unit/tap.h"

static void alone(void)
{
	struct witness *w = witness_new(NULL);

	ok(witness_agrees(w, 1, 1, 100) && witness_agrees(w, 1, 1, 100), "all were told the same");
	ok(!witness_agrees(w, 1, 1, 101), "one was told something else");
	ok(witness_agrees(w, 1, 1, 100), "... the others not");
	ok(!witness_agrees(w, 1, 1, 101), "... and is still alone with that");
	ok(!witness_agrees(w, 1, 1, 102), "a third thing is as wrong");
	ok(witness_agrees(w, 2, 1, 101) && witness_agrees(w, 1, 2, 101), "other events have other names");
	ok(witness_agrees(w, 1 + WITNESS_EVENTS, 1, 101), "... of another stream in the same place, too");
	witness_free(w);
}

/* The first of all is the one that is wrong. */
static void first(void)
{
	struct witness *w = witness_new(NULL);
	unsigned wrong = 0;

	for (unsigned i = 0; i < 100; i++)
		wrong += !witness_agrees(w, 7, 1, i == 0 ? 1 : 2);
	ok(wrong == 1, "one wrong thing is one, though it was said first");
	ok(!witness_agrees(w, 7, 1, 1), "... and is wrong when it is said again");
	wrong = 0;
	for (unsigned i = 0; i < 100; i++)
		wrong += !witness_agrees(w, 7, 2, i % 2);
	ok(wrong >= 49 && wrong <= 51, "half and half: one half is wrong");
	witness_free(w);
}

static void forgotten(void)
{
	struct witness *w = witness_new(NULL);

	for (uint64_t n = 1; n <= WITNESS_EVENTS + 1; n++)
		witness_agrees(w, 0, n, n);
	ok(witness_agrees(w, 0, 1, 99) && witness_agrees(w, 0, 1, 98), "what was long ago nobody knows");
	ok(!witness_agrees(w, 0, WITNESS_EVENTS + 1, 1) && !witness_agrees(w, 0, 2, 1),
		"... the last ones are known");
	witness_free(w);
}

static void threads(void)
{
	struct witness_shared *s = witness_shared_new();
	struct witness *a = witness_new(s), *b = witness_new(s);
	unsigned wrong = 0;

	ok(witness_agrees(a, 1, 1, 5) && !witness_agrees(b, 1, 1, 6),
		"what another thread was told is known, too");
	for (unsigned i = 0; i < 50; i++)
		wrong += !witness_agrees(i % 2 ? a : b, 1, 2, i == 0 ? 1 : 2);
	ok(wrong == 1, "the first of all threads is wrong: one");
	wrong = 0;
	for (unsigned i = 0; i < 50; i++)
		wrong += !witness_agrees(a, 2, 1, 1);
	for (unsigned i = 0; i < 50; i++)
		wrong += !witness_agrees(b, 2, 1, 2);
	ok(wrong >= 1, "each thread was told another thing: that something is wrong is known");
	for (uint64_t n = 3; n <= WITNESS_EVENTS + 3; n++)
		witness_agrees(a, 1, n, n);
	ok(witness_agrees(b, 1, 3, 77), "what was long ago nobody knows");
	ok(!witness_agrees(b, 1, WITNESS_EVENTS + 3, 77), "... and nobody forgets what is new for it");
	witness_free(a);
	witness_free(b);
	witness_shared_free(s);
}

/* What all say at once, of the same events; (arg) is a witness. Returns it if somebody was wrong. */
static void *say(void *arg)
{
	void *wrong = NULL;

	for (uint64_t n = 1; n <= 2 * WITNESS_EVENTS; n++)
		if (!witness_agrees(arg, 1, n, n * 3))
			wrong = arg;
	return wrong;
}

static void at_once(void)
{
	struct witness_shared *s = witness_shared_new();
	struct witness *w[3];
	pthread_t threads[3];
	unsigned wrong = 0;
	void *result;

	for (unsigned i = 0; i < 3; i++) {
		w[i] = witness_new(s);
		pthread_create(&threads[i], NULL, say, w[i]);
	}
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(threads[i], &result);
		wrong += result != NULL;
		witness_free(w[i]);
	}
	ok(wrong == 0, "three threads at once");
	witness_shared_free(s);
}

int main(void)
{
	alone();
	first();
	forgotten();
	threads();
	at_once();
	return tap_done();
}
