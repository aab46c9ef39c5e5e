/* SPDX-License-Identifier: MIT */
#include "judge/missing.h"

#include <stdlib.h>
#include <string.h>

#define RANGES_FIRST 4

struct range {
	uint64_t from : 63;
	uint64_t announced : 1;
	uint64_t to;
};

struct missing {
	uint32_t n, cap;
	uint64_t floor;		/* the highest settled number; 0: none */
	uint64_t settled;	/* how many up to there are missing */
	uint64_t settled_announced;	/* the same of announced ones */
	struct range ranges[];
};

static struct missing *grow(struct missing *m)
{
	uint32_t cap = m == NULL ? RANGES_FIRST : 2 * m->cap;
	struct missing *p = realloc(m, sizeof(*p) + cap * sizeof(p->ranges[0]));

	if (p == NULL)
		return NULL;
	if (m == NULL)
		memset(p, 0, sizeof(*p));
	p->cap = cap;
	return p;
}

static uint64_t *settled_of(struct missing *m, bool announced)
{
	return announced ? &m->settled_announced : &m->settled;
}

/* A quarter of them at once, so that it costs little per range. */
static void settle_oldest(struct missing *m)
{
	uint32_t n = (m->n + 3) / 4;

	for (uint32_t i = 0; i < n; i++) {
		const struct range *r = &m->ranges[i];

		*settled_of(m, r->announced) += r->to - r->from + 1;
		m->floor = r->to;
	}
	m->n -= n;
	memmove(m->ranges, m->ranges + n, m->n * sizeof(m->ranges[0]));
}

/* Room for one more range. False: there is no memory for the first. */
static bool make_room(struct missing **m)
{
	struct missing *p = *m;

	if (p != NULL && p->n < p->cap)
		return true;
	if (p == NULL || p->cap < MISSING_RANGES_MAX)
		p = grow(*m);
	if (p != NULL)
		*m = p;
	else if (*m == NULL)
		return false;
	if ((*m)->n == (*m)->cap)
		settle_oldest(*m);
	return true;
}

bool missing_add(struct missing **m, uint64_t from, uint64_t to, bool announced)
{
	if (!make_room(m))
		return false;
	(*m)->ranges[(*m)->n++] = (struct range){.from = from, .to = to, .announced = announced};
	return true;
}

/* The first range that does not end below (n). */
static uint32_t find(const struct missing *m, uint64_t n)
{
	uint32_t low = 0, high = m->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (m->ranges[mid].to < n)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* (n) is inside of range (i): make two of it. */
static void split(struct missing **m, uint32_t i, uint64_t n)
{
	bool announced = (*m)->ranges[i].announced;
	uint32_t before = (*m)->n, settled;
	struct range *r;

	make_room(m);
	settled = before - (*m)->n;
	if (i < settled) {
		*settled_of(*m, announced) -= 1;
		return;
	}
	i -= settled;
	r = &(*m)->ranges[i];
	memmove(r + 1, r, ((*m)->n - i) * sizeof(*r));
	(*m)->n++;
	r[0].to = n - 1;
	r[1].from = n + 1;
}

static void take_of_range(struct missing **m, uint32_t i, uint64_t n)
{
	struct range *r = &(*m)->ranges[i];

	if (r->from < n && n < r->to) {
		split(m, i, n);
	} else if (r->from < n) {
		r->to--;
	} else if (n < r->to) {
		r->from++;
	} else {
		(*m)->n--;
		memmove(r, r + 1, ((*m)->n - i) * sizeof(*r));
	}
}

/* Nobody knows any more which of the settled ones are missing: (n) is one as long as there are any. */
static bool take_settled(struct missing *m)
{
	uint64_t *of = m->settled > 0 ? &m->settled : &m->settled_announced;

	if (*of == 0)
		return false;
	*of -= 1;
	return true;
}

bool missing_take(struct missing **m, uint64_t n)
{
	bool taken = true;
	uint32_t i;

	if (*m == NULL)
		return false;
	i = find(*m, n);
	if (n <= (*m)->floor)
		taken = take_settled(*m);
	else if (i < (*m)->n && (*m)->ranges[i].from <= n)
		take_of_range(m, i, n);
	else
		taken = false;
	if ((*m)->n == 0 && (*m)->settled == 0 && (*m)->settled_announced == 0) {
		free(*m);
		*m = NULL;
	}
	return taken;
}

uint64_t missing_sure(uint64_t from, uint64_t to, const struct unsure *unsure, uint32_t n)
{
	uint64_t sure;

	if (from > to)
		return 0;
	sure = to - from + 1;
	for (uint32_t i = 0; i < n && unsure[i].from <= to; i++) {
		uint64_t low = unsure[i].from > from ? unsure[i].from : from;
		uint64_t high = unsure[i].to < to ? unsure[i].to : to;

		if (low <= high)
			sure -= high - low + 1;
	}
	return sure;
}

/* Of the settled, as many are unsure as can be: nobody is charged with what he may not have done. */
static uint64_t settled_sure(uint64_t settled, uint64_t floor, const struct unsure *unsure, uint32_t n)
{
	uint64_t doubtful = floor - missing_sure(1, floor, unsure, n);

	return settled > doubtful ? settled - doubtful : 0;
}

static uint64_t count(const struct missing *m, bool announced, const struct unsure *unsure, uint32_t n)
{
	uint64_t sum;

	if (m == NULL)
		return 0;
	sum = settled_sure(announced ? m->settled_announced : m->settled, m->floor, unsure, n);
	for (uint32_t i = 0; i < m->n; i++)
		if (m->ranges[i].announced == announced)
			sum += missing_sure(m->ranges[i].from, m->ranges[i].to, unsure, n);
	return sum;
}

uint64_t missing_lost(const struct missing *m, const struct unsure *unsure, uint32_t n)
{
	return count(m, false, unsure, n);
}

uint64_t missing_announced(const struct missing *m, const struct unsure *unsure, uint32_t n)
{
	return count(m, true, unsure, n);
}

void missing_free(struct missing *m)
{
	free(m);
}
