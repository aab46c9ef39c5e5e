/* SPDX-License-Identifier: MIT */
#include "store/seek.h"

#include <stdlib.h>

#include "hash.h"
#include "store/cursor.h"
#include "topic.h"
#include "units.h"

#define MERGE_MAX ROWS_TOPICS_MAX	/* so many topics are merged; more are found by scanning */
#define WALK_MAX 4096	/* topics looked at per call, places looked at per lock */

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

/* --- which topics --------------------------------------------------------------------------- */

struct source {
	struct topic *topic;
	uint32_t at, end;	/* events still to come; backwards they are taken from the end */
};

struct sources {
	struct source s[MERGE_MAX];
	unsigned n;
	bool many;		/* too many to list: scan */
};

/* A topic with retained events after (after). */
static bool has_after(const struct topic *t, uint64_t after)
{
	return t->events > 0 && t->newest > after;
}

static bool add_source(struct sources *out, struct topic *t)
{
	if (out->n == MERGE_MAX) {
		out->many = true;
		return false;
	}
	out->s[out->n++] = (struct source){.topic = t};
	return true;
}

/* Patterns: the topics written last come first, so that the quiet ones need not be looked at. */
static void walk_topics(const struct window *w, const struct filters *f, uint64_t after,
	struct sources *out)
{
	struct topic *t = w->catalog.first[CATALOG_NEWEST];

	for (int i = 0; t != NULL && t->newest > after; i++, t = t->next[CATALOG_NEWEST]) {
		if (i == WALK_MAX) {
			out->many = true;
			return;
		}
		if (t->events > 0 && filters_match(f, topic_name(t)) && !add_source(out, t))
			return;
	}
}

static struct topic *find_topic(const struct window *w, struct str name)
{
	return catalog_find(&w->catalog, name, hash_bytes(name.p, name.n));
}

static void find_sources(const struct window *w, const struct filters *f, uint64_t after,
	struct sources *out)
{
	struct topic *t;

	out->n = 0;
	out->many = false;
	if (w->last <= after)
		return;
	if (f->npatterns > 0) {
		walk_topics(w, f, after, out);
		return;
	}
	for (unsigned i = 0; i < f->n; i++) {
		t = find_topic(w, f->items[i]);
		if (t != NULL && has_after(t, after) && !add_source(out, t))
			return;
	}
}

/* The newest order of these topics after (after) that only the disk has; 0 if memory has all. */
static uint64_t on_disk(const struct window *w, const struct sources *s, uint64_t after)
{
	const struct topic *t;
	uint64_t upto = 0;

	if (s->many)
		return w->evicted > after && w->evicted > w->floor ? w->evicted : 0;
	for (unsigned i = 0; i < s->n; i++) {
		t = s->s[i].topic;
		if (t->evicted > after && t->evicted > t->dropped && t->evicted > upto)
			upto = t->evicted;
	}
	return upto;
}

void seek_copy_topic(struct rows_topic *out, const struct topic *t)
{
	out->id = t->id;
	out->dropped = t->dropped;
	out->name_len = t->name_len;
	memcpy(out->name, t->name, t->name_len);
}

bool seek_topics(struct window *w, const struct filters *f, uint64_t after, struct rows_topic *out,
	unsigned *n)
{
	struct sources s;

	window_lock(w);
	find_sources(w, f, after, &s);
	for (unsigned i = 0; i < s.n; i++)
		seek_copy_topic(&out[i], s.s[i].topic);
	window_unlock(w);
	*n = s.n;
	return !s.many;
}

/* --- a heap of sources, the next event on top ------------------------------------------------- */

static struct event *next_of(const struct source *s, bool back)
{
	return topic_at(s->topic, back ? s->end - 1 : s->at);
}

static bool comes_first(const struct source *a, const struct source *b, bool back)
{
	uint64_t x = next_of(a, back)->order, y = next_of(b, back)->order;

	return back ? x > y : x < y;
}

static void sift_down(struct sources *h, unsigned i, bool back)
{
	struct source s;
	unsigned child;

	while ((child = 2 * i + 1) < h->n) {
		if (child + 1 < h->n && comes_first(&h->s[child + 1], &h->s[child], back))
			child++;
		if (!comes_first(&h->s[child], &h->s[i], back))
			return;
		s = h->s[i];
		h->s[i] = h->s[child];
		h->s[child] = s;
		i = child;
	}
}

/* Keep those that have something in memory with an order in (after, before). */
static void make_heap(struct sources *h, uint64_t after, uint64_t before, bool back)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h->n; i++) {
		h->s[i].at = topic_upto(h->s[i].topic, after);
		h->s[i].end = topic_upto(h->s[i].topic, before - 1);
		if (h->s[i].at < h->s[i].end)
			h->s[n++] = h->s[i];
	}
	h->n = n;
	for (unsigned i = n / 2; i-- > 0; )
		sift_down(h, i, back);
}

static void heap_next(struct sources *h, bool back)
{
	if (back)
		h->s[0].end--;
	else
		h->s[0].at++;
	if (h->s[0].at == h->s[0].end)
		h->s[0] = h->s[--h->n];
	sift_down(h, 0, back);
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

/* --- gaps ----------------------------------------------------------------------------------- */

/* What patterns miss: by the last drop first, back to what is known already. */
static uint64_t pattern_missed(const struct window *w, const struct seek *k, struct str pattern)
{
	uint64_t until = w->forgotten_gen > k->known && w->forgotten > k->start ? w->forgotten : 0;
	struct topic *t = w->catalog.first[CATALOG_DROPPED];

	for (int i = 0; t != NULL && t->drop_gen > k->known; i++, t = t->next[CATALOG_DROPPED]) {
		if (i == WALK_MAX)
			return w->dropped_max;		/* rather too much than silence */
		if (t->dropped > k->start && t->dropped > until &&
				topic_match(pattern, topic_name(t)))
			until = t->dropped;
	}
	return until;
}

static uint64_t name_missed(const struct window *w, const struct seek *k, struct str name)
{
	const struct topic *t = find_topic(w, name);
	uint64_t until = t != NULL ? t->dropped : w->forgotten;
	uint64_t gen = t != NULL ? t->drop_gen : w->forgotten_gen;

	return until > k->start && gen > k->known ? until : 0;
}

/* The newest order that (filter) lost after the start and was not told of; 0: none. */
static uint64_t missed_by(const struct window *w, const struct read *r, const struct seek *k,
	unsigned filter)
{
	struct str text = r->filters->items[filter];

	if (!k->want_gaps || w->dropped_max <= k->start || w->drop_gen <= k->known)
		return 0;
	return filter < r->filters->npatterns ? pattern_missed(w, k, text) : name_missed(w, k,
		text);
}

static int add_gap(const struct window *w, struct read *r, const struct seek *k, struct str filter,
	uint64_t until)
{
	char a[21], u[21];
	struct str after = {a, units_format_u64(a, k->start)};

	if (k->where == SEEK_AHEAD)
		return read_add_gap(r, filter, str_of(r->position), STR_NULL, "ahead");
	if (k->where == SEEK_RESTARTED) {
		after = str_of(r->position);
		until = until > w->begin ? until : w->begin;
	}
	return read_add_gap(r, filter, after, (struct str){u, units_format_u64(u, until)},
		k->where == SEEK_RESTARTED ? "restart" : "retention");
}

/* What each filter misses. (newest) becomes the newest order of it. 0, or -1 without memory. */
static int add_gaps(const struct window *w, struct read *r, const struct seek *k, uint64_t *newest)
{
	uint64_t until;

	for (unsigned i = 0; i < r->filters->n; i++) {
		until = missed_by(w, r, k, i);
		if (until > *newest)
			*newest = until;
		if ((until > 0 || k->where != SEEK_IN_LOG) &&
				add_gap(w, r, k, r->filters->items[i], until) < 0)
			return -1;
	}
	return 0;
}

static int set_known(struct read *r, uint64_t gen)
{
	char *text = malloc(22);

	if (text == NULL)
		return -1;
	text[0] = 'g';
	text[1 + units_format_u64(text + 1, gen)] = '\0';
	free(r->gap_known);
	r->gap_known = text;
	return 0;
}

static void parse_known(struct seek *k, const char *text)
{
	if (text != NULL && text[0] == 'g')
		cursor_parse(str_of(text + 1), &k->known);
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
	if (add_gaps(w, r, k, &missed) < 0)
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
	if (r->start == NULL || r->end == NULL || (k->gen > 0 && set_known(r, k->gen) < 0))
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

	make_heap(s, k->after, UINT64_MAX, false);
	while (s->n > 0 && v == SEEK_MORE) {
		v = seek_take(r, k, next_of(&s->s[0], false));
		if (v == SEEK_MORE)
			heap_next(s, false);
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

	find_sources(w, r->filters, k->after, &s);
	k->upto = on_disk(w, &s, k->after);
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

	make_heap(s, disk, k->before, true);
	for (int i = 0; s->n > 0 && v == SEEK_MORE; i++) {
		if (i == WALK_MAX)
			return BACK_AGAIN;
		v = seek_visit(r, k, next_of(&s->s[0], true));
		heap_next(s, true);
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

	find_sources(w, r->filters, 0, &s);
	disk = on_disk(w, &s, 0);
	return s.many ? scan_back(w, r, k, disk) : merge_back(r, k, &s, disk);
}

/* The newest order up to which these filters have certainly lost or never had all events. */
static uint64_t floor_of(const struct window *w, const struct filters *f)
{
	uint64_t low = f->npatterns > 0 ? w->floor : UINT64_MAX, one;
	const struct topic *t;

	for (unsigned i = f->npatterns; i < f->n; i++) {
		t = find_topic(w, f->items[i]);
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
		parse_known(k, r->gap_known);
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
