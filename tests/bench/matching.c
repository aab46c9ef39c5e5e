/* SPDX-License-Identifier: MIT */
/*
 * What finding the subscriptions of an event costs, alone: the index of rt-serve (hub/topics.h) with 10,000
 * patterns, and with so many plain names. No server, no socket.
 *
 *   matching [-r ROUNDS] [-p PATTERNS] NAMES...
 *
 * Prints a line of JSON for each NAMES and round, in turn, CPU seconds per event (of this thread; the hash of
 * the topic is not in it: an event has it from its store):
 *
 *   {"names":N,"round":R,"same":S,"all":S,"none":S,"matches":M,"steps":T}
 *
 * same: events of the first 1,000 names, of the smallest NAMES at most, so that all others are what does not
 * match; all: events of all names; none: events of topics that nobody named, and that no pattern
 * but those for everything matches. They come in an order without pattern. M: groups found per
 * event of "same", T: nodes and links looked at. Before anything is timed, what is found is
 * compared with topic_match() over all patterns and names, one by one; afterwards the sums have to
 * be those. Ends with status 1 when they differ.
 */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hash.h"
#include "hub/topics.h"
#include "topic.h"

#define TEXT_MAX 64
#define EVENTS 100000u		/* in one measurement */
#define SAME 1000u
#define SAMPLE 50u		/* of each kind of event, compared with all names */
#define BATCH 500u		/* events that are at hand, as those are that a server has just taken in */
#define SIZES_MAX 8

struct event_topic {
	char text[TEXT_MAX];
	struct str name;
	uint64_t hash;
	unsigned wanted;	/* groups that must be found */
};

/* What events are published to. */
struct events {
	struct event_topic *topics;
	unsigned n;
};

struct index {
	unsigned nnames, npatterns;
	struct topics *topics;
	struct group **groups;
	struct events same, all, none;
};

static unsigned long long seed = 42;

static unsigned rnd(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static void *allocate(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL)
		err(1, NULL);
	return p;
}

/* --- names and patterns ------------------------------------------------------------------------ */

/* As people name things: two to five levels. */
static void name_of(char *dst, unsigned i)
{
	static const char *const quantity[] = {"temperature", "power", "door", "alarm"};

	switch (i % 4) {
	case 0: snprintf(dst, TEXT_MAX, "site/%u/floor/%u/%s", i / 64, i / 16 % 4,
		quantity[i / 4 % 4]); break;
	case 1: snprintf(dst, TEXT_MAX, "chat/%u", i); break;
	case 2: snprintf(dst, TEXT_MAX, "user/%u/inbox", i); break;
	default: snprintf(dst, TEXT_MAX, "order/eu/%u/state", i); break;
	}
}

/* Most are for one thing each, as of people who look at one site or order; a few see all of them. */
static void pattern_of(char *dst, unsigned i)
{
	static const char *const wide[] = {"**", "*/*", "site/**", "site/*/floor/*/alarm", "order/*/*/state",
		"user/*/inbox"};

	if (i < sizeof(wide) / sizeof(wide[0])) {
		snprintf(dst, TEXT_MAX, "%s", wide[i]);
		return;
	}
	switch (i % 6) {
	case 0: snprintf(dst, TEXT_MAX, "site/%u/**", i / 6); break;
	case 1: snprintf(dst, TEXT_MAX, "site/%u/floor/*/temperature", i / 6); break;
	case 2: snprintf(dst, TEXT_MAX, "*/%u", i / 6); break;
	case 3: snprintf(dst, TEXT_MAX, "user/%u/*", i / 6); break;
	case 4: snprintf(dst, TEXT_MAX, "order/*/%u/**", i / 6); break;
	default: snprintf(dst, TEXT_MAX, "*/*/%u/state", i / 6); break;
	}
}

/* Of the same kinds, beyond what anybody subscribed to. */
static void stranger_of(char *dst, unsigned i)
{
	snprintf(dst, TEXT_MAX, "%s/none/%u/report", i % 2 == 0 ? "site" : "order", i);
}

static struct group *join(struct topics *t, const char *text)
{
	struct str item = str_of(text);
	struct filters *f;
	struct group *g;

	if (topic_check_pattern(item) != TOPIC_OK)
		errx(1, "no topic: %s", text);
	f = filters_new(&item, 1);
	g = f == NULL ? NULL : topics_join(t, f);
	if (g == NULL || g->members != 1)
		errx(1, "%s: no memory, or twice", text);
	filters_unref(f);
	return g;
}

static struct events events_new(unsigned n, void (*text_of)(char *dst, unsigned i))
{
	struct events e = {allocate(n, sizeof(*e.topics)), n};

	for (unsigned i = 0; i < n; i++) {
		struct event_topic *t = &e.topics[i];

		text_of(t->text, i);
		t->name = str_of(t->text);
		t->hash = hash_bytes(t->name.p, t->name.n);
	}
	return e;
}

/* The names come in between the patterns, as subscribers do. */
static void index_init(struct index *x, unsigned nnames, unsigned npatterns, unsigned nsame)
{
	char text[TEXT_MAX];
	unsigned pattern = 0, name = 0;

	*x = (struct index){.nnames = nnames, .npatterns = npatterns, .topics = topics_new(),
		.groups = allocate(nnames + npatterns, sizeof(*x->groups))};
	if (x->topics == NULL)
		err(1, NULL);
	while (name + pattern < nnames + npatterns) {
		bool is_name = (uint64_t)name * npatterns <= (uint64_t)pattern * nnames && name < nnames;

		is_name = is_name || pattern == npatterns;
		(is_name ? name_of : pattern_of)(text, is_name ? name : pattern);
		x->groups[name + pattern] = join(x->topics, text);
		*(is_name ? &name : &pattern) += 1;
	}
	x->same = events_new(nsame, name_of);
	x->all = events_new(nnames, name_of);
	x->none = events_new(nsame, stranger_of);
}

static void index_fini(struct index *x)
{
	for (unsigned i = 0; i < x->nnames + x->npatterns; i++)
		topics_leave(x->topics, x->groups[i]);
	topics_free(x->topics);
	free(x->groups);
	free(x->same.topics);
	free(x->all.topics);
	free(x->none.topics);
}

/* --- is it right? ------------------------------------------------------------------------------ */

struct found {
	struct str topic;
	unsigned n;
	bool wrong;
};

static void count(void *arg, struct group *g)
{
	(void)g;
	++*(unsigned *)arg;
}

static void check_group(void *arg, struct group *g)
{
	struct found *f = arg;

	f->n++;
	f->wrong = f->wrong || !topic_match(g->filters->items[0], f->topic);
}

/* How many groups there are for (topic), asked one by one. */
static unsigned naive(const struct index *x, struct str topic)
{
	unsigned n = 0;

	for (unsigned i = 0; i < x->nnames + x->npatterns; i++)
		n += topic_match(x->groups[i]->filters->items[0], topic);
	return n;
}

static unsigned search(struct index *x, const struct event_topic *t)
{
	unsigned n = 0;

	topics_match(x->topics, t->name, t->hash, count, &n);
	return n;
}

/* A sample; what is wanted of the others is what is found before anything is timed. */
static void check(struct index *x, struct events *e)
{
	for (unsigned i = 0; i < e->n; i++)
		e->topics[i].wanted = search(x, &e->topics[i]);
	for (unsigned k = 0; k < SAMPLE; k++) {
		const struct event_topic *t = &e->topics[rnd(e->n)];
		struct found f = {.topic = t->name};

		topics_match(x->topics, t->name, t->hash, check_group, &f);
		if (f.wrong || f.n != t->wanted || f.n != naive(x, t->name))
			errx(1, "%s: %u groups found, %u wanted", t->text, f.n, naive(x, t->name));
	}
}

/* --- how long? --------------------------------------------------------------------------------- */

static double thread_cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* CPU seconds of the search for each of (batch), which are in the cache; *got: groups found. */
static double measure_batch(struct index *x, const struct event_topic *batch, uint64_t *got)
{
	double began = thread_cpu();

	for (unsigned i = 0; i < BATCH; i++)
		*got += search(x, &batch[i]);
	return thread_cpu() - began;
}

/* CPU seconds per event. */
static double measure(struct index *x, const struct events *e)
{
	struct event_topic batch[BATCH];
	uint64_t wanted = 0, got = 0;
	double took = 0;

	for (unsigned n = 0; n < EVENTS; n += BATCH) {
		for (unsigned i = 0; i < BATCH; i++) {
			batch[i] = e->topics[rnd(e->n)];
			batch[i].name.p = batch[i].text;
			wanted += batch[i].wanted;
		}
		took += measure_batch(x, batch, &got);
	}
	if (got != wanted)
		errx(1, "%llu groups found, %llu wanted", (unsigned long long)got,
			(unsigned long long)wanted);
	return took / EVENTS;
}

static void run_round(struct index *x, unsigned round)
{
	uint64_t steps = topics_steps(x->topics);
	double same = measure(x, &x->same), all, none;
	unsigned matches = 0;

	steps = topics_steps(x->topics) - steps;
	all = measure(x, &x->all);
	none = measure(x, &x->none);
	for (unsigned i = 0; i < x->same.n; i++)
		matches += x->same.topics[i].wanted;
	printf("{\"names\":%u,\"round\":%u,\"same\":%.3e,\"all\":%.3e,\"none\":%.3e,\"matches\":%.2f,"
		"\"steps\":%.2f}\n", x->nnames, round, same, all, none, (double)matches / x->same.n,
		(double)steps / EVENTS);
	fflush(stdout);
}

static int usage(void)
{
	fprintf(stderr, "usage: matching [-r ROUNDS] [-p PATTERNS] NAMES...\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct index x[SIZES_MAX];
	unsigned sizes[SIZES_MAX], rounds = 5, patterns = 10000, n = 0, same = SAME;
	int o;

	while ((o = getopt(argc, argv, "r:p:")) != -1) {
		if (o == '?')
			return usage();
		*(o == 'r' ? &rounds : &patterns) = (unsigned)strtoul(optarg, NULL, 10);
	}
	for (; optind < argc && n < SIZES_MAX; optind++) {
		sizes[n] = (unsigned)strtoul(argv[optind], NULL, 10);
		if (sizes[n] == 0)
			return usage();
		same = sizes[n] < same ? sizes[n] : same;
		n++;
	}
	if (n == 0 || optind < argc)
		return usage();
	for (unsigned i = 0; i < n; i++) {
		index_init(&x[i], sizes[i], patterns, same);
		check(&x[i], &x[i].same);
		check(&x[i], &x[i].all);
		check(&x[i], &x[i].none);
	}
	for (unsigned round = 0; round < rounds; round++)
		for (unsigned i = 0; i < n; i++)
			run_round(&x[i], round);
	for (unsigned i = 0; i < n; i++)
		index_fini(&x[i]);
}
