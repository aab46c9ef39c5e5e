/* SPDX-License-Identifier: MIT */
#include "api/feed.h"

#include <stddef.h>

#include "api/member.h"
#include "config.h"
#include "json.h"

static struct feed *feed_of(struct subscription *s)
{
	return (struct feed *)((char *)s - offsetof(struct feed, sub));
}

static void look_later(struct feed *f, enum feed_state st)
{
	f->state = st;
	f->ops->look(f);
}

static bool ends_at(const struct feed *f, const struct event *e)
{
	return f->opening != NULL && f->opening->s.until.p != NULL && event_type(e).p != NULL &&
		str_eq(event_type(e), f->opening->s.until);
}

/* --- from the hub ----------------------------------------------------------------------------- */

static void on_started(struct subscription *s, enum store_status st, struct str cursor)
{
	struct feed *f = feed_of(s);

	if (st == STORE_OK)
		f->state = FEED_OPEN;
	f->ops->started(f, st, cursor);
}

static bool on_gap(struct subscription *s, const struct gap *g)
{
	struct feed *f = feed_of(s);
	struct buf b;

	buf_init(&b, 64 << 10);
	if (encode_gap_json(&b, g) == 0)
		f->ops->gap(f, buf_str(&b));
	else
		look_later(f, FEED_BROKEN);
	buf_fini(&b);
	return true;	/* written privately, never dropped: a gap must not be lost in a stall */
}

static bool on_event(struct subscription *s, struct event *e)
{
	struct feed *f = feed_of(s);
	struct slice bytes;

	if (f->state != FEED_OPEN)
		return false;
	bytes = encode_event(feed_api(f)->encoder, e, f->form, f->chunked);
	if (bytes.block == NULL) {
		look_later(f, FEED_BROKEN);
		return false;
	}
	if (!f->ops->queue(f, bytes))
		return false;
	if (ends_at(f, e))
		look_later(f, FEED_OVER);
	return true;
}

static size_t on_events(struct subscription *s, const struct event_run *run)
{
	struct feed *f = feed_of(s);
	struct encoded_run bytes;
	size_t n = run->first;

	if (f->state != FEED_OPEN)
		return n;
	bytes = encode_run(feed_api(f)->encoder, run, f->form, f->chunked);
	if (bytes.events == NULL) {
		look_later(f, FEED_BROKEN);
		return n;
	}
	if (n > 0) {
		while (n < run->n && f->ops->queue(f, bytes.events[n]))
			n++;
		return n;
	}
	for (size_t i = 0; i < bytes.npieces && f->ops->queue(f, bytes.pieces[i].slice); i++)
		n += bytes.pieces[i].n;
	return n;
}

static void on_failed(struct subscription *s, enum store_status st)
{
	(void)st;
	look_later(feed_of(s), FEED_BROKEN);
}

static const struct subscription_ops feed_subscription = {
	.started = on_started,
	.gap = on_gap,
	.event = on_event,
	.failed = on_failed,
};

static const struct subscription_ops feed_alone = {
	.started = on_started,
	.gap = on_gap,
	.event = on_event,
	.events = on_events,
	.failed = on_failed,
};

/* --- from the connection ---------------------------------------------------------------------- */

static struct feed *feed_of_owner(struct conn_owner *o)
{
	return (struct feed *)((char *)o - offsetof(struct feed, owner));
}

static void on_stalled(struct conn_owner *o, void *last)
{
	struct feed *f = feed_of_owner(o);

	/* If the event of until= did not go out, it comes again. */
	if (f->state == FEED_OVER && (last == NULL || !ends_at(f, last)))
		f->state = FEED_OPEN;
	hub_rewind(feed_api(f)->hub, &f->sub, last);
}

static void on_drained(struct conn_owner *o)
{
	struct feed *f = feed_of_owner(o);

	f->slow = false;
	hub_ready(feed_api(f)->hub, &f->sub);
}

static const struct conn_owner_ops feed_owner = {on_stalled, on_drained};

/* --- until=: is a stream that resumes past its end? ------------------------------------------- */

static void probe_started(struct subscription *s, enum store_status st, struct str cursor)
{
	if (st != STORE_OK)
		on_started(s, st, cursor);
}

static bool probe_gap(struct subscription *s, const struct gap *g)
{
	(void)s;
	(void)g;
	return true;
}

/**
 * An event that is neither before nor after the cursor (-2) may not have been seen: better a
 * stream that stays open than one that leaves out what is to come.
 */
static bool probe_event(struct subscription *s, struct event *e)
{
	struct feed *f = feed_of(s);
	int order;

	if (f->state != FEED_PROBING)
		return false;
	if (e->ephemeral)
		return true;
	order = store_cursor_compare(feed_api(f)->shared->store, event_cursor(e),
		f->opening->s.start.position);
	if (order == 1)
		look_later(f, FEED_PROBED);	/* so are all that follow */
	else if (order != -2 && ends_at(f, e))
		look_later(f, FEED_PAST);
	return f->state == FEED_PROBING;
}

static void probe_live(struct subscription *s)
{
	look_later(feed_of(s), FEED_PROBED);
}

static const struct subscription_ops probe_subscription = {
	.started = probe_started,
	.gap = probe_gap,
	.event = probe_event,
	.live = probe_live,
};

/** Read what is retained up to the cursor, a few pages a turn as any other subscription. */
static int probe(struct feed *f)
{
	const struct hub_start oldest = {.from = READ_ALL};
	const struct hub_options plain = {0};

	f->state = FEED_PROBING;
	return hub_subscribe(feed_api(f)->hub, &f->sub, &probe_subscription, f->opening->s.filters,
		&oldest, &plain);
}

/* --- life ------------------------------------------------------------------------------------- */

void feed_init(struct feed *f, const struct feed_ops *ops, struct opening *o, enum form form)
{
	f->owner.ops = &feed_owner;
	f->ops = ops;
	f->opening = o;
	f->form = (uint8_t)form;
}

int feed_subscribe(struct feed *f)
{
	const struct subscription_ops *ops = &feed_subscription;
	const struct subscribe *s = &f->opening->s;

	if (f->state == FEED_IDLE && s->until.p != NULL && s->resumed)
		return probe(f);
	hub_unsubscribe(feed_api(f)->hub, &f->sub);	/* the probe */
	f->state = FEED_STARTING;
	if (f->ops->alone && s->until.p == NULL)	/* the end of until= may be any of several events */
		ops = &feed_alone;
	return hub_subscribe(feed_api(f)->hub, &f->sub, ops, s->filters, &s->start, &s->options);
}

static void on_tick(struct loop *l, struct loop_timer *t)
{
	struct opening *o = (struct opening *)((char *)t - offsetof(struct opening, tick));
	const struct hub_options *h = &o->s.options;

	loop_timer_set(l, t, h->every_ms > 0 ? h->every_ms : h->batch_ms);
	hub_tick(feed_api(o->feed)->hub, &o->feed->sub);
}

void feed_opened(struct feed *f, const char *transport, uint64_t nth)
{
	struct opening *o = f->opening;
	struct api *a = feed_api(f);
	uint64_t tick_ms = o->s.options.every_ms + o->s.options.batch_ms;

	o->feed = f;
	o->member = member_join(a, o->s.filters, o->user, transport, f->ops->conn(f), nth);
	if (tick_ms > 0) {
		loop_timer_init(&o->tick, on_tick);
		loop_timer_set(a->loop, &o->tick, tick_ms);
	}
	if (o->member != NULL || tick_ms > 0 || o->s.until.p != NULL)
		return;
	opening_free(o, a);
	f->opening = NULL;
}

void feed_fini(struct feed *f)
{
	struct api *a = feed_api(f);

	hub_unsubscribe(a->hub, &f->sub);
	conn_forget_owner(f->ops->conn(f), &f->owner);
	opening_free(f->opening, a);
	f->opening = NULL;
	f->state = FEED_IDLE;
}

struct str feed_cursor(struct feed *f, char dst[CURSOR_MAX])
{
	struct buf b;
	struct str s = {dst, 0};

	buf_init(&b, CURSOR_MAX);
	if (hub_cursor(feed_api(f)->hub, &f->sub, &b) == 0 && b.len > 0) {
		memcpy(dst, b.p, b.len);
		s.n = b.len;
	}
	buf_fini(&b);
	return s;
}

/* --- what it tells ---------------------------------------------------------------------------- */

void feed_describe(struct api *a, const struct subscription *sub, struct buf *b)
{
	const struct filters *f = hub_subscribed(sub);

	buf_adds(b, "\"topics\":[");
	for (unsigned i = 0; f != NULL && i < f->n; i++) {
		if (i > 0)
			buf_addc(b, ',');
		json_quote(b, f->items[i]);
	}
	buf_addf(b, "],\"state\":\"%s\",\"lag\":%llu",
		sub->state == SUBSCRIPTION_LIVE ? "live" : "lagging",
		sub->state == SUBSCRIPTION_IDLE ? 0 : (unsigned long long)hub_lag(a->hub, sub));
}

/* --- time ------------------------------------------------------------------------------------- */

uint32_t feed_end_s(struct api *a, const void *who)
{
	uint64_t age = api_config(a)->max_stream_ms;

	if (age == 0)
		return 0;
	return (uint32_t)((loop_now_ms(a->loop) + opening_jitter_tenth(who, age)) / 1000 + 1);
}

bool feed_is_due(struct api *a, uint32_t end_s)
{
	return end_s != 0 && loop_now_ms(a->loop) / 1000 >= end_s;
}

uint64_t feed_next_ms(struct api *a, uint32_t end_s)
{
	uint64_t beat = api_config(a)->heartbeat_ms, now = loop_now_ms(a->loop);

	if (end_s == 0 || (uint64_t)end_s * 1000 >= now + beat)
		return beat;
	return (uint64_t)end_s * 1000 > now ? (uint64_t)end_s * 1000 - now : 0;
}

bool feed_too_slow(struct feed *f)
{
	bool stalled = conn_stalled(f->ops->conn(f)), before = f->slow;

	f->slow = stalled;
	return stalled && before && api_config(feed_api(f))->slow == CONFIG_SLOW_CLOSE;
}
