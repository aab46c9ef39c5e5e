/* SPDX-License-Identifier: MIT */
/*
 * The flush writes the same bytes whether it sends one by one or many in one call: a crowd of
 * connections, some with tiny buffers, gets pieces of all kinds while it reads when it likes.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/ring.h"
#include "tests/unit/net/helper_net.h"
#include "tests/unit/tap.h"

#define CROWD 40
#define TURNS 300

static struct rig rig;

struct member {
	struct conn *conn;
	int peer;
	struct buf sent, got;
};

static void queue_one(struct member *m, const uint8_t *text, size_t n, bool shared)
{
	struct slice s;

	if (!shared) {
		conn_write(m->conn, text, n);
	} else {
		memcpy(arena_reserve(&rig.loop->arena, n), text, n);
		s = arena_commit(&rig.loop->arena, n, NULL);
		if (!conn_queue(m->conn, s, NULL))
			return;
	}
	buf_add(&m->sent, text, n);
}

/* Up to six pieces: more than one send takes. */
static void queue_some(struct member *m, unsigned turn)
{
	uint8_t text[3000];

	for (int i = rand() % 7; i > 0; i--) {
		size_t n = 1 + (size_t)rand() % sizeof(text);

		memset(text, (int)('a' + (turn + (unsigned)i) % 26), n);
		queue_one(m, text, n, rand() % 2 == 0);
	}
}

static void read_some(struct member *m)
{
	uint8_t bytes[65536];
	ssize_t n = read(m->peer, bytes, 1 + (size_t)rand() % sizeof(bytes));

	if (n > 0)
		buf_add(&m->got, bytes, (size_t)n);
}

static void test_crowd(const char *name, bool use_ring)
{
	struct member crowd[CROWD];
	unsigned same = 0;

	rig_init(&rig, NULL);
	loop_use_ring(rig.loop, use_ring);
	for (unsigned i = 0; i < CROWD; i++) {
		crowd[i].conn = rig_connect(&rig, &crowd[i].peer, i % 3 == 0 ? 4096 : 0);
		buf_init(&crowd[i].sent, 16 << 20);
		buf_init(&crowd[i].got, 16 << 20);
	}
	for (unsigned t = 0; t < TURNS; t++) {
		for (unsigned i = 0; i < CROWD; i++)
			queue_some(&crowd[i], t);
		rig_turn(&rig, 1);
		for (unsigned i = 0; i < CROWD; i++)
			if (rand() % 2 == 0)
				read_some(&crowd[i]);
	}
	for (unsigned i = 0; i < CROWD; i++) {
		for (unsigned t = 0; t < 10000 && crowd[i].got.len < crowd[i].sent.len; t++) {
			read_some(&crowd[i]);
			rig_turn(&rig, 1);
		}
		same += crowd[i].sent.len > 0 && str_eq(buf_str(&crowd[i].sent), buf_str(&crowd[i].got));
		buf_fini(&crowd[i].sent);
		buf_fini(&crowd[i].got);
	}
	ok(same == CROWD, "%s: every connection got what was queued for it", name);
	ok(rig.loop->stats.stalls > 0, "%s: though some sockets were full", name);
	ok((rig.loop->stats.ring_sends > 0) == use_ring, "%s: %llu of %llu writes by the ring", name,
		(unsigned long long)rig.loop->stats.ring_sends, (unsigned long long)rig.loop->stats.writes);
	for (unsigned i = 0; i < CROWD; i++)
		close(crowd[i].peer);
	ok(rig_fini(&rig), "%s: nothing is left", name);
}

/* For few connections a ring costs more than it saves. */
static void test_few(void)
{
	struct member m = {0};

	rig_init(&rig, NULL);
	loop_use_ring(rig.loop, true);
	m.conn = rig_connect(&rig, &m.peer, 0);
	conn_write(m.conn, "x", 1);
	rig_turn(&rig, 1);
	eq_num(rig.loop->stats.writes, 1, "one connection is written to");
	eq_num(rig.loop->stats.ring_sends, 0, "without the ring");
	close(m.peer);
	rig_fini(&rig);
}

/* Peers that are gone must not disturb the others of the same call. */
static void test_gone(bool use_ring)
{
	struct member crowd[CROWD];
	unsigned got = 0;
	char c;

	rig_init(&rig, NULL);
	loop_use_ring(rig.loop, use_ring);
	for (unsigned i = 0; i < CROWD; i++) {
		crowd[i].conn = rig_connect(&rig, &crowd[i].peer, 0);
		conn_write(crowd[i].conn, "x", 1);
		if (i % 2 == 0)
			close(crowd[i].peer);
	}
	rig_turn(&rig, 2);
	for (unsigned i = 1; i < CROWD; i += 2) {
		got += read(crowd[i].peer, &c, 1) == 1 && c == 'x';
		close(crowd[i].peer);
	}
	eq_num(got, CROWD / 2, "whoever is there gets it");
	eq_num(rig.loop->stats.closed[CONN_RESET] + rig.loop->stats.closed[CONN_EOF], CROWD / 2,
		"whoever is not is closed");
	rig_fini(&rig);
}

/* What a fan-out borrows stays for the next one, but not for ever. */
static void test_spare(void)
{
	enum { MANY = 200 };
	struct conn *conns[MANY];
	int peers[MANY];
	struct loop_timer *tidy;

	rig_init(&rig, NULL);
	for (unsigned i = 0; i < MANY; i++)
		conns[i] = rig_connect(&rig, &peers[i], 0);
	for (unsigned i = 0; i < MANY; i++)
		conn_write(conns[i], "x", 1);
	rig_turn(&rig, 1);
	tidy = &rig.loop->outputs_timer;
	eq_num(rig.loop->outputs.n, MANY, "what all of them borrowed is kept");
	ok(loop_timer_armed(tidy), "and will be looked at");
	tidy->fire(rig.loop, tidy);
	ok(rig.loop->outputs.n > 0 && rig.loop->outputs.n < MANY, "what nobody needs is given back");
	for (unsigned i = 0; i < MANY; i++)
		conn_write(conns[i], "x", 1);
	rig_turn(&rig, 1);
	conn_write(conns[0], "x", 1);
	tidy->fire(rig.loop, tidy);
	eq_num(rig.loop->outputs.n, MANY - 1, "not what was needed meanwhile");
	for (unsigned i = 0; i < MANY; i++)
		close(peers[i]);
	rig_fini(&rig);
}

static pthread_barrier_t gate;

/* Two turns; between them, from one gate to the next, the loop is the other thread's. */
static void *two_turns(void *arg)
{
	(void)arg;
	rig_turn(&rig, 1);
	pthread_barrier_wait(&gate);
	pthread_barrier_wait(&gate);
	rig_turn(&rig, 1);
	return NULL;
}

static void write_all(const struct member *crowd, const char *c)
{
	for (unsigned i = 0; i < CROWD; i++)
		conn_write(crowd[i].conn, c, 1);
}

/* Did (m) get "x", (turns) times "y", and "z"? */
static bool got_in_order(const struct member *m, unsigned turns)
{
	char bytes[4096];
	ssize_t n = read(m->peer, bytes, sizeof(bytes));

	return n == (ssize_t)turns + 2 && bytes[0] == 'x' && bytes[n - 1] == 'z' &&
		strspn(bytes + 1, "y") == turns;
}

/*
 * A ring refuses other threads than its own; whoever ends a loop may be one. Nothing may be lost, and
 * nothing that was refused may go out later, with what its own thread sends.
 */
static void test_refused(void)
{
	struct member crowd[CROWD];
	unsigned got = 0, turns = 2 * RING_SENDS / CROWD;
	uint64_t by_ring;
	pthread_t thread;

	rig_init(&rig, NULL);
	loop_use_ring(rig.loop, true);
	for (unsigned i = 0; i < CROWD; i++)
		crowd[i].conn = rig_connect(&rig, &crowd[i].peer, 0);
	write_all(crowd, "x");
	pthread_barrier_init(&gate, NULL, 2);
	if (pthread_create(&thread, NULL, two_turns, NULL) != 0)
		abort();
	pthread_barrier_wait(&gate);
	by_ring = rig.loop->stats.ring_sends;
	for (unsigned t = 0; t < turns; t++) {
		write_all(crowd, "y");
		rig_turn(&rig, 1);
	}
	write_all(crowd, "z");
	pthread_barrier_wait(&gate);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&gate);
	for (unsigned i = 0; i < CROWD; i++) {
		got += got_in_order(&crowd[i], turns);
		close(crowd[i].peer);
	}
	eq_num(by_ring, CROWD, "the thread of the ring sends through it");
	eq_num(got, CROWD, "another one still reaches everybody, and nothing comes twice");
	rig_fini(&rig);
}

int main(void)
{
	const char *why = "";
	bool ring = ring_probe(&why);

	srand(1);
	test_crowd("one by one", false);
	test_gone(false);
	test_spare();
	if (ring) {
		test_crowd("by the ring", true);
		test_few();
		test_gone(true);
		test_refused();
	} else {
		printf("# no ring here: %s\n", why);
	}
	return tap_done();
}
