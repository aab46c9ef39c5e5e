/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "hub/hub_internal.h"
#include "zalloc.h"

/* --- the past -------------------------------------------------------------------------------- */

static uint32_t next_in_page(const struct subscription *sub)
{
	return sub->behind == NULL ? 0 : sub->behind->next_in_page;
}

static void drop_pages(struct past *p)
{
	struct read *r;

	while ((r = p->pages) != NULL) {
		p->pages = r->next;
		read_free(r);
	}
}

static void clear(struct past *p)
{
	struct conflate_item *item;

	drop_pages(p);
	while ((item = p->given) != NULL) {
		p->given = item->next;
		conflate_item_free(item);
	}
	hub_notice_free(p->notice);
	free(p->cursor);
	p->notice = NULL;
	p->cursor = NULL;
	p->skip = next_in_page(p->sub);
	p->pos = p->sub->pos;
	p->latest_max = 0;
}

/* Nothing was handed on yet. */
static void restart(struct hub *h, struct past *p)
{
	clear(p);
	p->period = h->period;
}

int hub_past(struct hub *h, struct subscription *sub)
{
	struct past *p = sub->past;

	if (p != NULL && p->period != h->period) {
		restart(h, p);
		hub_ask(h);
	}
	if (p != NULL)
		return 0;
	p = zalloc(sizeof(*p));
	if (p == NULL)
		return -1;
	p->sub = sub;
	p->period = h->period;
	p->pos = sub->pos;
	p->skip = next_in_page(sub);
	p->next = h->pasts;
	p->pprev = &h->pasts;
	if (p->next != NULL)
		p->next->pprev = &p->next;
	h->pasts = p;
	sub->past = p;
	hub_ask(h);
	return 0;
}

void hub_past_free(struct subscription *sub)
{
	struct past *p = sub->past;

	if (p == NULL)
		return;
	clear(p);
	*p->pprev = p->next;
	if (p->next != NULL)
		p->next->pprev = p->pprev;
	sub->past = NULL;
	free(p);
}

void hub_past_page(struct subscription *sub, struct read *r)
{
	struct read **end;

	if (sub->past == NULL) {
		read_free(r);
		return;
	}
	for (end = &sub->past->pages; *end != NULL; end = &(*end)->next)
		;
	r->next = NULL;
	*end = r;
}

/* Live, but at a later place than the hub. */
static bool is_ahead(const struct subscription *sub)
{
	return sub->state == SUBSCRIPTION_LIVE && sub->cursor != NULL &&
		(sub->gather == NULL || sub->gather->n == 0);
}

void hub_settle(struct hub *h)
{
	struct past *p, *next;

	for (p = h->pasts; p != NULL; p = next) {
		next = p->next;
		if (p->period == h->period)
			continue;
		if (is_ahead(p->sub))
			restart(h, p);
		else
			hub_past_free(p->sub);
	}
}

void hub_caught_up(struct hub *h)
{
	for (struct past *p = h->pasts; p != NULL; p = p->next)
		if (is_ahead(p->sub) && p->sub->pos <= h->pos)
			hub_stand(p->sub, NULL);
}

/* --- taking back ----------------------------------------------------------------------------- */

/* Set its place without a trace in the past. (cursor) is taken over; NULL: no memory. */
static void move_to(struct subscription *sub, char *cursor, uint64_t pos)
{
	if (cursor == NULL) {
		sub->failed = STORE_NOMEM;
		return;
	}
	free(sub->cursor);
	sub->cursor = cursor;
	sub->pos = pos;
}

/* Index behind (last) in the page as next_in_page counts; 0 if it is not in it. */
static uint32_t behind(const struct read *r, const struct event *last)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->events[i] == last)
			return (uint32_t)(r->ngaps + i + 1);
	return 0;
}

/* Make (r), one of the past's, the page again; those after it are dropped. */
static void page_again(struct subscription *sub, struct read *r, uint32_t next)
{
	struct read **link = &sub->past->pages;

	read_free(sub->behind->read);
	while (*link != r)
		link = &(*link)->next;
	*link = NULL;
	while (r->next != NULL) {
		struct read *later = r->next;

		r->next = later->next;
		read_free(later);
	}
	sub->behind->read = r;
	sub->behind->next_in_page = next;
}

static bool to_page(struct subscription *sub, const struct event *last)
{
	struct read *r;
	uint32_t next = sub->behind->read == NULL ? 0 : behind(sub->behind->read, last);

	if (next > 0) {
		sub->behind->next_in_page = next;
		return true;
	}
	for (r = sub->past == NULL ? NULL : sub->past->pages; r != NULL; r = r->next) {
		next = behind(r, last);
		if (next == 0)
			continue;
		page_again(sub, r, next);
		move_to(sub, strdup(r->start != NULL ? r->start : r->position), sub->past->pos);
		return true;
	}
	return false;
}

/* An ephemeral event has no place of its own: that of what went before it counts. */
static struct str cursor_after(const struct hub *h, const struct event *last)
{
	size_t i = h->nturn;

	if (!last->ephemeral)
		return event_cursor(last);
	while (i > 0 && h->turn[i - 1] != last)
		i--;
	return hub_turn_cursor(h, i);
}

/* Of what a gathering one gave: the stored event at or before (last); NULL: none in this past. */
static const struct event *stored_before(const struct subscription *sub, const struct event *last)
{
	const struct conflate_item *item = sub->past == NULL ? NULL : sub->past->given;

	while (item != NULL && item->event != last)
		item = item->next;
	while (item != NULL && item->event->ephemeral)
		item = item->next;
	return item == NULL ? NULL : item->event;
}

static void back_to(struct hub *h, struct subscription *sub, const struct event *last)
{
	struct str cursor;

	if (sub->gather == NULL && to_page(sub, last))
		return;
	cursor = cursor_after(h, last);
	read_free(sub->behind->read);
	sub->behind->read = NULL;
	sub->behind->next_in_page = 0;
	move_to(sub, strndup(cursor.p, cursor.n), last->pos);
}

/* What was announced goes unsaid again, and then is said again. */
static void unsay(struct subscription *sub)
{
	struct notice *n = sub->past->notice;

	if (n == NULL)
		return;
	hub_notice_free(sub->behind->notice);
	sub->past->notice = NULL;
	sub->behind->notice = n;
	n->next = 0;
	move_to(sub, strdup(n->until), sub->pos);
}

static void back_to_past(struct subscription *sub)
{
	struct past *p = sub->past;

	if (p->pages != NULL) {
		page_again(sub, p->pages, p->skip);
	} else if (sub->gather != NULL) {
		read_free(sub->behind->read);
		sub->behind->read = NULL;
		sub->behind->next_in_page = 0;
		sub->behind->latest_max = p->latest_max;
	} else if (sub->behind->read != NULL) {
		sub->behind->next_in_page = p->skip;
	}
	if (p->cursor != NULL)
		move_to(sub, p->cursor, p->pos);
	p->cursor = NULL;
	unsay(sub);
}

static void back_to_start(struct hub *h, struct subscription *sub, bool was_live)
{
	if (sub->past != NULL)
		back_to_past(sub);
	else if (sub->gather == NULL && (was_live || sub->turn == h->turn_no))
		move_to(sub, strdup(h->before), h->before_pos);
	else if (sub->cursor == NULL)
		move_to(sub, strdup(h->cursor), h->pos);
}

void hub_rewind(struct hub *h, struct subscription *sub, const struct event *last)
{
	bool was_live = sub->state == SUBSCRIPTION_LIVE;

	if (!sub->begun || sub->failed != STORE_OK)
		return;
	hub_detach(h, sub);
	if (hub_behind(sub) != 0) {
		hub_give_up(h, sub, STORE_NOMEM);
		return;
	}
	hub_forget_gaps(sub);
	if (sub->gather != NULL) {
		conflate_clear(sub->gather);
		last = last != NULL && last->ephemeral ? stored_before(sub, last) : last;
	}
	if (last != NULL)
		back_to(h, sub, last);
	else
		back_to_start(h, sub, was_live);
	if (sub->failed != STORE_OK) {
		hub_give_up(h, sub, STORE_NOMEM);
		return;
	}
	if (was_live) {
		h->stats.lagged++;
		sub->fell = sub->slow == SLOW_NEWEST;
	}
	hub_full(h, sub);
}
