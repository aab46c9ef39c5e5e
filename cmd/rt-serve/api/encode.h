/* SPDX-License-Identifier: MIT */
#ifndef RT_ENCODE_H
#define RT_ENCODE_H

/*
 * Wire forms of events. Each form of an event is built at most once per loop and turn, laid behind
 * the one before it in the loop's arena, and written by reference by everybody who needs it.
 */
#include "net/arena.h"
#include "store/store.h"

struct encoder;
struct event_run;

enum form {
	FORM_SSE,		/* id: cursor, data: envelope */
	FORM_SSE_DATA,		/* format=data: id, event: type, data: payload */
	FORM_NDJSON,		/* envelope and LF */
	FORM_NDJSON_DATA,
	FORM_WS,		/* text frame: envelope */
	FORM_WS_DATA,		/* text frame: payload, binary frame if it is bytes */
	FORM_COUNT
};

/** For the loop whose arena is (a), which must stay. NULL without memory. */
struct encoder *encoder_new(struct arena *a);
void encoder_free(struct encoder *e);

/**
 * The bytes of (ev) in (form), with HTTP/1.1 chunk framing if (chunked). The mark's tag is the
 * event (one reference). Cached for the event encoded last in this form. block == NULL: no memory.
 */
struct slice encode_event(struct encoder *e, struct event *ev, enum form form, bool chunked);

/** A run of events: the bytes of each, and of as many as stand one behind the other. */
struct encoded_run {
	const struct slice *events;
	const struct encoded_piece {
		struct slice slice;
		unsigned n;
	} *pieces;
	size_t npieces;
};

/**
 * The same for all events of (run). Valid until the next run is encoded in this form, or the turn
 * ends. events == NULL: no memory.
 */
struct encoded_run encode_run(struct encoder *e, const struct event_run *run, enum form form,
	bool chunked);

/**
 * An id-only SSE frame, an NDJSON blank line, or a ping with (cursor); no tag; cached per turn and
 * cursor.
 */
struct slice encode_heartbeat(struct encoder *e, struct str cursor, enum form form, bool chunked);

/** The JSON text of a gap record, appended to (b). 0 or -1. */
int encode_gap_json(struct buf *b, const struct gap *g);

/** arena_init's release for marks of this encoder. */
void encode_release(void *tag);

#endif
