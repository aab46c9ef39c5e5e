/* SPDX-License-Identifier: MIT */
/*
 * What each owner is told after a stall must be what the peer gets: random owners queue random
 * messages to a socket with a tiny buffer, some tagged, some not, private bytes in between, while
 * the peer reads when it likes.
 */
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/net/helper_net.h"
#include "tests/unit/tap.h"

#define OWNERS 3
#define MESSAGES 200000

struct message {
	uint32_t id;
	int owner;		/* -1: private */
	bool tagged, dropped, this_turn;
	unsigned released;
};

struct owner {
	struct conn_owner base;
	int index;
	bool waits;		/* was told to stop */
	unsigned told_stalled, told_drained;
};

static struct rig rig;
static struct message *messages;
static uint32_t nmessages;
static struct owner owners[OWNERS];
static unsigned wrong, released_twice;

static void release(void *tag)
{
	struct message *m = tag;

	if (++m->released > 1)
		released_twice++;
}

/* Of this turn's messages of the owner, those behind (last) are not going out. */
static void on_stalled(struct conn_owner *base, void *last)
{
	struct owner *o = (struct owner *)base;	/* its first member */
	struct message *until = last;

	o->told_stalled++;
	o->waits = true;
	if (until != NULL && (until->owner != o->index || !until->this_turn))
		wrong++;
	for (uint32_t i = nmessages; i-- > 0 && messages[i].this_turn;) {
		if (messages[i].owner != o->index)
			continue;
		if (&messages[i] == until)
			break;
		messages[i].dropped = true;
	}
}

static void on_drained(struct conn_owner *base)
{
	struct owner *o = (struct owner *)base;

	o->told_drained++;
	o->waits = false;
}

static const struct conn_owner_ops ops = {on_stalled, on_drained};

static uint32_t random_size(void)
{
	switch (rand() % 8) {
	case 0:
		return 8 + (uint32_t)rand() % 90000;	/* some have a block of their own */
	case 1:
		return 8 + (uint32_t)rand() % 20000;
	default:
		return 8 + (uint32_t)rand() % 200;
	}
}

static void fill(uint8_t *p, uint32_t n, uint32_t id)
{
	memcpy(p, &n, 4);
	memcpy(p + 4, &id, 4);
	memset(p + 8, (int)(id & 0xff), n - 8);
}

static struct message *message_new(int owner, bool tagged)
{
	struct message *m = &messages[nmessages];

	*m = (struct message){.id = nmessages, .owner = owner, .tagged = tagged, .this_turn = true};
	nmessages++;
	return m;
}

/* One encoding for several owners, as fan-out does; sometimes only for one. */
static void queue_shared(struct conn *c)
{
	struct owner *o = &owners[rand() % OWNERS];
	bool tagged = rand() % 5 != 0;
	uint32_t n = random_size();
	struct message *m;
	uint8_t *p;

	if (o->waits)
		return;
	if ((p = arena_reserve(&rig.loop->arena, n)) == NULL)
		abort();
	m = message_new(o->index, tagged);
	fill(p, n, m->id);
	if (!conn_queue(c, arena_commit(&rig.loop->arena, n, tagged ? m : NULL), &o->base)) {
		m->dropped = true;
		o->waits = true;
	}
}

static void write_private(struct conn *c)
{
	static uint8_t bytes[100000];
	uint32_t n = random_size();
	struct message *m = message_new(-1, false);

	fill(bytes, n, m->id);
	if (conn_write(c, bytes, n) != 0)
		wrong++;
}

static void end_turn(uint32_t *begin)
{
	rig_turn(&rig, 1);
	for (; *begin < nmessages; (*begin)++)
		messages[*begin].this_turn = false;
}

/* The ids that came must be those that were queued, in order, less those that were dropped. */
static void check_stream(const struct buf *got)
{
	uint32_t next = 0, n, id;
	size_t at = 0;
	bool order = true;

	while (at + 8 <= got->len && order) {
		memcpy(&n, got->p + at, 4);
		memcpy(&id, got->p + at + 4, 4);
		for (; next < id && next < nmessages; next++)
			if (!messages[next].dropped && (messages[next].tagged || messages[next].owner < 0))
				order = false;
		order = order && id == next && id < nmessages && n >= 8 && at + n <= got->len
			&& (!messages[id].dropped || !messages[id].tagged)
			&& (n == 8 || (got->p[at + 8] == (id & 0xff) && got->p[at + n - 1] == (id & 0xff)));
		next++;
		at += n;
	}
	ok(order && at == got->len, "what came is what the owners were told, in order");
	for (; next < nmessages && order; next++)
		order = messages[next].dropped || (!messages[next].tagged && messages[next].owner >= 0);
	ok(order, "and nothing is missing at the end");
}

static void run(unsigned seed, int sndbuf)
{
	struct buf got;
	struct conn *c;
	uint32_t begin = 0;
	unsigned stalls, unreleased = 0;
	int peer;

	srand(seed);
	nmessages = wrong = released_twice = 0;
	rig_init(&rig, NULL);
	rig.loop->arena.release = release;
	c = rig_connect(&rig, &peer, sndbuf);
	for (int i = 0; i < OWNERS; i++)
		owners[i] = (struct owner){.base = {.ops = &ops}, .index = i};
	buf_init(&got, 1u << 30);
	for (int turn = 0; turn < 3000; turn++) {
		for (int k = rand() % 12; k > 0; k--)
			queue_shared(c);
		if (rand() % 6 == 0)
			write_private(c);
		if (rand() % 3 == 0)
			queue_shared(c);
		end_turn(&begin);
		if (rand() % 3 != 0) {
			uint8_t b[40000];
			ssize_t n = recv(peer, b, 1 + (size_t)rand() % sizeof(b), 0);

			if (n > 0)
				buf_add(&got, b, (size_t)n);
		}
	}
	rig_recv(&rig, peer, &got, SIZE_MAX, NULL);
	stalls = (unsigned)rig.loop->stats.stalls;
	ok(stalls > 20, "the socket stalled (%u times, %u messages)", stalls, nmessages);
	ok(conn_pending(c) == 0 && !conn_stalled(c), "all output is out");
	ok(wrong == 0, "nobody was told nonsense");
	for (int i = 0; i < OWNERS; i++)
		ok(!owners[i].waits && owners[i].told_drained >= owners[i].told_stalled
			&& owners[i].told_stalled > 0, "owner %d was told to go on", i);
	check_stream(&got);
	close(peer);
	ok(rig_fini(&rig), "pools got everything back");
	for (uint32_t i = 0; i < nmessages; i++)
		unreleased += messages[i].tagged && messages[i].released != 1;
	ok(unreleased == 0 && released_twice == 0, "each tag was released once");
	buf_fini(&got);
}

/* Order of private bytes and a message in flight; what is forgotten or fixed still goes out. */
static void test_forget(void)
{
	struct owner *o = &owners[0];
	struct buf got;
	struct conn *c;
	uint8_t *p;
	int peer;

	rig_init(&rig, NULL);
	rig.loop->arena.release = release;
	c = rig_connect(&rig, &peer, 4096);
	*o = (struct owner){.base = {.ops = &ops}};
	buf_init(&got, 1 << 20);
	for (int i = 0; i < 4; i++) {
		p = arena_reserve(&rig.loop->arena, 9000);
		memset(p, 'a' + i, 9000);
		ok(conn_queue(c, arena_commit(&rig.loop->arena, 9000, NULL), &o->base), "queued %d", i);
	}
	conn_forget_owner(c, &o->base);
	conn_write(c, "end", 3);
	rig_turn(&rig, 1);
	ok(conn_stalled(c), "stalled");
	conn_write(c, "more", 4);
	rig_recv(&rig, peer, &got, 36007, NULL);
	eq_num(got.len, 36007, "everything of a forgotten owner went out");
	ok(got.len == 36007 && memcmp(got.p + 36000, "endmore", 7) == 0, "private bytes in order");
	ok(o->told_stalled == 0 && o->told_drained == 0, "who is forgotten is told nothing");
	buf_fini(&got);
	close(peer);
	ok(rig_fini(&rig), "pools got everything back");
}

/* A stalled reader keeps the message in flight, not what follows it, and pins no shared block. */
static void test_cheap(void)
{
	struct owner *o = &owners[0];
	struct conn *c;
	int peer;

	rig_init(&rig, NULL);
	nmessages = 0;
	c = rig_connect(&rig, &peer, 4096);
	*o = (struct owner){.base = {.ops = &ops}};
	for (int i = 0; i < 40; i++) {
		uint8_t *p = arena_reserve(&rig.loop->arena, 1500);

		memset(p, 'x', 1500);
		conn_queue(c, arena_commit(&rig.loop->arena, 1500, NULL), &o->base);
	}
	eq_num(c->out->n, 1, "messages that lie side by side are one piece");
	rig_turn(&rig, 1);
	ok(o->told_stalled == 1 && conn_pending(c) < 1500, "only the message in flight is kept");
	ok(rig.loop->arena.filling->refs == 1 && rig.loop->arena.filling->len == 0,
		"and it is a copy: the block is used again");
	close(peer);
	ok(rig_fini(&rig), "pools got everything back");
}

/* Full for this turn without a stall: the owner is told in the next one. */
static void test_full(void)
{
	struct owner *o = &owners[0];
	struct conn *c;
	uint8_t *p;
	unsigned taken = 0;
	int peer;

	rig_init(&rig, NULL);
	rig.limits.max_output = 1000;
	c = rig_connect(&rig, &peer, 0);
	*o = (struct owner){.base = {.ops = &ops}};
	for (int i = 0; i < 20; i++) {
		p = arena_reserve(&rig.loop->arena, 100);
		memset(p, 'x', 100);
		taken += conn_queue(c, arena_commit(&rig.loop->arena, 100, NULL), &o->base);
	}
	eq_num(taken, 10, "max_output bounds what a turn takes");
	rig_turn(&rig, 1);
	ok(o->told_drained == 0 && o->told_stalled == 0, "not in the same turn");
	rig_turn(&rig, 1);
	ok(o->told_drained == 1 && o->told_stalled == 0, "drained() in the next");
	rig_turn(&rig, 3);
	ok(o->told_drained == 1 && c->out == NULL, "once; and the connection is at rest");
	close(peer);
	ok(rig_fini(&rig), "pools got everything back");
}

int main(void)
{
	messages = calloc(MESSAGES, sizeof(*messages));
	for (unsigned seed = 1; seed <= 4; seed++)
		run(seed, seed % 2 == 0 ? 2048 : 30000);
	test_forget();
	test_cheap();
	test_full();
	free(messages);
	return tap_done();
}
