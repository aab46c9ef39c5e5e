/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "hub/presence.h"
#include "json.h"
#include "tests/unit/tap.h"

/* A store that keeps what was published last: "TOPIC DATA;…" */
struct press {
	struct store base;
	struct buf said;
	unsigned events;
	bool bad;
};

static void press_append(struct store *s, struct batch *b)
{
	struct press *p = (struct press *)s;
	size_t bytes = 0;

	for (size_t i = 0; i < b->n; i++) {
		struct event *e = b->events[i];

		bytes += e->size;
		p->bad |= !e->ephemeral || json_check(event_data(e).p, event_data(e).n, NULL) != JSON_OK;
		buf_addstr(&p->said, event_topic(e));
		buf_addc(&p->said, ' ');
		buf_addstr(&p->said, event_data(e));
		buf_addc(&p->said, ';');
	}
	p->bad |= bytes != b->bytes;
	p->events += (unsigned)b->n;
	b->status = STORE_OK;
	b->done(b);
}

static const struct store_ops press_ops = {.append = press_append};
static struct press press;

static const char *tick(struct presence *p, uint64_t now_ms)
{
	buf_reset(&press.said);
	presence_tick(p, &press.base, now_ms);
	return buf_cstr(&press.said);
}

static void says(struct presence *p, uint64_t now_ms, const char *want, const char *what)
{
	const char *said = tick(p, now_ms);

	eq_str(said, want, what);
}

static struct presence *open_for(const char *pattern, uint64_t grace_ms, uint64_t max)
{
	struct str s = str_of(pattern);
	struct presence_config c = {&s, 1, grace_ms, max};

	press.base.ops = &press_ops;
	press.events = 0;
	press.bad = false;
	buf_init(&press.said, 16 << 20);
	return presence_new(&c);
}

static void close_it(struct presence *p)
{
	ok(!press.bad, "what is published is ephemeral, JSON, and counted right");
	presence_free(p);
	buf_fini(&press.said);
}

static void join(struct presence *p, const char *topic, const char *id, const char *user)
{
	struct presence_member m = {.user = str_of(user), .transport = "sse", .since_ms = 1763950000123};

	snprintf(m.id, sizeof(m.id), "%s", id);
	presence_join(p, str_of(topic), &m, 0);
}

static void leave(struct presence *p, const char *topic, const char *id, uint64_t now_ms)
{
	presence_leave(p, str_of(topic), id, now_ms);
}

#define SINCE "\"transport\":\"sse\",\"since\":\"2025-11-24T02:06:40.123Z\"}"

static void test_wants(void)
{
	struct presence *p = open_for("chat/*", 0, 0);
	char longest[256];

	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "chat/", 5);
	ok(presence_wants(p, STR_LIT("chat/a")) && !presence_wants(p, STR_LIT("chat")), "by pattern");
	ok(presence_wants(p, (struct str){longest, 245}), "a topic with room for the prefix");
	ok(!presence_wants(p, (struct str){longest, 246}), "not a longer one");
	ok(!presence_wants(NULL, STR_LIT("chat/a")), "without any, nothing");
	join(p, "other", "c1", NULL);
	says(p, 1000, "", "what is not watched is not told");
	close_it(p);
}

static void test_told(void)
{
	struct presence *p = open_for("**", 10000, 0);
	struct buf b;

	join(p, "a", "c1", "ann");
	join(p, "a", "c2", NULL);
	says(p, 1000, "$presence/a {\"joined\":[{\"id\":\"c2\",\"user\":null," SINCE
		",{\"id\":\"c1\",\"user\":\"ann\"," SINCE "],\"left\":[],\"count\":2};",
		"who joined in this second is told at once");
	says(p, 2000, "", "once");
	buf_init(&b, 4096);
	presence_write(p, STR_LIT("a"), &b);
	eq_str(buf_cstr(&b), "{\"topic\":\"a\",\"count\":2,\"members\":[{\"id\":\"c2\",\"user\":null," SINCE
		",{\"id\":\"c1\",\"user\":\"ann\"," SINCE "]}", "and can be asked for");
	buf_reset(&b);
	presence_write(p, STR_LIT("b"), &b);
	eq_str(buf_cstr(&b), "{\"topic\":\"b\",\"count\":0,\"members\":[]}", "an empty topic");
	buf_fini(&b);
	leave(p, "a", "c2", 3000);
	says(p, 12999, "", "a leave waits for its grace");
	says(p, 13000, "$presence/a {\"joined\":[],\"left\":[{\"id\":\"c2\",\"user\":null," SINCE
		"],\"count\":1};", "then it is told");
	close_it(p);
}

static void test_back(void)
{
	struct presence *p = open_for("**", 10000, 0);

	join(p, "a", "c1", NULL);
	join(p, "a", "c2", "ann");
	tick(p, 1000);
	leave(p, "a", "c1", 2000);
	leave(p, "a", "c2", 2000);
	says(p, 3000, "", "gone, for now");
	join(p, "a", "c1", NULL);
	join(p, "a", "c9", "ann");
	says(p, 60000, "", "back with the same id, or as the same user: never left");
	leave(p, "a", "c2", 60000);
	says(p, 90000, "", "the old connection is not hers any more");
	leave(p, "a", "c9", 90000);
	says(p, 100000, "$presence/a {\"joined\":[],\"left\":[{\"id\":\"c2\",\"user\":\"ann\"," SINCE
		"],\"count\":1};", "she leaves by the id that was told");
	join(p, "a", "c1", NULL);
	leave(p, "a", "c1", 100000);
	says(p, 200000, "", "two connections with one id are one member until both are gone");
	leave(p, "a", "c1", 200000);
	ok(strstr(tick(p, 210000), "\"count\":0") != NULL, "then it is empty");
	close_it(p);
}

static void test_no_grace(void)
{
	struct presence *p = open_for("**", 0, 0);

	join(p, "a", "c1", NULL);
	leave(p, "a", "c1", 500);
	says(p, 1000, "", "who came and went within a second is not told");
	join(p, "a", "c1", NULL);
	tick(p, 2000);
	leave(p, "a", "c1", 2500);
	ok(strstr(tick(p, 3000), "\"left\":[{\"id\":\"c1\"") != NULL, "without grace, with the next tick");
	close_it(p);
}

static void test_many(void)
{
	struct presence *p = open_for("**", 0, 1200);
	char id[17];

	for (unsigned i = 0; i < 1500; i++) {
		snprintf(id, sizeof(id), "c%u", i);
		join(p, "a", id, "somebody");
	}
	ok(strstr(tick(p, 1000), "\"count\":1500") != NULL, "more than the most are counted");
	eq_num(press.events, 3, "and the others told in several events");
	for (unsigned i = 0; i < 1500; i++) {
		snprintf(id, sizeof(id), "c%u", i);
		leave(p, "a", id, 1000);
	}
	ok(strstr(tick(p, 2000), "\"count\":0") != NULL, "all can leave");
	close_it(p);
}

int main(void)
{
	test_wants();
	test_told();
	test_back();
	test_no_grace();
	test_many();
	return tap_done();
}
