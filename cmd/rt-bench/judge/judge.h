/* SPDX-License-Identifier: MIT */
#ifndef RT_JUDGE_H
#define RT_JUDGE_H

/*
 * Was anything lost, doubled, out of order or corrupt? Each publisher counts what it sends to each
 * topic: that is a stream. A subscriber has a ledger with one track per stream that it should get, and
 * enters each event it receives. Order is judged within a stream; between publishers it is a race, not a
 * fault. For envelopes of rt the order across publishers is judged too, by their id and seq.
 *
 * Topics are numbered 0 ... ntopics - 1, publishers likewise. With at least as many topics as
 * publishers, topic t is published by t mod npublishers; with fewer, by all p with p mod ntopics == t.
 * So stream s is of topic s mod ntopics and publisher s mod npublishers.
 */
#include <stdbool.h>
#include <stdint.h>

#include "judge/missing.h"
#include "judge/payload.h"

/** Who publishes where; the same for all of a run. */
struct streams {
	uint32_t topics;
	uint32_t publishers;	/* 0: somebody else does, nobody knows how many */
};

/** A ledger that does not know how many publish takes so many streams of a topic. */
#define JUDGE_STREAMS_MOST 1024

/** How many streams there are. */
uint32_t streams_count(const struct streams *s);

/** How many publishers topic (t) has, and the number of the stream from its (k)th. */
uint32_t streams_of_topic(const struct streams *s, uint32_t t);
uint32_t streams_number(const struct streams *s, uint32_t t, uint32_t k);

enum arrival {
	ARRIVAL_NEXT,		/* as it should be */
	ARRIVAL_AHEAD,		/* others before it are missing, so far */
	ARRIVAL_LATE,		/* one that was missing: out of order */
	ARRIVAL_DOUBLE,
	ARRIVAL_CORRUPT,	/* checksum, or a stream not ours to get; or what is around it is wrong */
	ARRIVAL_FOREIGN,	/* of another run or another publisher; not counted */
};

struct verdict {
	uint64_t received;	/* each event once */
	uint64_t lost;		/* never came; what came corrupt is among them, as its number is not known */
	uint64_t doubled, disordered, corrupt;
	uint64_t announced;	/* missing, but a gap record said so; not in (lost) */
	uint64_t foreign;
	uint64_t faulty;	/* subscribers with a fault: of one ledger 0 or 1 */
};

struct ledger;

/**
 * A ledger of a subscriber to topics (first) ... (first + count - 1), after the last of which comes topic
 * 0 again, in run (run); 0: in that of its first event. (midway): it may begin in the middle of the
 * streams, where its first event of each stands. NULL without memory. A ledger keeps its own copy of (s).
 */
struct ledger *ledger_new(const struct streams *s, uint32_t run, uint32_t first, uint32_t count, bool midway);
void ledger_free(struct ledger *l);

/** Enter an event. (h) is what payload_find gave with status (st). Constant time while all is well. */
enum arrival ledger_enter(struct ledger *l, enum payload_status st, const struct payload_head *h);

/**
 * Enter id and seq of an rt envelope of (topic), its number in the run, after ledger_enter of the same
 * event. ARRIVAL_NEXT, or what is wrong by the promises of rt(7): ids increase within a topic, seq has no
 * hole. Counts into disordered, doubled or lost only what ledger_enter did not count: of a topic as much
 * is lost as its tracks miss or as its seq skips, whichever is more.
 */
enum arrival ledger_enter_envelope(struct ledger *l, uint32_t topic, uint64_t id, uint64_t seq);

/**
 * Both at once of an event of which nothing is wrong by itself, and whose envelope and cursor (has_cursor)
 * keep to the habits below. False: it is not just what comes next, by any of its numbers. Then nothing is
 * entered, and the others say what it is.
 */
bool ledger_enter_next(struct ledger *l, const struct payload_head *h, uint64_t id, uint64_t seq,
	bool has_cursor);

/**
 * Instead of ledger_enter_envelope: an event of (topic) came whose id and seq are not to be relied on. This
 * counts nothing.
 */
void ledger_spoil(struct ledger *l, uint32_t topic);

/** Something that came is corrupt, and nobody knows which event it was. */
void ledger_corrupt(struct ledger *l);

/**
 * What holds for all events of a server, or for none: an event for which it does not is corrupt if
 * it holds for others.
 */
enum habit {
	HABIT_ENVELOPE,		/* the envelope is to the byte as rt(7) says */
	HABIT_CURSOR,		/* its cursor is its id */
	HABITS,
};

/** An event that is otherwise as it should be keeps to it, or does not. */
void ledger_habit(struct ledger *l, enum habit h, bool kept);

/** A gap record was received: what is missing up to the next event of each stream was announced. */
void ledger_gap(struct ledger *l);

/**
 * It subscribed anew without a cursor: each stream may go on anywhere from here. What is skipped by that is
 * no loss, and what comes once more (a server's history) is not doubled.
 */
void ledger_restart(struct ledger *l);

/**
 * What a stream should have brought by the end: 1 ... (published), each except (unsure), which are
 * sorted.
 */
struct stream_total {
	uint64_t published;
	const struct unsure *unsure;
	uint32_t nunsure;
};

/**
 * At the end: add up. (totals) is indexed by stream number; NULL: nobody knows them, so only holes are
 * lost. May be called again later.
 */
void ledger_verdict(const struct ledger *l, const struct stream_total *totals, struct verdict *v);

/** Has everything come that (totals) say? For waiting at the end; cheap enough to ask often. */
bool ledger_complete(const struct ledger *l, const struct stream_total *totals);

/** Add (from) to (v). */
void verdict_add(struct verdict *v, const struct verdict *from);

/** Is it without fault? */
bool verdict_clean(const struct verdict *v);

#endif
