/* SPDX-License-Identifier: MIT */
#include "helper_client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* --- the host -------------------------------------------------------------------------------- */

static void on_read_done(void *arg, struct hub *hub, struct read *r)
{
	struct host *h = arg;

	assert(hub == h->hub);
	r->next = h->done;
	h->done = r;
}

static void on_wake(void *arg)
{
	((struct host *)arg)->wakes++;
}

struct hub *host_open(struct host *h, struct store *s, const struct hub_config *c)
{
	struct hub_host host = {on_read_done, on_wake, h};

	memset(h, 0, sizeof(*h));
	h->hub = hub_new(s, c, &host);
	return h->hub;
}

void host_close(struct host *h)
{
	host_settle(h);
	hub_free(h->hub);
}

bool host_turn(struct host *h)
{
	struct read *r, *oldest = NULL;

	while ((r = h->done) != NULL) {
		h->done = r->next;
		r->next = oldest;
		oldest = r;
	}
	while ((r = oldest) != NULL) {
		oldest = r->next;
		hub_read_done(h->hub, r);
	}
	h->wakes = 0;
	return hub_turn(h->hub);
}

void host_settle(struct host *h)
{
	bool more = true;

	while (more || h->done != NULL || h->wakes > 0)
		more = host_turn(h);
}

/* --- the client ------------------------------------------------------------------------------ */

static struct client *client_of(struct subscription *s)
{
	return (struct client *)s;
}

static void on_started(struct subscription *s, enum store_status status, struct str cursor)
{
	struct client *c = client_of(s);

	c->started++;
	c->status = status;
	snprintf(c->start, sizeof(c->start), "%.*s", (int)cursor.n, cursor.n > 0 ? cursor.p : "");
}

static void copy(char dst[64], struct str s)
{
	snprintf(dst, 64, "%.*s", (int)s.n, s.p == NULL ? "" : s.p);
}

static bool on_gap(struct subscription *s, const struct gap *g)
{
	struct client *c = client_of(s);
	struct client_gap *to;

	assert(c->started == 1);
	if (c->refuse_gaps)
		return false;
	c->gaps = realloc(c->gaps, (c->ngaps + 1) * sizeof(c->gaps[0]));
	to = &c->gaps[c->ngaps++];
	copy(to->topic, g->topic);
	copy(to->after, g->after);
	copy(to->until, g->until);
	to->reason = g->reason;
	to->at = c->n;
	return true;
}

static bool on_event(struct subscription *s, struct event *e)
{
	struct client *c = client_of(s);

	assert(c->started == 1 && c->status == STORE_OK);
	if (c->room == 0)
		return false;
	c->room--;
	if (c->n == c->cap) {
		c->cap = c->cap == 0 ? 16 : c->cap * 2;
		c->got = realloc(c->got, c->cap * sizeof(c->got[0]));
	}
	event_ref(e);
	c->got[c->n++] = e;
	return true;
}

static size_t on_events(struct subscription *s, const struct event_run *run)
{
	size_t n = run->first;

	assert(run->first < run->n);
	client_of(s)->nruns++;
	while (n < run->n && on_event(s, run->events[n]))
		n++;
	return n;
}

static void on_live(struct subscription *s)
{
	struct client *c = client_of(s);

	c->live++;
	if (c->leave_when_live)
		hub_unsubscribe(c->hub, s);
}

static void on_failed(struct subscription *s, enum store_status status)
{
	client_of(s)->failed++;
	client_of(s)->status = status;
}

static const struct subscription_ops client_ops = {
	.started = on_started,
	.gap = on_gap,
	.event = on_event,
	.live = on_live,
	.failed = on_failed,
};

static const struct subscription_ops run_ops = {
	.started = on_started,
	.gap = on_gap,
	.event = on_event,
	.events = on_events,
	.live = on_live,
	.failed = on_failed,
};

void client_init(struct client *c, struct hub *hub, const char *filters)
{
	struct str items[16], rest = str_of(filters);
	const char *comma;
	unsigned n = 0;

	memset(c, 0, sizeof(*c));
	c->hub = hub;
	c->room = ROOM_ENOUGH;
	while ((comma = memchr(rest.p, ',', rest.n)) != NULL) {
		items[n++] = (struct str){rest.p, (size_t)(comma - rest.p)};
		rest.n -= (size_t)(comma + 1 - rest.p);
		rest.p = comma + 1;
	}
	items[n++] = rest;
	c->filters = hub_filters(hub, items, n);
}

void client_fini(struct client *c)
{
	hub_unsubscribe(c->hub, &c->sub);
	while (c->n > 0)
		event_unref(c->got[--c->n]);
	free(c->got);
	free(c->gaps);
	filters_unref(c->filters);
	memset(c, 0, sizeof(*c));
}

int client_subscribe_at(struct client *c, const struct hub_start *start,
	const struct hub_options *o)
{
	c->started = 0;
	return hub_subscribe(c->hub, &c->sub, c->runs ? &run_ops : &client_ops, c->filters, start,
		o);
}

int client_subscribe(struct client *c, const char *from, const struct hub_options *o)
{
	struct hub_start start = {.from = READ_NOW};

	if (from != NULL && strcmp(from, "all") == 0) {
		start.from = READ_ALL;
	} else if (from != NULL) {
		start.from = READ_CURSOR;
		start.position = str_of(from);
	}
	return client_subscribe_at(c, &start, o);
}

bool client_flush(struct client *c, size_t n)
{
	if (n >= c->n - c->sent) {
		c->sent = c->n;
		return false;
	}
	hub_rewind(c->hub, &c->sub, n == 0 ? NULL : c->got[c->sent + n - 1]);
	c->sent += n;
	while (c->n > c->sent)
		event_unref(c->got[--c->n]);
	return true;
}

const char *client_ids(const struct client *c)
{
	static char text[65536];
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < c->n && at + 50 < sizeof(text); i++) {
		struct str id = event_id(c->got[i]);

		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%.*s", i > 0 ? " " : "",
			id.p == NULL ? 1 : (int)id.n, id.p == NULL ? "e" : id.p);
	}
	return text;
}

const char *client_cursor(const struct client *c)
{
	static struct buf b;

	if (b.max == 0)
		buf_init(&b, CURSOR_MAX);
	buf_reset(&b);
	hub_cursor(c->hub, &c->sub, &b);
	return buf_cstr(&b);
}
