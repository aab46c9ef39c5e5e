/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "helper_client.h"
#include "helper_store.h"
#include "hub/conflate.h"
#include "tests/unit/tap.h"

static const struct hub_options every = {.every_ms = 100}, batch = {.batch_ms = 100};

static void is_ids(const struct client *c, const char *want, const char *what)
{
	eq_str(client_ids(c), want, what);
}

static void publish(struct script *s, const char *topic, unsigned n)
{
	while (n-- > 0)
		script_publish(s, topic, NULL, false);
}

static void test_set(void)
{
	struct script *s = script_new(1);
	struct conflate *c = conflate_new(true, 3);
	struct conflate_item *item;
	char ids[64] = "";

	conflate_add(c, script_publish(s, "a", "x", false));
	conflate_add(c, script_publish(s, "a", "y", false));
	conflate_add(c, script_publish(s, "b", "x", false));
	conflate_add(c, script_publish(s, "a", "x", false));
	conflate_add(c, script_publish(s, "a", "x", true));
	conflate_add(c, script_publish(s, "a", NULL, false));
	conflate_add(c, script_publish(s, "a", NULL, false));
	ok(conflate_full(c), "it says when it is full");
	eq_num(c->n, 5, "one of each topic and key, and of those without");
	while ((item = conflate_shift(c)) != NULL) {
		snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%d ", (int)item->event->pos);
		conflate_item_free(item);
	}
	eq_str(ids, "2 3 4 5 7 ", "the newest, in order; an ephemeral one replaces no stored one");
	ok(c->n == 0 && c->bytes == 0 && !conflate_full(c), "then it is empty");
	conflate_free(c);
	script_free(s);
}

static void test_every(void)
{
	struct script *s = script_new(1);
	struct host h;
	struct hub *hub = host_open(&h, &s->base, NULL);
	struct client c;

	client_init(&c, hub, "**");
	client_subscribe(&c, NULL, &every);
	for (unsigned i = 0; i < 9; i++)
		script_publish(s, i % 3 == 0 ? "a" : "b", i % 3 == 2 ? "k" : NULL, false);
	host_turn(&h);
	eq_num(c.n, 0, "nothing before the tick");
	eq_str(client_cursor(&c), "0.0", "and the cursor waits");
	publish(s, "c", 1);
	host_turn(&h);
	hub_tick(hub, &c.sub);
	is_ids(&c, "7 8 9 10", "the newest of each topic and key, in order");
	eq_str(client_cursor(&c), "10.0", "then the cursor is where the hub is");
	hub_tick(hub, &c.sub);
	eq_num(c.n, 4, "a tick without news");
	host_turn(&h);
	client_flush(&c, 2);
	eq_str(client_cursor(&c), "8.0", "a tick may be taken back in part");
	publish(s, "a", 1);
	host_turn(&h);
	hub_ready(hub, &c.sub);
	is_ids(&c, "7 8 9 10 11", "the rest comes again, when it is ready");
	eq_num(c.live, 2, "and it is live");
	host_turn(&h);
	client_flush(&c, 9);
	publish(s, "a", 3);
	host_turn(&h);
	hub_tick(hub, &c.sub);
	host_turn(&h);
	client_flush(&c, 0);
	eq_str(client_cursor(&c), "11.0", "or all of it");
	hub_ready(hub, &c.sub);
	is_ids(&c, "7 8 9 10 11 14", "conflated again");
	client_fini(&c);
	host_close(&h);
	script_free(s);
}

static void test_batch(void)
{
	struct script *s = script_new(1);
	struct host h;
	struct hub_config config = {.gather_events = 5};
	struct hub *hub = host_open(&h, &s->base, &config);
	struct client c;

	client_init(&c, hub, "a");
	client_subscribe(&c, NULL, &batch);
	publish(s, "a", 3);
	script_publish(s, "a", NULL, true);
	host_turn(&h);
	eq_num(c.n, 0, "gathered");
	publish(s, "a", 3);
	host_turn(&h);
	is_ids(&c, "1 2 3 e 5", "handed on early when there is enough");
	hub_tick(hub, &c.sub);
	is_ids(&c, "1 2 3 e 5 6 7", "the rest with the tick: everything, in order");
	c.room = 2;
	publish(s, "a", 4);
	host_turn(&h);
	hub_tick(hub, &c.sub);
	is_ids(&c, "1 2 3 e 5 6 7 8 9", "a tick may be refused in the middle");
	eq_str(client_cursor(&c), "8.0", "then it stands behind what was taken");
	c.room = 3;
	publish(s, "a", 2);
	host_turn(&h);
	hub_ready(hub, &c.sub);
	is_ids(&c, "1 2 3 e 5 6 7 8 9 10 11 12", "the others come again, in order");
	c.room = ROOM_ENOUGH;
	hub_ready(hub, &c.sub);
	is_ids(&c, "1 2 3 e 5 6 7 8 9 10 11 12 13", "to the last");
	client_fini(&c);
	host_close(&h);
	script_free(s);
}

/* Replay goes through the set as well: over pages, and at its end without waiting for a tick. */
static void test_catching_up(void)
{
	struct script *s = script_new(1);
	struct host h;
	struct hub_config config = {.page_events = 4, .gather_events = 100};
	struct hub *hub = host_open(&h, &s->base, &config);
	struct client c, slow;

	for (unsigned i = 0; i < 60; i++)
		script_publish(s, i == 30 ? "b" : "a", NULL, false);
	client_init(&c, hub, "**");
	client_init(&slow, hub, "**");
	client_subscribe(&c, "all", &every);
	s->later = true;
	client_subscribe(&slow, "all", &every);
	eq_num(c.live, 0, "catching up");
	hub_tick(hub, &c.sub);
	eq_num(c.n, 1, "a tick hands on what was read so far");
	s->later = false;
	host_settle(&h);
	is_ids(&c, "20 31 60", "then the newest of what was left");
	eq_num(c.live, 1, "and live");
	for (unsigned i = 0; i < 100; i++) {
		script_finish(s, 1);
		host_settle(&h);
	}
	is_ids(&slow, "31 60", "over many pages, the newest of each");
	eq_str(client_cursor(&slow), "60.0", "its cursor is at the end");
	client_fini(&c);
	client_fini(&slow);
	host_close(&h);
	script_free(s);
}

static void test_latest(void)
{
	struct script *s = script_new(1);
	struct host h;
	struct hub *hub = host_open(&h, &s->base, NULL);
	struct client c;

	for (unsigned i = 0; i < 8; i++)
		script_publish(s, "a", i % 2 == 0 ? "x" : "y", false);
	client_init(&c, hub, "a");
	client_subscribe_at(&c, &(struct hub_start){.from = READ_LATEST, .latest_max = 10}, &batch);
	is_ids(&c, "7 8", "the newest of each key");
	host_turn(&h);
	client_flush(&c, 0);
	publish(s, "a", 1);
	hub_ready(hub, &c.sub);
	is_ids(&c, "7 8 9", "if nothing went out they come again");
	client_fini(&c);
	c.room = 0;
	client_init(&c, hub, "a");
	c.room = 0;
	client_subscribe_at(&c, &(struct hub_start){.from = READ_LATEST, .latest_max = 10}, &batch);
	c.room = ROOM_ENOUGH;
	hub_ready(hub, &c.sub);
	is_ids(&c, "7 8 9", "so if all was refused");
	client_fini(&c);
	host_close(&h);
	script_free(s);
}

int main(void)
{
	test_set();
	test_every();
	test_batch();
	test_catching_up();
	test_latest();
	return tap_done();
}
