/* SPDX-License-Identifier: MIT */
/*
 * The seam between catching up and live: one thread publishes all the time, two others, each with
 * a hub, subscribe at some recent cursor over and over. Every event carries its number; whoever
 * begins behind number k must get k + 1, k + 2, … and nothing else. On the memory store, and on
 * SQLite while it commits, with cursors so old that some reads come from the disk's thread, too,
 * and some subscriptions end before their read does.
 *
 *	test_seam [ROUNDS]
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hub/hub.h"
#include "tests/unit/tap.h"

#define RECENT 64	/* cursors to begin at */
#define EVERY 200	/* events between two cursors of a reader that goes to the disk */
#define READERS 2
#define AHEAD 1000	/* events that the writer may be ahead of the slowest reader */
#define NOBODY (UINT64_MAX / 2)
#ifdef __SANITIZE_THREAD__	/* a read from the disk takes sixty times as long */
#define DISK_SHARE 4000
#else
#define DISK_SHARE 400
#endif

static struct store *store;
/* Numbers that each reader's follower has, and the subscription of its round. */
static atomic_uint_fast64_t seen[READERS], caught_up[READERS];
static atomic_bool over;
static size_t padding;	/* bytes added to each event, so that few fit into memory */

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
	char text[1024];

	b->events = calloc(n, sizeof(b->events[0]));
	for (b->n = 0; b->n < n; b->n++) {
		int len = snprintf(text, sizeof(text), "%llu%*s", (unsigned long long)(first + b->n),
			(int)padding, "");
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
		if (n > atomic_load(&seen[i]) + AHEAD || n > atomic_load(&caught_up[i]) + AHEAD)
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
	unsigned every;		/* only every so manieth event is kept as a cursor to begin at */
	uint64_t wrong, got, live, later;
	pthread_mutex_t lock;
	struct read *finished;	/* elsewhere, oldest first; under (lock) */
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
	if (!t->follows) {
		atomic_store(&caught_up[r->index], number);
		return true;
	}
	atomic_store(&seen[r->index], number);
	if (number % r->every != 0)
		return true;
	r->recent[at].number = number;
	snprintf(r->recent[at].cursor, sizeof(r->recent[at].cursor), "%.*s", (int)cursor.n, cursor.p);
	r->nrecent++;
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

/* On the store's thread. */
static void on_read_done(void *arg, struct hub *h, struct read *done)
{
	struct reader *r = arg;
	struct read **last = &r->finished;

	(void)h;
	pthread_mutex_lock(&r->lock);
	while (*last != NULL)
		last = &(*last)->next;
	done->next = NULL;
	*last = done;
	pthread_mutex_unlock(&r->lock);
}

static struct read *next_finished(struct reader *r)
{
	struct read *done;

	pthread_mutex_lock(&r->lock);
	done = r->finished;
	if (done != NULL)
		r->finished = done->next;
	pthread_mutex_unlock(&r->lock);
	return done;
}

static void turn(struct reader *r)
{
	struct read *done;

	while ((done = next_finished(r)) != NULL) {
		r->later++;
		hub_read_done(r->hub, done);
	}
	hub_turn(r->hub);
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
	uint64_t live = r->live;

	atomic_store(&caught_up[r->index], r->recent[k].number);
	hub_subscribe(r->hub, &t.sub, &ops, f, &start, NULL);
	filters_unref(f);
	for (unsigned turns = 0; turns < 2 + n % 3; turns++)
		turn(r);
	/* Most follow until they are live; every eighth leaves in the middle. */
	while (n % 8 != 0 && r->live == live)
		turn(r);
	hub_unsubscribe(r->hub, &t.sub);
	atomic_store(&caught_up[r->index], NOBODY);
}

static void *read_events(void *arg)
{
	struct reader *r = arg;
	struct sub follower = {.reader = r, .follows = true};
	struct filters *f = everything(r->hub);

	hub_subscribe(r->hub, &follower.sub, &ops, f, &(struct hub_start){.from = READ_ALL}, NULL);
	filters_unref(f);
	while (r->nrecent < RECENT)
		turn(r);
	for (unsigned i = 0; i < r->rounds; i++)
		round_at(r, i);
	hub_unsubscribe(r->hub, &follower.sub);
	atomic_store(&seen[r->index], NOBODY);
	return NULL;
}

/* --- a run ----------------------------------------------------------------------------------- */

static void judge(const struct reader *r, const char *what)
{
	ok(r->wrong == 0, "%s: no event lost, doubled or out of order at the seam", what);
	ok(r->got > r->rounds && r->live > r->rounds / 2, "%s: %u rounds: %llu events, %llu times live",
		what, r->rounds, (unsigned long long)r->got, (unsigned long long)r->live);
}

static void start_reader(struct reader *r, unsigned index, unsigned rounds, unsigned every)
{
	struct hub_host host = {on_read_done, on_wake, r};
	struct hub_config config = {.turn_events = 64, .page_events = 16};

	*r = (struct reader){.index = index, .rounds = rounds, .every = every};
	pthread_mutex_init(&r->lock, NULL);
	atomic_store(&seen[index], 0);
	atomic_store(&caught_up[index], NOBODY);
	r->hub = hub_new(store, &config, &host);
}

/* Reads that finished since are the hub's to free. */
static void end_reader(struct reader *r)
{
	hub_free(r->hub);
	pthread_mutex_destroy(&r->lock);
}

/** The number of reads that came from elsewhere. */
static uint64_t run(const struct store_config *c, unsigned rounds, unsigned every, const char *what)
{
	struct reader readers[READERS];
	pthread_t writer, threads[READERS];
	uint64_t later = 0;
	struct buf why;

	buf_init(&why, 1000);
	store = store_open(c, &why);
	if (!ok(store != NULL, "%s opens", what))
		exit(tap_done());
	atomic_store(&over, false);
	for (unsigned i = 0; i < READERS; i++)
		start_reader(&readers[i], i, rounds / READERS, every);
	pthread_create(&writer, NULL, write_events, NULL);
	for (unsigned i = 0; i < READERS; i++)
		pthread_create(&threads[i], NULL, read_events, &readers[i]);
	for (unsigned i = 0; i < READERS; i++) {
		pthread_join(threads[i], NULL);
		judge(&readers[i], what);
		later += readers[i].later;
	}
	atomic_store(&over, true);
	pthread_join(writer, NULL);
	store_close(store);
	for (unsigned i = 0; i < READERS; i++)
		end_reader(&readers[i]);
	buf_fini(&why);
	return later;
}

static void remove_store(const char *path)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-journal", ".lock"};
	char name[256];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		unlink(name);
	}
}

/* As run, on a new file in (folder). */
static uint64_t run_sqlite(const char *folder, unsigned rounds, unsigned every, const char *what)
{
	char path[64];
	struct store_config c = {.path = path, .memory_bytes = 1 << 20, .max_topics = 100,
		.max_bytes = 1 << 30, .sync = STORE_SYNC_NONE};
	uint64_t later;

	snprintf(path, sizeof(path), "%s/store", folder);
	later = run(&c, rounds, every, what);
	remove_store(path);
	return later;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 100000;
	char folder[] = "/tmp/rt-seam-XXXXXX";
	struct store_config c = {.path = "memory:", .memory_bytes = 16 << 20, .max_topics = 100};
	uint64_t later;

	run(&c, rounds, 1, "memory");
	if (!ok(mkdtemp(folder) != NULL, "a folder"))
		return tap_done();
	run_sqlite(folder, rounds / 10, 1, "SQLite");
	padding = 500;
	later = run_sqlite(folder, rounds / DISK_SHARE, EVERY, "SQLite, from the disk");
	ok(later > 0, "%llu reads came from its thread", (unsigned long long)later);
	rmdir(folder);
	return tap_done();
}
