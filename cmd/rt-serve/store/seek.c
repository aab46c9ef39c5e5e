/* SPDX-License-Identifier: MIT */
#include "store/seek.h"

#include "store/cursor.h"
#include "store/gaps.h"
#include "store/sources.h"

#define WALK_MAX 4096	/* places looked at per lock */

void seek_init(struct seek *k)
{
	*k = (struct seek){.phase = SEEK_NEW};
	latest_init(&k->latest);
}

void seek_fini(struct seek *k)
{
	latest_fini(&k->latest);
}

void seek_fail(struct read *r, enum store_status status)
{
	for (size_t i = 0; i < r->n; i++)
		event_unref(r->events[i]);
	r->n = 0;
	r->status = status;
}

/* --- scanning: for when there are too many topics ------------------------------------------- */

static const struct window_place *place_at(const struct window *w, uint64_t pos)
{
	return &w->ring[pos & (w->cap - 1)];
}

/* The first position whose order is over (order). */
static uint64_t position_after(const struct window *w, uint64_t order)
{
	uint64_t lo = w->first, hi = window_tail_pos(w) + 1, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (place_at(w, mid)->order <= order)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Bursts of one topic are common: ask the filters once. */
struct matcher {
	const struct filters *filters;
	struct str topic;
	uint64_t hash;
	bool answer;
};

static bool is_wanted(struct matcher *m, const struct event *e)
{
	if (e == NULL || e->ephemeral || e->dropped)
		return false;
	if (m->topic.p == NULL || m->hash != e->topic_hash || !str_eq(m->topic, event_topic(e))) {
		m->topic = event_topic(e);
		m->hash = e->topic_hash;
		m->answer = filters_match(m->filters, m->topic);
	}
	return m->answer;
}

/* --- taking events -------------------------------------------------------------------------- */

enum seek_verdict seek_take(struct read *r, struct seek *k, struct event *e)
{
	if (r->n > 0 && (r->n >= r->max_events || k->bytes + e->json_len > r->max_bytes))
		return SEEK_ENOUGH;
	if (read_add_event(r, e) < 0)
		return SEEK_NOMEM;
	k->bytes += e->json_len;
	k->after = e->order;
	return SEEK_MORE;
}

enum seek_verdict seek_visit(struct read *r, struct seek *k, struct event *e)
{
	int added;

	k->before = e->order;
	if (k->phase == SEEK_LAST) {
		k->after = e->order - 1;
		return --k->left > 0 ? SEEK_MORE : SEEK_ENOUGH;
	}
	added = latest_add(&k->latest, r, e);
	return added < 0 ? SEEK_NOMEM : added > 0 ? SEEK_MORE : SEEK_ENOUGH;
}

/* --- results -------------------------------------------------------------------------------- */

/*
 * Events that came from the disk before the lock was taken may have been dropped since; then they
 * are part of a gap.
 */
static void remove_dropped(const struct window *w, struct read *r)
{
	const struct topic *t;
	struct event *e;
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		e = r->events[i];
		t = e->pos > 0 ? NULL : catalog_find(&w->catalog, event_topic(e), e->topic_hash);
		if (e->pos > 0 || (t != NULL && e->order > t->dropped))
			r->events[n++] = e;
		else
			event_unref(e);
	}
	r->n = n;
}

/* Under the lock: what the results are. */
static void settle(const struct window *w, struct read *r, struct seek *k, bool at_end)
{
	uint64_t missed = 0;

	if (w->drop_gen != k->gen)
		remove_dropped(w, r);
	if (gaps_add(r, k, w, &missed) < 0)
		seek_fail(r, STORE_NOMEM);
	k->gen = w->drop_gen;
	r->at_end = at_end;
	r->end_pos = at_end ? window_tail_pos(w) : 0;
	/* Nothing that is left lies between the page and the newest that was dropped. */
	if (at_end && missed > k->after)
		k->after = missed;
}

/* And afterwards, without it: their texts. */
static void write_texts(struct read *r, const struct seek *k)
{
	if (r->status != STORE_OK)
		return;
	r->start = cursor_new(k->start);
	r->end = cursor_new(k->after);
	if (r->start == NULL || r->end == NULL || gaps_set_known(r, k) < 0)
		seek_fail(r, STORE_NOMEM);
}

void seek_page(struct window *w, struct read *r, struct seek *k)
{
	window_lock(w);
	settle(w, r, k, false);
	window_unlock(w);
	write_texts(r, k);
}

/* --- forwards ------------------------------------------------------------------------------- */

static enum seek_verdict merge(struct read *r, struct seek *k, struct sources *s)
{
	enum seek_verdict v = SEEK_MORE;

	sources_order(s, k->after, UINT64_MAX, false);
	while (s->n > 0 && v == SEEK_MORE) {
		v = seek_take(r, k, sources_top(s, false));
		if (v == SEEK_MORE)
			sources_next(s, false);
	}
	return v;
}

static enum seek_verdict scan(const struct window *w, struct read *r, struct seek *k)
{
	struct matcher m = {.filters = r->filters};
	uint64_t pos = position_after(w, k->after), tail = window_tail_pos(w);
	const struct window_place *p;
	enum seek_verdict v;

	for (int i = 0; pos <= tail; i++, pos++) {
		if (i == WALK_MAX)
			return SEEK_ENOUGH;
		p = place_at(w, pos);
		if (is_wanted(&m, p->event)) {
			v = seek_take(r, k, p->event);
			if (v != SEEK_MORE)
				return v;
		}
		k->after = p->order;
	}
	return SEEK_MORE;
}

static enum seek_result forward(struct window *w, struct read *r, struct seek *k)
{
	uint64_t before = k->after;
	struct sources s;
	enum seek_verdict v;

	sources_find(&s, w, r->filters, k->after);
	k->upto = sources_on_disk(&s, w, k->after);
	if (k->upto > 0)
		return SEEK_DISK;
	v = s.many ? scan(w, r, k) : merge(r, k, &s);
	if (v == SEEK_NOMEM) {
		seek_fail(r, STORE_NOMEM);
		return SEEK_DONE;
	}
	/* A cursor moves with what was found, so that it is the same as long as nothing is. */
	if (v == SEEK_MORE)
		k->after = r->n > 0 ? r->events[r->n - 1]->order : before;
	settle(w, r, k, v == SEEK_MORE);
	return SEEK_DONE;
}

/* --- backwards ------------------------------------------------------------------------------ */

enum back { BACK_AGAIN, BACK_FINISHED, BACK_DISK, BACK_NOMEM };

static enum back back_from_memory(struct seek *k, uint64_t disk)
{
	if (disk == 0)
		return BACK_FINISHED;
	if (k->before > disk + 1)
		k->before = disk + 1;
	return BACK_DISK;
}

static enum back merge_back(struct read *r, struct seek *k, struct sources *s, uint64_t disk)
{
	enum seek_verdict v = SEEK_MORE;

	sources_order(s, disk, k->before, true);
	for (int i = 0; s->n > 0 && v == SEEK_MORE; i++) {
		if (i == WALK_MAX)
			return BACK_AGAIN;
		v = seek_visit(r, k, sources_top(s, true));
		sources_next(s, true);
	}
	if (v == SEEK_MORE)
		return back_from_memory(k, disk);
	return v == SEEK_ENOUGH ? BACK_FINISHED : BACK_NOMEM;
}

static enum back scan_back(const struct window *w, struct read *r, struct seek *k, uint64_t disk)
{
	struct matcher m = {.filters = r->filters};
	uint64_t pos = position_after(w, k->before - 1);
	const struct window_place *p;
	enum seek_verdict v = SEEK_MORE;

	for (int i = 0; pos > w->first && v == SEEK_MORE; i++) {
		p = place_at(w, --pos);
		if (p->order <= disk)
			break;
		/* Places of one order, an event and ephemeral ones after it, stay together. */
		if (i >= WALK_MAX && p->order < k->before - 1) {
			k->before = p->order + 1;
			return BACK_AGAIN;
		}
		if (is_wanted(&m, p->event))
			v = seek_visit(r, k, p->event);
	}
	if (v == SEEK_MORE)
		return back_from_memory(k, disk);
	return v == SEEK_ENOUGH ? BACK_FINISHED : BACK_NOMEM;
}

static enum back go_back(struct window *w, struct read *r, struct seek *k)
{
	struct sources s;
	uint64_t disk;

	sources_find(&s, w, r->filters, 0);
	disk = sources_on_disk(&s, w, 0);
	return s.many ? scan_back(w, r, k, disk) : merge_back(r, k, &s, disk);
}

/* The newest order up to which these filters have certainly lost or never had all events. */
static uint64_t floor_of(const struct window *w, const struct filters *f)
{
	uint64_t low = f->npatterns > 0 ? w->floor : UINT64_MAX, one;
	const struct topic *t;

	for (unsigned i = f->npatterns; i < f->n; i++) {
		t = catalog_find_name(&w->catalog, f->items[i]);
		one = t != NULL ? t->dropped : w->forgotten;
		if (one < low)
			low = one;
	}
	return low > w->begin ? low : w->begin;
}

static void end_latest(struct window *w, struct read *r, struct seek *k)
{
	latest_finish(r);
	if (r->n > 0)
		k->start = r->events[0]->order - 1;
	settle(w, r, k, true);
	/* What is live goes on from where the search began. */
	r->end_pos = k->end_pos;
}

/* The lock is held. True: done. */
static bool turn(struct window *w, struct read *r, struct seek *k)
{
	if (k->phase == SEEK_LATEST) {
		end_latest(w, r, k);
		return true;
	}
	if (k->left > 0)
		k->after = floor_of(w, r->filters);
	k->start = k->after;
	k->phase = SEEK_FORWARD;
	return false;
}

bool seek_turn(struct window *w, struct read *r, struct seek *k)
{
	bool done;

	window_lock(w);
	done = turn(w, r, k);
	window_unlock(w);
	if (done)
		write_texts(r, k);
	return done;
}

/* --- the beginning -------------------------------------------------------------------------- */

static void begin_at_cursor(const struct window *w, struct seek *k, uint64_t order)
{
	k->want_gaps = true;
	if (order > w->last) {
		k->where = SEEK_AHEAD;
		order = w->last;
	} else if (order < w->begin) {
		k->where = SEEK_RESTARTED;
		order = w->begin;
	}
	k->start = k->after = order;
}

static void begin_at_time(const struct window *w, struct seek *k, uint64_t time_us)
{
	uint64_t order = time_us > 0 ? time_us - 1 : 0;

	k->want_gaps = true;
	if (order > w->last)
		order = w->last;
	k->start = k->after = order < w->begin ? w->begin : order;
}

static void begin_back(const struct window *w, const struct read *r, struct seek *k)
{
	k->start = k->after = w->last;
	k->before = w->last + 1;
	if (r->from == READ_LATEST) {
		k->phase = SEEK_LATEST;
		k->end_pos = window_tail_pos(w);
	} else if (r->last > 0) {
		k->phase = SEEK_LAST;
		k->left = r->last;
	}
}

static void begin(const struct window *w, const struct read *r, struct seek *k, uint64_t order)
{
	k->phase = SEEK_FORWARD;
	k->gen = w->drop_gen;
	switch (r->from) {
	case READ_CURSOR:
	case READ_ID:
		begin_at_cursor(w, k, order);
		break;
	case READ_ALL:
		k->start = k->after = floor_of(w, r->filters);
		break;
	case READ_NOW:
		k->start = k->after = w->last;
		break;
	case READ_TIME:
		begin_at_time(w, k, r->time_us);
		break;
	case READ_LAST:
	case READ_LATEST:
		begin_back(w, r, k);
		break;
	}
}

/* One hold of the lock. True: finished with (result). */
static bool step(struct window *w, struct read *r, struct seek *k, enum seek_result *result)
{
	if (k->phase == SEEK_FORWARD) {
		*result = forward(w, r, k);
		return true;
	}
	switch (go_back(w, r, k)) {
	case BACK_AGAIN:
		return false;
	case BACK_DISK:
		*result = SEEK_DISK;
		return true;
	case BACK_NOMEM:
		seek_fail(r, STORE_NOMEM);
		return true;
	case BACK_FINISHED:
		break;
	}
	return turn(w, r, k);
}

enum seek_result window_seek(struct window *w, struct read *r, struct seek *k)
{
	enum seek_result result = SEEK_DONE;
	uint64_t order = 0;
	bool finished;

	if (k->phase == SEEK_NEW) {
		gaps_parse_known(k, r->gap_known);
		if ((r->from == READ_CURSOR || r->from == READ_ID) &&
				!cursor_parse(str_of(r->position), &order)) {
			seek_fail(r, STORE_BAD_CURSOR);
			return SEEK_DONE;
		}
	}
	do {
		window_lock(w);
		if (k->phase == SEEK_NEW)
			begin(w, r, k, order);
		finished = step(w, r, k, &result);
		window_unlock(w);
	} while (!finished);
	if (result == SEEK_DONE)
		write_texts(r, k);
	return result;
}
