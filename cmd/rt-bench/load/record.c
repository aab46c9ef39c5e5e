/* SPDX-License-Identifier: MIT */
#include "load/record.h"

#include <string.h>

#include "hash.h"
#include "judge/payload.h"
#include "load/envelope.h"
#include "load/worker.h"

static void count_latency(struct subscriber *s, struct result_group *g, uint64_t due_ns, uint64_t now)
{
	if (due_ns < s->counts_from_ns)
		return;
	g->measured++;
	histogram_add(&g->latency, now > due_ns ? now - due_ns : 0);
}

/* A delivery, whatever is in it. */
static void count_delivery(struct subscriber *s, struct result_group *g, uint64_t now)
{
	struct worker *w = s->conn.w;
	struct tally *t = w->tally;

	g->deliveries++;
	t->last_delivery_ns = now;
	/* Who did not read while it was published gets it as late as --slow-for says: that is no rate. */
	if (s->slow && !w->publishing)
		t->caught_up++;
	else
		t->last_prompt_ns = now;
}

/* One that (s) did not have before. */
static void count_new(struct subscriber *s, struct result_group *g, uint64_t due_ns, uint64_t now)
{
	count_latency(s, g, due_ns, now);
	if (!s->slow)
		worker_add(&s->conn.w->delivered, 1);
}

static bool is_gap(struct str record)
{
	static const char gap[] = "{\"gap\":";

	return record.n >= sizeof(gap) && memcmp(record.p, gap, sizeof(gap) - 1) == 0;
}

static bool is_new(enum arrival a)
{
	return a == ARRIVAL_NEXT || a == ARRIVAL_AHEAD || a == ARRIVAL_LATE;
}

/* What was told of the event: of a payload's that is of its stream and number, else of its topic and seq. */
static bool agrees(struct subscriber *s, const struct payload_head *h, const struct envelope *e,
	struct str record)
{
	struct worker *w = s->conn.w;

	if (h != NULL)
		return witness_agrees(w->witness, record_stream(h->run, h->stream), h->n,
			envelope_name(e->id, e->seq));
	return e->seq == 0 || witness_agrees(w->witness, e->topic, e->seq, hash_bytes(record.p, record.n));
}

static void corrupt(struct subscriber *s)
{
	ledger_corrupt(s->ledger);
	worker_suspect(s->conn.w, s);
}

/*
 * Id, seq and topic are as they should be, as far as (s) can know: what others know of them? Once
 * more or late, it is wrong enough already. Returns whether it is all right.
 */
static bool judge_name(struct subscriber *s, const struct payload_head *h, const struct envelope *e,
	struct str record)
{
	if (ledger_enter_envelope(s->ledger, e->topic, e->id, e->seq) != ARRIVAL_NEXT)
		worker_suspect(s->conn.w, s);
	else if (agrees(s, h, e, record))
		return true;
	else
		corrupt(s);
	return false;
}

/* What is around a whole payload. */
static void judge_envelope(struct subscriber *s, struct str record, const struct payload_head *h,
	struct str where, const struct str *cursor)
{
	struct worker *w = s->conn.w;
	const struct bench *b = w->b;
	uint32_t topic = h->stream % b->streams.topics;
	bool parsed, whole, same;
	struct envelope e;

	parsed = envelope_parse(b, &e, record);
	whole = parsed && e.topic == topic && envelope_is_whole(&e, record, where);
	ledger_habit(s->ledger, HABIT_ENVELOPE, whole);
	if (parsed)
		w->cursor = e.id_text;
	same = !whole || cursor == NULL || str_eq(*cursor, e.id_text);
	if (whole && cursor != NULL)
		ledger_habit(s->ledger, HABIT_CURSOR, same);
	if (whole && same) {
		w->sound = judge_name(s, h, &e, record);
		w->heard = (struct known_event){
			.head = *h, .id = e.id, .seq = e.seq, .has_cursor = cursor != NULL,
		};
		return;
	}
	worker_suspect(w, s);
	ledger_spoil(s->ledger, topic);
}

/* An event of somebody else: nothing but its envelope can be judged, and if we publish, it does not count. */
static void take_foreign(struct subscriber *s, struct str record, uint64_t now)
{
	struct result_group *g = subscriber_group(s);
	struct worker *w = s->conn.w;
	struct envelope e;
	const char *next;
	bool parsed = w->b->sub_is_rt && envelope_parse(w->b, &e, record);
	bool timely = parsed && envelope_is_timely(&e, record.p + record.n, &next);

	if (parsed) {
		w->cursor = e.id_text;
		ledger_habit(s->ledger, HABIT_ENVELOPE, timely);
	}
	if (timely)
		judge_name(s, NULL, &e, record);
	else if (parsed)
		ledger_spoil(s->ledger, e.topic);
	if (!w->b->from_outside)
		return;
	count_delivery(s, g, now);
	if (timely)
		count_latency(s, g, e.id / 1000 * 1000000, now);
}

/* Returns where the payload ended, or NULL if there was none. */
static const char *take_one(struct subscriber *s, struct str record, const struct str *cursor, uint64_t now)
{
	struct worker *w = s->conn.w;
	struct result_group *g = subscriber_group(s);
	struct payload_head h;
	struct str where = {0};
	enum payload_status status = payload_find(record, &h, &where);
	enum arrival a = ledger_enter(s->ledger, status, &h);

	w->nheard++;
	if (status == PAYLOAD_NONE || a == ARRIVAL_FOREIGN) {
		take_foreign(s, record, now);
		return status == PAYLOAD_OK ? where.p + where.n : NULL;
	}
	count_delivery(s, g, now);
	if (a != ARRIVAL_NEXT)
		worker_suspect(w, s);
	if (status != PAYLOAD_OK)
		return NULL;
	if (w->b->sub_is_rt && a != ARRIVAL_CORRUPT)
		judge_envelope(s, record, &h, where, cursor);
	if (is_new(a))
		count_new(s, g, h.due_ns, now);
	return where.p + where.n;
}

bool record_take(struct subscriber *s, struct str record, const struct str *cursor, uint64_t now)
{
	if (record.n > s->conn.w->b->c->max_event) {
		conn_refuse(&s->conn);
		return false;
	}
	if (!s->conn.w->b->sub_is_rt) {
		record_take_all(s, record, now);
	} else if (is_gap(record)) {
		s->conn.w->nheard++;
		ledger_gap(s->ledger);
		worker_suspect(s->conn.w, s);
	} else {
		take_one(s, record, cursor, now);
	}
	return true;
}

size_t record_take_known(struct subscriber *s, const char *p, size_t n, uint64_t now)
{
	struct worker *w = s->conn.w;
	struct result_group *g = subscriber_group(s);
	const struct known_event *e;
	size_t len;

	e = known_find(w->known, p, n, &len);
	if (e == NULL || !ledger_enter_next(s->ledger, &e->head, e->id, e->seq, e->has_cursor))
		return 0;
	/* Of two things that were told of it, this may be the wrong one. */
	if (!witness_agrees(w->witness, record_stream(e->head.run, e->head.stream), e->head.n,
			envelope_name(e->id, e->seq)))
		corrupt(s);
	w->cursor = (struct str){p + e->cursor_at, e->ncursor};
	count_delivery(s, g, now);
	count_new(s, g, e->head.due_ns, now);
	return len;
}

void record_learn(struct worker *w, struct str wire)
{
	const struct bench *b = w->b;
	struct known_event e = w->heard;

	/* What only one listens to does not come again. */
	if (w->nheard != 1 || !w->sound || b->listeners[e.head.stream % b->streams.topics] < 2)
		return;
	e.cursor_at = (uint32_t)(w->cursor.p - wire.p);
	e.ncursor = (uint32_t)w->cursor.n;
	known_add(w->known, wire, &e);
}

void record_take_all(struct subscriber *s, struct str text, uint64_t now)
{
	const char *end = text.p + text.n, *at = take_one(s, text, NULL, now);
	struct payload_head h;
	struct str where;

	while (at != NULL && payload_find((struct str){at, (size_t)(end - at)}, &h, &where) != PAYLOAD_NONE)
		at = take_one(s, (struct str){at, (size_t)(end - at)}, NULL, now);
}

void record_spoilt(struct subscriber *s)
{
	s->conn.w->nheard++;
	if (s->conn.w->b->sub_is_rt)
		corrupt(s);
}
