/* SPDX-License-Identifier: MIT */
/*
 * The seam between catching up and live, on the memory store: one thread publishes all the time,
 * two others, each with a hub, subscribe at some recent cursor over and over. Every event carries
 * its number; whoever begins behind number k must get k + 1, k + 2, … and nothing else.
 *
 *	test_seam [ROUNDS]
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "hub/hub.h"
#include "tests/unit/tap.h"

#define RECENT 64	/* cursors to begin at */
#define READERS 2
#define AHEAD 4096	/* events that the writer may be ahead of the slowest reader */

static struct store *store;
static atomic_uint_fast64_t seen[READERS];	/* numbers that its follower has */
static atomic_bool over;

/* --- the writer ------------------------------------------------------------------------------ */

static void on_done(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		event_unref(b->events[i]);
	free(b->events);
	free(b);
}

static void publish(uint64_t first, size_t n)
{
	static const char *const topics[] = {"a", "b/c", "d/e/f"};
	struct batch *b = calloc(1, sizeof(*b));
	char text[24];

	b->events = calloc(n, sizeof(b->events[0]));
	for (b->n = 0; b->n < n; b->n++) {
		int len = snprintf(text, sizeof(text), "%llu", (unsigned long long)(first + b->n));
		struct event_draft d = {.topic = str_of(topics[(first + b->n) % 3]),
			.data = {text, (size_t)len}};

		b->events[b->n] = event_new(&d);
		b->bytes += b->events[b->n]->size;
	}
	b->done = on_done;
	store_append(store, b);
}

static bool too_far_ahead(uint64_t n)
{
	for (unsigned i = 0; i < READERS; i++)
		if (n > atomic_load(&seen[i]) + AHEAD)
			return true;
	return false;
}

static void *write_events(void *arg)
{
	uint64_t n = 1;

	(void)arg;
	while (!atomic_load(&over)) {
		if (too_far_ahead(n)) {
			sched_yield();
			continue;
		}
		publish(n, 1 + n % 4);
		n += 1 + n % 4;
		if (n % 64 < 2)
			sched_yield();
	}
	return NULL;
}

/* --- the readers ----------------------------------------------------------------------------- */

struct reader {
	struct hub *hub;
	unsigned index;
	unsigned rounds;
	uint64_t wrong, got, live;
	struct {
		uint64_t number;
		char cursor[32];
	} recent[RECENT];
	uint64_t nrecent;
};

struct sub {
	struct subscription sub;
	struct reader *reader;
	uint64_t next;		/* number that is due; 0: any */
	uint64_t got;
	bool follows;		/* keeps the recent cursors */
};

static void on_started(struct subscription *s, enum store_status status, struct str cursor)
{
	(void)cursor;
	((struct sub *)s)->reader->wrong += status != STORE_OK;
}

static bool on_gap(struct subscription *s, const struct gap *g)
{
	(void)g;
	((struct sub *)s)->reader->wrong++;
	return true;
}

static bool on_event(struct subscription *s, struct event *e)
{
	struct sub *t = (struct sub *)s;
	struct reader *r = t->reader;
	uint64_t number = strtoull(event_data(e).p, NULL, 10);
	struct str cursor = event_cursor(e);
	unsigned at = (unsigned)(r->nrecent % RECENT);

	if (t->next != 0 && number != t->next)
		r->wrong++;
	t->next = number + 1;
	t->got++;
	r->got++;
	if (!t->follows)
		return true;
	r->recent[at].number = number;
	snprintf(r->recent[at].cursor, sizeof(r->recent[at].cursor), "%.*s", (int)cursor.n, cursor.p);
	r->nrecent++;
	atomic_store(&seen[r->index], number);
	return true;
}

static void on_live(struct subscription *s)
{
	((struct sub *)s)->reader->live++;
}

static const struct subscription_ops ops = {
	.started = on_started,
	.gap = on_gap,
	.event = on_event,
	.live = on_live,
};

static void on_read_done(void *arg, struct hub *h, struct read *r)
{
	(void)h;
	(void)r;
	((struct reader *)arg)->wrong++;	/* a memory store answers at once */
}

static void on_wake(void *arg)
{
	(void)arg;
}

static struct filters *everything(struct hub *h)
{
	return hub_filters(h, &(struct str){"**", 2}, 1);
}

static void round_at(struct reader *r, unsigned n)
{
	uint64_t k = r->nrecent < RECENT ? 0 : n * 7919u % RECENT;
	struct hub_start start = {.from = READ_CURSOR, .position = str_of(r->recent[k].cursor)};
	struct sub t = {.reader = r, .next = r->recent[k].number + 1};
	struct filters *f = everything(r->hub);

	hub_subscribe(r->hub, &t.sub, &ops, f, &start, NULL);
	filters_unref(f);
	for (unsigned turns = 0; turns < 2 + n % 3; turns++)
		hub_turn(r->hub);
	hub_unsubscribe(r->hub, &t.sub);
}

static void *read_events(void *arg)
{
	struct reader *r = arg;
	struct sub follower = {.reader = r, .follows = true};
	struct filters *f = everything(r->hub);

	hub_subscribe(r->hub, &follower.sub, &ops, f, &(struct hub_start){.from = READ_ALL}, NULL);
	filters_unref(f);
	while (r->nrecent < RECENT)
		hub_turn(r->hub);
	for (unsigned i = 0; i < r->rounds; i++)
		round_at(r, i);
	hub_unsubscribe(r->hub, &follower.sub);
	atomic_store(&seen[r->index], UINT64_MAX / 2);
	return NULL;
}

int main(int argc, char **argv)
{
	struct store_config c = {.path = "memory:", .memory_bytes = 16 << 20, .max_topics = 100};
	static struct reader readers[READERS];
	pthread_t writer, threads[READERS];
	struct buf why;

	buf_init(&why, 1000);
	store = store_open(&c, &why);
	if (!ok(store != NULL, "a memory store"))
		return tap_done();
	for (unsigned i = 0; i < READERS; i++) {
		struct hub_host host = {on_read_done, on_wake, &readers[i]};
		struct hub_config config = {.turn_events = 64, .page_events = 16};

		readers[i].index = i;
		readers[i].rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 50000;
		readers[i].hub = hub_new(store, &config, &host);
	}
	pthread_create(&writer, NULL, write_events, NULL);
	for (unsigned i = 0; i < READERS; i++)
		pthread_create(&threads[i], NULL, read_events, &readers[i]);
	for (unsigned i = 0; i < READERS; i++) {
		pthread_join(threads[i], NULL);
		eq_num(readers[i].wrong, 0, "no event lost, doubled or out of order at the seam");
		ok(readers[i].got > readers[i].rounds && readers[i].live > readers[i].rounds / 2,
			"%u rounds: %llu events, %llu times live", readers[i].rounds,
			(unsigned long long)readers[i].got, (unsigned long long)readers[i].live);
	}
	atomic_store(&over, true);
	pthread_join(writer, NULL);
	store_close(store);
	for (unsigned i = 0; i < READERS; i++)
		hub_free(readers[i].hub);
	buf_fini(&why);
	return tap_done();
}
