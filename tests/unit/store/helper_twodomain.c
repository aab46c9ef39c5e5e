/* SPDX-License-Identifier: MIT */
#include "helper_twodomain.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "units.h"

#define DOMAINS 2

struct position {
	uint64_t at[DOMAINS];
};

struct entry {
	struct event *e;
	unsigned domain;
	uint64_t number;	/* in its domain; 0: ephemeral */
	struct position after;	/* of somebody who has had everything up to it */
};

struct twodomain {
	struct store store;
	pthread_mutex_t lock;
	struct entry *log;	/* in the order of the tail: position p is log[p - 1] */
	size_t n, cap;
	struct position last, dropped;
	uint64_t forgotten;	/* tail positions */
	bool hold;
	struct read *held, **held_end;
	void (*wake[STORE_WATCHERS])(void *arg);
	void *wake_arg[STORE_WATCHERS];
	unsigned nwake;
};

static struct twodomain *self(const struct store *s)
{
	return (struct twodomain *)s;
}

static void must(bool ok)
{
	if (!ok)
		abort();
}

unsigned twodomain_of(struct str topic)
{
	unsigned sum = 0;

	for (size_t i = 0; i < topic.n; i++)
		sum += (unsigned char)topic.p[i];
	return sum % DOMAINS;
}

/* --- cursors -------------------------------------------------------------------------------- */

static char *format(const struct position *p)
{
	char *text = NULL;

	must(asprintf(&text, "%llu.%llu", (unsigned long long)p->at[0],
		(unsigned long long)p->at[1]) > 0);
	return text;
}

static bool parse(struct str text, struct position *p)
{
	const char *dot = text.n > 0 ? memchr(text.p, '.', text.n) : NULL;
	size_t n = dot == NULL ? 0 : (size_t)(dot - text.p);

	return dot != NULL && units_parse_number(text.p, n, 0, UINT32_MAX, &p->at[0]) == 0 &&
		units_parse_number(dot + 1, text.n - n - 1, 0, UINT32_MAX, &p->at[1]) == 0;
}

static bool cursor_valid(const struct store *s, struct str text)
{
	struct position p;

	(void)s;
	return parse(text, &p);
}

static int cursor_compare(const struct store *s, struct str a, struct str b)
{
	struct position x, y;
	bool less, more;

	(void)s;
	must(parse(a, &x) && parse(b, &y));
	less = x.at[0] < y.at[0] || x.at[1] < y.at[1];
	more = x.at[0] > y.at[0] || x.at[1] > y.at[1];
	return less && more ? -2 : more - less;
}

/* --- append --------------------------------------------------------------------------------- */

static uint64_t next_seq(const struct twodomain *t, struct str topic)
{
	for (size_t i = t->n; i-- > 0; ) {
		if (t->log[i].number > 0 && str_eq(event_topic(t->log[i].e), topic))
			return t->log[i].e->seq + 1;
	}
	return 1;
}

static void append_one(struct twodomain *t, struct event *e)
{
	struct entry *n;
	char id[32];

	if (t->n == t->cap) {
		t->cap = t->cap > 0 ? t->cap * 2 : 64;
		t->log = realloc(t->log, t->cap * sizeof(*t->log));
		must(t->log != NULL);
	}
	n = &t->log[t->n];
	*n = (struct entry){.e = e, .domain = twodomain_of(event_topic(e))};
	event_ref(e);
	if (e->ephemeral) {
		event_commit(e, STR_NULL, 0, units_now_us() / 1000);
	} else {
		n->number = ++t->last.at[n->domain];
		snprintf(id, sizeof(id), "%c%llu", "ab"[n->domain], (unsigned long long)n->number);
		event_commit(e, str_of(id), next_seq(t, event_topic(e)), units_now_us() / 1000);
		e->cursor = format(&t->last);
	}
	n->after = t->last;
	e->pos = ++t->n;
}

static void append(struct store *s, struct batch *b)
{
	struct twodomain *t = self(s);

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < b->n; i++)
		append_one(t, b->events[i]);
	pthread_mutex_unlock(&t->lock);
	b->status = STORE_OK;
	b->ack = STORE_ACK_REPLICATED;
	if (b->key != NULL) {
		if (b->answer.max == 0)
			buf_init(&b->answer, SIZE_MAX);
		must(b->write_answer(b, &b->answer) == 0);
	}
	for (unsigned i = 0; i < t->nwake; i++)
		t->wake[i](t->wake_arg[i]);
	b->done(b);
}

static size_t queued(const struct store *s)
{
	(void)s;
	return 0;
}

/* --- read ----------------------------------------------------------------------------------- */

/* What a reader gets is a copy: after it he stands elsewhere than one who followed the tail. */
static struct event *copy(const struct event *e, const struct position *after)
{
	struct event_draft d = {
		.topic = event_topic(e), .type = event_type(e), .key = event_key(e),
		.from = event_from(e), .data = event_data(e),
	};
	struct event *c;

	if (e->base64) {
		d.data = STR_NULL;
		d.base64 = (struct str){event_data(e).p + 1, event_data(e).n - 2};
	}
	c = event_new(&d);
	must(c != NULL);
	event_commit(c, event_id(e), e->seq, e->time_ms);
	c->pos = e->pos;
	c->cursor = format(after);
	return c;
}

static bool is_wanted(const struct twodomain *t, const struct entry *n, const struct read *r,
	const struct position *p)
{
	return n->number > 0 && n->number > p->at[n->domain] &&
		n->number > t->dropped.at[n->domain] &&
		filters_match(r->filters, event_topic(n->e));
}

static void give(struct read *r, const struct entry *n, struct position *p)
{
	struct event *c;

	p->at[n->domain] = n->number;
	c = copy(n->e, p);
	must(read_add_event(r, c) == 0);
	event_unref(c);
}

/* Any filter may match topics of both domains, so a loss in either concerns all of them. */
static void add_gaps(const struct twodomain *t, struct read *r, const struct position *p)
{
	struct position until = *p;
	char *a, *u;

	for (unsigned d = 0; d < DOMAINS; d++) {
		if (t->dropped.at[d] > p->at[d])
			until.at[d] = t->dropped.at[d];
	}
	a = format(p);
	u = format(&until);
	if (strcmp(a, u) != 0 && (r->gap_known == NULL || strcmp(r->gap_known, u) != 0)) {
		for (unsigned i = 0; i < r->filters->n; i++)
			must(read_add_gap(r, r->filters->items[i], str_of(a), str_of(u),
			"retention") == 0);
		free(r->gap_known);
		r->gap_known = strdup(u);
	}
	free(a);
	free(u);
}

static void forward(const struct twodomain *t, struct read *r, struct position p)
{
	size_t bytes = 0, i;

	r->start = format(&p);
	for (i = 0; i < t->n; i++) {
		if (!is_wanted(t, &t->log[i], r, &p))
			continue;
		bytes += t->log[i].e->json_len;
		if (r->n > 0 && (r->n >= r->max_events || bytes > r->max_bytes))
			break;
		give(r, &t->log[i], &p);
	}
	r->at_end = i == t->n;
	r->end_pos = r->at_end ? t->n : 0;
	r->end = format(&p);
}

static bool is_shadowed(const struct twodomain *t, const struct read *r, size_t i)
{
	const struct event *e = t->log[i].e, *x;
	const struct position zero = {{0, 0}};

	for (size_t k = i + 1; k < t->n; k++) {
		x = t->log[k].e;
		if (is_wanted(t, &t->log[k], r, &zero) && str_eq(event_topic(e), event_topic(x)) &&
				e->has_key == x->has_key && str_eq(event_key(e), event_key(x)))
			return true;
	}
	return false;
}

static void latest(const struct twodomain *t, struct read *r)
{
	struct position zero = {{0, 0}}, p;

	for (size_t i = 0; i < t->n; i++) {
		p = zero;
		if (!is_wanted(t, &t->log[i], r, &zero) || is_shadowed(t, r, i))
			continue;
		if (r->n == r->max_events) {
			event_unref(r->events[0]);
			memmove(r->events, r->events + 1, --r->n * sizeof(struct event *));
			r->truncated = true;
		}
		give(r, &t->log[i], &p);
	}
	r->start = format(&t->last);
	r->end = format(&t->last);
	r->at_end = true;
	r->end_pos = t->n;
}

/* Where the newest (r->last) matching events begin. */
static struct position before_last(const struct twodomain *t, const struct read *r)
{
	struct position p = t->last;
	uint64_t left = r->last;

	for (size_t i = t->n; i-- > 0 && left > 0; ) {
		if (!is_wanted(t, &t->log[i], r, &(struct position){{0, 0}}))
			continue;
		p = t->log[i].after;
		p.at[t->log[i].domain]--;
		left--;
	}
	return p;
}

static struct position before_time(const struct twodomain *t, uint64_t time_us)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->log[i].e->time_ms * 1000 >= time_us)
			return i > 0 ? t->log[i - 1].after : (struct position){{0, 0}};
	}
	return t->last;
}

static bool after_id(const struct twodomain *t, struct str id, struct position *p)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->log[i].number > 0 && str_eq(event_id(t->log[i].e), id)) {
			*p = t->log[i].after;
			return true;
		}
	}
	return false;
}

static void read_locked(const struct twodomain *t, struct read *r)
{
	struct position p = {{0, 0}};
	bool good = true;

	switch (r->from) {
	case READ_LATEST:
		latest(t, r);
		return;
	case READ_CURSOR:
		good = parse(str_of(r->position), &p);
		break;
	case READ_ID:
		good = after_id(t, str_of(r->position), &p);
		break;
	case READ_NOW:
		p = t->last;
		break;
	case READ_TIME:
		p = before_time(t, r->time_us);
		break;
	case READ_LAST:
		p = before_last(t, r);
		break;
	case READ_ALL:
		p = t->dropped;
		break;
	}
	if (!good) {
		r->status = STORE_BAD_CURSOR;
		return;
	}
	if (p.at[0] > t->last.at[0] || p.at[1] > t->last.at[1]) {
		for (unsigned i = 0; i < r->filters->n; i++)
			must(read_add_gap(r, r->filters->items[i], str_of(r->position), STR_NULL,
				"ahead") == 0);
		p = t->last;
	}
	add_gaps(t, r, &p);
	forward(t, r, p);
}

static bool read_page(struct store *s, struct read *r)
{
	struct twodomain *t = self(s);
	bool held;

	pthread_mutex_lock(&t->lock);
	held = t->hold;
	if (held) {
		r->next = NULL;
		*t->held_end = r;
		t->held_end = &r->next;
	} else {
		read_locked(t, r);
	}
	pthread_mutex_unlock(&t->lock);
	return !held;
}

void twodomain_hold(struct store *s, bool hold)
{
	pthread_mutex_lock(&self(s)->lock);
	self(s)->hold = hold;
	pthread_mutex_unlock(&self(s)->lock);
}

unsigned twodomain_finish(struct store *s, unsigned max)
{
	struct twodomain *t = self(s);
	struct read *r;
	unsigned n;

	for (n = 0; n < max; n++) {
		pthread_mutex_lock(&t->lock);
		r = t->held;
		if (r != NULL) {
			t->held = r->next;
			if (t->held == NULL)
				t->held_end = &t->held;
			read_locked(t, r);
		}
		pthread_mutex_unlock(&t->lock);
		if (r == NULL)
			break;
		r->done(r);
	}
	return n;
}

void twodomain_drop(struct store *s, unsigned domain, uint64_t upto)
{
	pthread_mutex_lock(&self(s)->lock);
	self(s)->dropped.at[domain] = upto;
	pthread_mutex_unlock(&self(s)->lock);
}

/* --- tail and the rest ---------------------------------------------------------------------- */

static uint64_t tail_pos(const struct store *s)
{
	struct twodomain *t = self(s);
	uint64_t n;

	pthread_mutex_lock(&t->lock);
	n = t->n;
	pthread_mutex_unlock(&t->lock);
	return n;
}

static int tail(struct store *s, uint64_t after, struct event **out, size_t max)
{
	struct twodomain *t = self(s);
	int n = 0;

	pthread_mutex_lock(&t->lock);
	if (after < t->forgotten)
		n = -1;
	for (; n >= 0 && (size_t)n < max && after + (unsigned)n < t->n; n++) {
		out[n] = t->log[after + (unsigned)n].e;
		event_ref(out[n]);
	}
	pthread_mutex_unlock(&t->lock);
	return n;
}

void twodomain_forget_tail(struct store *s, uint64_t pos)
{
	pthread_mutex_lock(&self(s)->lock);
	self(s)->forgotten = pos;
	pthread_mutex_unlock(&self(s)->lock);
}

static char *tail_cursor(struct store *s, uint64_t *pos)
{
	struct twodomain *t = self(s);
	char *text;

	pthread_mutex_lock(&t->lock);
	*pos = t->n;
	text = format(&t->last);
	pthread_mutex_unlock(&t->lock);
	return text;
}

static void watch(struct store *s, void (*wake)(void *arg), void *arg)
{
	struct twodomain *t = self(s);

	must(t->nwake < STORE_WATCHERS);
	t->wake[t->nwake] = wake;
	t->wake_arg[t->nwake++] = arg;
}

static const char *identity(const struct store *s)
{
	(void)s;
	return "00000000000000d2";
}

static void topics(struct store *s, struct str after, struct str pattern, size_t max,
	bool (*fn)(void *arg, const struct topic_info *t), void *arg)
{
	(void)s;
	(void)after;
	(void)pattern;
	(void)max;
	(void)fn;
	(void)arg;
}

static void stats(struct store *s, struct store_stats *out)
{
	*out = (struct store_stats){.appended = tail_pos(s)};
}

static int reconfigure(struct store *s, const struct store_config *c)
{
	(void)s;
	(void)c;
	return 0;
}

static void close_store(struct store *s)
{
	struct twodomain *t = self(s);

	twodomain_finish(s, UINT32_MAX);
	for (size_t i = 0; i < t->n; i++)
		event_unref(t->log[i].e);
	pthread_mutex_destroy(&t->lock);
	free(t->log);
	free(t);
}

struct store *twodomain_new(void)
{
	static const struct store_ops ops = {
		.append = append, .queued = queued, .read = read_page, .tail_pos = tail_pos,
		.tail = tail, .tail_cursor = tail_cursor, .watch = watch, .identity = identity,
		.cursor_valid = cursor_valid, .cursor_compare = cursor_compare, .topics = topics,
		.stats = stats, .reconfigure = reconfigure, .close = close_store,
	};
	struct twodomain *t = calloc(1, sizeof(*t));

	must(t != NULL);
	t->store.ops = &ops;
	t->held_end = &t->held;
	pthread_mutex_init(&t->lock, NULL);
	return &t->store;
}
