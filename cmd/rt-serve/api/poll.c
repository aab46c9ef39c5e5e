/* SPDX-License-Identifier: MIT */
#include "api/poll.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/encode.h"
#include "api/feed.h"
#include "api/fields.h"
#include "api/live.h"
#include "api/member.h"
#include "api/opening.h"
#include "api/problem.h"
#include "config.h"

/* A page ends with the event that makes it larger. */
#define PAGE_BYTES (1 << 20)

/* What stands around an event. */
#define PAGE_FRAMING 4

/* The cursors of one writer's log fit: microseconds, in decimal. */
#define START_NEAR 18

/* Nothing reaches it: PAGE_BYTES, then one event or gap. */
#define BODY_MAX ((size_t)1 << 30)

/**
 * A poll is a subscription that ends once it has everything there is, a long poll one that ends
 * after the turn of its first event. It answers from a deferred call, so that the events of one
 * turn are one answer, and the hub is not in the middle of something.
 */
struct poll {
	struct subscription sub;
	struct loop_deferred answer;
	struct live live;
	struct exchange *x;
	struct member *member;		/* in the rosters of presence, or NULL */
	char *start;			/* cursor; in (near) if it is short */
	struct buf body;
	struct event *last;		/* newest stored one in the body, a reference; NULL: a gap follows */
	uint32_t n;			/* elements of the body */
	uint32_t nevents;		/* those that are no gaps */
	uint32_t limit;			/* of those */
	uint32_t wait_ms;		/* what was asked for; 0: no long poll */
	bool ndjson, data_only;		/* how it is answered */
	bool prefer;			/* a Prefer field was there */
	bool waits;			/* it is a long poll, and has time left */
	bool caught_up;			/* what comes now is new */
	bool failed;			/* no memory for what has to come first */
	char near[START_NEAR];
	uint32_t origin;		/* where it begins in (text); 0: none */
	uint32_t match;			/* where If-None-Match begins in (text); "" if there was none */
	char text[];			/* the next page's URL, as poll_next_url has it; and those */
};

static struct poll *poll_of(struct subscription *s)
{
	return (struct poll *)((char *)s - offsetof(struct poll, sub));
}

static struct api *poll_api(const struct poll *p)
{
	return api_of(p->x);
}

/** The allowed origin, see struct request. */
static const char *origin_of(const struct poll *p)
{
	return p->origin > 0 ? p->text + p->origin : NULL;
}

/* --- the next page ---------------------------------------------------------------------------- */

/** Append (s), all but unreserved characters (RFC 3986, 2.3) encoded. 0 or -1. */
static int percent_encode(struct buf *b, struct str s)
{
	static const char digits[16] = "0123456789ABCDEF";
	static const bool unreserved[256] = {
		['-'] = true, ['.'] = true, ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['_'] = true,
		['a' ... 'z'] = true, ['~'] = true,
	};
	size_t n;

	while (s.n > 0) {
		for (n = 0; n < s.n && unreserved[(uint8_t)s.p[n]]; n++)
			;
		if (buf_add(b, s.p, n) != 0)
			return -1;
		if (n < s.n) {
			uint8_t c = (uint8_t)s.p[n++];

			if (buf_add(b, (char[]){'%', digits[c >> 4], digits[c & 15]}, 3) != 0)
				return -1;
		}
		s = (struct str){s.p + n, s.n - n};
	}
	return 0;
}

/** Does parameter (name) say where a page begins? */
static bool is_position(struct str name)
{
	return str_is(name, "since") || str_is(name, "last") || str_is(name, "latest") ||
		str_is(name, "last_event_id") || str_is(name, "lastEventId");
}

int poll_next_url(struct buf *b, const struct request *r)
{
	char sep = '?';

	if (buf_addstr(b, r->http->path) != 0)
		return -1;
	for (unsigned i = 0; i < r->nparams; i++) {
		const struct param *p = &r->params[i];

		if (is_position(p->name))
			continue;
		if (buf_addc(b, sep) != 0 || percent_encode(b, p->name) != 0)
			return -1;
		if (p->value.n > 0 && (buf_addc(b, '=') != 0 || percent_encode(b, p->value) != 0))
			return -1;
		sep = '&';
	}
	return buf_addc(b, sep) != 0 ? -1 : buf_adds(b, "since=");
}

/** Behind the URL of poll_next_url, the rest of a Link field. 0 or -1. */
static int end_link(struct buf *b, struct str cursor)
{
	return percent_encode(b, cursor) != 0 ? -1 : buf_adds(b, ">; rel=\"next\"");
}

static int add_link(struct buf *b, const struct poll *p, struct str cursor)
{
	buf_reset(b);
	return buf_addc(b, '<') != 0 || buf_adds(b, p->text) != 0 ? -1 : end_link(b, cursor);
}

/* --- conditional requests --------------------------------------------------------------------- */

bool poll_tag_matches(struct str list, struct str tag)
{
	const char *p = list.p, *end = list.p + list.n;

	while (p < end) {
		const char *open, *close;

		if (*p == '*')
			return true;
		open = memchr(p, '"', (size_t)(end - p));
		close = open != NULL ? memchr(open + 1, '"', (size_t)(end - open - 1)) : NULL;
		if (close == NULL)
			return false;
		if (str_eq((struct str){open + 1, (size_t)(close - open - 1)}, tag))
			return true;
		p = close + 1;
	}
	return false;
}

/** What the answer is, apart from its body. */
struct verdict {
	unsigned status;
	struct str cursor;	/* after the page: ETag and Link */
};

/**
 * A page without events leaves the client where it stands; whoever shows that cursor is up to
 * date. One with events is the same as before if it ends where it ended before.
 */
static struct verdict judge(const struct poll *p, struct str now)
{
	struct str match = str_of(p->text + p->match);
	struct verdict v = {200, p->last != NULL ? event_cursor(p->last) : now};

	if (match.n == 0)
		return v;
	if (p->n == 0 && poll_tag_matches(match, str_of(p->start))) {
		v.status = 304;
		v.cursor = str_of(p->start);
	} else if (poll_tag_matches(match, v.cursor) && (p->last != NULL || p->n == 0)) {
		v.status = 304;
	}
	return v;
}

/* --- the answer ------------------------------------------------------------------------------- */

/** All of it but the body. What it points to stays until it is sent. */
struct answer {
	struct exchange *x;
	const char *origin;	/* see struct request */
	unsigned status;
	struct str start;	/* the cursor that the page begins behind */
	struct str cursor;	/* that behind it: ETag */
	struct str link;
	uint32_t wait_ms;	/* of a Prefer field that is followed; 0: none */
	bool ndjson;
};

static void answer_with(const struct answer *an, struct str body)
{
	struct api *a = api_of(an->x);
	struct fields f;
	char tag[CURSOR_MAX + 2], wait[32];

	opening_fields(&f, an->origin, a, an->start);
	fields_refer(&f, "Cache-Control", STR_LIT("no-cache"));
	tag[0] = tag[an->cursor.n + 1] = '"';
	memcpy(tag + 1, an->cursor.p, an->cursor.n);
	fields_refer(&f, "ETag", (struct str){tag, an->cursor.n + 2});
	if (an->wait_ms > 0) {
		snprintf(wait, sizeof(wait), "wait=%u", (unsigned)an->wait_ms / 1000);
		fields_refer(&f, "Preference-Applied", str_of(wait));
	}
	fields_refer(&f, "Link", an->link);
	if (an->status == 200)
		fields_refer(&f, "Content-Type", an->ndjson ? STR_LIT("application/x-ndjson") :
			STR_LIT("application/json"));
	else
		a->stats.not_modified++;
	a->stats.status[an->status / 100]++;
	exchange_respond(an->x, an->status, f.f, f.n, body);
}

/** A page without elements. */
static struct str empty_page(bool ndjson)
{
	return ndjson ? STR_LIT("") : STR_LIT("[]\n");
}

static void respond(struct poll *p, struct str now)
{
	struct verdict v = judge(p, now);
	struct buf *link = &poll_api(p)->link;

	if (v.cursor.n == 0 || add_link(link, p, v.cursor) != 0 ||
	    (!p->ndjson && p->n > 0 && buf_adds(&p->body, "]\n") != 0)) {
		opening_problem(p->x, origin_of(p), STORE_NOMEM);
		return;
	}
	answer_with(&(struct answer){
		.x = p->x, .origin = origin_of(p), .status = v.status, .start = str_of(p->start),
		.cursor = v.cursor, .link = buf_str(link), .wait_ms = p->prefer ? p->wait_ms : 0,
		.ndjson = p->ndjson,
	}, p->n > 0 ? buf_str(&p->body) : empty_page(p->ndjson));
}

static void free_poll(struct poll *p)
{
	member_leave(p->member, poll_api(p));
	if (p->last != NULL)
		event_unref(p->last);
	buf_fini(&p->body);
	if (p->start != p->near)
		free(p->start);
	free(p);
}

/** It asks for nothing more: out of the hub, the rosters and /connections. */
static void leave(struct poll *p)
{
	hub_unsubscribe(poll_api(p)->hub, &p->sub);
	live_remove(&p->live);
	p->waits = false;
}

static void run_answer(struct loop *l, struct loop_deferred *d)
{
	struct poll *p = (struct poll *)((char *)d - offsetof(struct poll, answer));
	struct buf now;

	(void)l;
	buf_init(&now, CURSOR_MAX);
	if (p->last == NULL)
		hub_cursor(poll_api(p)->hub, &p->sub, &now);
	leave(p);
	if (p->failed)
		opening_problem(p->x, origin_of(p), STORE_NOMEM);
	else
		respond(p, buf_str(&now));
	buf_fini(&now);
}

static void answer_soon(struct poll *p)
{
	loop_defer(poll_api(p)->loop, &p->answer);
}

/* --- from the hub ----------------------------------------------------------------------------- */

static void on_started(struct subscription *s, enum store_status st, struct str cursor)
{
	struct poll *p = poll_of(s);

	if (st == STORE_OK && cursor.n < sizeof(p->near)) {
		memcpy(p->near, cursor.p, cursor.n);
		p->near[cursor.n] = '\0';
		p->start = p->near;
	} else if (st == STORE_OK) {
		p->start = strndup(cursor.p, cursor.n);
	}
	if (p->start != NULL)
		return;
	opening_problem(p->x, origin_of(p), st == STORE_OK ? STORE_NOMEM : st);
}

/** Begin the next element of the body. 0 or -1. */
static int add_separator(struct poll *p)
{
	return p->ndjson ? 0 : buf_adds(&p->body, p->n == 0 ? "[" : ",\n");
}

/** Gaps don't fill a page: only behind an event does the next one begin at another cursor. */
static bool is_full(const struct poll *p)
{
	return p->nevents >= p->limit || (p->nevents > 0 && p->body.len >= PAGE_BYTES);
}

/** The page ends at (e). */
static void set_last(struct poll *p, struct event *e)
{
	if (e != NULL)
		event_ref(e);
	if (p->last != NULL)
		event_unref(p->last);
	p->last = e;
}

static bool on_gap(struct subscription *s, const struct gap *g)
{
	struct poll *p = poll_of(s);
	size_t before = p->body.len;

	if (is_full(p))
		return false;	/* it begins the next page */
	if (add_separator(p) == 0 && encode_gap_json(&p->body, g) == 0 &&
	    (!p->ndjson || buf_addc(&p->body, '\n') == 0)) {
		p->n++;
		set_last(p, NULL);
		if (p->caught_up)
			answer_soon(p);
		return true;
	}
	p->body.len = before;
	p->failed = true;	/* a page must not begin behind a gap that it does not tell */
	answer_soon(p);
	return false;
}

static bool add_event(struct poll *p, struct event *e)
{
	size_t before = p->body.len;
	struct str text = p->data_only ? event_data(e) : event_json(e);

	/* With the end of the page there is one allocation for the single event of most long polls. */
	if (buf_reserve(&p->body, text.n + PAGE_FRAMING) == 0 && add_separator(p) == 0 &&
	    buf_addstr(&p->body, text) == 0 && (!p->ndjson || buf_addc(&p->body, '\n') == 0))
		return true;
	p->body.len = before;
	return false;
}

static bool on_event(struct subscription *s, struct event *e)
{
	struct poll *p = poll_of(s);

	if (is_full(p) || !add_event(p, e)) {
		p->failed = p->nevents == 0;
		answer_soon(p);
		return false;
	}
	p->n++;
	p->nevents++;
	if (!e->ephemeral)
		set_last(p, e);
	if (is_full(p) || p->caught_up)
		answer_soon(p);
	return true;
}

static void on_live(struct subscription *s)
{
	struct poll *p = poll_of(s);

	p->caught_up = true;
	if (p->n > 0 || !p->waits)
		answer_soon(p);
}

static void on_failed(struct subscription *s, enum store_status st)
{
	struct poll *p = poll_of(s);

	loop_undefer(poll_api(p)->loop, &p->answer);
	opening_problem(p->x, origin_of(p), st);
}

static const struct subscription_ops poll_subscription = {
	.started = on_started,
	.gap = on_gap,
	.event = on_event,
	.live = on_live,
	.failed = on_failed,
};

/* --- waiting ---------------------------------------------------------------------------------- */

/** If its first read is still under way there is no cursor to answer with: it answers after that. */
static void stop_waiting(struct poll *p)
{
	p->waits = false;
	if (p->start != NULL)
		answer_soon(p);
}

/** Time is up. */
static void on_alarm(struct exchange *x)
{
	stop_waiting(exchange_user(x));
}

static void drain(struct live *v)
{
	struct poll *p = (struct poll *)((char *)v - offsetof(struct poll, live));

	exchange_close_after(p->x);
	stop_waiting(p);
}

static void describe(const struct live *v, struct buf *b)
{
	const struct poll *p = (const struct poll *)((const char *)v - offsetof(struct poll, live));

	feed_describe(poll_api(p), &p->sub, b);
}

static struct conn *conn_of(const struct live *v)
{
	const struct poll *p = (const struct poll *)((const char *)v - offsetof(struct poll, live));

	return exchange_conn(p->x);
}

static const struct live_ops poll_live = {LIVE_LONGPOLL, conn_of, drain, describe};

static void begin_waiting(struct poll *p, const struct subscribe *s, struct str user)
{
	struct api *a = poll_api(p);

	p->waits = true;
	a->stats.long_polls++;
	live_add(a, &p->live, &poll_live);
	p->member = member_join(a, s->filters, user, "longpoll", exchange_conn(p->x), 0);
	exchange_alarm(p->x, p->wait_ms);
}

static void on_peer_eof(struct exchange *x)
{
	struct poll *p = exchange_user(x);

	if (p->waits)
		stop_waiting(p);
}

static void on_closed(struct exchange *x, enum conn_end why)
{
	struct poll *p = exchange_user(x);

	(void)why;
	leave(p);
	loop_undefer(poll_api(p)->loop, &p->answer);
	free_poll(p);
}

static const struct exchange_ops poll_exchange = {
	.peer_eof = on_peer_eof,
	.closed = on_closed,
	.alarm = on_alarm,
};

/* --- from the route --------------------------------------------------------------------------- */

static bool has_prefer(const struct request *r)
{
	return http_field(r->http, "prefer").p != NULL;
}

/** What outlives the head, one after the other: the next page's URL, If-None-Match, the origin. */
static int add_text(struct buf *b, struct poll *head, const struct request *r,
	const struct subscribe *s)
{
	if (poll_next_url(b, r) != 0 || buf_addc(b, '\0') != 0)
		return -1;
	head->match = (uint32_t)b->len;
	if (buf_addstr(b, s->if_none_match) != 0 || buf_addc(b, '\0') != 0)
		return -1;
	if (r->origin_allowed == NULL)
		return 0;
	head->origin = (uint32_t)b->len;
	return buf_add(b, r->origin_allowed, strlen(r->origin_allowed) + 1);
}

static struct poll *poll_new(struct exchange *x, const struct request *r, const struct subscribe *s)
{
	struct poll *p = NULL, head = {
		.answer = {.run = run_answer},
		.x = x,
		.limit = (uint32_t)(s->start.from == READ_LATEST ? s->start.latest_max : s->limit),
		.wait_ms = (uint32_t)s->wait_ms,
		.ndjson = s->mode == SUBSCRIBE_POLL_NDJSON,
		.data_only = s->data_only,
		.prefer = has_prefer(r),
	};
	struct buf *text = &r->api->link;

	buf_reset(text);
	if (add_text(text, &head, r, s) == 0)
		p = malloc(sizeof(*p) + text->len);
	if (p != NULL) {
		*p = head;
		buf_init(&p->body, BODY_MAX);
		memcpy(p->text, text->p, text->len);
	}
	return p;
}

/**
 * The answer to most polls: there is nothing new. It needs no subscription, and nothing to be kept.
 * False: there may be.
 */
static bool answer_quiet(struct exchange *x, const struct request *r, const struct subscribe *s)
{
	struct str position = s->start.position;
	struct buf *link = &r->api->link;

	if (!hub_is_quiet(r->api->hub, s->filters, &s->start))
		return false;
	buf_reset(link);
	if (buf_addc(link, '<') != 0 || poll_next_url(link, r) != 0 || end_link(link, position) != 0)
		return false;
	answer_with(&(struct answer){
		.x = x, .origin = r->origin_allowed,
		.status = poll_tag_matches(s->if_none_match, position) ? 304 : 200, .start = position,
		.cursor = position, .link = buf_str(link),
		.wait_ms = has_prefer(r) ? (uint32_t)s->wait_ms : 0,
		.ndjson = s->mode == SUBSCRIBE_POLL_NDJSON,
	}, empty_page(s->mode == SUBSCRIBE_POLL_NDJSON));
	return true;
}

void poll_start(struct exchange *x, struct request *r, struct subscribe *s)
{
	bool draining = atomic_load_explicit(&r->api->shared->draining, memory_order_relaxed);
	bool waits = s->wait_ms > 0 && !str_is(r->http->method, "HEAD") && !draining;
	struct poll *p;

	r->api->stats.polls++;
	if (!waits && answer_quiet(x, r, s))
		return;
	if ((p = poll_new(x, r, s)) == NULL) {
		problem_respond(x, r, 503, "out of memory: try again later");
		return;
	}
	exchange_accept(x, &poll_exchange, p);
	if (waits)
		begin_waiting(p, s, r->user);
	if (hub_subscribe(r->api->hub, &p->sub, &poll_subscription, s->filters, &s->start,
		&s->options) != 0)
		opening_problem(x, origin_of(p), STORE_NOMEM);
}
