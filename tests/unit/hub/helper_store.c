/* SPDX-License-Identifier: MIT */
#include "helper_store.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "topic.h"

static unsigned domain_of(const struct script *s, struct str topic)
{
	return s->domains == 2 && topic.p[0] >= 'm' ? 1 : 0;
}

static void parse(struct str cursor, uint64_t at[2])
{
	char text[CURSOR_MAX + 1];

	at[0] = at[1] = 0;
	if (cursor.p == NULL)
		return;
	memcpy(text, cursor.p, cursor.n);
	text[cursor.n] = '\0';
	sscanf(text, "%" SCNu64 ".%" SCNu64, &at[0], &at[1]);
}

static char *print(const uint64_t at[2])
{
	char *text = malloc(48);

	snprintf(text, 48, "%" PRIu64 ".%" PRIu64, at[0], at[1]);
	return text;
}

/* --- publishing ------------------------------------------------------------------------------ */

static void grow(struct script *s)
{
	if (s->n < s->cap)
		return;
	s->cap = s->cap == 0 ? 64 : s->cap * 2;
	s->log = realloc(s->log, s->cap * sizeof(s->log[0]));
	s->indexes = realloc(s->indexes, s->cap * sizeof(s->indexes[0]));
}

struct event *script_publish(struct script *s, const char *topic, const char *key, bool ephemeral)
{
	struct event_draft d = {.topic = str_of(topic), .key = str_of(key), .data = STR_LIT("1"),
		.ephemeral = ephemeral};
	struct event *e = event_new(&d);
	unsigned domain = domain_of(s, d.topic);
	char id[24];
	int len = snprintf(id, sizeof(id), "%" PRIu64, s->n + 1);

	grow(s);
	if (!ephemeral)
		s->count[domain]++;
	s->indexes[s->n] = ephemeral ? 0 : s->count[domain];
	s->log[s->n] = e;
	e->pos = ++s->n;
	event_commit(e, ephemeral ? STR_NULL : (struct str){id, (size_t)len},
		ephemeral ? 0 : s->count[domain], 1);
	if (!ephemeral)
		e->cursor = print(s->count);
	if (s->wake != NULL)
		s->wake(s->wake_arg);
	return e;
}

bool script_after(const struct script *s, uint64_t pos, const char *cursor)
{
	uint64_t at[2];

	parse(str_of(cursor), at);
	return s->indexes[pos - 1] > at[domain_of(s, event_topic(s->log[pos - 1]))];
}

/* --- reading --------------------------------------------------------------------------------- */

static bool wanted(const struct script *s, const struct read *r, uint64_t i, const uint64_t at[2])
{
	struct str topic = event_topic(s->log[i]);

	return s->indexes[i] > at[domain_of(s, topic)] && filters_match(r->filters, topic);
}

static void start_last(struct script *s, struct read *r, uint64_t at[2])
{
	uint64_t left = r->last;

	memcpy(at, s->count, sizeof(s->count));
	for (uint64_t i = s->n; i > s->dropped && left > 0; i--) {
		if (s->indexes[i - 1] == 0)
			continue;
		at[domain_of(s, event_topic(s->log[i - 1]))] = s->indexes[i - 1] - 1;
		if (filters_match(r->filters, event_topic(s->log[i - 1])))
			left--;
	}
}

static bool lost(const struct script *s, struct str filter, const uint64_t at[2], uint64_t known)
{
	for (uint64_t i = known; i < s->dropped; i++) {
		struct str topic = event_topic(s->log[i]);

		if (s->indexes[i] > at[domain_of(s, topic)] && topic_match(filter, topic))
			return true;
	}
	return false;
}

/* (gap_known) is "gN": what was dropped up to position N was told. */
static void find_gaps(struct script *s, struct read *r, const uint64_t at[2])
{
	uint64_t known = r->gap_known == NULL ? 0 : strtoull(r->gap_known + 1, NULL, 10);
	uint64_t until[2] = {0, 0};
	char *after = print(at), *text;

	for (uint64_t i = 0; i < s->dropped; i++)
		if (s->indexes[i] > 0)
			until[domain_of(s, event_topic(s->log[i]))] = s->indexes[i];
	text = print(until);
	for (unsigned k = 0; k < r->filters->n; k++)
		if (lost(s, r->filters->items[k], at, known))
			read_add_gap(r, r->filters->items[k], str_of(after), str_of(text), "retention");
	free(after);
	free(text);
	free(r->gap_known);
	r->gap_known = malloc(24);
	snprintf(r->gap_known, 24, "g%" PRIu64, s->dropped);
}

static bool is_newest(const struct script *s, uint64_t i)
{
	for (uint64_t k = i + 1; k < s->n; k++)
		if (s->indexes[k] > 0 && str_eq(event_topic(s->log[k]), event_topic(s->log[i])) &&
				str_eq(event_key(s->log[k]), event_key(s->log[i])))
			return false;
	return true;
}

static void answer(struct script *s, struct read *r)
{
	uint64_t at[2] = {0, 0}, i;

	r->status = s->fails;
	if (r->status != STORE_OK)
		return;
	if (r->from == READ_CURSOR)
		parse(str_of(r->position), at);
	else if (r->from == READ_LAST)
		start_last(s, r, at);
	else if (r->from == READ_NOW)
		memcpy(at, s->count, sizeof(at));
	r->start = print(at);
	find_gaps(s, r, at);
	for (i = s->dropped; i < s->n && r->n < r->max_events; i++) {
		if (!wanted(s, r, i, at) || (r->from == READ_LATEST && !is_newest(s, i)))
			continue;
		read_add_event(r, s->log[i]);
		at[domain_of(s, event_topic(s->log[i]))] = s->indexes[i];
	}
	r->at_end = i == s->n;
	r->end_pos = r->at_end ? s->n : 0;
	r->end = print(r->at_end ? s->count : at);
}

static bool script_read(struct store *base, struct read *r)
{
	struct script *s = (struct script *)base;

	s->reads++;
	answer(s, r);
	if (!s->later)
		return true;
	r->next = NULL;
	*s->pending_end = r;
	s->pending_end = &r->next;
	return false;
}

unsigned script_finish(struct script *s, unsigned max)
{
	unsigned n = 0;

	while (n < max && s->pending != NULL) {
		struct read *r = s->pending;

		s->pending = r->next;
		if (s->pending == NULL)
			s->pending_end = &s->pending;
		n++;
		r->done(r);
	}
	return n;
}

/* --- the tail -------------------------------------------------------------------------------- */

static uint64_t script_tail_pos(const struct store *base)
{
	return ((const struct script *)base)->n;
}

static int script_tail(struct store *base, uint64_t after, struct event **out, size_t max)
{
	struct script *s = (struct script *)base;
	size_t n = 0;

	if (s->window > 0 && after + s->window < s->n)
		return -1;
	for (; n < max && after + n < s->n; n++) {
		out[n] = s->log[after + n];
		event_ref(out[n]);
	}
	return (int)n;
}

static char *script_tail_cursor(struct store *base, uint64_t *pos)
{
	struct script *s = (struct script *)base;

	*pos = s->n;
	return print(s->count);
}

static void script_watch(struct store *base, void (*wake)(void *arg), void *arg)
{
	struct script *s = (struct script *)base;

	s->wake = wake;
	s->wake_arg = arg;
}

static const char *script_identity(const struct store *base)
{
	(void)base;
	return "0123456789abcdef";
}

static int script_compare(const struct store *base, struct str a, struct str b)
{
	uint64_t x[2], y[2];

	(void)base;
	parse(a, x);
	parse(b, y);
	if (x[0] == y[0] && x[1] == y[1])
		return 0;
	if (x[0] <= y[0] && x[1] <= y[1])
		return -1;
	return x[0] >= y[0] && x[1] >= y[1] ? 1 : -2;
}

/* --- life ------------------------------------------------------------------------------------ */

static const struct store_ops script_ops = {
	.read = script_read,
	.tail_pos = script_tail_pos,
	.tail = script_tail,
	.tail_cursor = script_tail_cursor,
	.watch = script_watch,
	.identity = script_identity,
	.cursor_compare = script_compare,
};

struct script *script_new(unsigned domains)
{
	struct script *s = calloc(1, sizeof(*s));

	s->base.ops = &script_ops;
	s->domains = domains;
	s->pending_end = &s->pending;
	return s;
}

void script_free(struct script *s)
{
	assert(s->pending == NULL);
	for (uint64_t i = 0; i < s->n; i++)
		event_unref(s->log[i]);
	free(s->log);
	free(s->indexes);
	free(s);
}
