/* SPDX-License-Identifier: MIT */
#ifndef RT_ROWS_H
#define RT_ROWS_H

/*
 * Events out of chunk rows, merged into the order of their ids, forwards or backwards: either of
 * a few topics, through their index, or of all that are wanted, row by row. Chunks are opened when
 * their turn comes. Everything between begin and end is one short transaction.
 */
#include <stdbool.h>
#include <stdint.h>

#include "store/chunk.h"
#include "store/database.h"
#include "topic.h"

/** A whole row; the body is SQLite's and valid until its statement moves on. */
struct rows_chunk {
	struct chunk_row row;
	const void *body;
	size_t len;
	int error;		/* 0; EBADMSG: its checksum is another one; ENOMEM: no memory for it */
};

/** From a statement that gives first, topic, last, upto, n, sum, body. */
struct rows_chunk rows_chunk(sqlite3_stmt *s);

#define ROWS_TOPICS_MAX 64
#define ROWS_VISIT_MAX 4096	/* rows looked at before it pauses */

/** A topic, copied out of the window. */
struct rows_topic {
	uint64_t id, dropped;	/* its events up to (dropped) are no longer there */
	uint8_t name_len;
	char name[TOPIC_MAX];
};

struct rows_query {
	bool back;
	uint64_t after, upto;	/* forwards: events in (after, upto] */
	uint64_t before;	/* backwards: events below */
	const struct rows_topic *topics;	/* these, or NULL: */
	unsigned ntopics;
	/** Is a row of topic (id) wanted, whose newest event is (last)? Then tell the topic. */
	bool (*want)(void *arg, uint64_t id, uint64_t last, struct rows_topic *out);
	void *arg;
};

struct rows_run;

struct rows {
	struct database *d;
	struct rows_query q;
	struct rows_run **heap;	/* the next event on top */
	unsigned n, cap, open;	/* open: how many of them are chunks */
	unsigned visited;
	uint64_t resume;	/* after ROWS_PAUSE: the (after) or (before) to go on with */
	struct {		/* after ROWS_DAMAGED: */
		struct rows_topic topic;
		uint64_t first, last;	/* orders, as far as the row tells */
	} damaged;
};

enum rows_result {
	ROWS_EVENT,
	ROWS_END,
	ROWS_PAUSE,	/* enough rows were looked at: go on from (resume) some time; it is further */
	ROWS_DAMAGED,	/* the events of a row cannot be read; the next call goes on behind it */
	ROWS_FAILED,	/* it is in the log */
	ROWS_NOMEM,
};

/** Begin. Always call rows_end, whatever it returns: ROWS_EVENT when all is well. */
enum rows_result rows_begin(struct rows *r, struct database *d, const struct rows_query *q);
void rows_end(struct rows *r);

/**
 * The next event, with a reference for the caller. Forwards, a row that is damaged has its turn
 * where its first event would have.
 */
enum rows_result rows_next(struct rows *r, struct event **e);

#endif
