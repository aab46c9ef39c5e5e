/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "helper_client.h"
#include "helper_store.h"
#include "hub/hub_internal.h"
#include "tests/unit/tap.h"

static void publish(struct script *s, const char *topic, unsigned n)
{
	while (n-- > 0)
		script_publish(s, topic, NULL, false);
}

static void is_ids(const struct client *c, const char *want, const char *what)
{
	eq_str(client_ids(c), want, what);
}

/* --- live ------------------------------------------------------------------------------------ */

static void test_live(void)
{
	struct script *s = script_new(1);
	struct host h;
	struct hub *hub = host_open(&h, &s->base, NULL);
	struct client a, b, all, twice;
	struct hub_stats st;

	publish(s, "a", 2);
	client_init(&a, hub, "a");
	client_init(&b, hub, "b/*");
	client_init(&all, hub, "**");
	client_init(&twice, hub, "b/*,b/**,b/x,a");
	client_subscribe(&a, NULL, NULL);
	client_subscribe(&b, NULL, NULL);
	client_subscribe(&all, NULL, NULL);
	client_subscribe(&twice, NULL, NULL);
	eq_str(a.start, "2.0", "now begins at the newest event");
	eq_num(a.live, 1, "and is live at once");
	publish(s, "a", 1);
	publish(s, "b/x", 2);
	publish(s, "c", 1);
	publish(s, "$sys", 1);
	host_turn(&h);
	is_ids(&a, "3", "a name");
	is_ids(&b, "4 5", "a pattern");
	is_ids(&all, "3 4 5 6", "everything but what begins with $");
	is_ids(&twice, "3 4 5", "overlapping filters deliver once, in order");
	eq_str(client_cursor(&a), "7.0", "the cursor of a quiet subscription moves on");
	ok(a.got[0] == all.got[0], "all hand on the same event");
	hub_stats(hub, &st);
	ok(st.subscriptions == 4 && st.live == 4 && st.lagging == 0 && st.events == 7 &&
		st.deliveries == 10, "counted");
	hub_unsubscribe(hub, &b.sub);
	hub_unsubscribe(hub, &b.sub);
	publish(s, "b/x", 1);
	host_turn(&h);
	is_ids(&b, "4 5", "nothing comes after the end");
	is_ids(&twice, "3 4 5 8", "to others it does");
	client_fini(&a);
	client_fini(&b);
	client_fini(&all);
	client_fini(&twice);
	host_close(&h);
	script_free(s);
}

static void test_runs(void)
{
	struct script *s = script_new(1);
	struct host h;
	struct hub *hub = host_open(&h, &s->base, NULL);
	struct client all, full, late, singly;
	struct hub_stats st;

	client_init(&all, hub, "a,b");
	client_init(&full, hub, "a,b");
	client_init(&late, hub, "a,b");
	client_init(&singly, hub, "a,b");
	all.runs = full.runs = late.runs = true;
	client_subscribe(&all, NULL, NULL);
	client_subscribe(&full, NULL, NULL);
	client_subscribe(&singly, NULL, NULL);
	full.room = 2;
	publish(s, "a", 1);
	client_subscribe(&late, NULL, NULL);
	publish(s, "b", 1);
	publish(s, "c", 1);
	publish(s, "a", 2);
	host_turn(&h);
	is_ids(&all, "1 2 4 5", "what a turn brings, in order");
	eq_num(all.nruns, 1, "at once");
	is_ids(&singly, "1 2 4 5", "others get the same one by one");
	is_ids(&late, "2 4 5", "who is ahead of the hub gets what is new");
	is_ids(&full, "1 2", "who is full got a part");
	eq_str(client_cursor(&full), "3.0", "and stands before the next one");
	hub_stats(hub, &st);
	eq_num(st.deliveries, 4 + 4 + 3 + 2, "what was taken is counted");
	full.room = ROOM_ENOUGH;
	hub_ready(hub, &full.sub);
	is_ids(&full, "1 2 4 5", "the rest follows");
	publish(s, "a", 2);
	script_publish(s, "b", NULL, true);
	publish(s, "b", 2);
	host_turn(&h);
	is_ids(&all, "1 2 4 5 6 7 e 9 10", "an ephemeral event keeps its place");
	eq_num(all.nruns, 3, "between two runs");
	client_fini(&all);
	client_fini(&full);
	client_fini(&late);
	client_fini(&singly);
	host_close(&h);
	script_free(s);
}

static void test_bounds(void)
{
	struct script *s = script_new(1);
	struct host h;
	struct hub_config config = {.turn_events = 4, .page_events = 3};
	struct hub *hub = host_open(&h, &s->base, &config);
	struct client c, old;
	unsigned turns = 1;

	client_init(&c, hub, "a");
	client_subscribe(&c, NULL, NULL);
	publish(s, "a", 10);
	ok(host_turn(&h), "a turn is bounded and says that there is more");
	eq_num(c.n, 4, "four events in the first");
	while (host_turn(&h))
		turns++;
	eq_num(turns + 1, 3, "ten events in three");
	publish(s, "a", 100);
	client_init(&old, hub, "a");
	client_subscribe(&old, "0.0", NULL);
	ok(old.n > 0 && old.n < 30, "catching up hands on a few pages at once (%zu events)", old.n);
	host_settle(&h);
	eq_num(old.n, 110, "and the rest in later turns");
	eq_num(old.live, 1, "then it is live");
	client_fini(&c);
	client_fini(&old);
	host_close(&h);
	script_free(s);
}

static void test_ephemeral(void)
{
	struct script *s = script_new(1);
	struct host h;
	struct hub *hub = host_open(&h, &s->base, NULL);
	struct client live, full, slow;
	struct hub_stats st;

	client_init(&live, hub, "a");
	client_init(&full, hub, "a");
	client_init(&slow, hub, "*");
	client_subscribe(&live, NULL, NULL);
	client_subscribe(&full, NULL, NULL);
	client_subscribe(&slow, NULL, NULL);
	full.room = 1;
	slow.room = 0;
	publish(s, "a", 1);
	script_publish(s, "a", NULL, true);
	publish(s, "a", 1);
	host_turn(&h);
	is_ids(&live, "1 e 3", "an ephemeral event comes in order");
	is_ids(&full, "1", "a full transport drops it");
	hub_stats(hub, &st);
	eq_num(st.ephemeral_dropped, 2, "that is counted, and for those who lag as well");
	eq_num(st.lagged, 2, "those who became full are counted");
	ok(hub_lag(hub, &slow.sub) == 3 && hub_lag(hub, &full.sub) == 2 &&
		hub_lag(hub, &live.sub) == 0, "so is how far they are behind");
	full.room = slow.room = ROOM_ENOUGH;
	hub_ready(hub, &full.sub);
	hub_ready(hub, &slow.sub);
	is_ids(&full, "1 3", "after it, the next stored event comes");
	is_ids(&slow, "1 3", "who lags gets the stored ones");
	client_fini(&live);
	client_fini(&full);
	client_fini(&slow);
	host_close(&h);
	script_free(s);
}

/* --- catching up ----------------------------------------------------------------------------- */

static void test_async(void)
{
	struct script *s = script_new(1);
	struct host h;
	struct hub *hub = host_open(&h, &s->base, NULL);
	struct client c, gone, early;

	s->later = true;
	publish(s, "a", 3);
	client_init(&c, hub, "a");
	client_init(&gone, hub, "a");
	client_init(&early, hub, "a");
	client_subscribe(&c, "1.0", NULL);
	client_subscribe(&gone, "all", NULL);
	client_subscribe(&early, "all", NULL);
	eq_num(c.started, 0, "nothing is told before the read is back");
	hub_ready(hub, &c.sub);
	eq_str(client_cursor(&c), "", "it has no cursor yet");
	hub_unsubscribe(hub, &gone.sub);
	publish(s, "a", 2);
	host_turn(&h);
	script_finish(s, 100);
	hub_unsubscribe(hub, &early.sub);
	host_turn(&h);
	eq_str(c.start, "1.0", "it begins where it was told to");
	is_ids(&c, "2 3", "the page comes");
	eq_num(c.live, 0, "the tail went on meanwhile: it reads again");
	script_finish(s, 100);
	host_turn(&h);
	is_ids(&c, "2 3 4 5", "what came meanwhile");
	eq_num(c.live, 1, "then it is live");
	publish(s, "a", 1);
	host_settle(&h);
	is_ids(&c, "2 3 4 5 6", "nothing doubled or lost at the seam");
	eq_num(gone.started + early.started, 0, "whoever left during a read hears nothing");
	client_subscribe(&gone, "all", NULL);
	hub_unsubscribe(hub, &gone.sub);
	script_finish(s, 100);
	client_fini(&c);
	client_fini(&gone);
	client_fini(&early);
	host_close(&h);
	script_free(s);
}

/* The hub is behind the tail when a subscription begins: it must not get those events twice. */
static void test_ahead(void)
{
	struct script *s = script_new(1);
	struct host h;
	struct hub_config config = {.turn_events = 2};
	struct hub *hub = host_open(&h, &s->base, &config);
	struct client now, all, quiet;

	publish(s, "a", 5);
	client_init(&now, hub, "a");
	client_init(&all, hub, "a");
	client_init(&quiet, hub, "q");
	client_subscribe(&quiet, NULL, NULL);
	client_subscribe(&now, NULL, NULL);
	client_subscribe(&all, "all", NULL);
	eq_str(client_cursor(&now), "5.0", "it stands ahead of the hub");
	host_turn(&h);
	eq_str(client_cursor(&now), "5.0", "still, while the hub follows");
	client_flush(&all, 5);
	ok(client_flush(&now, 0) == false, "nothing was handed on");
	hub_rewind(hub, &now.sub, NULL);
	hub_ready(hub, &now.sub);
	publish(s, "a", 1);
	host_settle(&h);
	is_ids(&now, "6", "taking back nothing repeats nothing");
	is_ids(&all, "1 2 3 4 5 6", "nor does the hub, for who read ahead of it");
	eq_str(client_cursor(&quiet), "6.0", "once the hub has passed it, it moves on with the hub");
	client_fini(&quiet);
	client_fini(&now);
	client_fini(&all);
	host_close(&h);
	script_free(s);
}

static void test_full(void)
{
	struct script *s = script_new(1);
	struct host h;
	struct hub_config config = {.page_events = 4};
	struct hub *hub = host_open(&h, &s->base, &config);
	struct client c;

	publish(s, "a", 10);
	client_init(&c, hub, "a");
	c.room = 2;
	client_subscribe(&c, "all", &(struct hub_options){.hold = true});
	eq_num(c.started, 1, "with hold it says where it begins");
	eq_num(c.n, 0, "and waits with the first event");
	hub_ready(hub, &c.sub);
	is_ids(&c, "1 2", "the page is handed on until the transport is full");
	eq_str(client_cursor(&c), "2.0", "its cursor is within the page");
	hub_ready(hub, &c.sub);
	is_ids(&c, "1 2", "it asked for more, but takes nothing");
	c.room = 5;
	hub_ready(hub, &c.sub);
	is_ids(&c, "1 2 3 4 5 6 7", "over the end of the page");
	c.room = 3;
	hub_ready(hub, &c.sub);
	eq_num(c.live, 1, "at the end of the log it is live");
	publish(s, "a", 2);
	host_settle(&h);
	is_ids(&c, "1 2 3 4 5 6 7 8 9 10", "full again while live");
	eq_str(client_cursor(&c), "10.0", "its cursor is before what it refused");
	c.room = ROOM_ENOUGH;
	hub_ready(hub, &c.sub);
	is_ids(&c, "1 2 3 4 5 6 7 8 9 10 11 12", "which comes again");
	client_fini(&c);
	host_close(&h);
	script_free(s);
}

/* Many full subscriptions: only so many pages are held, the rest is read again. */
static void test_held(void)
{
	struct script *s = script_new(1);
	struct host h;
	struct hub *hub = host_open(&h, &s->base, NULL);
	static struct client c[200];
	unsigned pages = 0, right = 0;

	publish(s, "a", 20);
	for (unsigned i = 0; i < 200; i++) {
		client_init(&c[i], hub, "a");
		c[i].room = 7;
		client_subscribe(&c[i], "all", NULL);
	}
	for (unsigned i = 0; i < 200; i++)
		pages += c[i].sub.behind->read != NULL;
	ok(pages > 0 && pages <= 64, "%u pages are held for 200 full subscriptions", pages);
	for (unsigned i = 0; i < 200; i++) {
		right += strcmp(client_cursor(&c[i]), "7.0") == 0;
		c[i].room = ROOM_ENOUGH;
		hub_ready(hub, &c[i].sub);
		right += strcmp(client_ids(&c[i]), "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20") == 0;
		client_fini(&c[i]);
	}
	eq_num(right, 400, "all of them go on where they were");
	host_close(&h);
	script_free(s);
}

static void test_leave_when_live(void)
{
	struct script *s = script_new(1);
	struct host h;
	struct hub *hub = host_open(&h, &s->base, NULL);
	struct client c, stays;

	publish(s, "a", 3);
	client_init(&c, hub, "a");
	client_init(&stays, hub, "a");
	c.leave_when_live = true;
	client_subscribe(&stays, "all", NULL);
	client_subscribe(&c, "all", NULL);
	is_ids(&c, "1 2 3", "a subscription may end itself when it is live");
	ok(c.sub.state == SUBSCRIPTION_IDLE, "then it is over");
	client_subscribe(&c, NULL, NULL);
	ok(c.sub.state == SUBSCRIPTION_IDLE, "even before hub_subscribe returns");
	client_fini(&c);
	client_fini(&stays);
	host_close(&h);
	script_free(s);
}

static void test_failing(void)
{
	struct script *s = script_new(1);
	struct host h;
	struct hub *hub = host_open(&h, &s->base, NULL);
	struct client c;

	publish(s, "a", 3);
	client_init(&c, hub, "a");
	s->fails = STORE_BAD_CURSOR;
	eq_num(client_subscribe(&c, "1.0", NULL), 0, "a bad cursor is no lack of memory");
	ok(c.started == 1 && c.status == STORE_BAD_CURSOR && c.failed == 0, "it is told as the start");
	ok(c.sub.state == SUBSCRIPTION_IDLE, "and ends it");
	s->fails = STORE_OK;
	c.room = 1;
	client_subscribe(&c, NULL, NULL);
	publish(s, "a", 2);
	host_settle(&h);
	s->fails = STORE_FAILED;
	hub_ready(hub, &c.sub);
	ok(c.failed == 1 && c.status == STORE_FAILED, "a read that fails later ends it too");
	ok(c.sub.state == SUBSCRIPTION_IDLE, "for good");
	client_fini(&c);
	host_close(&h);
	script_free(s);
}

/* --- taking back ----------------------------------------------------------------------------- */

static void test_rewind_live(void)
{
	struct script *s = script_new(1);
	struct host h;
	struct hub *hub = host_open(&h, &s->base, NULL);
	struct client c, e;

	client_init(&c, hub, "a");
	client_init(&e, hub, "a");
	client_subscribe(&c, NULL, NULL);
	client_subscribe(&e, NULL, NULL);
	publish(s, "a", 1);
	host_turn(&h);
	client_flush(&c, 9);
	client_flush(&e, 9);
	publish(s, "a", 2);
	script_publish(s, "a", NULL, true);
	publish(s, "a", 1);
	host_turn(&h);
	client_flush(&c, 1);
	client_flush(&e, 3);
	eq_str(client_cursor(&c), "2.0", "the place is behind what went out");
	eq_str(client_cursor(&e), "3.0", "an ephemeral event has the place before it");
	is_ids(&c, "1 2", "one of the turn's events went out");
	publish(s, "a", 1);
	host_turn(&h);
	is_ids(&c, "1 2", "nothing comes until it is ready");
	hub_ready(hub, &c.sub);
	hub_ready(hub, &e.sub);
	is_ids(&c, "1 2 3 5 6", "the others come again");
	is_ids(&e, "1 2 3 e 5 6", "for the other one as well");
	host_turn(&h);
	client_flush(&c, 9);
	publish(s, "a", 2);
	host_turn(&h);
	client_flush(&c, 0);
	eq_str(client_cursor(&c), "5.0", "nothing of a turn went out");
	hub_ready(hub, &c.sub);
	is_ids(&c, "1 2 3 5 6 7 8", "all of it comes again");
	client_fini(&c);
	client_fini(&e);
	host_close(&h);
	script_free(s);
}

static void test_rewind_pages(void)
{
	struct script *s = script_new(1);
	struct host h;
	struct hub_config config = {.page_events = 3};
	struct hub *hub = host_open(&h, &s->base, &config);
	struct client c;
	uint64_t reads;

	publish(s, "a", 8);
	client_init(&c, hub, "a");
	client_subscribe(&c, "all", NULL);
	eq_num(c.n, 8, "three pages");
	host_turn(&h);
	client_flush(&c, 4);
	eq_str(client_cursor(&c), "4.0", "back into the second");
	reads = s->reads;
	c.room = 2;
	hub_ready(hub, &c.sub);
	is_ids(&c, "1 2 3 4 5 6", "it goes on there");
	eq_num(s->reads - reads, 1, "from the page that was there");
	host_turn(&h);
	client_flush(&c, 0);
	eq_str(client_cursor(&c), "4.0", "back to where the last ready was");
	c.room = ROOM_ENOUGH;
	hub_ready(hub, &c.sub);
	publish(s, "a", 1);
	host_turn(&h);
	is_ids(&c, "1 2 3 4 5 6 7 8 9", "pages and the tail in one turn");
	client_flush(&c, 0);
	eq_str(client_cursor(&c), "4.0", "are taken back together");
	hub_ready(hub, &c.sub);
	host_turn(&h);
	client_flush(&c, 4);
	eq_str(client_cursor(&c), "8.0", "or in part");
	hub_ready(hub, &c.sub);
	is_ids(&c, "1 2 3 4 5 6 7 8 9", "and come again");
	client_fini(&c);
	host_close(&h);
	script_free(s);
}

/* --- gaps ------------------------------------------------------------------------------------ */

static void test_gaps(void)
{
	struct script *s = script_new(1);
	struct host h;
	struct hub_config config = {.page_events = 2};
	struct hub *hub = host_open(&h, &s->base, &config);
	struct client c;

	publish(s, "a", 5);
	publish(s, "b", 5);
	s->dropped = 3;
	client_init(&c, hub, "a,b");
	c.refuse_gaps = true;
	client_subscribe(&c, "1.0", NULL);
	eq_num(c.ngaps + c.n, 0, "a gap can be refused");
	c.refuse_gaps = false;
	c.room = 3;
	hub_ready(hub, &c.sub);
	ok(c.ngaps == 1 && strcmp(c.gaps[0].topic, "a") == 0 && strcmp(c.gaps[0].after, "1.0") == 0 &&
		strcmp(c.gaps[0].until, "3.0") == 0 && c.gaps[0].at == 0, "then it comes before the events");
	s->dropped = 9;
	c.room = ROOM_ENOUGH;
	hub_ready(hub, &c.sub);
	host_settle(&h);
	is_ids(&c, "4 5 6 7 10", "what it had read already, and what is left, is delivered");
	ok(c.ngaps == 2 && strcmp(c.gaps[1].topic, "b") == 0 && strcmp(c.gaps[1].until, "9.0") == 0 &&
		c.gaps[1].at == 4, "a loss while it lags is told, and only that");
	client_fini(&c);
	host_close(&h);
	script_free(s);
}

static void test_gap_of_other_filter(void)
{
	struct script *s = script_new(1);
	struct host h;
	struct hub_config config = {.page_events = 1};
	struct hub *hub = host_open(&h, &s->base, &config);
	struct client c;

	publish(s, "b", 2);
	publish(s, "a", 4);
	publish(s, "b", 4);
	s->dropped = 4;
	client_init(&c, hub, "a,b");
	client_subscribe(&c, "0.0", NULL);
	host_settle(&h);
	eq_num(c.ngaps, 2, "one gap per filter, not per page");
	is_ids(&c, "5 6 7 8 9 10", "then what is left");
	client_fini(&c);
	host_close(&h);
	script_free(s);
}

static void test_foreign(void)
{
	struct script *s = script_new(1);
	struct host h;
	struct hub *hub = host_open(&h, &s->base, NULL);
	struct hub_start start = {.from = READ_CURSOR, .position = STR_LIT("99"),
		.store = STR_LIT("ffffffffffffffff")};
	struct client c;

	publish(s, "a", 3);
	client_init(&c, hub, "a,b");
	client_subscribe_at(&c, &start, NULL);
	ok(c.ngaps == 2 && strcmp(c.gaps[0].reason, "store") == 0 && strcmp(c.gaps[0].topic, "a") == 0 &&
		strcmp(c.gaps[1].topic, "b") == 0 && strcmp(c.gaps[0].after, "99") == 0 &&
		strcmp(c.gaps[0].until, "3.0") == 0, "a cursor of another store: a gap for each filter");
	eq_num(c.live, 1, "and on from now");
	hub_rewind(hub, &c.sub, NULL);
	hub_ready(hub, &c.sub);
	eq_num(c.ngaps, 4, "if it did not go out, it is said again");
	publish(s, "b", 1);
	host_settle(&h);
	is_ids(&c, "4", "then what comes");
	hub_unsubscribe(hub, &c.sub);
	start.store = STR_LIT("0123456789abcdef");
	start.position = STR_LIT("2.0");
	c.ngaps = 0;
	client_subscribe_at(&c, &start, NULL);
	is_ids(&c, "4 3 4", "its own store is not another");
	eq_num(c.ngaps, 0, "and no gap");
	client_fini(&c);
	host_close(&h);
	script_free(s);
}

static void test_slow_newest(void)
{
	struct script *s = script_new(1);
	struct host h;
	struct hub *hub = host_open(&h, &s->base, NULL);
	struct client c;

	publish(s, "a", 3);
	client_init(&c, hub, "a");
	c.room = 2;
	client_subscribe(&c, "all", &(struct hub_options){.slow = SLOW_NEWEST});
	c.room = 2;
	hub_ready(hub, &c.sub);
	is_ids(&c, "1 2 3", "catching up skips nothing");
	publish(s, "a", 5);
	host_settle(&h);
	is_ids(&c, "1 2 3 4", "then it was live, and full");
	c.room = ROOM_ENOUGH;
	c.refuse_gaps = true;
	hub_ready(hub, &c.sub);
	publish(s, "a", 1);
	host_settle(&h);
	c.refuse_gaps = false;
	hub_ready(hub, &c.sub);
	ok(c.ngaps == 1 && strcmp(c.gaps[0].reason, "slow") == 0 && strcmp(c.gaps[0].after, "4.0") == 0 &&
		strcmp(c.gaps[0].until, "9.0") == 0, "it skips to the newest and says so");
	publish(s, "a", 1);
	host_settle(&h);
	is_ids(&c, "1 2 3 4 10", "and goes on");
	client_fini(&c);
	host_close(&h);
	script_free(s);
}

/* --- overrun, last, latest ------------------------------------------------------------------- */

static void test_overrun(void)
{
	struct script *s = script_new(1);
	struct host h;
	struct hub *hub = host_open(&h, &s->base, NULL);
	struct client a, b, full;
	struct hub_stats st;

	s->window = 10;
	client_init(&a, hub, "a");
	client_init(&b, hub, "**");
	client_init(&full, hub, "a");
	client_subscribe(&a, NULL, NULL);
	client_subscribe(&b, NULL, NULL);
	client_subscribe(&full, NULL, NULL);
	full.room = 0;
	publish(s, "a", 2);
	host_settle(&h);
	publish(s, "b", 8);
	publish(s, "a", 3);
	ok(host_turn(&h) || b.live == 2, "the tail was lost");
	host_settle(&h);
	is_ids(&a, "1 2 11 12 13", "what was lost is read");
	is_ids(&b, "1 2 3 4 5 6 7 8 9 10 11 12 13", "by all");
	ok(a.live == 2 && b.live == 2, "who then are live again");
	publish(s, "a", 1);
	host_settle(&h);
	is_ids(&a, "1 2 11 12 13 14", "and go on");
	full.room = ROOM_ENOUGH;
	hub_ready(hub, &full.sub);
	is_ids(&full, "1 2 11 12 13 14", "who was full stays at his place");
	hub_stats(hub, &st);
	eq_num(st.overruns, 1, "counted");
	client_fini(&a);
	client_fini(&b);
	client_fini(&full);
	host_close(&h);
	script_free(s);
}

static void test_last_and_latest(void)
{
	struct script *s = script_new(1);
	struct host h;
	struct hub_config config = {.page_events = 2};
	struct hub *hub = host_open(&h, &s->base, &config);
	struct client last, latest;

	for (unsigned i = 0; i < 12; i++)
		script_publish(s, "a", i % 4 == 0 ? "x" : i % 4 == 1 ? "y" : "z", false);
	client_init(&last, hub, "a");
	client_init(&latest, hub, "a");
	client_subscribe_at(&last, &(struct hub_start){.from = READ_LAST, .last = 5}, NULL);
	is_ids(&last, "8 9 10 11 12", "the newest five, over pages");
	latest.room = 1;
	client_subscribe_at(&latest, &(struct hub_start){.from = READ_LATEST, .latest_max = 100}, NULL);
	is_ids(&latest, "9", "the newest of each key, one by one");
	latest.room = 1;
	hub_ready(hub, &latest.sub);
	is_ids(&latest, "9 10", "nothing else in between");
	host_turn(&h);
	latest.sent = 1;
	client_flush(&latest, 0);
	latest.room = ROOM_ENOUGH;
	hub_ready(hub, &latest.sub);
	is_ids(&latest, "9 10 12", "also after taking back");
	publish(s, "a", 1);
	host_settle(&h);
	is_ids(&latest, "9 10 12 13", "then what comes");
	client_fini(&last);
	client_fini(&latest);
	host_close(&h);
	script_free(s);
}

static void test_two_domains(void)
{
	struct script *s = script_new(2);
	struct host h;
	struct hub_config config = {.page_events = 2};
	struct hub *hub = host_open(&h, &s->base, &config);
	struct client c, again;

	for (unsigned i = 0; i < 5; i++) {
		publish(s, "a", 1);
		publish(s, "z", 1);
	}
	client_init(&c, hub, "a,z");
	client_init(&again, hub, "**");
	c.room = 3;
	client_subscribe(&c, "1.3", NULL);
	eq_str(client_cursor(&c), "4.3", "a cursor that no event has alone");
	client_subscribe(&again, client_cursor(&c), NULL);
	c.room = ROOM_ENOUGH;
	hub_ready(hub, &c.sub);
	is_ids(&c, "3 5 7 8 9 10", "each domain from its own place");
	is_ids(&again, "8 9 10", "and so whoever takes it over");
	publish(s, "z", 1);
	host_settle(&h);
	eq_str(client_cursor(&again), "5.6", "live, it moves in both");
	client_fini(&c);
	client_fini(&again);
	host_close(&h);
	script_free(s);
}

int main(void)
{
	ok(sizeof(struct subscription) <= 120, "a subscription is small (%zu bytes)",
		sizeof(struct subscription));
	test_live();
	test_runs();
	test_bounds();
	test_ephemeral();
	test_async();
	test_ahead();
	test_full();
	test_held();
	test_leave_when_live();
	test_failing();
	test_rewind_live();
	test_rewind_pages();
	test_gaps();
	test_gap_of_other_filter();
	test_foreign();
	test_slow_newest();
	test_overrun();
	test_last_and_latest();
	test_two_domains();
	return tap_done();
}
