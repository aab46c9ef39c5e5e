/* SPDX-License-Identifier: MIT */
#include "load/record.h"

#include <string.h>

#include "judge/payload.h"
#include "load/worker.h"
#include "units.h"

/* The members of an envelope that are judged. */
struct stamp {
	struct str id_text;
	uint64_t id, seq;
	uint32_t topic;
	const char *rest;	/* behind the seq */
};

/* The decimal number at (p). Returns what is behind it; (p) itself: there is none, or it is too long. */
static const char *parse_number(const char *p, const char *end, uint64_t *v)
{
	const char *start = p;

	*v = 0;
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		*v = *v * 10 + (uint64_t)(*p - '0');
	return p - start > 19 ? start : p;
}

/* (p) behind (what), or NULL if something else is there. */
static const char *skip(const char *p, const char *end, struct str what)
{
	if (p == NULL || (size_t)(end - p) < what.n || memcmp(p, what.p, what.n) != 0)
		return NULL;
	return p + what.n;
}

/*
 * {"id":"…","topic":"…","seq":N at their fixed places. False: it is not so, as for an ephemeral event, or in a
 * store whose ids are no numbers.
 */
static bool parse_stamp(const struct bench *b, struct stamp *st, struct str record)
{
	const char *end = record.p + record.n, *p = skip(record.p, end, STR_LIT("{\"id\":\"")), *start = p;

	if (p == NULL)
		return false;
	p = parse_number(p, end, &st->id);
	if (p == start)
		return false;
	st->id_text = (struct str){start, (size_t)(p - start)};
	p = skip(p, end, STR_LIT("\",\"topic\":\""));
	if (p != NULL)
		p = bench_topic_parse(b, p, end, &st->topic);
	start = p = skip(p, end, STR_LIT("\",\"seq\":"));
	if (p == NULL)
		return false;
	st->rest = parse_number(p, end, &st->seq);
	return st->rest != start;
}

/* When it was published, to the millisecond: events that are not ours say no more. 0: they do not. */
static uint64_t published_ns(const struct stamp *st, struct str record)
{
	const char *end = record.p + record.n, *p = skip(st->rest, end, STR_LIT(",\"time\":\""));
	uint64_t us;

	if (p == NULL || end - p < UNITS_RFC3339_LEN || units_parse_time(p, UNITS_RFC3339_LEN, &us) != 0)
		return 0;
	return us * 1000;
}

static void count_latency(struct subscriber *s, struct result_group *g, uint64_t due_ns, uint64_t now)
{
	if (due_ns < s->counts_from_ns)
		return;
	g->measured++;
	histogram_add(&g->latency, now > due_ns ? now - due_ns : 0);
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

/* Returns false if (record) has no stamp. */
static bool take_stamp(struct subscriber *s, struct stamp *st, struct str record)
{
	struct worker *w = s->conn.w;

	if (!w->b->sub_is_rt || !parse_stamp(w->b, st, record))
		return false;
	w->cursor = st->id_text;
	if (ledger_enter_envelope(s->ledger, st->topic, st->id, st->seq) != ARRIVAL_NEXT)
		worker_suspect(w, s);
	return true;
}

/* An event of somebody else: nothing but its envelope can be judged, and if we publish, it does not count. */
static void take_foreign(struct subscriber *s, struct str record, uint64_t now)
{
	struct result_group *g = subscriber_group(s);
	struct worker *w = s->conn.w;
	struct stamp st;
	uint64_t published;
	bool stamped = take_stamp(s, &st, record);

	if (!w->b->from_outside)
		return;
	g->deliveries++;
	w->tally->last_delivery_ns = now;
	published = stamped ? published_ns(&st, record) : 0;
	if (published != 0)
		count_latency(s, g, published, now);
}

/* Returns where the payload ended, or NULL if there was none. */
static const char *take_one(struct subscriber *s, struct str record, uint64_t now)
{
	struct worker *w = s->conn.w;
	struct result_group *g = subscriber_group(s);
	struct payload_head h;
	struct str where = {0};
	struct stamp st;
	enum payload_status status = payload_find(record, &h, &where);
	enum arrival a = ledger_enter(s->ledger, status, &h);

	if (status == PAYLOAD_NONE || a == ARRIVAL_FOREIGN) {
		take_foreign(s, record, now);
		return status == PAYLOAD_OK ? where.p + where.n : NULL;
	}
	g->deliveries++;
	w->tally->last_delivery_ns = now;
	take_stamp(s, &st, record);
	if (a != ARRIVAL_NEXT)
		worker_suspect(w, s);
	if (status != PAYLOAD_OK)
		return NULL;
	if (is_new(a)) {
		count_latency(s, g, h.due_ns, now);
		if (!s->slow)
			worker_add(&w->delivered, 1);
	}
	return where.p + where.n;
}

void record_take(struct subscriber *s, struct str record, uint64_t now)
{
	if (!s->conn.w->b->sub_is_rt) {
		record_take_all(s, record, now);
	} else if (is_gap(record)) {
		ledger_gap(s->ledger);
		worker_suspect(s->conn.w, s);
	} else {
		take_one(s, record, now);
	}
}

void record_take_all(struct subscriber *s, struct str text, uint64_t now)
{
	const char *end = text.p + text.n, *at = take_one(s, text, now);
	struct payload_head h;
	struct str where;

	while (at != NULL && payload_find((struct str){at, (size_t)(end - at)}, &h, &where) != PAYLOAD_NONE)
		at = take_one(s, (struct str){at, (size_t)(end - at)}, now);
}
