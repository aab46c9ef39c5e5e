/* SPDX-License-Identifier: MIT */
#include "judge/known.h"

#include <stdlib.h>

#include "helper_exact.h"
#include "tests/unit/tap.h"

/* As an rt-serve sends it. */
static size_t put(char *dst, uint64_t n)
{
	return (size_t)sprintf(dst, "df\r\nid: %llu\ndata: {\"id\":\"%llu\"}\n\n\r\n",
		(unsigned long long)(1763950000000000 + n), (unsigned long long)(1763950000000000 + n));
}

static void add(struct known *k, uint64_t n)
{
	char text[200];
	size_t len = put(text, n);

	known_add(k, (struct str){text, len}, &(struct known_event){.id = n});
}

/* Is it found among bytes that end with it, or go on? */
static bool finds(struct known *k, uint64_t n)
{
	char text[200], *copy;
	size_t len = put(text, n), found = 0;
	const struct known_event *e;
	bool same;

	copy = exact(text, len);
	e = known_find(k, copy, len, &found);
	same = e != NULL && e->id == n && found == len;
	free(copy);
	return same;
}

static unsigned count(struct known *k, uint64_t from, uint64_t to, uint64_t step)
{
	unsigned found = 0;

	for (uint64_t n = from; n < to; n++)
		found += finds(k, n * step);
	return found;
}

static void bits(void)
{
	struct known *k = known_new();
	char text[200];
	size_t len, found, wrong = 0;

	ok(!finds(k, 7), "nothing is known at first");
	for (uint64_t n = 1; n < 10; n++)
		add(k, n);
	ok(count(k, 1, 10, 1) == 9 && finds(k, 5) && finds(k, 2), "what was added is found, in any order");
	ok(!finds(k, 10), "nothing else is");
	len = put(text, 5);
	for (size_t at = 0; at < len; at++)
		for (unsigned mask = 1; mask < 256; mask <<= 1) {
			finds(k, 4);	/* then the fifth is expected */
			text[at] = (char)(text[at] ^ mask);
			wrong += known_find(k, text, len, &found) != NULL;
			text[at] = (char)(text[at] ^ mask);
		}
	ok(wrong == 0, "with any bit flipped it is not known");
	for (size_t n = 0; n < len; n++) {
		char *cut = exact(text, n);

		finds(k, 4);
		wrong += known_find(k, cut, n, &found) != NULL;
		free(cut);
	}
	ok(wrong == 0, "... nor cut short");
	known_free(k);
}

static void old(void)
{
	struct known *k = known_new();

	for (uint64_t n = 0; n < 100000; n++)
		add(k, n);
	ok(count(k, 0, 100000 - KNOWN_EVENTS, 1) == 0, "old ones are forgotten");
	ok(count(k, 99000, 100000, 1) == 1000, "new ones are not");
	known_free(k);
	/* Ids are as far apart as events. */
	for (uint64_t step = 1; step < 100000000; step *= 9) {
		k = known_new();
		for (uint64_t n = 0; n < 1000; n++)
			add(k, n * step);
		ok(count(k, 0, 1000, step) == 1000, "with ids %llu apart, too", (unsigned long long)step);
		known_free(k);
	}
}

/* (n) bytes that begin as no others do. */
static char *filled(size_t n, unsigned number)
{
	char *text = malloc(n);

	memset(text, 'x', n);
	memcpy(text, &number, sizeof(number));
	return text;
}

static void lengths(void)
{
	struct known *k = known_new();
	unsigned wrong = 0;
	size_t found;

	/* They do not fit evenly, and the ring goes round several times. */
	for (unsigned i = 1; i < 200; i++) {
		size_t n = 32 + (size_t)i * 7919 % (KNOWN_BYTES / 16);
		char *text = filled(n, i);

		known_add(k, (struct str){text, n}, &(struct known_event){.seq = i});
		wrong += known_find(k, text, n, &found) == NULL || found != n;
		text[n - 1] = 'y';
		wrong += known_find(k, text, n, &found) != NULL;
		free(text);
	}
	ok(wrong == 0, "of all lengths, to the last byte");
	for (size_t n = 0; n < 32; n++) {
		char *text = filled(32, 1000);

		known_add(k, (struct str){text, n}, &(struct known_event){0});
		wrong += known_find(k, text, n, &found) != NULL;
		free(text);
	}
	ok(wrong == 0, "what is shorter than what it is found by is not known");
	known_free(k);
}

/* Event (number) of (n) bytes is added (or asked for), and which one it is then. */
static uint64_t seq_of(struct known *k, size_t n, unsigned number, bool added)
{
	const struct known_event *e = NULL;
	char *text = filled(n, number);
	size_t found;

	if (added)
		known_add(k, (struct str){text, n}, &(struct known_event){.seq = number});
	else
		e = known_find(k, text, n, &found);
	free(text);
	return e != NULL ? e->seq : 0;
}

/* Where an old one was there is another now. */
static void overwritten(void)
{
	enum { EACH = 1024, ALL = KNOWN_BYTES / EACH };
	struct known *k = known_new();

	for (unsigned i = 1; i <= ALL; i++)
		seq_of(k, EACH, i, true);
	eq_num(seq_of(k, EACH, 1, false), 1, "the first is known; now the second is expected");
	for (unsigned i = ALL + 1; i <= ALL + 2; i++)
		seq_of(k, EACH, i, true);
	eq_num(seq_of(k, EACH, ALL + 2, false), ALL + 2, "what has taken its place is not taken for it");
	known_free(k);
}

int main(void)
{
	bits();
	old();
	lengths();
	overwritten();
	return tap_done();
}
