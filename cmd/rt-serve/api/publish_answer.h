/* SPDX-License-Identifier: MIT */
#ifndef RT_PUBLISH_ANSWER_H
#define RT_PUBLISH_ANSWER_H

/*
 * What a publisher is told. Answers of keyed requests are written inside the store's transaction
 * and kept as their status, three digits, and the JSON.
 */
#include <stdbool.h>

struct batch;
struct buf;
struct event;
struct group;
struct publish;

/** Why the store refused this event. Static text. */
const char *publish_refusal_text(const struct event *e);

/** For batch.write_answer. */
int publish_write_answer(struct batch *b, struct buf *answer);

/** Give the kept answer of a keyed request, new or replayed. */
void publish_answer_saved(struct publish *p, struct group *g);

/** Answer a request of one value. */
void publish_answer_one(struct publish *p, struct group *g);

/** Answer an NDJSON body as a whole, at its end. */
void publish_answer_all(struct publish *p);

/** ?ack=lines: nothing more is read or answered, because of (why). */
void publish_answer_cut(struct publish *p, const char *why);

/** ?ack=lines: an answer for each line of (g), begun with the first. */
void publish_answer_lines(struct publish *p, struct group *g);

/** Are there answers of ?ack=lines that the client has not read yet? */
bool publish_answer_unread(const struct publish *p);

/**
 * Are so many of them unread that no more lines should be taken? Ends the request if nothing at all
 * has gone out for long (--max-unread).
 */
bool publish_answer_stalled(struct publish *p);

#endif
