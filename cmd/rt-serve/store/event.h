/* SPDX-License-Identifier: MIT */
#ifndef RT_EVENT_H
#define RT_EVENT_H

/*
 * An event: immutable once committed, counted by reference across threads, one allocation. Its
 * envelope is written once, at commit, right in front of the members that were known before, so
 * that everybody hands out the same bytes.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "str.h"

#define EVENT_ID_MAX 40		/* bytes of an id */
#define EVENT_NAME_MAX 255	/* bytes of a type, key or from */

enum event_refusal {
	EVENT_ACCEPTED,
	EVENT_TOO_MANY_TOPICS,	/* it would have made one topic too many */
};

struct event {
	atomic_uint refs;
	uint32_t size;		/* bytes of the allocation, for budgets */
	uint64_t topic_hash;	/* hash_bytes of the topic */
	uint64_t pos;		/* position in the tail; 0 if it never was there */
	uint64_t order;		/* embedded stores: the id as a number */
	uint64_t seq;		/* 0: none */
	uint64_t time_ms;	/* Unix milliseconds */
	char *cursor;		/* where a subscriber stands after it; NULL: its id. Owned. */
	uint32_t json_at, json_len;	/* envelope, in bytes[]; valid once committed */
	uint32_t data_at, data_len;	/* the data (or data_base64) value as in the envelope */
	uint32_t id_at;
	uint16_t topic_at, type_at, key_at, from_at;	/* plain text, not escaped */
	uint8_t id_len, topic_len, type_len, key_len, from_len;
	uint8_t ephemeral, base64, has_type, has_key, has_from;
	uint8_t refusal;	/* enum event_refusal, set by the store */
	uint8_t dropped;	/* the window's, under its lock: retention passed it */
	char bytes[];
};

/** What a publisher gave. Text is plain UTF-8, already checked against topic.h and the limits. */
struct event_draft {
	struct str topic;
	struct str type, key, from;	/* p == NULL: absent */
	struct str data;		/* one valid JSON value without line breaks; or */
	struct str bytes;		/* raw bytes, which become data_base64 (data.p == NULL) */
	struct str base64;		/* or the base64 text of them, as it is (data.p == NULL) */
	bool ephemeral;
};

/** Make an event out of (d), whose text is copied; one reference. NULL without memory. */
struct event *event_new(const struct event_draft *d);

/**
 * Give it its place: writes the envelope. (id) at most EVENT_ID_MAX bytes that need no escaping;
 * p == NULL for an ephemeral event. Once, and by the store only, before anybody else sees the
 * event; so an event whose batch has failed cannot be appended again.
 */
void event_commit(struct event *e, struct str id, uint64_t seq, uint64_t time_ms);

/** Any thread; the last one frees it. (NULL) is not fine. */
void event_ref(struct event *e);
void event_unref(struct event *e);

static inline struct str event_json(const struct event *e)
{
	return (struct str){e->bytes + e->json_at, e->json_len};
}

static inline struct str event_id(const struct event *e)
{
	return (struct str){e->id_len ? e->bytes + e->id_at : NULL, e->id_len};
}

static inline struct str event_topic(const struct event *e)
{
	return (struct str){e->bytes + e->topic_at, e->topic_len};
}

static inline struct str event_type(const struct event *e)
{
	return (struct str){e->has_type ? e->bytes + e->type_at : NULL, e->type_len};
}

static inline struct str event_key(const struct event *e)
{
	return (struct str){e->has_key ? e->bytes + e->key_at : NULL, e->key_len};
}

static inline struct str event_from(const struct event *e)
{
	return (struct str){e->has_from ? e->bytes + e->from_at : NULL, e->from_len};
}

/** The data value's JSON text, or with e->base64 the JSON string of base64. */
static inline struct str event_data(const struct event *e)
{
	return (struct str){e->bytes + e->data_at, e->data_len};
}

/** Where a subscriber stands who has had all up to and including (e). Not for ephemeral ones. */
static inline struct str event_cursor(const struct event *e)
{
	return e->cursor != NULL ? str_of(e->cursor) : event_id(e);
}

#endif
