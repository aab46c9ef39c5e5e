/* SPDX-License-Identifier: MIT */
#include "hub/subscription.h"

#include <assert.h>
#include <stdlib.h>

#include "hub/hub_internal.h"
#include "zalloc.h"

#define READY_PAGES 4	/* read at most, when the transport is ready */
#define WORK_PAGES 16	/* read in a turn, by all that are queued: one each */

/* --- where it stands ------------------------------------------------------------------------- */

void hub_stand(struct subscription *sub, char *cursor)
{
	if (sub->past != NULL && sub->past->cursor == NULL)
		sub->past->cursor = sub->cursor;
	else
		free(sub->cursor);
	sub->cursor = cursor;
}

bool hub_stand_at(struct subscription *sub, struct str at)
{
	char *cursor = hub_dup(at);

	if (cursor == NULL) {
		sub->failed = STORE_NOMEM;
		return false;
	}
	hub_stand(sub, cursor);
	return true;
}

int hub_cursor(struct hub *h, const struct subscription *sub, struct buf *b)
{
	const struct event *e = sub->gather == NULL ? hub_page_last(sub) : NULL;

	if (!sub->begun)
		return 0;
	if (e != NULL)
		return buf_addstr(b, event_cursor(e));
	if (sub->behind != NULL && sub->behind->notice != NULL && sub->behind->notice->skip)
		return buf_adds(b, sub->behind->notice->after);
	return buf_adds(b, sub->cursor != NULL ? sub->cursor : h->cursor);
}

const struct filters *hub_subscribed(const struct subscription *sub)
{
	return sub->group == NULL ? NULL : sub->group->filters;
}

uint64_t hub_lag(struct hub *h, const struct subscription *sub)
{
	uint64_t tail;

	if (!sub->begun || sub->state == SUBSCRIPTION_LIVE)
		return 0;
	tail = store_tail_pos(h->store);
	return tail > sub->pos ? tail - sub->pos : 0;
}

/* --- states ---------------------------------------------------------------------------------- */

int hub_behind(struct subscription *sub)
{
	if (sub->behind == NULL)
		sub->behind = calloc(1, sizeof(*sub->behind));
	return sub->behind == NULL ? -1 : 0;
}

static void behind_free(struct subscription *sub)
{
	if (sub->behind == NULL)
		return;
	hub_forget_gaps(sub);
	hub_notice_free(sub->behind->notice);
	read_free(sub->behind->read);
	free(sub->behind);
	sub->behind = NULL;
}

static void link_live(struct hub *h, struct subscription *sub)
{
	struct group *g = sub->group;

	sub->next = g->live;
	sub->pprev = &g->live;
	if (sub->next != NULL)
		sub->next->pprev = &sub->next;
	g->live = sub;
	g->nlive++;
	g->nsingle += hub_is_single(sub);
	h->stats.live++;
	sub->state = SUBSCRIPTION_LIVE;
}

static void unlink_live(struct hub *h, struct subscription *sub)
{
	*sub->pprev = sub->next;
	if (sub->next != NULL)
		sub->next->pprev = sub->pprev;
	sub->next = NULL;
	sub->pprev = NULL;
	sub->group->nlive--;
	sub->group->nsingle -= hub_is_single(sub);
	h->stats.live--;
}

void hub_detach(struct hub *h, struct subscription *sub)
{
	switch ((enum subscription_state)sub->state) {
	case SUBSCRIPTION_LIVE:
		unlink_live(h, sub);
		break;
	case SUBSCRIPTION_QUEUED:
		hub_list_remove(&h->queue, sub);
		break;
	case SUBSCRIPTION_FULL:
		if (sub->held)
			hub_list_remove(&h->held, sub);
		sub->held = false;
		break;
	case SUBSCRIPTION_READING:
		((struct flight *)sub->behind->read->arg)->sub = NULL;
		sub->behind->read = NULL;
		break;
	case SUBSCRIPTION_IDLE:
		break;
	}
	sub->state = SUBSCRIPTION_FULL;
}

void hub_enqueue(struct hub *h, struct subscription *sub)
{
	sub->state = SUBSCRIPTION_QUEUED;
	hub_list_add(&h->queue, sub);
	hub_ask(h);
}

void hub_give_up(struct hub *h, struct subscription *sub, enum store_status status)
{
	hub_detach(h, sub);
	sub->failed = (uint8_t)status;
	hub_enqueue(h, sub);
}

/*
 * What was gathered is gone, and will be read again; the newest of each key only if nothing of
 * them went out, since else their cursor is that of what did.
 */
static void ungather(struct subscription *sub)
{
	if (sub->gather->n > 0)
		hub_forget_gaps(sub);
	else if (sub->behind->read != NULL)
		hub_page_learn(sub);
	conflate_clear(sub->gather);
	if (sub->past != NULL && sub->past->given == NULL)
		sub->behind->latest_max = sub->past->latest_max;
	read_free(sub->behind->read);
	sub->behind->read = NULL;
	sub->behind->next_in_page = 0;
}

void hub_fall(struct hub *h, struct subscription *sub, size_t i, enum subscription_state to)
{
	hub_detach(h, sub);
	if (hub_behind(sub) != 0) {
		hub_give_up(h, sub, STORE_NOMEM);
		return;
	}
	if (sub->gather != NULL)
		ungather(sub);
	if (sub->cursor == NULL)
		hub_stand_at(sub, hub_turn_cursor(h, i));
	if (sub->failed != STORE_OK || to == SUBSCRIPTION_QUEUED) {
		hub_enqueue(h, sub);
		return;
	}
	sub->turn = h->turn_no;
	sub->fell = sub->slow == SLOW_NEWEST;
	h->stats.lagged++;
}

/* --- the end --------------------------------------------------------------------------------- */

void hub_unsubscribe(struct hub *h, struct subscription *sub)
{
	if (sub->state == SUBSCRIPTION_IDLE)
		return;
	hub_detach(h, sub);
	hub_past_free(sub);
	behind_free(sub);
	conflate_free(sub->gather);
	free(sub->cursor);
	topics_leave(h->topics, sub->group);
	h->stats.subscriptions--;
	memset(sub, 0, sizeof(*sub));
}

static void fail(struct hub *h, struct subscription *sub, enum store_status status)
{
	const struct subscription_ops *ops = sub->ops;
	bool begun = sub->begun;

	hub_unsubscribe(h, sub);
	if (begun && ops->failed != NULL)
		ops->failed(sub, status);
	else
		ops->started(sub, status, STR_NULL);
}

/* --- reading --------------------------------------------------------------------------------- */

static void flight_free(struct flight *f)
{
	*f->pprev = f->next;
	if (f->next != NULL)
		f->next->pprev = f->pprev;
	free(f);
}

static void read_came(struct read *r)
{
	struct flight *f = r->arg;

	f->hub->host.read_done(f->hub->host.arg, f->hub, r);
}

/* Hand (r) to the store. 1: it is done. 0: it will be. -1: no memory, and (r) is freed. */
static int submit(struct hub *h, struct subscription *sub, struct read *r)
{
	struct flight *f = zalloc(sizeof(*f));

	if (f == NULL) {
		read_free(r);
		return -1;
	}
	*f = (struct flight){h->flights, &h->flights, h, sub, r};
	if (f->next != NULL)
		f->next->pprev = &f->next;
	h->flights = f;
	r->arg = f;
	r->done = read_came;
	sub->behind->read = r;
	sub->behind->next_in_page = 0;
	sub->state = SUBSCRIPTION_READING;
	if (!store_read(h->store, r))
		return 0;
	flight_free(f);
	return 1;
}

static bool begin(struct subscription *sub, struct str start)
{
	sub->cursor = hub_dup(start);
	if (sub->behind->notice != NULL)
		sub->behind->notice->until = hub_dup(start);
	if (sub->cursor == NULL || (sub->behind->notice != NULL && sub->behind->notice->until == NULL))
		return false;
	sub->begun = true;
	sub->ops->started(sub, STORE_OK, str_of(sub->cursor));
	return true;
}

/* A read has come back. False: that was the end of the subscription. */
static bool arrived(struct hub *h, struct subscription *sub)
{
	struct read *r = sub->behind->read;
	enum store_status status = r->status;

	sub->state = SUBSCRIPTION_FULL;
	if (status == STORE_OK && r->truncated)
		status = STORE_TOO_MANY;
	if (status == STORE_OK && !sub->begun && !begin(sub, str_of(r->start)))
		status = STORE_NOMEM;
	if (status != STORE_OK) {
		fail(h, sub, status);
		return false;
	}
	sub->behind->latest_max = 0;
	return true;
}

static bool set_text(char **to, const char *text)
{
	if (text == NULL)
		return true;
	*to = strdup(text);
	return *to != NULL;
}

static struct read *next_read(struct hub *h, struct subscription *sub)
{
	struct conflate *c = sub->gather;
	struct read *r = read_new(sub->group->filters);

	if (r == NULL)
		return NULL;
	r->max_events = h->config.page_events;
	r->max_bytes = h->config.page_bytes;
	if (sub->behind->latest_max > 0) {
		r->from = READ_LATEST;
		r->max_events = sub->behind->latest_max;
		r->max_bytes = SIZE_MAX;
		return r;
	}
	r->from = READ_CURSOR;
	if (set_text(&r->position, c != NULL && c->reached != NULL ? c->reached : sub->cursor) &&
			set_text(&r->gap_known, sub->behind->gap_known))
		return r;
	read_free(r);
	return NULL;
}

/* Read on. True: a page is there. False: it will come, or comes in another turn, or it ended. */
static bool read_on(struct hub *h, struct subscription *sub)
{
	struct read *r = next_read(h, sub);
	int done = r == NULL ? -1 : submit(h, sub, r);

	if (done < 0)
		hub_enqueue(h, sub);
	return done > 0 && arrived(h, sub);
}

/* --- catching up ----------------------------------------------------------------------------- */

/* Skip to the newest. 0, or -1 without memory. */
static int jump(struct hub *h, struct subscription *sub)
{
	uint64_t pos;
	char *tail = store_tail_cursor(h->store, &pos);
	struct notice *n = sub->behind->notice;

	if (tail == NULL || (sub->behind->read != NULL && !hub_page_drop(sub))) {
		free(tail);
		return -1;
	}
	if (n == NULL && strcmp(tail, sub->cursor) != 0) {
		n = hub_notice_new("slow", str_of(sub->cursor));
		if (n != NULL)
			n->skip = true;
	}
	if (n != NULL) {
		free(n->until);
		n->until = strdup(tail);
		n->next = 0;
	}
	sub->behind->notice = n;
	if (strcmp(tail, sub->cursor) != 0 && (n == NULL || n->until == NULL)) {
		free(tail);
		return -1;
	}
	hub_stand(sub, tail);
	sub->pos = pos;
	return 0;
}

static void go_live(struct hub *h, struct subscription *sub)
{
	behind_free(sub);
	sub->fell = false;
	if (sub->pos <= h->pos)
		hub_stand(sub, NULL);
	link_live(h, sub);
	if (sub->ops->live != NULL)
		sub->ops->live(sub);
}

/* Refused, or no memory. */
static void stop(struct hub *h, struct subscription *sub)
{
	if (sub->failed != STORE_OK) {
		fail(h, sub, (enum store_status)sub->failed);
		return;
	}
	if (sub->gather != NULL)
		ungather(sub);
	hub_full(h, sub);
}

/*
 * Hand on what there is, then read on, until the transport is full, (pages) were read, or there
 * is nothing more: then it is live, unless the hub has gone past the end of the page meanwhile.
 * (sub) is in no list, has a past, and may be gone afterwards.
 */
static void advance(struct hub *h, struct subscription *sub, unsigned pages, bool at_end)
{
	sub->state = SUBSCRIPTION_FULL;
	if (sub->fell) {
		if (jump(h, sub) != 0) {
			hub_enqueue(h, sub);
			return;
		}
		at_end = true;
	}
	for (;;) {
		if (!hub_announce(h, sub) || (sub->behind->read != NULL && (!hub_page_give(h, sub) ||
				!hub_page_end(h, sub, &at_end)))) {
			stop(h, sub);
			return;
		}
		if (at_end && h->pos <= sub->pos) {
			go_live(h, sub);
			return;
		}
		at_end = false;
		if (pages-- == 0) {
			hub_enqueue(h, sub);
			return;
		}
		if (!read_on(h, sub))
			return;
	}
}

void hub_work(struct hub *h)
{
	struct subscription *sub;
	size_t n = h->queue.n < WORK_PAGES ? h->queue.n : WORK_PAGES;

	for (; n > 0 && (sub = h->queue.first) != NULL; n--) {
		hub_detach(h, sub);
		if (sub->failed != STORE_OK)
			fail(h, sub, (enum store_status)sub->failed);
		else if (hub_past(h, sub) != 0)
			hub_enqueue(h, sub);
		else
			advance(h, sub, 1, false);
	}
}

void hub_ready(struct hub *h, struct subscription *sub)
{
	sub->hold = false;
	if (sub->state != SUBSCRIPTION_FULL)
		return;
	hub_detach(h, sub);
	hub_past_free(sub);
	if (hub_past(h, sub) != 0)
		hub_enqueue(h, sub);
	else
		advance(h, sub, READY_PAGES, false);
}

void hub_read_done(struct hub *h, struct read *r)
{
	struct flight *f = r->arg;
	struct subscription *sub = f->sub;

	assert(f->hub == h);
	flight_free(f);
	if (sub == NULL) {
		read_free(r);
		return;
	}
	if (!arrived(h, sub))
		return;
	if (sub->hold)
		hub_full(h, sub);
	else if (hub_past(h, sub) != 0)
		hub_enqueue(h, sub);
	else
		advance(h, sub, READY_PAGES, false);
}

void hub_tick(struct hub *h, struct subscription *sub)
{
	bool catching_up = sub->state == SUBSCRIPTION_QUEUED || sub->state == SUBSCRIPTION_READING;

	if (sub->gather == NULL || sub->gather->n == 0)
		return;
	if ((sub->state != SUBSCRIPTION_LIVE && !catching_up) || hub_past(h, sub) != 0)
		return;
	if (!hub_hand_on(h, sub))
		hub_fall(h, sub, h->nturn, SUBSCRIPTION_FULL);
}

/* --- the beginning --------------------------------------------------------------------------- */

static int join(struct hub *h, struct subscription *sub, struct filters *f,
	const struct hub_options *o)
{
	sub->group = topics_join(h->topics, f);
	if (sub->group == NULL)
		return -1;
	h->stats.subscriptions++;
	sub->state = SUBSCRIPTION_FULL;
	sub->slow = (uint8_t)o->slow;
	sub->hold = o->hold;
	if (o->every_ms > 0 || o->batch_ms > 0) {
		sub->gather = conflate_new(o->every_ms > 0, h->config.gather_events);
		if (sub->gather == NULL)
			return -1;
	}
	return hub_behind(sub) != 0 ? -1 : hub_past(h, sub);
}

/* It begins at the end of the log: nothing to read. -1 without memory. */
static int begin_now(struct hub *h, struct subscription *sub)
{
	char *cursor = store_tail_cursor(h->store, &sub->pos);
	bool ok = cursor != NULL && begin(sub, str_of(cursor));

	free(cursor);
	return ok ? 1 : -1;
}

/* The first read. 1: it is done. 0: it will be. -1: no memory. */
static int begin_read(struct hub *h, struct subscription *sub, enum read_from from,
	const struct hub_start *start)
{
	struct read *r = read_new(sub->group->filters);

	if (r == NULL)
		return -1;
	r->from = from;
	r->time_us = start->time_us;
	r->last = start->last;
	r->max_events = from == READ_LATEST ? start->latest_max : h->config.page_events;
	r->max_bytes = from == READ_LATEST ? SIZE_MAX : h->config.page_bytes;
	if (start->position.p != NULL && (r->position = hub_dup(start->position)) == NULL) {
		read_free(r);
		return -1;
	}
	return submit(h, sub, r);
}

/* 1: at its start, for (advance) to go on. 0: a read is under way. -1: no memory. */
static int start_at(struct hub *h, struct subscription *sub, const struct hub_start *start)
{
	enum read_from from = start->from;

	if (hub_is_foreign(h, start)) {
		sub->behind->notice = hub_notice_new("store", start->position);
		if (sub->behind->notice == NULL)
			return -1;
		if (from == READ_CURSOR || from == READ_ID)
			from = READ_NOW;
	}
	if (from == READ_CURSOR && store_is_quiet(h->store, sub->group->filters, start->position,
			&sub->pos))
		return begin(sub, start->position) ? 1 : -1;	/* nothing to read */
	return from == READ_NOW ? begin_now(h, sub) : begin_read(h, sub, from, start);
}

int hub_subscribe(struct hub *h, struct subscription *sub, const struct subscription_ops *ops,
	struct filters *f, const struct hub_start *start, const struct hub_options *o)
{
	static const struct hub_options none;
	int at = -1;

	memset(sub, 0, sizeof(*sub));
	sub->ops = ops;
	if (join(h, sub, f, o == NULL ? &none : o) == 0)
		at = start_at(h, sub, start);
	if (at < 0) {
		if (sub->group != NULL)
			hub_unsubscribe(h, sub);
		return -1;
	}
	if (at == 0 || (sub->behind->read != NULL && !arrived(h, sub)))
		return 0;
	if (sub->hold)
		hub_full(h, sub);
	else
		advance(h, sub, READY_PAGES, sub->behind->read == NULL);
	return 0;
}
