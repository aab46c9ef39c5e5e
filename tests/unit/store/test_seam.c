/* SPDX-License-Identifier: MIT */

/*
 * The seam between replay and live: while events are appended, readers catch up page by page and
 * then follow the tail from the position that their last page named. Nobody may miss an event or
 * see one twice, and all see the same order.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "helper_store.h"
#include "tests/unit/tap.h"

#define PUBLISHERS 2
#define READERS 3
#define EVENTS 6000	/* per publisher */

struct reader {
	struct store *s;
	const char *filters;
	unsigned seen, lost, seams, overruns;
	uint64_t order, seq[PUBLISHERS];
};

struct publisher {
	struct store *s;
	const char *topic;
};

static void *publish_all(void *arg)
{
	struct publisher *p = arg;
	struct event *e[16];
	unsigned n;

	for (unsigned i = 0; i < EVENTS; i += n) {
		n = 1 + i % 16;
		if (n > EVENTS - i)
			n = EVENTS - i;
		for (unsigned k = 0; k < n; k++)
			e[k] = helper_event(p->topic, NULL, "1");
		if (helper_append(p->s, e, n, NULL, NULL, NULL) != STORE_OK)
			abort();
		for (unsigned k = 0; k < n; k++)
			event_unref(e[k]);
	}
	return NULL;
}

static void see(struct reader *r, const struct event *e)
{
	unsigned topic = (unsigned)(event_topic(e).p[2] - '0');

	r->lost += e->order <= r->order || e->seq != r->seq[topic] + 1;
	r->order = e->order;
	r->seq[topic] = e->seq;
	r->seen++;
}

/* Read from (cursor) to the end of the log; returns the tail position that comes next. */
static uint64_t catch_up(struct reader *r, const char *cursor)
{
	struct read *read = helper_new_read(r->filters, cursor == NULL ? READ_ALL : READ_CURSOR,
		cursor);
	uint64_t pos;

	read->max_events = 50;
	helper_do(r->s, read);
	for (;;) {
		if (read->ngaps > 0 || read->status != STORE_OK)
			r->lost++;
		for (size_t i = 0; i < read->n; i++)
			see(r, read->events[i]);
		if (read->at_end)
			break;
		read_next(read);
		helper_do(r->s, read);
	}
	pos = read->end_pos;
	read_free(read);
	r->seams++;
	return pos;
}

/* Live for a while; returns the position, or falls back to reading when the tail has moved on. */
static uint64_t follow(struct reader *r, uint64_t pos)
{
	struct event *out[32];
	int n;

	for (int turns = 0; turns < 20 && r->seen < PUBLISHERS * EVENTS; turns++) {
		n = store_tail(r->s, pos, out, 32);
		if (n < 0) {
			r->overruns++;
			break;
		}
		for (int i = 0; i < n; i++) {
			see(r, out[i]);
			event_unref(out[i]);
		}
		pos += (unsigned)n;
		if (n == 0)
			helper_pause();
	}
	return pos;
}

static void *read_all(void *arg)
{
	struct reader *r = arg;

	while (r->seen < PUBLISHERS * EVENTS && r->lost == 0)
		follow(r, catch_up(r, r->order > 0 ? helper_id(r->order) : NULL));
	return NULL;
}

static void test_seam(const char *name, const struct store_config *c)
{
	static const char *const filters[READERS] = {"t/0,t/1", "t/*", "**"};
	static const char *const topics[PUBLISHERS] = {"t/0", "t/1"};
	struct store *s = helper_open(c);
	pthread_t threads[PUBLISHERS + READERS];
	struct publisher p[PUBLISHERS];
	struct reader r[READERS];

	for (int i = 0; i < READERS; i++) {
		r[i] = (struct reader){.s = s, .filters = filters[i]};
		pthread_create(&threads[PUBLISHERS + i], NULL, read_all, &r[i]);
	}
	for (int i = 0; i < PUBLISHERS; i++) {
		p[i] = (struct publisher){s, topics[i]};
		pthread_create(&threads[i], NULL, publish_all, &p[i]);
	}
	for (int i = 0; i < PUBLISHERS + READERS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < READERS; i++) {
		ok(r[i].lost == 0 && r[i].seen == PUBLISHERS * EVENTS,
			"%s: %s sees each event once, in order, "
			"over %s", name, filters[i], r[i].seams > 1 ? "many seams" : "one seam");
	}
	store_close(s);
}

/* --- now ------------------------------------------------------------------------------------ */

#define LOOKS 1000000

static atomic_bool enough;

static void *publish_on(void *arg)
{
	while (!atomic_load(&enough))
		helper_put(arg, "t/0", NULL, "1");
	return NULL;
}

/* Is (cursor) that of the event at (pos)? */
static bool belongs(struct store *s, const char *cursor, uint64_t pos)
{
	struct event *e;
	bool same;

	if (store_tail(s, pos - 1, &e, 1) != 1)
		return false;
	same = str_is(event_cursor(e), cursor);
	event_unref(e);
	return same;
}

/* Whoever begins with what comes takes a cursor and a position: both from one moment. */
static void test_now(const char *name, const struct store_config *c)
{
	struct store *s = helper_open(c);
	unsigned torn = 0;
	pthread_t thread;
	uint64_t pos;
	char *cursor;

	helper_put(s, "t/0", NULL, "1");
	atomic_store(&enough, false);
	pthread_create(&thread, NULL, publish_on, s);
	for (int i = 0; i < LOOKS; i++) {
		cursor = store_tail_cursor(s, &pos);
		torn += !belongs(s, cursor, pos);
		free(cursor);
	}
	atomic_store(&enough, true);
	pthread_join(thread, NULL);
	eq_num(torn, 0, name);
	store_close(s);
}

int main(void)
{
	struct store_config c = helper_config("memory:");

	test_now("memory: cursor and position are from one moment", &c);
	test_seam("memory", &c);
	c.path = helper_path("seam.db");
	test_seam("sqlite", &c);
	c.path = helper_path("now.db");
	test_now("sqlite: cursor and position are from one moment", &c);
	c.path = helper_path("seam2.db");
	c.memory_bytes = 20000;
	test_seam("sqlite, small window", &c);
	helper_remove_dir();
	return tap_done();
}
