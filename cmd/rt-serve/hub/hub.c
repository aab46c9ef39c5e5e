/* SPDX-License-Identifier: MIT */
#include "hub/hub.h"

#include <assert.h>
#include <stdlib.h>

#include "hub/hub_internal.h"

/*
 * Events with very many subscribers end the turn, so that they are flushed before the next. Another
 * event in a run costs a subscriber a small part of what the first one does.
 */
#define TURN_DELIVERIES 65536
#define RUN_SHARE 8

/* --- life ------------------------------------------------------------------------------------ */

static void set_defaults(struct hub_config *c)
{
	if (c->turn_events == 0)
		c->turn_events = 512;
	if (c->page_events == 0)
		c->page_events = 256;
	if (c->page_bytes == 0)
		c->page_bytes = 64 << 10;
	if (c->gather_events == 0)
		c->gather_events = 10000;
}

static void set_cursor(char dst[CURSOR_MAX + 1], struct str cursor)
{
	assert(cursor.n <= CURSOR_MAX);
	memmove(dst, cursor.p, cursor.n);
	dst[cursor.n] = '\0';
}

/* Go to the end of the tail. 0, or -1 without memory. */
static int jump_to_tail(struct hub *h)
{
	uint64_t pos;
	char *cursor = store_tail_cursor(h->store, &pos);

	if (cursor == NULL)
		return -1;
	set_cursor(h->cursor, str_of(cursor));
	h->pos = pos;
	free(cursor);
	return 0;
}

struct hub *hub_new(struct store *s, const struct hub_config *c, const struct hub_host *host)
{
	struct hub *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->store = s;
	if (c != NULL)
		h->config = *c;
	set_defaults(&h->config);
	h->host = *host;
	h->turn_no = 1;
	h->topics = topics_new();
	h->turn = calloc(h->config.turn_events, sizeof(h->turn[0]));
	h->runs = hub_runs_new();
	if (h->topics == NULL || h->turn == NULL || h->runs == NULL || jump_to_tail(h) != 0) {
		hub_free(h);
		return NULL;
	}
	store_watch(s, h->host.wake, h->host.arg);
	return h;
}

static void drop_turn(struct hub *h)
{
	for (size_t i = 0; i < h->nturn; i++)
		event_unref(h->turn[i]);
	h->nturn = 0;
}

void hub_free(struct hub *h)
{
	if (h == NULL)
		return;
	assert(h->stats.subscriptions == 0);
	while (h->flights != NULL) {
		struct flight *f = h->flights;

		h->flights = f->next;
		read_free(f->read);
		free(f);
	}
	drop_turn(h);
	free(h->turn);
	free(h->runs);
	topics_free(h->topics);
	free(h);
}

struct filters *hub_filters(struct hub *h, const struct str *items, unsigned n)
{
	struct filters *f = filters_new(items, n);

	return f == NULL ? NULL : topics_share(h->topics, f);
}

void hub_stats(const struct hub *h, struct hub_stats *out)
{
	*out = h->stats;
	out->lagging = h->stats.subscriptions - h->stats.live;
}

/* A store that took the place of the one the position is from announces that gap itself. */
bool hub_is_foreign(struct hub *h, const struct hub_start *start)
{
	bool at_position = start->from == READ_CURSOR || start->from == READ_ID;

	return start->store.p != NULL && !str_is(start->store, store_identity(h->store)) &&
		!(at_position && store_began_after(h->store, start->position));
}

bool hub_is_quiet(struct hub *h, const struct filters *f, const struct hub_start *start)
{
	uint64_t pos;

	return start->from == READ_CURSOR && !hub_is_foreign(h, start) &&
		store_is_quiet(h->store, f, start->position, &pos);
}

void hub_ask(struct hub *h)
{
	if (h->asked)
		return;
	h->asked = true;
	h->host.wake(h->host.arg);
}

/* --- lists ----------------------------------------------------------------------------------- */

void hub_list_add(struct subscription_list *l, struct subscription *sub)
{
	if (l->last == NULL)
		l->last = &l->first;
	sub->next = NULL;
	sub->pprev = l->last;
	*l->last = sub;
	l->last = &sub->next;
	l->n++;
}

void hub_list_remove(struct subscription_list *l, struct subscription *sub)
{
	*sub->pprev = sub->next;
	if (sub->next != NULL)
		sub->next->pprev = sub->pprev;
	else
		l->last = sub->pprev;
	sub->next = NULL;
	sub->pprev = NULL;
	l->n--;
}

/* --- a turn ---------------------------------------------------------------------------------- */

struct str hub_turn_cursor(const struct hub *h, size_t n)
{
	while (n > 0 && h->turn[n - 1]->ephemeral)
		n--;
	return n > 0 ? event_cursor(h->turn[n - 1]) : str_of(h->before);
}

/* Too much was gathered for one tick. */
static void hand_on_early(struct hub *h, struct subscription *sub, size_t i)
{
	if (hub_past(h, sub) != 0)
		hub_fall(h, sub, i, SUBSCRIPTION_QUEUED);
	else if (!hub_hand_on(h, sub))
		hub_fall(h, sub, i, SUBSCRIPTION_FULL);
}

/* Without memory it reads again, later, what it could not gather. */
static void gather(struct hub *h, struct subscription *sub, size_t i)
{
	struct conflate *c = sub->gather;

	if (c->n == 0 && sub->cursor == NULL) {
		struct str cursor = hub_turn_cursor(h, i);

		sub->cursor = strndup(cursor.p, cursor.n);
		if (sub->cursor == NULL) {
			hub_give_up(h, sub, STORE_NOMEM);
			return;
		}
	}
	if (conflate_add(c, h->turn[i]) != 0) {
		hub_fall(h, sub, i, SUBSCRIPTION_QUEUED);
		return;
	}
	sub->pos = h->turn[i]->pos;
	if (conflate_full(c))
		hand_on_early(h, sub, i);
}

void hub_deliver(struct hub *h, struct subscription *sub, size_t i)
{
	struct event *e = h->turn[i];

	if (sub->gather != NULL) {
		gather(h, sub, i);
		return;
	}
	if (sub->ops->event(sub, e)) {
		h->stats.deliveries++;
		sub->pos = e->pos;
		if (sub->cursor != NULL)
			hub_stand(sub, NULL);
		return;
	}
	if (e->ephemeral) {
		h->stats.ephemeral_dropped++;
		return;
	}
	hub_fall(h, sub, i, SUBSCRIPTION_FULL);
}

struct delivery {
	struct hub *h;
	size_t i;		/* the event's place in the turn */
	uint64_t cost;		/* of the turn so far, in deliveries */
};

static void deliver_each(struct delivery *d, struct group *g, bool all)
{
	struct event *e = d->h->turn[d->i];
	struct subscription *sub, *next;

	for (sub = g->live; sub != NULL; sub = next) {
		next = sub->next;
		if (e->pos > sub->pos && (all || hub_is_single(sub)))
			hub_deliver(d->h, sub, d->i);
	}
}

static void deliver_group(void *arg, struct group *g)
{
	struct delivery *d = arg;
	struct hub *h = d->h;
	bool ephemeral = h->turn[d->i]->ephemeral;

	if (ephemeral)
		h->stats.ephemeral_dropped += g->members - g->nlive;
	d->cost += g->nlive / RUN_SHARE + g->nsingle;
	if (ephemeral || g->nsingle > 0)
		deliver_each(d, g, ephemeral);
	if (!ephemeral && g->nlive > g->nsingle)
		hub_run_add(h, g, d->i);
}

/* Hand on the (n) events of this turn; keeps those that were. */
static void dispatch(struct hub *h, size_t n)
{
	struct delivery d = {h, 0, 0};
	struct event *e;

	while (h->nturn < n && d.cost < TURN_DELIVERIES) {
		d.i = h->nturn++;
		e = h->turn[d.i];
		if (e->ephemeral)	/* not before what came earlier */
			hub_runs_deliver(h);
		topics_match(h->topics, event_topic(e), e->topic_hash, deliver_group, &d);
		h->pos = e->pos;
	}
	hub_runs_deliver(h);
	h->stats.events += h->nturn;
	set_cursor(h->cursor, hub_turn_cursor(h, h->nturn));
	for (size_t i = h->nturn; i < n; i++)
		event_unref(h->turn[i]);
}

static void lose_group(void *arg, struct group *g)
{
	while (g->live != NULL)
		hub_fall(arg, g->live, 0, SUBSCRIPTION_QUEUED);
}

/* The tail is ahead of what memory holds: everybody reads from where the hub stood. */
static void overrun(struct hub *h)
{
	if (jump_to_tail(h) != 0)
		return;
	h->stats.overruns++;
	topics_each(h->topics, lose_group, h);
}

bool hub_turn(struct hub *h)
{
	int n;

	h->asked = false;
	hub_settle(h);
	drop_turn(h);
	set_cursor(h->before, str_of(h->cursor));
	h->before_pos = h->pos;
	h->turn_no++;
	n = store_tail(h->store, h->pos, h->turn, h->config.turn_events);
	if (n < 0)
		overrun(h);
	else if (n > 0)
		dispatch(h, (size_t)n);
	hub_caught_up(h);
	hub_work(h);
	h->period++;
	return h->queue.n > 0 || store_tail_pos(h->store) > h->pos;
}
