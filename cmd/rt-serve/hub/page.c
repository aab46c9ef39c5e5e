/* SPDX-License-Identifier: MIT */
/* The page of a lagging subscription: what was read of the store, on its way to the transport. */
#include <stdlib.h>
#include <string.h>

#include "hub/hub_internal.h"

#define HELD_MAX 64	/* pages kept for full subscriptions; beyond, the longest kept is read again */

/* --- what was told of it --------------------------------------------------------------------- */

const struct event *hub_page_last(const struct subscription *sub)
{
	const struct behind *b = sub->behind;
	const struct read *r = b == NULL ? NULL : b->read;

	if (r == NULL || sub->state == SUBSCRIPTION_READING || b->next_in_page <= r->ngaps)
		return NULL;
	return r->events[b->next_in_page - r->ngaps - 1];
}

void hub_page_learn(struct subscription *sub)
{
	const struct read *r = sub->behind->read;

	if (sub->behind->next_in_page < r->ngaps || r->gap_known == NULL)
		return;
	free(sub->behind->gap_known);
	sub->behind->gap_known = strdup(r->gap_known);
}

void hub_forget_gaps(struct subscription *sub)
{
	free(sub->behind->gap_known);
	sub->behind->gap_known = NULL;
}

/* --- kept, or read again ---------------------------------------------------------------------- */

bool hub_page_drop(struct subscription *sub)
{
	struct read *r = sub->behind->read;
	const struct event *e = hub_page_last(sub);
	char *cursor = e == NULL ? NULL : hub_dup(event_cursor(e));

	if (e != NULL && cursor == NULL)
		return false;
	hub_page_learn(sub);
	if (e != NULL)
		hub_stand(sub, cursor);
	sub->behind->read = NULL;
	sub->behind->next_in_page = 0;
	hub_past_page(sub, r);
	return true;
}

/* The newest of each key cannot be read again from a cursor: such a page stays. */
static void hold_page(struct hub *h, struct subscription *sub)
{
	struct subscription *oldest;

	if (sub->behind->read->from == READ_LATEST)
		return;
	hub_list_add(&h->held, sub);
	sub->held = true;
	if (h->held.n <= HELD_MAX)
		return;
	oldest = h->held.first;
	hub_list_remove(&h->held, oldest);
	oldest->held = false;
	hub_page_drop(oldest);
}

void hub_full(struct hub *h, struct subscription *sub)
{
	sub->state = SUBSCRIPTION_FULL;
	if (sub->behind->read != NULL)
		hold_page(h, sub);
}

/* --- handing on ------------------------------------------------------------------------------ */

/* Give one event that may be an ephemeral one, which is not offered twice. False: refused. */
static bool give(struct hub *h, struct subscription *sub, struct event *e)
{
	if (sub->ops->event(sub, e)) {
		h->stats.deliveries++;
		return true;
	}
	if (!e->ephemeral)
		return false;
	h->stats.ephemeral_dropped++;
	return true;
}

/* Refused: stand after the last of the (n) stored events that went out just now. */
static void stand_after_given(struct subscription *sub, size_t n)
{
	struct conflate_item *item = sub->past->given;

	while (n > 0 && item->event->ephemeral) {
		item = item->next;
		n--;
	}
	if (n > 0)
		hub_stand_at(sub, event_cursor(item->event));
}

bool hub_hand_on(struct hub *h, struct subscription *sub)
{
	struct conflate *c = sub->gather;
	struct conflate_item *item;
	size_t n;

	for (n = 0; c->first != NULL; n++) {
		if (!give(h, sub, c->first->event)) {
			stand_after_given(sub, n);
			return false;
		}
		item = conflate_shift(c);
		item->next = sub->past->given;
		sub->past->given = item;
	}
	hub_stand(sub, c->reached);
	c->reached = NULL;
	return true;
}

/* False: refused, or no memory. The gaps come before what is gathered next. */
static bool give_gap(struct hub *h, struct subscription *sub, const struct gap *g)
{
	if (!sub->ops->gap(sub, g))
		return false;
	h->stats.gaps++;
	return true;
}

/* Take one event of a page into the set. False as hub_hand_on. */
static bool gather(struct hub *h, struct subscription *sub, struct event *e)
{
	struct conflate *c = sub->gather;
	char *reached;

	if (conflate_add(c, e) != 0) {
		sub->failed = STORE_NOMEM;
		return false;
	}
	if (!conflate_full(c))
		return true;
	reached = hub_dup(event_cursor(e));
	if (reached == NULL) {
		sub->failed = STORE_NOMEM;
		return false;
	}
	free(c->reached);
	c->reached = reached;
	return hub_hand_on(h, sub);
}

/* The next thing in the page. False: refused, or no memory. */
static bool give_next(struct hub *h, struct subscription *sub)
{
	struct read *r = sub->behind->read;
	struct event *e;

	if (sub->behind->next_in_page < r->ngaps)
		return give_gap(h, sub, &r->gaps[sub->behind->next_in_page]);
	e = r->events[sub->behind->next_in_page - r->ngaps];
	if (sub->gather != NULL ? !gather(h, sub, e) : !give(h, sub, e))
		return false;
	if (e->pos > sub->pos)
		sub->pos = e->pos;
	return true;
}

bool hub_page_give(struct hub *h, struct subscription *sub)
{
	struct read *r = sub->behind->read;

	if (sub->gather != NULL && r->from == READ_LATEST)
		sub->past->latest_max = r->max_events;
	if (sub->gather != NULL && r->ngaps > sub->behind->next_in_page && sub->gather->n > 0 &&
			!hub_hand_on(h, sub))
		return false;
	for (; sub->behind->next_in_page < r->ngaps + r->n; sub->behind->next_in_page++)
		if (!give_next(h, sub))
			return false;
	return true;
}

/* The page was gathered whole. False as hub_hand_on. */
static bool gathered_page(struct hub *h, struct subscription *sub, char *end)
{
	struct read *r = sub->behind->read;
	struct conflate *c = sub->gather;
	bool now = r->at_end || c->n == 0 || conflate_full(c);

	sub->behind->read = NULL;
	read_free(r);
	free(c->reached);
	c->reached = end;
	return !now || hub_hand_on(h, sub);
}

bool hub_page_end(struct hub *h, struct subscription *sub, bool *at_end)
{
	struct read *r = sub->behind->read;
	char *end = hub_dup(str_of(r->end));

	if (end == NULL) {
		sub->failed = STORE_NOMEM;
		return false;
	}
	hub_page_learn(sub);
	*at_end = r->at_end;
	if (r->at_end && r->end_pos > sub->pos)
		sub->pos = r->end_pos;
	sub->behind->next_in_page = 0;
	if (sub->gather != NULL)
		return gathered_page(h, sub, end);
	sub->behind->read = NULL;
	hub_stand(sub, end);
	hub_past_page(sub, r);
	return true;
}
