/* SPDX-License-Identifier: MIT */

/*
 * The reader: pages that begin before what the window holds, fetched on a thread and a connection
 * of its own, so that replay does not delay commits. Long searches are cut into slices, and the
 * reads that wait take turns.
 */
#include <stdlib.h>

#include "store/gaps.h"
#include "store/sources.h"
#include "store/sqlite.h"

#define SLICE_EVENTS 20000	/* looked at backwards before the next read has its turn */

struct sqlite_job {
	struct sqlite_job *next;
	struct read *read;
	struct seek seek;
};

/* --- queue ---------------------------------------------------------------------------------- */

static bool enqueue(struct sqlite *s, struct sqlite_job *j)
{
	bool closing;

	j->next = NULL;
	pthread_mutex_lock(&s->lock);
	closing = s->closing;
	if (!closing) {
		*s->jobs_end = j;
		s->jobs_end = &j->next;
		pthread_cond_signal(&s->asked);
	}
	pthread_mutex_unlock(&s->lock);
	return !closing;
}

/* The next read, NULL when the store closes. */
static struct sqlite_job *dequeue(struct sqlite *s)
{
	struct sqlite_job *j;

	pthread_mutex_lock(&s->lock);
	while (s->jobs == NULL && !s->closing)
		pthread_cond_wait(&s->asked, &s->lock);
	j = s->jobs;
	if (j != NULL) {
		s->jobs = j->next;
		if (s->jobs == NULL)
			s->jobs_end = &s->jobs;
	}
	pthread_mutex_unlock(&s->lock);
	return j;
}

static void free_job(struct sqlite_job *j)
{
	seek_fini(&j->seek);
	free(j);
}

bool sqlite_read(struct store *store, struct read *r)
{
	struct sqlite *s = sqlite_of(store);
	struct sqlite_job *j;
	struct seek k;

	seek_init(&k);
	if (window_seek(&s->window, r, &k) == SEEK_DONE) {
		seek_fini(&k);
		return true;
	}
	j = malloc(sizeof(*j));
	if (j == NULL) {
		seek_fini(&k);
		seek_fail(r, STORE_NOMEM);
		return true;
	}
	*j = (struct sqlite_job){.read = r, .seek = k};
	if (enqueue(s, j))
		return false;
	free_job(j);
	seek_fail(r, STORE_CLOSED);
	return true;
}

/* --- taking turns with checkpoints ---------------------------------------------------------- */

void sqlite_pause_reader(struct sqlite *s, bool pause)
{
	pthread_mutex_lock(&s->lock);
	s->pause = pause;
	while (pause && s->reading)
		pthread_cond_wait(&s->rested, &s->lock);
	if (!pause)
		pthread_cond_signal(&s->asked);
	pthread_mutex_unlock(&s->lock);
}

static void begin_reading(struct sqlite *s)
{
	pthread_mutex_lock(&s->lock);
	while (s->pause)
		pthread_cond_wait(&s->asked, &s->lock);
	s->reading = true;
	pthread_mutex_unlock(&s->lock);
}

static void end_reading(struct sqlite *s)
{
	pthread_mutex_lock(&s->lock);
	s->reading = false;
	pthread_cond_signal(&s->rested);
	pthread_mutex_unlock(&s->lock);
}

/* --- a page --------------------------------------------------------------------------------- */

struct wanted {
	struct sqlite *store;
	const struct filters *filters;
};

static bool want(void *arg, uint64_t id, uint64_t last, struct rows_topic *out)
{
	struct wanted *w = arg;
	const struct topic *t;
	bool answer;

	window_lock(&w->store->window);
	t = catalog_by_id(&w->store->window.catalog, id);
	answer = t != NULL && last > t->dropped && filters_match(w->filters, topic_name(t));
	if (answer)
		sources_copy_topic(out, t);
	window_unlock(&w->store->window);
	return answer;
}

enum slice {
	SLICE_END,	/* all that there is was looked at */
	SLICE_ENOUGH,	/* the page is full; or what was sought is found */
	SLICE_PAUSE,
	SLICE_FAILED,
	SLICE_NOMEM,
};

static enum slice slice_of(enum rows_result res)
{
	switch (res) {
	case ROWS_PAUSE:
		return SLICE_PAUSE;
	case ROWS_FAILED:
		return SLICE_FAILED;
	case ROWS_NOMEM:
		return SLICE_NOMEM;
	default:
		return SLICE_END;
	}
}

/*
 * A row that cannot be read. A gap comes before the events of its page, so the page ends where the
 * damage begins, and the next one begins with it. Going back to find the last events it is passed
 * over: it is met again on the way forwards.
 */
static enum seek_verdict pass_damage(struct sqlite *s, struct sqlite_job *j, const struct rows *rows)
{
	struct str topic = {rows->damaged.topic.name, rows->damaged.topic.name_len};
	uint64_t after = rows->damaged.first - 1, until = rows->damaged.last;
	uint64_t dropped = rows->damaged.topic.dropped;
	struct seek *k = &j->seek;
	uint64_t most = k->phase == SEEK_FORWARD ? k->upto : k->start;

	sqlite_found_damage(s, topic, rows->damaged.first, rows->damaged.last);
	if (k->phase == SEEK_LAST || until <= dropped)
		return SEEK_MORE;
	if (after < dropped)
		after = dropped;	/* what is before is told as retention's */
	if (k->phase == SEEK_FORWARD) {
		if (rows->damaged.first <= k->told)
			return SEEK_MORE;
		if (j->read->n > 0)
			return SEEK_ENOUGH;
		k->told = rows->damaged.first;
		if (after < k->after)
			after = k->after;
	}
	if (until > most)
		until = most;
	return gaps_add_damaged(j->read, topic, after, until) < 0 ? SEEK_NOMEM : SEEK_MORE;
}

static enum slice read_rows(struct sqlite *s, struct rows *rows, struct sqlite_job *j,
	enum rows_result res)
{
	bool back = j->seek.phase != SEEK_FORWARD;
	enum seek_verdict v = SEEK_MORE;
	struct event *e;

	/* Only events count: damaged rows alone lead nowhere that the next slice could begin at. */
	for (int i = 0; res == ROWS_EVENT && v == SEEK_MORE; ) {
		if (back && i == SLICE_EVENTS)
			return SLICE_PAUSE;
		res = rows_next(rows, &e);
		if (res == ROWS_DAMAGED) {
			v = pass_damage(s, j, rows);
			res = ROWS_EVENT;
			continue;
		}
		if (res != ROWS_EVENT)
			break;
		v = back ? seek_visit(j->read, &j->seek, e) : seek_take(j->read, &j->seek, e);
		event_unref(e);
		i++;
	}
	if (v != SEEK_MORE)
		return v == SEEK_NOMEM ? SLICE_NOMEM : SLICE_ENOUGH;
	if (res == ROWS_PAUSE)
		*(back ? &j->seek.before : &j->seek.after) = rows->resume;
	return slice_of(res);
}

static enum slice read_slice(struct sqlite *s, struct sqlite_job *j)
{
	struct wanted w = {s, j->read->filters};
	struct rows_topic topics[ROWS_TOPICS_MAX];
	struct rows_query q = {
		.back = j->seek.phase != SEEK_FORWARD, .after = j->seek.after, .upto = j->seek.upto,
		.before = j->seek.before, .want = want, .arg = &w,
	};
	struct rows rows;
	enum slice res;

	if (sources_list(&s->window, j->read->filters, q.back ? 0 : q.after, topics, &q.ntopics))
		q.topics = topics;
	begin_reading(s);
	res = read_rows(s, &rows, j, rows_begin(&rows, &s->in, &q));
	rows_end(&rows);
	end_reading(s);
	return res;
}

/* --- a read --------------------------------------------------------------------------------- */

/* The slice is over. True: the read is done; false: it goes on, at once if *again. */
static bool after_slice(struct sqlite *s, struct sqlite_job *j, enum slice res, bool *again)
{
	bool back = j->seek.phase != SEEK_FORWARD;

	switch (res) {
	case SLICE_FAILED:
		seek_fail(j->read, STORE_FAILED);
		return true;
	case SLICE_NOMEM:
		seek_fail(j->read, STORE_NOMEM);
		return true;
	case SLICE_PAUSE:
		if (back)
			return false;
		seek_page(&s->window, j->read, &j->seek);
		return true;
	case SLICE_ENOUGH:
	case SLICE_END:
		break;
	}
	if (!back && res == SLICE_ENOUGH) {
		seek_page(&s->window, j->read, &j->seek);
		return true;
	}
	if (!back && j->seek.after < j->seek.upto)
		j->seek.after = j->seek.upto;
	if (back && seek_turn(&s->window, j->read, &j->seek))
		return true;
	*again = true;
	return window_seek(&s->window, j->read, &j->seek) == SEEK_DONE;
}

static void serve(struct sqlite *s, struct sqlite_job *j)
{
	bool again, done;

	do {
		again = false;
		done = after_slice(s, j, read_slice(s, j), &again);
	} while (!done && again);
	if (!done && enqueue(s, j))
		return;
	if (!done)
		seek_fail(j->read, STORE_CLOSED);
	j->read->done(j->read);
	free_job(j);
}

void *sqlite_read_thread(void *arg)
{
	struct sqlite *s = arg;
	struct sqlite_job *j;

	while ((j = dequeue(s)) != NULL) {
		if (!s->closing) {
			serve(s, j);
			continue;
		}
		seek_fail(j->read, STORE_CLOSED);
		j->read->done(j->read);
		free_job(j);
	}
	return NULL;
}
