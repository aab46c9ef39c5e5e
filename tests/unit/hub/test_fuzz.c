/* SPDX-License-Identifier: MIT */
/*
 * Subscriptions that come, go and resume, transports that refuse, hand back and stall at random,
 * reads that take their time, a tail that forgets and a log that is cut; against a model of
 * what must have arrived: everything after the start, once, in order, or in an announced gap.
 *
 *	test_fuzz [ROUNDS [SEED]]
 */
#include <stdio.h>
#include <stdlib.h>

#include "helper_client.h"
#include "helper_store.h"
#include "tests/unit/tap.h"
#include "topic.h"

#define CLIENTS 10
#define TURNS 150

static unsigned long long seed;

static unsigned rnd(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

struct player {
	struct client c;
	bool open, every;
	char base[64];		/* where the sequence of what it has began */
	char left[64];		/* cursor with which it left; "": start anew */
};

struct round {
	struct script *s;
	struct host h;
	struct player p[CLIENTS];
	const char *wrong;
	uint64_t events, stalls, resumed;
};

static struct round r;

/* --- the model ------------------------------------------------------------------------------- */

static void wrong(const char *what)
{
	if (r.wrong == NULL)
		r.wrong = what;
}

static bool announced(const struct client *c, uint64_t pos)
{
	for (size_t i = 0; i < c->ngaps; i++)
		if (topic_match(str_of(c->gaps[i].topic), event_topic(r.s->log[pos - 1])) &&
				script_after(r.s, pos, c->gaps[i].after) &&
				!script_after(r.s, pos, c->gaps[i].until))
			return true;
	return false;
}

static bool same_key(const struct event *a, const struct event *b)
{
	return !a->ephemeral && str_eq(event_topic(a), event_topic(b)) &&
		str_eq(event_key(a), event_key(b));
}

/* Is there a newer one that it has, will have, or was told to have missed? */
static bool replaced(const struct client *c, const struct event *e, const char *cursor)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->got[i]->pos > e->pos && same_key(c->got[i], e))
			return true;
	for (uint64_t pos = e->pos + 1; pos <= r.s->n; pos++)
		if (same_key(r.s->log[pos - 1], e) &&
				(script_after(r.s, pos, cursor) || announced(c, pos)))
			return true;
	return false;
}

/* Conflated, an event may come late that an ephemeral one had overtaken; but in order they are. */
static void check_order(const struct client *c, bool every)
{
	uint64_t last = 0;

	for (size_t i = 0; i < c->n; i++) {
		if (c->got[i]->pos <= last)
			wrong("out of order, or twice");
		if (!every || !c->got[i]->ephemeral)
			last = c->got[i]->pos;
		if (!filters_match(c->filters, event_topic(c->got[i])))
			wrong("not asked for");
	}
}

/* What it has is exactly what is up to its cursor. */
static void check(const struct player *p)
{
	const struct client *c = &p->c;
	const char *cursor = client_cursor(c);
	size_t at = 0;

	check_order(c, p->every);
	for (uint64_t pos = 1; pos <= r.s->n; pos++) {
		const struct event *e = r.s->log[pos - 1];
		bool has;

		while (at < c->n && c->got[at]->pos < pos)
			at++;
		has = at < c->n && c->got[at] == e;
		if (e->ephemeral || !filters_match(c->filters, event_topic(e)))
			continue;
		if (has && !script_after(r.s, pos, p->base))
			wrong("from before its start");
		if (has && script_after(r.s, pos, cursor))
			wrong("after its cursor");
		if (has || !script_after(r.s, pos, p->base) || script_after(r.s, pos, cursor))
			continue;
		if (!announced(c, pos) && !(p->every && replaced(c, e, cursor)))
			wrong("lost");
	}
}

/* --- what happens ---------------------------------------------------------------------------- */

static const char *const topics[] = {"a", "a/x", "b", "b/x/y", "m", "z/x", "$s"};
static const char *const filters[] = {"a", "**", "*/x", "a,a/*,*", "b,b/**,m,z/*", "$s,a", "z/**"};
static const char *const keys[] = {NULL, "k", "l"};

static void publish(void)
{
	for (unsigned n = rnd(6); n > 0; n--) {
		script_publish(r.s, topics[rnd(7)], keys[rnd(3)], rnd(8) == 0);
		r.events++;
	}
}

static void forget(struct player *p, const char *filter)
{
	client_fini(&p->c);
	client_init(&p->c, r.h.hub, filter);
	p->left[0] = '\0';
}

static void enter(struct player *p)
{
	struct hub_options o = {.hold = rnd(3) == 0, .slow = rnd(4) == 0 ? SLOW_NEWEST : SLOW_KEEP};
	struct hub_start start = {.from = rnd(3) == 0 ? READ_ALL : READ_NOW, .last = 1 + rnd(9)};
	bool resume = p->left[0] != '\0' && rnd(4) > 0;

	p->c.runs = rnd(2) == 0;

	if (!resume)
		forget(p, filters[rnd(7)]);
	if (resume) {
		start.from = READ_CURSOR;
		start.position = str_of(p->left);
		r.resumed++;
	} else {
		p->every = false;
		if (rnd(4) == 0)
			start.from = READ_LAST;
		if (rnd(3) == 0)
			p->every = true;
	}
	if (p->every)
		o.every_ms = 1;
	else
		o.batch_ms = rnd(3) == 0;
	p->c.room = rnd(4) == 0 ? rnd(5) : ROOM_ENOUGH;
	client_subscribe_at(&p->c, &start, &o);
	if (!resume)
		p->base[0] = '\0';
	p->open = true;
}

static bool has_queued(const struct player *p)
{
	return p->c.sent < p->c.n;
}

static void leave(struct player *p)
{
	if (has_queued(p) || p->c.started == 0)
		return;
	check(p);
	snprintf(p->left, sizeof(p->left), "%s", client_cursor(&p->c));
	hub_unsubscribe(r.h.hub, &p->c.sub);
	p->open = false;
}

static void act(struct player *p)
{
	if (!p->open) {
		if (rnd(3) == 0)
			enter(p);
		return;
	}
	p->c.refuse_gaps = rnd(8) == 0;
	if (rnd(3) == 0)
		p->c.room = rnd(3) == 0 ? rnd(6) : ROOM_ENOUGH;
	if (rnd(3) == 0 && !has_queued(p))
		hub_ready(r.h.hub, &p->c.sub);
	if (rnd(3) == 0)
		hub_tick(r.h.hub, &p->c.sub);
	if (rnd(20) == 0)
		leave(p);
}

static void flush(struct player *p, bool all)
{
	size_t queued = p->c.n - p->c.sent;

	if (p->base[0] == '\0' && p->c.started > 0)
		snprintf(p->base, sizeof(p->base), "%s", p->c.start);
	if (queued > 0 && client_flush(&p->c, all || rnd(3) > 0 ? queued : rnd((unsigned)queued + 1)))
		r.stalls++;
}

static void turn(bool calm)
{
	for (unsigned i = 0; i < CLIENTS; i++) {
		struct player *p = &r.p[i];

		if (!calm) {
			act(p);
			continue;
		}
		p->c.room = ROOM_ENOUGH;
		p->c.refuse_gaps = false;
		hub_ready(r.h.hub, &p->c.sub);
		hub_tick(r.h.hub, &p->c.sub);
	}
	script_finish(r.s, calm ? 1000 : rnd(4));
	host_turn(&r.h);
	for (unsigned i = 0; i < CLIENTS; i++)
		flush(&r.p[i], calm);
}

static void live_through(void)
{
	for (unsigned i = 0; i < TURNS; i++) {
		publish();
		r.s->later = rnd(4) > 0;
		if (rnd(40) == 0)
			r.s->dropped += rnd((unsigned)(r.s->n - r.s->dropped) + 1) / 2;
		turn(false);
	}
	r.s->later = false;
	for (unsigned i = 0; i < 30 || host_turn(&r.h); i++)
		turn(true);
}

static void run(void)
{
	struct hub_config config = {.turn_events = 1 + rnd(8), .page_events = 1 + rnd(5),
		.gather_events = 1 + rnd(20)};

	memset(&r, 0, sizeof(r));
	r.s = script_new(1 + rnd(2));
	r.s->window = rnd(2) == 0 ? 0 : 8 + rnd(20);
	host_open(&r.h, &r.s->base, &config);
	for (unsigned i = 0; i < CLIENTS; i++)
		client_init(&r.p[i].c, r.h.hub, "a");
	live_through();
	for (unsigned i = 0; i < CLIENTS; i++) {
		struct player *p = &r.p[i];

		if (p->open && p->c.sub.state != SUBSCRIPTION_LIVE)
			wrong("not live in the end");
		if (p->open)
			check(p);
		client_fini(&p->c);
	}
	host_close(&r.h);
	script_free(r.s);
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 200;
	unsigned long long first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1, bad = 0;
	uint64_t events = 0, stalls = 0, resumed = 0;
	const char *why = NULL;

	for (unsigned long long i = first; i < first + rounds && bad == 0; i++) {
		seed = i * 7919;
		run();
		events += r.events;
		stalls += r.stalls;
		resumed += r.resumed;
		if (r.wrong != NULL) {
			bad = i;
			why = r.wrong;
		}
	}
	ok(bad == 0, "%u rounds: every subscriber has what its cursor says (%s)", rounds,
		why == NULL ? "all did" : why);
	if (bad != 0)
		printf("#   again: test_fuzz 1 %llu\n", bad);
	ok(events > rounds * 10 && stalls > rounds && resumed > rounds,
		"%llu events, %llu stalls, %llu resumptions", (unsigned long long)events,
		(unsigned long long)stalls, (unsigned long long)resumed);
	return tap_done();
}
