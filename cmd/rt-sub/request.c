/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define URL_MAX (512 * 1024)	/* 1,024 topics of 255 bytes, each a few percent signs longer */

static int add(struct buf *url, const char *name, const char *value)
{
	return client_add_query(url, name, str_of(value));
}

static int add_number(struct buf *url, const char *name, uint64_t n, const char *unit)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64 "%s", n, unit);
	return add(url, name, text);
}

static int add_topics(struct buf *url, const struct config *c)
{
	if (buf_adds(url, c->client.server) != 0)
		return -1;
	if (c->n_topics == 1)
		return buf_adds(url, "/topics/") != 0 ? -1 :
			client_add_path(url, str_of(c->topics[0]));
	if (buf_adds(url, "/events") != 0)
		return -1;
	for (size_t i = 0; i < c->n_topics; i++)
		if (add(url, "topic", c->topics[i]) != 0)
			return -1;
	return 0;
}

/* Does the query parameter (p) say where to start? */
static bool is_start(struct str p)
{
	static const char *const names[] = { "since", "last", "latest", "last_event_id",
		"lastEventId" };
	const char *eq = memchr(p.p, '=', p.n);
	struct str name = {p.p, eq != NULL ? (size_t)(eq - p.p) : p.n};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_is(name, names[i]))
			return true;
	return false;
}

/* The URL as given, without a fragment; once we know better, without what says where to start. */
static int add_url(struct buf *url, const char *text, bool resumes)
{
	size_t n = strcspn(text, "#"), base = strcspn(text, "?#");
	const char *p = text + base, *end = text + n;
	char sep = '?';

	if (!resumes)
		return buf_add(url, text, n);
	if (buf_add(url, text, base) != 0)
		return -1;
	while (p < end) {
		struct str param = {p + 1, strcspn(p + 1, "&#")};

		p = param.p + param.n;
		if (param.n == 0 || is_start(param))
			continue;
		if (buf_addc(url, sep) != 0 || buf_addstr(url, param) != 0)
			return -1;
		sep = '&';
	}
	return 0;
}

static int add_start(struct buf *url, const struct config *c, const struct request_want *want)
{
	const struct position *from = want->from;

	if (want->last != NULL)
		return add(url, "last", want->last);
	if (from->len > 0) {
		if (from->is_id)
			return client_add_query(url, "since", position_str(from));
		/* A WebSocket in a browser can set no header, so this is how all of them do it. */
		return want->accept != NULL ? 0 :
			client_add_query(url, "last_event_id", position_str(from));
	}
	if (c->since != NULL)
		return add(url, "since", c->since);
	if (c->last != NULL)
		return add(url, "last", c->last);
	if (c->latest)
		return add(url, "latest", "1");
	if (want->missed_ms > 0)
		return add_number(url, "since", want->missed_ms, "ms");
	/* A plain poll would begin with everything there is. */
	return want->wait_s == 0 && str_is(str_of(want->as), "poll") ? add(url, "since", "now") : 0;
}

static int add_options(struct buf *url, const struct config *c, const struct request_want *want)
{
	if (c->every_ms > 0 && add_number(url, "every", c->every_ms, "ms") != 0)
		return -1;
	if (c->batch_ms > 0 && add_number(url, "batch", c->batch_ms, "ms") != 0)
		return -1;
	if (c->until != NULL && add(url, "until", c->until) != 0)
		return -1;
	if (want->limit > 0 && add_number(url, "limit", want->limit, "") != 0)
		return -1;
	if (want->wait_s > 0 && add_number(url, "wait", want->wait_s, "") != 0)
		return -1;
	return 0;
}

static int build_url(struct request *r, const struct config *c, const struct request_want *want)
{
	bool resumes = want->is_rt && (want->from->len > 0 || want->last != NULL);
	int err = c->url == NULL ? add_topics(&r->url, c) : add_url(&r->url, c->url, resumes);

	if (err != 0)
		return -1;
	/* A foreign server gets the URL as it was typed, and not a word of ours. */
	if ((c->url == NULL || want->is_rt || c->transport == TRANSPORT_NDJSON ||
	    str_is(str_of(want->as), "poll")) && add(&r->url, "as", want->as) != 0)
		return -1;
	if (add_start(&r->url, c, want) != 0 || add_options(&r->url, c, want) != 0)
		return -1;
	return buf_cstr(&r->url) == NULL ? -1 : 0;
}

static void add_header(struct request *r, size_t *n, const char *name, const char *value)
{
	snprintf(r->fields[*n], sizeof(r->fields[*n]), "%s: %s", name, value);
	r->headers[*n] = r->fields[*n];
	(*n)++;
}

int request_init(struct request *r, const struct config *c, const struct request_want *want)
{
	size_t n = 0;

	buf_init(&r->url, URL_MAX);
	if (want->accept != NULL) {
		add_header(r, &n, "Accept", want->accept);
		add_header(r, &n, "Cache-Control", "no-cache");
		if (want->from->len > 0 && !want->from->is_id && want->last == NULL)
			add_header(r, &n, "Last-Event-ID", want->from->text);
	}
	if (want->store[0] != '\0' && want->from->len > 0 && want->last == NULL)
		add_header(r, &n, "Rt-Store", want->store);
	r->headers[n] = NULL;
	return build_url(r, c, want);
}

void request_fini(struct request *r)
{
	buf_fini(&r->url);
}
