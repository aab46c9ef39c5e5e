/* SPDX-License-Identifier: MIT */
#ifndef RT_HUB_INTERNAL_H
#define RT_HUB_INTERNAL_H

/*
 * What the files of the hub share and nobody else sees: hub.c follows the tail, run.c hands on
 * several events at once, subscription.c catches up page by page, page.c hands a page on, rewind.c takes
 * back.
 *
 * A callback that ends its subscription (started, live, failed) is always the last thing done
 * with it. Where others are being walked over, it is queued instead, to be ended by hub_work.
 */
#include "hub/conflate.h"
#include "hub/hub.h"
#include "hub/topics.h"

/** Subscriptions in order; the same links as a group's. */
struct subscription_list {
	struct subscription *first, **last;	/* last: NULL while nothing was ever added */
	size_t n;
};

/** Where a read comes back to, when its subscription may be gone. */
struct flight {
	struct flight *next, **pprev;
	struct hub *hub;
	struct subscription *sub;	/* NULL: nobody waits for it */
	struct read *read;
};

/** A gap that the hub announces itself, once per filter. */
struct notice {
	const char *reason;
	char *after, *until;	/* NULL: not known */
	unsigned next;		/* filter */
	bool skip;		/* until all is said, it stands at (after) */
};

/** What only a lagging subscription has. */
struct behind {
	struct read *read;	/* in flight, or a page not handed on yet */
	struct notice *notice;	/* a gap that is not the store's, to be announced first */
	char *gap_known;	/* which gaps were announced, as struct read has it */
	uint32_t next_in_page;	/* of the page's gaps, then its events */
	uint32_t latest_max;	/* > 0: the next read is READ_LATEST */
};

/**
 * What a subscription was handed since the end of a turn, or since hub_ready if that was later:
 * to take it back. Only those have one that did more than being fed by the tail, for which the
 * turn's events and its first cursor do.
 */
struct past {
	struct past *next, **pprev;
	struct subscription *sub;
	uint32_t period;		/* of the hub, in which it began */
	char *cursor;			/* where it stood; NULL: where it still stands */
	uint64_t pos;
	struct read *pages;		/* oldest first, linked by next */
	uint32_t skip;			/* what of the oldest had been handed on already */
	uint32_t latest_max;		/* a READ_LATEST was gathered */
	struct conflate_item *given;	/* of a gathering one: what went out, newest first */
	struct notice *notice;		/* what was announced */
};

struct hub {
	struct store *store;
	struct hub_config config;
	struct hub_host host;
	struct topics *topics;
	uint64_t pos;			/* of the tail: everything up to it was handed on */
	char cursor[CURSOR_MAX + 1];	/* there */
	char before[CURSOR_MAX + 1];	/* before the events of this turn */
	uint64_t before_pos;
	struct event **turn;		/* room for config.turn_events */
	size_t nturn;
	uint32_t turn_no;
	uint32_t period;		/* from the end of a turn to the end of the next */
	bool asked;			/* for another turn */
	struct runs *runs;		/* what is still to be handed on of this turn */
	struct subscription_list queue;	/* want to go on */
	struct subscription_list held;	/* full ones with a page, longest first */
	struct past *pasts;
	struct flight *flights;
	struct hub_stats stats;
};

/** A copy of (s), "" of an absent one. NULL without memory. */
static inline char *hub_dup(struct str s)
{
	return strndup(s.p == NULL ? "" : s.p, s.n);
}

/* --- hub.c ----------------------------------------------------------------------------------- */

/** Cursor of a subscriber who has had the first (n) events of this turn. */
struct str hub_turn_cursor(const struct hub *h, size_t n);

/** See to it that a turn comes. */
void hub_ask(struct hub *h);

void hub_list_add(struct subscription_list *l, struct subscription *sub);
void hub_list_remove(struct subscription_list *l, struct subscription *sub);

/** Does (sub) take events one by one only? */
static inline bool hub_is_single(const struct subscription *sub)
{
	return sub->gather != NULL || sub->ops->events == NULL;
}

/** Hand event (i) of this turn on to (sub), which is live. */
void hub_deliver(struct hub *h, struct subscription *sub, size_t i);

/* --- run.c ----------------------------------------------------------------------------------- */

/** NULL without memory. */
struct runs *hub_runs_new(void);

/** Event (i) of this turn is for the live ones of (g) that take runs. */
void hub_run_add(struct hub *h, struct group *g, size_t i);

/** Hand on what was added. */
void hub_runs_deliver(struct hub *h);

/* --- subscription.c -------------------------------------------------------------------------- */

/** Let it go on in a turn. */
void hub_enqueue(struct hub *h, struct subscription *sub);

/** Take (sub) out of whatever its state has put it into; a read in flight is abandoned. */
void hub_detach(struct hub *h, struct subscription *sub);

/** It is not fed by the tail any more; stands where it did before event (i) of this turn. */
void hub_fall(struct hub *h, struct subscription *sub, size_t i, enum subscription_state to);

/** Give it what a lagging one needs, if it has that not. 0, or -1 without memory. */
int hub_behind(struct subscription *sub);

/** Its place is lost, or it cannot be read: it ends in the next turn. */
void hub_give_up(struct hub *h, struct subscription *sub, enum store_status status);

/** Let some of the queued ones go on. */
void hub_work(struct hub *h);

/** It stands at (cursor), taken over, from now on. */
void hub_stand(struct subscription *sub, char *cursor);

/** The same at a copy of (at). False: no memory, and it has failed. */
bool hub_stand_at(struct subscription *sub, struct str at);

/* --- page.c ---------------------------------------------------------------------------------- */

/** The last event of the page that was handed on, or NULL. */
const struct event *hub_page_last(const struct subscription *sub);

/** The page's gaps were announced, if all of them were. Without memory they are told again. */
void hub_page_learn(struct subscription *sub);

/** Going back, a gap that was announced may begin earlier than it was told. */
void hub_forget_gaps(struct subscription *sub);

/** FULL, with its page among the held ones if it has one. It is in no list. */
void hub_full(struct hub *h, struct subscription *sub);

/** Free the page; it will be read again from what was handed on of it. False: no memory, and it stays. */
bool hub_page_drop(struct subscription *sub);

/** Hand on what was gathered. False: refused, or no memory; what is left will be read again. */
bool hub_hand_on(struct hub *h, struct subscription *sub);

/** Hand on what is left of the page. False: refused, or no memory. */
bool hub_page_give(struct hub *h, struct subscription *sub);

/** The page was handed on whole; (*at_end): nothing came after it. False: refused, or no memory. */
bool hub_page_end(struct hub *h, struct subscription *sub, bool *at_end);

/* --- notice.c -------------------------------------------------------------------------------- */

/** A gap for (reason), a static text, after a cursor (p == NULL: not known). NULL without memory. */
struct notice *hub_notice_new(const char *reason, struct str after);
void hub_notice_free(struct notice *n);

/** Tell (sub)'s notice, once per filter. False: refused; the rest is told when asked again. */
bool hub_announce(struct hub *h, struct subscription *sub);

/* --- rewind.c -------------------------------------------------------------------------------- */

/** Make sure that (sub) has a past of this period. 0, or -1 without memory. */
int hub_past(struct hub *h, struct subscription *sub);

/** Forget the past of (sub), if any. */
void hub_past_free(struct subscription *sub);

/** Keep a page that was handed on for as long as it may be taken back. */
void hub_past_page(struct subscription *sub, struct read *r);

/** A turn begins: what was handed on before the end of the last one cannot be taken back. */
void hub_settle(struct hub *h);

/** The turn has moved the hub: those that were ahead of it are not any more. */
void hub_caught_up(struct hub *h);

/** Is the position that a subscription begins at of another store than this? */
bool hub_is_foreign(struct hub *h, const struct hub_start *start);

#endif
