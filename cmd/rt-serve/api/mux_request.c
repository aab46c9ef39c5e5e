/* SPDX-License-Identifier: MIT */
#include "api/mux_request.h"

#include <stdlib.h>

#include "base64.h"
#include "config.h"
#include "units.h"

/* Bytes of a ref, which is kept for every subscription. */
#define REF_MAX 256

static const char *const member_names[MUX_MEMBERS] = {
	[MUX_OP] = "op", [MUX_REF] = "ref", [MUX_TOPICS] = "topics", [MUX_TOPIC] = "topic",
	[MUX_SINCE] = "since", [MUX_LAST] = "last", [MUX_CURSOR] = "cursor", [MUX_LATEST] = "latest",
	[MUX_EVERY] = "every", [MUX_BATCH] = "batch", [MUX_HEARTBEAT] = "heartbeat",
	[MUX_DATA] = "data", [MUX_DATA_BASE64] = "data_base64", [MUX_TYPE] = "type", [MUX_KEY] = "key",
	[MUX_STORE] = "store",
};

const char *mux_request_parse(struct mux_request *r, struct str text, char *scratch)
{
	enum json_status st = json_check(text.p, text.n, NULL);

	for (unsigned i = 0; i < MUX_MEMBERS; i++)
		r->m[i] = (struct json_member){.name = member_names[i]};
	r->ref = STR_LIT("null");
	r->scratch = scratch;
	if (st != JSON_OK)
		return json_status_text(st);
	if (json_members(text, r->m, MUX_MEMBERS, NULL) != 0)
		return "send an object such as {\"op\":\"subscribe\",\"topics\":[\"chat\"]}";
	if (r->m[MUX_REF].raw.p == NULL)
		return NULL;
	if (r->m[MUX_REF].raw.n > REF_MAX)
		return "ref takes at most 256 bytes";
	r->ref = r->m[MUX_REF].raw;
	return NULL;
}

bool mux_request_text(struct mux_request *r, enum mux_member m, struct str *out)
{
	*out = STR_NULL;
	if (r->m[m].raw.p == NULL)
		return true;
	if (r->m[m].type != JSON_STRING)
		return false;
	*out = (struct str){r->scratch, json_unquote(r->scratch, r->m[m].raw)};
	r->scratch += out->n;
	return true;
}

bool mux_request_flag(const struct mux_request *r, enum mux_member m, bool *out)
{
	if (r->m[m].raw.p == NULL)
		return true;
	if (r->m[m].type != JSON_BOOL)
		return false;
	*out = str_is(r->m[m].raw, "true");
	return true;
}

/* --- op subscribe --------------------------------------------------------------------------- */

/** Topics of a request while they are collected. */
struct topic_list {
	struct api *api;
	struct mux_request *r;
	struct str *items;
	unsigned n;
	uint64_t max;
	const char *wrong;
};

static int add_topic(void *arg, struct str raw)
{
	struct topic_list *l = arg;
	enum topic_status st;
	struct str topic;

	if (json_type_of(raw) != JSON_STRING) {
		l->wrong = "topics is a list of strings";
		return 1;
	}
	if (l->n == l->max) {
		l->wrong = "more topics in one subscription than allowed: use patterns, or raise "
			"--max-subscriptions";
		return 1;
	}
	topic = (struct str){l->r->scratch, json_unquote(l->r->scratch, raw)};
	l->r->scratch += topic.n;
	st = subscribe_topic(l->api, topic);
	if (st != TOPIC_OK) {
		l->wrong = topic_status_text(st);
		return 1;
	}
	l->items[l->n++] = topic;
	return 0;
}

/** The filters of a subscribe; NULL and a sentence in *wrong. */
static struct filters *read_topics(struct mux_request *r, struct api *a, const char **wrong)
{
	struct topic_list l = {.api = a, .r = r, .max = api_config(a)->max_subscriptions};
	struct filters *f = NULL;

	l.items = calloc(l.max, sizeof(*l.items));
	if (l.items == NULL)
		l.wrong = "out of memory: try again later";
	else if (r->m[MUX_TOPIC].raw.p != NULL)
		add_topic(&l, r->m[MUX_TOPIC].raw);
	else if (r->m[MUX_TOPICS].raw.p != NULL && json_elements(r->m[MUX_TOPICS].raw, add_topic, &l) < 0)
		l.wrong = "topics is a list of strings";
	if (l.wrong == NULL && l.n == 0)
		l.wrong = "name the topics: {\"op\":\"subscribe\",\"topics\":[\"chat/lobby\",\"news/**\"]}";
	if (l.wrong == NULL) {
		f = hub_filters(a->hub, l.items, l.n);
		l.wrong = "out of memory: try again later";
	}
	free(l.items);
	*wrong = l.wrong;
	return f;
}

/** Where it starts: cursor, since, latest, last or now, in this order. 0, or -1 and a sentence. */
static int read_start(struct mux_request *r, struct api *a, struct hub_start *start,
	struct buf *why)
{
	struct str cursor, since, last = r->m[MUX_LAST].raw;
	const char *wrong = NULL;
	bool latest = false;

	start->from = READ_NOW;
	if (!mux_request_text(r, MUX_CURSOR, &cursor) || !mux_request_text(r, MUX_SINCE, &since))
		wrong = "cursor and since are strings";
	else if (!mux_request_flag(r, MUX_LATEST, &latest))
		wrong = "latest is true or false";
	else if (cursor.p != NULL &&
	    (cursor.n > CURSOR_MAX || !store_cursor_valid(a->shared->store, cursor)))
		wrong = "cursor is none of this server: send one that it gave, or start over with since";
	else if (cursor.p == NULL && since.p == NULL && !latest && last.p != NULL &&
	    units_parse_number(last.p, last.n, 0, 1000000000, &start->last) != 0)
		wrong = "last is the number of newest events to start with";
	if (wrong != NULL) {
		buf_adds(why, wrong);
		return -1;
	}
	if (cursor.p != NULL) {
		start->from = READ_CURSOR;
		start->position = cursor;
	} else if (since.p != NULL) {
		return subscribe_since(a, since, start, why);
	} else if (latest) {
		start->from = READ_LATEST;
		start->latest_max = (unsigned)api_config(a)->max_latest;
	} else if (start->last > 0) {
		start->from = READ_LAST;
	}
	return 0;
}

/** every and batch. 0, or -1 and a sentence. */
static int read_options(struct mux_request *r, const struct api *a, struct hub_options *o,
	struct buf *why)
{
	struct str every, batch;

	if (api_config(a)->slow == CONFIG_SLOW_NEWEST)
		o->slow = SLOW_NEWEST;
	if (!mux_request_text(r, MUX_EVERY, &every) || !mux_request_text(r, MUX_BATCH, &batch)) {
		buf_adds(why, "every and batch are strings such as \"100ms\"");
		return -1;
	}
	return subscribe_ticks(every, batch, o, why);
}

int mux_request_subscribe(struct mux_request *r, struct api *a, struct str store,
	struct subscribe *s, struct buf *why)
{
	const char *wrong;

	s->start.store = store;
	if (read_start(r, a, &s->start, why) != 0 || read_options(r, a, &s->options, why) != 0)
		return -1;
	s->filters = read_topics(r, a, &wrong);
	if (s->filters != NULL)
		return 0;
	buf_adds(why, wrong);
	return -1;
}

/* --- op publish ----------------------------------------------------------------------------- */

const char *mux_request_value(struct mux_request *r, struct publish_value *v)
{
	bool stored = true;
	struct str base64;

	if (!mux_request_text(r, MUX_TOPIC, &v->topic) || v->topic.p == NULL)
		return "topic is a string: the topic to publish to";
	if (!mux_request_text(r, MUX_TYPE, &v->type) || !mux_request_text(r, MUX_KEY, &v->key))
		return "type and key are strings";
	if (!mux_request_flag(r, MUX_STORE, &stored))
		return "store is true or false";
	v->ephemeral = !stored;
	v->value = r->m[MUX_DATA].raw;
	if (v->value.p != NULL)
		return NULL;
	if (!mux_request_text(r, MUX_DATA_BASE64, &base64) || base64.p == NULL)
		return "give data, any JSON value, or data_base64, a string";
	/* its bytes go behind the text, where there is room */
	v->binary = true;
	v->value = (struct str){r->scratch, 0};
	if (base64.n > 0) {
		ssize_t n = base64_decode(r->scratch, base64.p, base64.n);

		if (n < 0)
			return "data_base64 is not base64 (RFC 4648, section 4, with padding)";
		v->value.n = (size_t)n;
	}
	return NULL;
}
