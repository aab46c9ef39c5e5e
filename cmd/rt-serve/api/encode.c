/* SPDX-License-Identifier: MIT */
#include "api/encode.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "hub/subscription.h"
#include "json.h"
#include "net/http.h"
#include "net/websocket.h"

/* A control frame carries no more (RFC 6455, 5.5). */
#define PING_MAX 125

/** A piece of a run is no longer than this unless it is one event: of what a connection takes as a whole. */
#define PIECE_MAX 16384

/** Room that framing of any kind may need around a message. */
#define FRAMING_MAX (HTTP_CHUNK_HEAD_MAX + 2)

/**
 * What was encoded last. Good as long as the arena's turn lasts: until then it keeps the bytes,
 * and their mark keeps the event.
 */
struct cached {
	struct slice slice;		/* block == NULL: nothing */
	uint64_t turn;
	const struct event *event;
};

struct cached_heartbeat {
	struct slice slice;
	uint64_t turn;
	size_t ncursor;
	char cursor[CURSOR_MAX];
};

/** The run that was encoded last. There is room for (cap) events, and for as many pieces. */
struct cached_run {
	uint64_t turn, number;
	struct slice *events;
	struct encoded_piece *pieces;
	size_t npieces, cap;
};

struct encoder {
	struct arena *arena;
	struct cached_run runs[FORM_COUNT][2];
	struct cached events[FORM_COUNT][2];
	struct cached_heartbeat heartbeats[FORM_COUNT][2];
};

/** A message being written: its parts, one behind the other. */
struct parts {
	struct str part[9];	/* an SSE event with its name has the most */
	unsigned n;
	size_t len;
};

struct encoder *encoder_new(struct arena *a)
{
	struct encoder *e = calloc(1, sizeof(*e));

	if (e != NULL)
		e->arena = a;
	return e;
}

static void cached_run_free(struct cached_run *c)
{
	free(c->events);
	free(c->pieces);
	*c = (struct cached_run){0};
}

void encoder_free(struct encoder *e)
{
	for (int form = 0; e != NULL && form < FORM_COUNT; form++) {
		cached_run_free(&e->runs[form][false]);
		cached_run_free(&e->runs[form][true]);
	}
	free(e);
}

void encode_release(void *tag)
{
	event_unref(tag);
}

/* --- bytes ------------------------------------------------------------------------------------ */

static void part_add(struct parts *p, struct str s)
{
	p->part[p->n++] = s;
	p->len += s.n;
}

static uint8_t *put(uint8_t *dst, struct str s)
{
	if (s.n > 0)
		memcpy(dst, s.p, s.n);
	return dst + s.n;
}

static uint8_t *put_parts(uint8_t *dst, const struct parts *p)
{
	for (unsigned i = 0; i < p->n; i++)
		dst = put(dst, p->part[i]);
	return dst;
}

/** Lay (p) into the arena as one message, in an HTTP chunk if asked for. */
static struct slice lay_http(struct arena *a, const struct parts *p, bool chunked, void *tag)
{
	uint8_t *start = arena_reserve(a, p->len + FRAMING_MAX), *end = start;

	if (start == NULL)
		return (struct slice){0};
	if (chunked)
		end += http_chunk_head(end, p->len);
	end = put_parts(end, p);
	if (chunked)
		end = put(end, STR_LIT("\r\n"));
	return arena_commit(a, (size_t)(end - start), tag);
}

static struct slice lay_frame(struct arena *a, unsigned opcode, struct str payload, void *tag)
{
	uint8_t *start = arena_reserve(a, payload.n + WEBSOCKET_HEAD_MAX), *end = start;

	if (start == NULL)
		return (struct slice){0};
	end += websocket_head(end, opcode, payload.n);
	end = put(end, payload);
	return arena_commit(a, (size_t)(end - start), tag);
}

/** A binary frame of what the JSON string (data) says in base64. */
static struct slice lay_decoded_frame(struct arena *a, struct str data, void *tag)
{
	struct str text = {data.p + 1, data.n - 2};	/* without the quotes */
	uint8_t *start = arena_reserve(a, text.n / 4 * 3 + WEBSOCKET_HEAD_MAX), *end = start;
	size_t pad = text.n > 0 && text.p[text.n - 1] == '=';
	size_t len;

	if (start == NULL)
		return (struct slice){0};
	pad += pad > 0 && text.p[text.n - 2] == '=';
	len = text.n / 4 * 3 - pad;
	end += websocket_head(end, WEBSOCKET_BINARY, len);
	base64_decode(end, text.p, text.n);
	return arena_commit(a, (size_t)(end - start) + len, tag);
}

/* --- events ----------------------------------------------------------------------------------- */

/**
 * May (type) be the name of an SSE event? "open" and "error" would pose as the EventSource's own,
 * "gap" as ours; line breaks would end the field.
 */
static bool is_event_name(struct str type)
{
	if (type.n == 0 || str_is(type, "open") || str_is(type, "error") || str_is(type, "gap"))
		return false;
	return memchr(type.p, '\n', type.n) == NULL && memchr(type.p, '\r', type.n) == NULL;
}

static void sse_parts(struct parts *p, const struct event *ev, bool data_only)
{
	if (!ev->ephemeral) {
		part_add(p, STR_LIT("id: "));
		part_add(p, event_cursor(ev));
		part_add(p, STR_LIT("\n"));
	}
	if (data_only && is_event_name(event_type(ev))) {
		part_add(p, STR_LIT("event: "));
		part_add(p, event_type(ev));
		part_add(p, STR_LIT("\n"));
	}
	part_add(p, STR_LIT("data: "));
}

static struct slice lay_event(struct arena *a, struct event *ev, enum form form, bool chunked)
{
	struct parts p = {0};

	switch (form) {
	case FORM_SSE:
	case FORM_SSE_DATA:
		sse_parts(&p, ev, form == FORM_SSE_DATA);
		part_add(&p, form == FORM_SSE ? event_json(ev) : event_data(ev));
		part_add(&p, STR_LIT("\n\n"));
		return lay_http(a, &p, chunked, ev);
	case FORM_NDJSON:
	case FORM_NDJSON_DATA:
		part_add(&p, form == FORM_NDJSON ? event_json(ev) : event_data(ev));
		part_add(&p, STR_LIT("\n"));
		return lay_http(a, &p, chunked, ev);
	case FORM_WS_DATA:
		if (ev->base64)
			return lay_decoded_frame(a, event_data(ev), ev);
		return lay_frame(a, WEBSOCKET_TEXT, event_data(ev), ev);
	default:
		return lay_frame(a, WEBSOCKET_TEXT, event_json(ev), ev);
	}
}

struct slice encode_event(struct encoder *e, struct event *ev, enum form form, bool chunked)
{
	struct cached *c = &e->events[form][chunked];

	if (c->slice.block != NULL && c->event == ev && c->turn == e->arena->turn)
		return c->slice;
	event_ref(ev);		/* the mark's */
	c->slice = lay_event(e->arena, ev, form, chunked);
	if (c->slice.block == NULL)
		event_unref(ev);
	c->event = ev;
	c->turn = e->arena->turn;
	return c->slice;
}

/** Room for (n) events. False without memory. */
static bool run_reserve(struct cached_run *c, size_t n)
{
	if (n <= c->cap)
		return true;
	cached_run_free(c);
	c->events = malloc(n * sizeof(c->events[0]));
	c->pieces = malloc(n * sizeof(c->pieces[0]));
	if (c->events == NULL || c->pieces == NULL) {
		cached_run_free(c);
		return false;
	}
	c->cap = n;
	return true;
}

/** One more event: in the last piece, if it stands right behind that. */
static void run_add(struct cached_run *c, struct slice s)
{
	struct encoded_piece *last = c->npieces > 0 ? &c->pieces[c->npieces - 1] : NULL;

	if (last != NULL && last->slice.block == s.block && last->slice.off + last->slice.len == s.off &&
			last->slice.len + s.len <= PIECE_MAX) {
		last->slice.len += s.len;
		last->n++;
		return;
	}
	c->pieces[c->npieces++] = (struct encoded_piece){s, 1};
}

struct encoded_run encode_run(struct encoder *e, const struct event_run *run, enum form form,
	bool chunked)
{
	struct cached_run *c = &e->runs[form][chunked];

	if (c->number == run->number && c->turn == e->arena->turn)
		return (struct encoded_run){c->events, c->pieces, c->npieces};
	if (!run_reserve(c, run->n))
		return (struct encoded_run){0};
	c->npieces = 0;
	c->number = 0;
	for (size_t i = 0; i < run->n; i++) {
		c->events[i] = encode_event(e, run->events[i], form, chunked);
		if (c->events[i].block == NULL)
			return (struct encoded_run){0};
		run_add(c, c->events[i]);
	}
	c->number = run->number;
	c->turn = e->arena->turn;
	return (struct encoded_run){c->events, c->pieces, c->npieces};
}

/* --- what is no event ------------------------------------------------------------------------- */

static struct slice lay_heartbeat(struct arena *a, struct str cursor, enum form form, bool chunked)
{
	struct parts p = {0};

	switch (form) {
	case FORM_SSE:
	case FORM_SSE_DATA:
		part_add(&p, STR_LIT("id: "));
		part_add(&p, cursor);
		part_add(&p, STR_LIT("\n\n"));
		return lay_http(a, &p, chunked, NULL);
	case FORM_NDJSON:
	case FORM_NDJSON_DATA:
		part_add(&p, STR_LIT("\n"));
		return lay_http(a, &p, chunked, NULL);
	default:
		if (cursor.n > PING_MAX)
			cursor.n = 0;
		return lay_frame(a, WEBSOCKET_PING, cursor, NULL);
	}
}

struct slice encode_heartbeat(struct encoder *e, struct str cursor, enum form form, bool chunked)
{
	struct cached_heartbeat *c = &e->heartbeats[form][chunked];

	assert(cursor.n <= CURSOR_MAX);
	if (c->slice.block != NULL && c->turn == e->arena->turn &&
	    str_eq((struct str){c->cursor, c->ncursor}, cursor))
		return c->slice;
	c->slice = lay_heartbeat(e->arena, cursor, form, chunked);
	c->turn = e->arena->turn;
	if (cursor.n > 0)
		memcpy(c->cursor, cursor.p, cursor.n);
	c->ncursor = cursor.n;
	return c->slice;
}

/** (s) as a JSON string, null if it is absent. */
static int add_text(struct buf *b, struct str s)
{
	return s.p == NULL ? buf_adds(b, "null") : json_quote(b, s);
}

int encode_gap_json(struct buf *b, const struct gap *g)
{
	if (buf_adds(b, "{\"gap\":{\"topic\":") != 0 || add_text(b, g->topic) != 0)
		return -1;
	if (buf_adds(b, ",\"after\":") != 0 || add_text(b, g->after) != 0)
		return -1;
	if (buf_adds(b, ",\"until\":") != 0 || add_text(b, g->until) != 0)
		return -1;
	if (buf_adds(b, ",\"reason\":") != 0 || add_text(b, str_of(g->reason)) != 0)
		return -1;
	return buf_adds(b, "}}");
}
