/* SPDX-License-Identifier: MIT */
#include "api/subscribe.h"

#include <string.h>
#include <strings.h>

#include "config.h"
#include "topic.h"
#include "units.h"

#define TICK_MIN_MS 10
#define TICK_MAX_MS 3600000
#define LAST_MAX 1000000000

/** Put a sentence into (why); always -1, to be returned. */
static int refuse(struct buf *why, const char *sentence)
{
	buf_adds(why, sentence);
	return -1;
}

static struct str trim(struct str s)
{
	while (s.n > 0 && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/** The next element, trimmed, of a list separated by (sep); quoted strings are not looked into. */
static bool next_element(struct str *rest, char sep, struct str *out)
{
	const char *end;

	if (rest->p == NULL)
		return false;
	end = rest->n > 0 ? memchr(rest->p, sep, rest->n) : NULL;
	out->p = rest->p;
	out->n = end != NULL ? (size_t)(end - rest->p) : rest->n;
	if (end != NULL)
		*rest = (struct str){end + 1, rest->n - out->n - 1};
	else
		*rest = STR_NULL;
	*out = trim(*out);
	return true;
}

static bool is_word(struct str s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

/** "NAME=VALUE", spaces around the "=" allowed. False if it is not about (name). */
static bool element_value(struct str element, const char *name, struct str *value)
{
	const char *eq = memchr(element.p, '=', element.n);
	struct str left = {element.p, eq != NULL ? (size_t)(eq - element.p) : element.n};

	if (!is_word(trim(left), name))
		return false;
	*value = eq == NULL ? STR_LIT("") : trim((struct str){eq + 1, element.n - left.n - 1});
	if (value->n >= 2 && value->p[0] == '"' && value->p[value->n - 1] == '"')
		*value = (struct str){value->p + 1, value->n - 2};
	return true;
}

/** Is the flag (name) set: "?name" or "?name=1"? */
static int flag(const struct request *r, const char *name, bool *set, struct buf *why)
{
	struct str v = request_param(r, name);

	*set = v.p != NULL && !str_is(v, "0") && !str_is(v, "no") && !str_is(v, "false");
	if (!*set || v.n == 0 || str_is(v, "1") || str_is(v, "yes") || str_is(v, "true"))
		return 0;
	buf_addf(why, "%s is a flag: give it without a value, or as %s=1 or %s=0", name, name, name);
	return -1;
}

static bool is_poll(const struct subscribe *s)
{
	return s->mode == SUBSCRIBE_POLL || s->mode == SUBSCRIBE_POLL_NDJSON;
}

/* --- topics ----------------------------------------------------------------------------------- */

enum topic_status subscribe_topic(struct api *a, struct str topic)
{
	return topic.n > api_config(a)->max_topic ? TOPIC_TOO_LONG : topic_check_pattern(topic);
}

static int check_topic(struct api *a, struct str topic, struct buf *why)
{
	enum topic_status st = subscribe_topic(a, topic);

	return st == TOPIC_OK ? 0 : refuse(why, topic_status_text(st));
}

static int parse_topics(const struct request *r, struct subscribe *s, struct buf *why)
{
	struct str topics[REQUEST_MAX_PARAMS + 1];
	uint64_t max = api_config(r->api)->max_subscriptions;
	unsigned n = 0;

	if (r->topic.p != NULL)
		topics[n++] = r->topic;
	for (unsigned i = 0; i < r->nparams; i++)
		if (str_is(r->params[i].name, "topic"))
			topics[n++] = r->params[i].value;
	if (n == 0)
		return refuse(why, "name at least one topic, as in /events?topic=chat/lobby&topic=news/**");
	if (n > max) {
		buf_addf(why, "%u topics in one request are more than the %llu allowed: use patterns, "
			"or raise --max-subscriptions", n, (unsigned long long)max);
		return -1;
	}
	/* That of the path is checked. */
	for (unsigned i = r->topic.p != NULL; i < n; i++)
		if (check_topic(r->api, topics[i], why) != 0)
			return -1;
	/* What a plain poll asks for is gone before another could share it. */
	s->filters = is_poll(s) && s->wait_ms == 0 ? filters_new(topics, n) :
		hub_filters(r->api->hub, topics, n);
	return 0;
}

/* --- how it is to be answered ----------------------------------------------------------------- */

/** Quality of an element of Accept, in thousandths; malformed ones count as 1. */
static unsigned quality(struct str params)
{
	struct str one, v;
	unsigned q = 0, digit = 1000;

	while (next_element(&params, ';', &one)) {
		if (!element_value(one, "q", &v) || v.n == 0)
			continue;
		if (v.p[0] != '0')
			return 1000;
		for (size_t i = 2; i < v.n && i < 5 && v.p[i] >= '0' && v.p[i] <= '9'; i++) {
			digit /= 10;
			q += (unsigned)(v.p[i] - '0') * digit;
		}
		return q;
	}
	return 1000;
}

enum media { MEDIA_OTHER, MEDIA_JSON, MEDIA_NDJSON, MEDIA_SSE };

static enum media media_of(struct str type)
{
	if (is_word(type, "text/event-stream"))
		return MEDIA_SSE;
	if (is_word(type, "application/x-ndjson") || is_word(type, "application/ndjson"))
		return MEDIA_NDJSON;
	if (is_word(type, "application/json") || is_word(type, "*/*") || is_word(type, "application/*"))
		return MEDIA_JSON;
	return MEDIA_OTHER;
}

/** What the client likes best of what there is; of equals, what it names first. */
static enum media accepted(const struct request *r)
{
	enum media best = MEDIA_OTHER;
	unsigned best_q = 0;

	for (unsigned i = 0; i < r->http->nfields; i++) {
		struct str list = r->http->fields[i].value, element, type;

		if (!str_is(r->http->fields[i].name, "accept"))
			continue;
		while (next_element(&list, ',', &element)) {
			struct str params = element;
			enum media m;
			unsigned q;

			next_element(&params, ';', &type);
			m = media_of(type);
			q = quality(params);
			if (m != MEDIA_OTHER && q > best_q) {
				best = m;
				best_q = q;
			}
		}
	}
	return best == MEDIA_OTHER ? MEDIA_JSON : best;
}

static int parse_as(const struct request *r, struct str as, enum media media,
	enum subscribe_mode *mode, struct buf *why)
{
	if (str_is(as, "poll"))
		*mode = media == MEDIA_NDJSON ? SUBSCRIBE_POLL_NDJSON : SUBSCRIBE_POLL;
	else if (str_is(as, "sse"))
		*mode = SUBSCRIBE_SSE;
	else if (str_is(as, "ndjson"))
		*mode = SUBSCRIBE_NDJSON;
	else if (!str_is(as, "ws"))
		return refuse(why, "as= is one of poll, sse, ndjson and ws");
	else if (!r->http->upgrade_websocket)
		return refuse(why, "as=ws needs a WebSocket handshake (RFC 6455): connect with a ws:// URL");
	else
		*mode = SUBSCRIBE_WS;
	return 0;
}

static int parse_mode(const struct request *r, struct subscribe *s, struct buf *why)
{
	struct str as = request_param(r, "as"), format = request_param(r, "format");
	enum media media = accepted(r);
	bool follow;

	if (flag(r, "follow", &follow, why) != 0)
		return -1;
	if (format.p != NULL && !str_is(format, "data") && !str_is(format, "envelope"))
		return refuse(why, "format= is envelope or data");
	s->data_only = format.p != NULL && str_is(format, "data");
	if (as.p != NULL)
		return parse_as(r, as, media, &s->mode, why);
	if (r->http->upgrade_websocket)
		s->mode = SUBSCRIBE_WS;
	else if (media == MEDIA_SSE)
		s->mode = SUBSCRIBE_SSE;
	else if (follow)
		s->mode = SUBSCRIBE_NDJSON;
	else
		s->mode = media == MEDIA_NDJSON ? SUBSCRIBE_POLL_NDJSON : SUBSCRIBE_POLL;
	return 0;
}

/** Seconds to wait, of ?wait= or else of Prefer (RFC 7240): p == NULL: neither. */
static struct str wanted_wait(const struct request *r)
{
	struct str v = request_param(r, "wait");

	for (unsigned i = 0; v.p == NULL && i < r->http->nfields; i++) {
		struct str list = r->http->fields[i].value, element;

		if (!str_is(r->http->fields[i].name, "prefer"))
			continue;
		while (v.p == NULL && next_element(&list, ',', &element)) {
			struct str first;

			next_element(&element, ';', &first);
			if (!element_value(first, "wait", &v))
				v = STR_NULL;
		}
	}
	return v;
}

static int parse_poll(const struct request *r, struct subscribe *s, struct buf *why)
{
	const struct config *c = api_config(r->api);
	struct str limit = request_param(r, "limit"), wait = wanted_wait(r);

	s->limit = c->max_poll;
	if (limit.p != NULL && units_parse_number(limit.p, limit.n, 1, UINT64_MAX, &s->limit) != 0)
		return refuse(why, "limit= is the number of events wanted, at least 1");
	if (s->limit > c->max_poll)
		s->limit = c->max_poll;
	if (wait.p != NULL && units_parse_duration(wait.p, wait.n, 1000, &s->wait_ms) != 0) {
		if (request_param(r, "wait").p != NULL)
			return refuse(why, "wait= is a number of seconds");
		s->wait_ms = 0;		/* a preference that is not understood is ignored (RFC 7240, 2) */
	}
	if (s->wait_ms > c->max_wait_ms)
		s->wait_ms = c->max_wait_ms;
	s->if_none_match = http_field(r->http, "if-none-match");
	return 0;
}

static int parse_tick(const char *name, struct str v, uint64_t *ms, struct buf *why)
{
	if (v.p == NULL)
		return 0;
	if (units_parse_duration(v.p, v.n, 0, ms) == 0 && *ms >= TICK_MIN_MS && *ms <= TICK_MAX_MS)
		return 0;
	buf_addf(why, "%s is a duration with its unit, such as 100ms or 2s, from 10ms to 1h", name);
	return -1;
}

int subscribe_ticks(struct str every, struct str batch, struct hub_options *o, struct buf *why)
{
	if (parse_tick("every", every, &o->every_ms, why) != 0 ||
	    parse_tick("batch", batch, &o->batch_ms, why) != 0)
		return -1;
	if (every.p != NULL && batch.p != NULL)
		return refuse(why, "every already gathers: give either every or batch");
	return 0;
}

static int parse_stream(const struct request *r, struct subscribe *s, struct buf *why)
{
	if (subscribe_ticks(request_param(r, "every"), request_param(r, "batch"), &s->options, why) != 0)
		return -1;
	s->until = request_param(r, "until");
	if (s->until.p != NULL && (s->until.n == 0 || s->until.n > EVENT_NAME_MAX))
		return refuse(why, "until= is the type of the event to end after, 1 to 255 bytes");
	return 0;
}

/* --- where it starts -------------------------------------------------------------------------- */

/** A time whose offset lost its "+" to the decoding of the query, as in since=$(date -Is). */
static bool plus_time(struct str since, uint64_t *time_us)
{
	static const size_t offset = sizeof("+01:00") - 1;
	char text[64];

	if (since.n <= offset || since.n > sizeof(text) || since.p[since.n - offset] != ' ')
		return false;
	memcpy(text, since.p, since.n);
	text[since.n - offset] = '+';
	return units_parse_time(text, since.n, time_us) == 0;
}

/** A time or an age. True if (since) is one. */
static bool since_time(struct str since, uint64_t *time_us)
{
	uint64_t now = units_now_us(), age_ms;

	if (units_parse_time(since.p, since.n, time_us) == 0 || plus_time(since, time_us))
		return true;
	if (units_parse_duration(since.p, since.n, 0, &age_ms) != 0)
		return false;
	*time_us = age_ms < now / 1000 ? now - age_ms * 1000 : 0;
	return true;
}

/** Which ids there are only the store knows; but words that are none get a better answer here. */
static bool may_be_id(struct str s)
{
	bool digit = false;

	if (s.n == 0 || s.n > EVENT_ID_MAX || memchr("-_.:", s.p[0], 4) != NULL)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i], letter = (char)(c | 0x20);

		if ((letter < 'a' || letter > 'z') && (c < '0' || c > '9') && memchr("-_.:", c, 4) == NULL)
			return false;
		digit = digit || (c >= '0' && c <= '9');
	}
	return digit;
}

int subscribe_since(struct api *a, struct str since, struct hub_start *start, struct buf *why)
{
	if (str_is(since, "all")) {
		start->from = READ_ALL;
	} else if (str_is(since, "now")) {
		start->from = READ_NOW;
	} else if (since.n <= CURSOR_MAX && store_cursor_valid(a->shared->store, since)) {
		/* before times: no store's cursor looks like one, and digits alone are an id */
		start->from = READ_CURSOR;
		start->position = since;
	} else if (since_time(since, &start->time_us)) {
		start->from = READ_TIME;
	} else if (may_be_id(since)) {
		start->from = READ_ID;
		start->position = since;
	} else {
		return refuse(why, "since= is all, now, the id of an event, a cursor, a time such as "
			"2025-11-24T02:06:40Z, or an age such as 90s, 10m, 1h or 7d");
	}
	return 0;
}

/** The cursor that the client brings; empty ones are none. */
static struct str wanted_cursor(const struct request *r)
{
	struct str v = http_field(r->http, "last-event-id");

	if (v.n == 0)
		v = request_param(r, "last_event_id");
	if (v.n == 0)
		v = request_param(r, "lastEventId");
	return v.n == 0 ? STR_NULL : v;
}

static int parse_last(const struct request *r, struct subscribe *s, struct buf *why)
{
	struct str last = request_param(r, "last");
	bool latest;

	if (flag(r, "latest", &latest, why) != 0)
		return -1;
	if (latest) {
		s->start.from = READ_LATEST;
		s->start.latest_max = (unsigned)api_config(r->api)->max_latest;
		return 0;
	}
	if (last.p == NULL) {
		s->start.from = is_poll(s) && s->wait_ms == 0 ? READ_ALL : READ_NOW;
		return 0;
	}
	if (units_parse_number(last.p, last.n, 0, LAST_MAX, &s->start.last) != 0)
		return refuse(why, "last= is the number of newest events to start with");
	s->start.from = s->start.last > 0 ? READ_LAST : READ_NOW;
	return 0;
}

static bool is_hex(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (memchr("0123456789abcdef", s.p[i], 16) == NULL)
			return false;
	return true;
}

/** Identity of the store that the client's position comes from. */
static int parse_store(const struct request *r, struct subscribe *s, struct buf *why)
{
	struct str v = http_field(r->http, "rt-store");

	if (v.n == 0)
		return 0;
	if (v.n != 16 || !is_hex(v))
		return refuse(why, "Rt-Store is 16 hexadecimal digits, as an answer brought them: "
			"leave it out if there was none");
	s->start.store = v;
	return 0;
}

static bool is_foreign(const struct api *a, struct str store)
{
	return store.p != NULL && !str_is(store, store_identity(a->shared->store));
}

static int parse_start(const struct request *r, struct subscribe *s, struct buf *why)
{
	struct str cursor = wanted_cursor(r), since = request_param(r, "since");

	if (parse_store(r, s, why) != 0)
		return -1;
	if (cursor.p != NULL) {
		if (cursor.n > CURSOR_MAX || !store_cursor_valid(r->api->shared->store, cursor))
			return refuse(why, "Last-Event-ID is no cursor of this server: send one "
				"that it gave, or start over with since=all or since=now");
		s->start.from = READ_CURSOR;
		s->start.position = cursor;
	} else if (since.p != NULL) {
		if (subscribe_since(r->api, since, &s->start, why) != 0)
			return -1;
	} else if (parse_last(r, s, why) != 0) {
		return -1;
	}
	s->resumed = s->start.from == READ_CURSOR && !is_foreign(r->api, s->start.store);
	return 0;
}

/* --- all of it -------------------------------------------------------------------------------- */

int subscribe_parse(const struct request *r, struct subscribe *s, unsigned *status, struct buf *why)
{
	memset(s, 0, sizeof(*s));
	*status = 400;
	if (parse_mode(r, s, why) != 0)
		return -1;
	if ((is_poll(s) ? parse_poll : parse_stream)(r, s, why) != 0)
		return -1;
	if (parse_start(r, s, why) != 0 || parse_topics(r, s, why) != 0)
		return -1;
	if (api_config(r->api)->slow == CONFIG_SLOW_NEWEST && !is_poll(s))
		s->options.slow = SLOW_NEWEST;
	if (s->filters == NULL) {
		*status = 503;
		return refuse(why, "out of memory: try again later");
	}
	return 0;
}

void subscribe_fini(struct subscribe *s)
{
	if (s->filters != NULL)
		filters_unref(s->filters);
	s->filters = NULL;
}
