/* SPDX-License-Identifier: MIT */
#include "judge/judge.h"

#include <stdlib.h>
#include <string.h>

/*
 * Of a track that has to be looked at twice: bits of (next), which a number can not have, so that the one
 * comparison of what comes with what is next finds them, too.
 */
#define GAP (UINT64_C(1) << 63)		/* what is skipped now was announced */
#define ANYWHERE (UINT64_C(1) << 62)	/* it may go on with any number */
#define AGAIN (UINT64_C(1) << 61)	/* it goes on with some that came already */
#define NUMBER (AGAIN - 1)

struct track {
	uint64_t next;		/* 1 more than the highest number so far */
	uint64_t again;		/* AGAIN: 1 more than the highest that came again */
	struct missing *missing;	/* below (next) */
};

/* The same of a topic, by what the server says of an event. */
struct order {
	uint64_t id, seq;	/* of the last one; seq 0: any may come */
	uint64_t missing : 63;	/* how many seq skipped */
	uint64_t gap : 1;	/* what it skips now was announced */
};

struct ledger {
	struct streams streams;
	uint32_t run, first, count;	/* topics */
	uint32_t ntracks;
	enum arrival last;	/* what ledger_enter said last */
	uint64_t fresh;		/* (next) of a track that begins */
	uint64_t received, doubled, disordered, corrupt, foreign;
	uint64_t unrecorded;	/* lost, and no memory to say which */
	uint32_t broken[HABITS];	/* by so many events ... */
	bool kept[HABITS];		/* ... but not by all */
	struct track *tracks;	/* [k * count + topic]: the kth stream of each topic */
	struct order *orders;	/* by topic; NULL until there is an envelope */
	struct track own[];	/* (tracks), unless they had to grow */
};

/* --- streams --------------------------------------------------------------------------------- */

static uint32_t publishers_of(const struct streams *s)
{
	return s->publishers == 0 ? 1 : s->publishers;
}

uint32_t streams_count(const struct streams *s)
{
	return s->topics > publishers_of(s) ? s->topics : publishers_of(s);
}

uint32_t streams_of_topic(const struct streams *s, uint32_t t)
{
	return (streams_count(s) - t + s->topics - 1) / s->topics;
}

uint32_t streams_number(const struct streams *s, uint32_t t, uint32_t k)
{
	return t + k * s->topics;
}

/* --- ledgers --------------------------------------------------------------------------------- */

static void begin_tracks(struct track *t, uint32_t n, uint64_t next)
{
	for (uint32_t i = 0; i < n; i++)
		t[i] = (struct track){.next = next};
}

struct ledger *ledger_new(const struct streams *s, uint32_t run, uint32_t first, uint32_t count, bool midway)
{
	uint32_t rows = (streams_count(s) + s->topics - 1) / s->topics, n = rows * count;
	struct ledger *l = malloc(sizeof(*l) + n * sizeof(l->own[0]));

	if (l == NULL)
		return NULL;
	*l = (struct ledger){
		.streams = *s,
		.run = run,
		.first = first,
		.count = count,
		.ntracks = n,
		.fresh = midway ? 1 | ANYWHERE : 1,
		.last = ARRIVAL_FOREIGN,
		.tracks = l->own,
	};
	begin_tracks(l->tracks, n, l->fresh);
	return l;
}

void ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	for (uint32_t i = 0; i < l->ntracks; i++)
		missing_free(l->tracks[i].missing);
	if (l->tracks != l->own)
		free(l->tracks);
	free(l->orders);
	free(l);
}

/* Nobody said how many publish: there is one more. */
static struct track *grow(struct ledger *l, uint32_t rows)
{
	uint32_t n = rows * l->count;
	struct track *p;

	if (l->streams.publishers != 0 || rows > JUDGE_STREAMS_MOST)
		return NULL;
	p = realloc(l->tracks == l->own ? NULL : l->tracks, n * sizeof(*p));
	if (p == NULL)
		return NULL;
	if (l->tracks == l->own)
		memcpy(p, l->own, l->ntracks * sizeof(*p));
	begin_tracks(p + l->ntracks, n - l->ntracks, l->fresh);
	l->tracks = p;
	l->ntracks = n;
	return p;
}

/* Which of the ledger's topics it is; not below l->count: none of them. */
static uint32_t index_of(const struct ledger *l, uint32_t topic)
{
	return topic >= l->first ? topic - l->first : topic + l->streams.topics - l->first;
}

static struct track *find_track(struct ledger *l, uint32_t stream)
{
	uint32_t topic = stream, row = 0, i;

	if (l->streams.publishers != 0 && stream >= streams_count(&l->streams))
		return NULL;
	if (stream >= l->streams.topics) {
		topic = stream % l->streams.topics;
		row = stream / l->streams.topics;
	}
	i = index_of(l, topic);
	if (i >= l->count)
		return NULL;
	if (row * l->count >= l->ntracks && grow(l, row + 1) == NULL)
		return NULL;
	return &l->tracks[row * l->count + i];
}

/* --- entering -------------------------------------------------------------------------------- */

/*
 * After a restart a server may begin with some that came before it. Those are not doubled; what comes
 * twice since is.
 */
static enum arrival enter_again(struct ledger *l, struct track *t, uint64_t n)
{
	if (n < t->again) {
		l->doubled++;
		return ARRIVAL_DOUBLE;
	}
	t->again = n + 1;
	if (t->again == (t->next & NUMBER))
		t->next &= ~AGAIN;
	if (missing_take(&t->missing, n))
		l->received++;
	return ARRIVAL_NEXT;
}

static enum arrival enter_below(struct ledger *l, struct track *t, uint64_t n)
{
	if (!missing_take(&t->missing, n)) {
		l->doubled++;
		return ARRIVAL_DOUBLE;
	}
	l->received++;
	l->disordered++;
	return ARRIVAL_LATE;
}

/* All but what is next in a track that nothing happened to. */
static enum arrival enter_odd(struct ledger *l, struct track *t, uint64_t n)
{
	uint64_t next = t->next & NUMBER;
	bool anywhere = t->next & ANYWHERE;

	if (anywhere && n < next) {
		t->next = next | AGAIN;
		t->again = n;
	}
	if (n < next)
		return t->next & AGAIN ? enter_again(l, t, n) : enter_below(l, t, n);
	if (n > next && !anywhere && !missing_add(&t->missing, next, n - 1, t->next & GAP))
		l->unrecorded += n - next;
	t->next = n + 1;
	l->received++;
	return n > next && !anywhere ? ARRIVAL_AHEAD : ARRIVAL_NEXT;
}

static enum arrival enter_corrupt(struct ledger *l)
{
	l->corrupt++;
	return l->last = ARRIVAL_CORRUPT;
}

static enum arrival enter_foreign(struct ledger *l)
{
	l->foreign++;
	return l->last = ARRIVAL_FOREIGN;
}

enum arrival ledger_enter(struct ledger *l, enum payload_status st, const struct payload_head *h)
{
	struct track *t;

	if (st != PAYLOAD_OK)
		return st == PAYLOAD_NONE ? enter_foreign(l) : enter_corrupt(l);
	if (h->run != l->run) {
		if (l->run != 0)
			return enter_foreign(l);
		l->run = h->run;
	}
	t = find_track(l, h->stream);
	if (t == NULL || h->n == 0 || h->n >= NUMBER)
		return enter_corrupt(l);
	if (h->n == t->next) {
		t->next++;
		l->received++;
		return l->last = ARRIVAL_NEXT;
	}
	return l->last = enter_odd(l, t, h->n);
}

void ledger_gap(struct ledger *l)
{
	l->fresh |= GAP;
	for (uint32_t i = 0; i < l->ntracks; i++)
		l->tracks[i].next |= GAP;
	for (uint32_t i = 0; l->orders != NULL && i < l->count; i++)
		l->orders[i].gap = 1;
}

void ledger_restart(struct ledger *l)
{
	l->fresh = 1 | ANYWHERE;
	for (uint32_t i = 0; i < l->ntracks; i++)
		l->tracks[i].next = (l->tracks[i].next & NUMBER) | ANYWHERE;
	for (uint32_t i = 0; l->orders != NULL && i < l->count; i++)
		l->orders[i].seq = 0;
}

/* --- envelopes ------------------------------------------------------------------------------- */

/* It goes on, but perhaps not with the next seq. */
static enum arrival order_ahead(struct order *o, uint64_t id, uint64_t seq)
{
	uint64_t skipped = seq - o->seq - 1;

	if (!o->gap)
		o->missing += skipped;
	o->gap = 0;
	o->id = id;
	o->seq = seq;
	return skipped > 0 ? ARRIVAL_AHEAD : ARRIVAL_NEXT;
}

/*
 * One of both goes back although the other goes on: that is wrong once, and what follows is judged
 * from here, or a single wrong digit would count a thousand times.
 */
static enum arrival order_odd(struct ledger *l, struct order *o, uint64_t id, uint64_t seq)
{
	uint64_t back = seq <= o->seq ? o->seq - seq + 1 : 0;

	o->missing -= back < o->missing ? back : o->missing;
	o->id = id;
	o->seq = seq;
	l->disordered++;
	return ARRIVAL_LATE;
}

static enum arrival order_back(struct ledger *l, struct order *o, uint64_t id)
{
	bool same = id == o->id;

	if (l->last == ARRIVAL_DOUBLE)
		return ARRIVAL_DOUBLE;
	if (!same && o->missing > 0)
		o->missing--;
	if (l->last == ARRIVAL_LATE)
		return ARRIVAL_LATE;
	*(same ? &l->doubled : &l->disordered) += 1;
	return same ? ARRIVAL_DOUBLE : ARRIVAL_LATE;
}

enum arrival ledger_enter_envelope(struct ledger *l, uint32_t topic, uint64_t id, uint64_t seq)
{
	uint32_t i = index_of(l, topic);
	struct order *o;

	/* Then these are not to be relied on, either. */
	if (l->last == ARRIVAL_CORRUPT || i >= l->count)
		return ARRIVAL_CORRUPT;
	if (l->orders == NULL)
		l->orders = calloc(l->count, sizeof(*l->orders));
	if (l->orders == NULL)
		return ARRIVAL_NEXT;
	o = &l->orders[i];
	if (o->seq == 0) {
		o->id = id;
		o->seq = seq;
		o->gap = 0;
		return ARRIVAL_NEXT;
	}
	if (id > o->id && seq > o->seq)
		return order_ahead(o, id, seq);
	if (id <= o->id && seq <= o->seq)
		return order_back(l, o, id);
	return order_odd(l, o, id, seq);
}

bool ledger_enter_next(struct ledger *l, const struct payload_head *h, uint64_t id, uint64_t seq,
	bool has_cursor)
{
	uint32_t i = index_of(l, h->stream < l->streams.topics ? h->stream : h->stream % l->streams.topics);
	struct track *t;
	struct order *o;

	if (h->run != l->run || l->orders == NULL || i >= l->count)
		return false;
	o = &l->orders[i];
	if (o->seq == 0 || o->gap || seq != o->seq + 1 || id <= o->id)
		return false;
	t = find_track(l, h->stream);
	if (t == NULL || h->n != t->next)
		return false;
	o->id = id;
	o->seq = seq;
	t->next++;
	l->received++;
	l->last = ARRIVAL_NEXT;
	l->kept[HABIT_ENVELOPE] = true;
	l->kept[HABIT_CURSOR] |= has_cursor;
	return true;
}

void ledger_spoil(struct ledger *l, uint32_t topic)
{
	uint32_t i = index_of(l, topic);

	if (l->orders == NULL || i >= l->count || l->orders[i].seq == 0)
		return;
	/* As if it had said what comes next. Whether it has a seq at all, others of the topic say. */
	l->orders[i].seq++;
	l->orders[i].id++;
}

void ledger_corrupt(struct ledger *l)
{
	l->corrupt++;
}

void ledger_habit(struct ledger *l, enum habit h, bool kept)
{
	if (kept)
		l->kept[h] = true;
	else
		l->broken[h] += l->broken[h] < UINT32_MAX;
}

/* --- the verdict ----------------------------------------------------------------------------- */

/* The (row)th stream of the ledger's topic (i). */
static uint32_t stream_of(const struct ledger *l, uint32_t row, uint32_t i)
{
	return (l->first + i) % l->streams.topics + row * l->streams.topics;
}

/* What a track should have brought. */
static struct stream_total total_of(const struct ledger *l, const struct stream_total *totals,
	uint32_t row, uint32_t i)
{
	uint32_t stream = stream_of(l, row, i);

	if (totals == NULL || stream >= streams_count(&l->streams))
		return (struct stream_total){0};
	return totals[stream];
}

static void add_track(struct verdict *v, const struct track *t, const struct stream_total *total)
{
	uint64_t rest = t->next & ANYWHERE ? 0 :
		missing_sure(t->next & NUMBER, total->published, total->unsure, total->nunsure);

	*(t->next & GAP ? &v->announced : &v->lost) += rest;
	v->lost += missing_lost(t->missing, total->unsure, total->nunsure);
	v->announced += missing_announced(t->missing, total->unsure, total->nunsure);
}

/* How many of the streams of topic (i) have not come, whatever the reason. */
static uint64_t topic_missing(const struct ledger *l, const struct stream_total *totals, uint32_t i)
{
	struct verdict all = {0};

	for (uint32_t row = 0; row < l->ntracks / l->count; row++) {
		struct stream_total total = total_of(l, totals, row, i);

		total.nunsure = 0;
		add_track(&all, &l->tracks[row * l->count + i], &total);
	}
	return all.lost + all.announced;
}

void ledger_verdict(const struct ledger *l, const struct stream_total *totals, struct verdict *v)
{
	*v = (struct verdict){
		.received = l->received,
		.lost = l->unrecorded,
		.doubled = l->doubled,
		.disordered = l->disordered,
		.corrupt = l->corrupt,
		.foreign = l->foreign,
	};
	for (uint32_t row = 0; row < l->ntracks / l->count; row++)
		for (uint32_t i = 0; i < l->count; i++) {
			struct stream_total total = total_of(l, totals, row, i);

			add_track(v, &l->tracks[row * l->count + i], &total);
		}
	for (uint32_t i = 0; l->orders != NULL && i < l->count; i++) {
		uint64_t by_seq = l->orders[i].missing;
		uint64_t by_tracks = by_seq > 0 ? topic_missing(l, totals, i) : 0;

		if (by_seq > by_tracks)
			v->lost += by_seq - by_tracks;
	}
	for (unsigned h = 0; h < HABITS; h++)
		v->corrupt += l->kept[h] ? l->broken[h] : 0;
	v->faulty = verdict_clean(v) ? 0 : 1;
}

static bool track_complete(const struct track *t, const struct stream_total *total)
{
	uint64_t next = t->next & NUMBER;

	if (t->missing == NULL && (next > total->published || t->next & ANYWHERE))
		return true;
	return ((t->next & ANYWHERE) ||
			missing_sure(next, total->published, total->unsure, total->nunsure) == 0) &&
		missing_lost(t->missing, total->unsure, total->nunsure) == 0;
}

bool ledger_complete(const struct ledger *l, const struct stream_total *totals)
{
	for (uint32_t row = 0; row < l->ntracks / l->count; row++)
		for (uint32_t i = 0; i < l->count; i++) {
			struct stream_total total = total_of(l, totals, row, i);

			if (!track_complete(&l->tracks[row * l->count + i], &total))
				return false;
		}
	return true;
}

void verdict_add(struct verdict *v, const struct verdict *from)
{
	v->received += from->received;
	v->lost += from->lost;
	v->doubled += from->doubled;
	v->disordered += from->disordered;
	v->corrupt += from->corrupt;
	v->announced += from->announced;
	v->foreign += from->foreign;
	v->faulty += from->faulty;
}

bool verdict_clean(const struct verdict *v)
{
	return v->lost == 0 && v->doubled == 0 && v->disordered == 0 && v->corrupt == 0;
}
