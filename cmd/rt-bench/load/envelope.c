/* SPDX-License-Identifier: MIT */
#include "load/envelope.h"

#include <string.h>

#include "units.h"

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

bool envelope_parse(const struct bench *b, struct envelope *e, struct str record)
{
	const char *end = record.p + record.n, *p = skip(record.p, end, STR_LIT("{\"id\":\"")), *start = p;

	if (p == NULL)
		return false;
	p = parse_number(p, end, &e->id);
	if (p == start)
		return false;
	e->id_text = (struct str){start, (size_t)(p - start)};
	p = skip(p, end, STR_LIT("\",\"topic\":\""));
	if (p != NULL)
		p = bench_topic_parse(b, p, end, &e->topic);
	start = p = skip(p, end, STR_LIT("\",\"seq\":"));
	if (p == NULL)
		return false;
	e->rest = parse_number(p, end, &e->seq);
	return e->rest != start;
}

/*
 * The time of an id. All subscribers get the same few events at about the same time: of those it is
 * written down once a thread.
 */
static const char *time_of(uint64_t id)
{
	static _Thread_local struct {
		uint64_t ms;
		char text[UNITS_RFC3339_LEN];	/* text[0] == 0: none */
	} known[64];
	uint64_t ms = id / 1000;
	unsigned i = ms % 64;

	if (known[i].ms != ms || known[i].text[0] == '\0') {
		units_format_time(known[i].text, ms);
		known[i].ms = ms;
	}
	return known[i].text;
}

bool envelope_is_timely(const struct envelope *e, const char *end, const char **next)
{
	const char *p = skip(e->rest, end, STR_LIT(",\"time\":\""));

	if (p == NULL || end - p < UNITS_RFC3339_LEN)
		return false;
	*next = p + UNITS_RFC3339_LEN;
	return memcmp(p, time_of(e->id), UNITS_RFC3339_LEN) == 0;
}

bool envelope_is_whole(const struct envelope *e, struct str record, struct str where)
{
	const char *end = record.p + record.n, *p;

	/* No number begins with 0: there is one way to write each. */
	if (e->id_text.p[0] == '0' || !envelope_is_timely(e, end, &p))
		return false;
	p = skip(p, end, STR_LIT("\",\"data\":"));
	return p == where.p && where.p + where.n + 1 == end && end[-1] == '}';
}

bool envelope_parse_ack(const char *p, const char *end, uint64_t *id, uint64_t *seq)
{
	const char *start = p = skip(p, end, STR_LIT("\"id\":\""));

	if (p == NULL)
		return false;
	p = parse_number(p, end, id);
	if (p == start)
		return false;
	start = p = skip(p, end, STR_LIT("\",\"seq\":"));
	return p != NULL && parse_number(p, end, seq) != start;
}
