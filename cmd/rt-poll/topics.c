/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "exitcode.h"
#include "log.h"
#include "poll.h"
#include "units.h"

#define URL_MAX (1u << 20)
#define HEADER_MAX 8192
#define WAIT_MS 25000		/* of one long poll: proxies end longer ones */
#define COUNT_PAGE_MAX 1000	/* of one request with -n */

/* One run. */
struct run {
	struct poll *p;
	struct buf url, last_id, none_match, store, prefer;
	uint64_t until_ms;	/* of --wait, monotonic; 0: do not wait (any more) */
	uint64_t wait_ms;	/* of this request */
	uint64_t began_us;	/* by the server's clock; 0: before the first answer */
	uint64_t newest_us;	/* time of the last event that came */
	bool news;
};

static uint64_t page_size(const struct poll *p)
{
	const struct config *c = p->c;
	uint64_t left = c->count == 0 ? 0 : c->count - p->printed;

	if (left > COUNT_PAGE_MAX)
		left = COUNT_PAGE_MAX;
	return c->page != 0 && (left == 0 || c->page < left) ? c->page : left;
}

static int add_number(struct buf *url, const char *name, uint64_t n)
{
	char digits[20];

	return client_add_query(url, name, (struct str){ digits, units_format_u64(digits, n) });
}

/* Where to start, if no cursor says so. */
static int add_start(struct buf *url, const struct config *c)
{
	if (c->since != NULL && client_add_query(url, "since", str_of(c->since)) != 0)
		return -1;
	return c->last != 0 ? add_number(url, "last", c->last) : 0;
}

static const char *build_url(struct run *r, bool has_cursor)
{
	const struct config *c = r->p->c;
	uint64_t limit = page_size(r->p);
	struct buf *u = &r->url;

	buf_reset(u);
	if (buf_adds(u, c->client.server) != 0 || buf_adds(u, "/events") != 0)
		return NULL;
	for (size_t i = 0; i < c->ntopics; i++)
		if (client_add_query(u, "topic", str_of(c->topics[i])) != 0)
			return NULL;
	if (client_add_query(u, "as", STR_LIT("poll")) != 0)
		return NULL;
	if (limit != 0 && add_number(u, "limit", limit) != 0)
		return NULL;
	if (!has_cursor && add_start(u, c) != 0)
		return NULL;
	return buf_cstr(u);
}

/* How long this request may wait: what is left of --wait. */
static uint64_t wait_left(const struct run *r)
{
	uint64_t now = units_monotonic_ms(), left;

	if (r->until_ms == 0 || now >= r->until_ms)
		return 0;
	left = r->until_ms - now;
	return left < WAIT_MS ? left : WAIT_MS;
}

static int request(struct run *r)
{
	const char *cursor = state_get(r->p->state, "cursor");
	const char *store = state_get(r->p->state, "store");
	const char *extra[6] = { "Accept: application/x-ndjson" };
	const char *url = build_url(r, cursor != NULL);
	size_t n = 1;

	r->wait_ms = wait_left(r);
	if (url == NULL) {
		log_error("too many topics for one URL");
		return EXIT_USAGE;
	}
	if (cursor != NULL) {
		extra[n++] = poll_header(&r->last_id, "Last-Event-ID", cursor, false);
		extra[n++] = poll_header(&r->none_match, "If-None-Match", cursor, true);
		if (extra[1] == NULL || extra[2] == NULL)
			return poll_bad_state(r->p);
	}
	if (cursor != NULL && store != NULL) {
		extra[n] = poll_header(&r->store, "Rt-Store", store, false);
		if (extra[n++] == NULL)
			return poll_bad_state(r->p);
	}
	if (r->wait_ms > 0) {
		buf_reset(&r->prefer);
		if (buf_addf(&r->prefer, "Prefer: wait=%" PRIu64, (r->wait_ms + 999) / 1000) == 0)
			extra[n] = buf_cstr(&r->prefer);
	}
	return fetch_get(r->p->fetch, url, extra, r->wait_ms);
}

static void note_time(struct run *r, struct str time)
{
	if (time.n > 2)
		units_parse_time(time.p + 1, time.n - 2, &r->newest_us);
}

/* When the first answer came: its Date, which counts whole seconds; else by the clock here. */
static void note_beginning(struct run *r)
{
	const char *date = fetch_header(r->p->fetch, "Date");
	time_t t = date == NULL ? -1 : curl_getdate(date, NULL);

	if (r->began_us == 0)
		r->began_us = t > 0 ? ((uint64_t)t + 1) * 1000000 : units_now_us();
}

/* Are there later pages that belong to this run? What came after it began is for the next one,
 * or a run on a busy topic would never end. */
static bool has_more(const struct run *r)
{
	return fetch_has_next(r->p->fetch) && r->newest_us <= r->began_us;
}

/* Gather the lines of a page. The number of events, or -1 with errno: EINVAL: no page. */
static int64_t gather(struct run *r, struct str body)
{
	int64_t n = 0;

	while (body.n > 0) {
		const char *lf = memchr(body.p, '\n', body.n);
		struct str line = { body.p, lf == NULL ? body.n : (size_t)(lf - body.p) };
		struct envelope e;

		body.p += line.n + (lf != NULL);
		body.n -= line.n + (lf != NULL);
		if (line.n == 0)
			continue;
		if (envelope_parse(&e, line) != JSON_OK || (e.gap.p == NULL && e.topic.p == NULL)) {
			errno = EINVAL;
			return -1;
		}
		if (output_add(&r->p->out, &e) != 0)
			return -1;
		r->news = true;
		n += e.gap.p == NULL;
		note_time(r, e.time);
	}
	return n;
}

/* The cursor behind the page is its entity tag: "CURSOR", or W/"CURSOR" behind some proxies. */
static int remember_cursor(struct run *r)
{
	const char *tag = fetch_header(r->p->fetch, "ETag");
	char cursor[STATE_VALUE_MAX + 1];
	size_t n;
	int st;

	if (tag != NULL && strncmp(tag, "W/", 2) == 0)
		tag += 2;
	n = tag == NULL ? 0 : strlen(tag);
	if (n < 3 || n - 2 > STATE_VALUE_MAX || tag[0] != '"' || tag[n - 1] != '"') {
		log_error("the answer has no cursor (ETag): is %s an rt-serve, "
			"or does a proxy remove it?", r->p->c->client.server);
		return EXIT_PROTOCOL;
	}
	memcpy(cursor, tag + 1, n - 2);
	cursor[n - 2] = '\0';
	st = poll_remember(r->p, "cursor", cursor);
	return st != 0 ? st : poll_remember(r->p, "store", fetch_header(r->p->fetch, "Rt-Store"));
}

static int take_page(struct run *r, int64_t *n)
{
	int st;

	*n = gather(r, fetch_body(r->p->fetch));
	if (*n < 0) {
		st = errno == EINVAL ? EXIT_PROTOCOL : EXIT_RESOURCES;
		log_error("%s", st == EXIT_RESOURCES ? "out of memory" :
			"the answer is no page of events: is the URL that of an rt-serve?");
		output_drop(&r->p->out);
		return st;
	}
	st = remember_cursor(r);
	if (st != 0) {
		output_drop(&r->p->out);
		return st;
	}
	r->p->printed += (uint64_t)*n;
	return poll_commit(r->p);
}

/* Pages until there is nothing behind the last one. */
static int pages(struct run *r)
{
	const struct config *c = r->p->c;
	int64_t n;
	int st;

	for (;;) {
		st = request(r);
		if (st != 0)
			return st;
		n = 0;
		note_beginning(r);
		if (fetch_status(r->p->fetch) != 304)
			st = take_page(r, &n);
		if (st != 0)
			return st;
		if (r->news)
			r->until_ms = 0;
		if (c->count != 0 && r->p->printed >= c->count)
			return 0;
		if (n == 0 ? wait_left(r) == 0 : !has_more(r))
			return 0;
	}
}

int topics_poll(struct poll *p)
{
	struct run r = { .p = p };
	int st;

	buf_init(&r.url, URL_MAX);
	buf_init(&r.last_id, HEADER_MAX);
	buf_init(&r.none_match, HEADER_MAX);
	buf_init(&r.store, HEADER_MAX);
	buf_init(&r.prefer, HEADER_MAX);
	if (p->c->wait_ms != 0)
		r.until_ms = units_monotonic_ms() + p->c->wait_ms;
	st = pages(&r);
	buf_fini(&r.url);
	buf_fini(&r.last_id);
	buf_fini(&r.none_match);
	buf_fini(&r.store);
	buf_fini(&r.prefer);
	return st != 0 ? st : r.news ? POLL_NEW : POLL_NOTHING;
}
