/* SPDX-License-Identifier: MIT */
/* What is done at each heartbeat of a connection whose answer is open. TCP says what the test sets. */
#include <linux/tcp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/net/helper_net.h"
#include "tests/unit/tap.h"

#define BEAT 15000

static struct tcp_info tcp;

/* Stands before the C library's. */
int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict n)
{
	if (level != IPPROTO_TCP || name != TCP_INFO)
		return (int)syscall(SYS_getsockopt, fd, level, name, value, n);
	memcpy(value, &tcp, *n < sizeof(tcp) ? *n : sizeof(tcp));
	return 0;
}

static const struct tcp_info acknowledged;
static const struct tcp_info under_way = {.tcpi_unacked = 1};
static const struct tcp_info dead = {.tcpi_unacked = 1, .tcpi_retransmits = 7,
	.tcpi_last_ack_recv = 2 * BEAT, .tcpi_last_data_recv = 2 * BEAT};

/* --- a protocol that only watches ------------------------------------------------------------- */

static struct {
	unsigned beats, eofs;
	bool paused, over;
	enum conn_end why;
} seen;

static void on_input(struct conn *c)
{
	(void)c;	/* never complete: it stays */
}

static void on_eof(struct conn *c)
{
	(void)c;
	seen.eofs++;
}

static bool is_paused(const struct conn *c)
{
	(void)c;
	return seen.paused;
}

static bool is_open(const struct conn *c)
{
	(void)c;
	return true;
}

static void on_heartbeat(struct conn *c)
{
	(void)c;
	seen.beats++;
}

static void on_closed(struct conn *c, enum conn_end why)
{
	(void)c;
	seen.over = true;
	seen.why = why;
}

static const struct proto watcher = {.name = "watcher", .input = on_input, .eof = on_eof,
	.paused = is_paused, .open = is_open, .heartbeat = on_heartbeat, .closed = on_closed};

static struct rig rig;
static struct conn *conn;
static int peer;

/* A connection over which one byte was sent. */
static void begin(void)
{
	char x;

	memset(&seen, 0, sizeof(seen));
	tcp = acknowledged;
	rig_init(&rig, NULL);
	rig.env.proto = &watcher;
	conn = rig_connect(&rig, &peer, 0);
	conn->peer.family = AF_INET;	/* else TCP would not be asked */
	conn_write(conn, "x", 1);
	rig_turn(&rig, 1);
	ok(read(peer, &x, 1) == 1, "sent");
}

static void finish(void)
{
	close(peer);
	ok(rig_fini(&rig), "pools got everything back");
}

static void beat(const struct tcp_info *ti)
{
	tcp = *ti;
	rig_pass(&rig, BEAT + BEAT / 10);	/* timers are not exact */
}

/* --- is the peer alive? ----------------------------------------------------------------------- */

static void test_dead(void)
{
	begin();
	beat(&dead);
	ok(!seen.over, "one look that finds the peer dead is not believed");
	beat(&dead);
	ok(seen.over && seen.why == CONN_DEAD, "the next one is");
	finish();
}

static void test_alive_again(void)
{
	begin();
	beat(&dead);
	beat(&under_way);
	beat(&dead);
	ok(!seen.over, "two looks with a sign of life between them are not");
	finish();
}

/* What it sent last is still on its way: a heartbeat more would only lie behind it. */
static void test_unacknowledged(void)
{
	begin();
	beat(&under_way);
	beat(&under_way);
	eq_num(seen.beats, 0, "no heartbeat while TCP waits for an acknowledgement");
	beat(&acknowledged);
	eq_num(seen.beats, 1, "one after it came");
	beat(&acknowledged);
	eq_num(seen.beats, 2, "and so on");
	finish();
}

/* --- has the peer gone, where nothing is read? ------------------------------------------------- */

static void test_peer_closes(bool paused)
{
	begin();
	seen.paused = paused;
	conn_update(conn);
	close(peer);
	rig_turn(&rig, 2);
	ok(paused ? !seen.over && seen.eofs == 0 : seen.eofs == 1,
		paused ? "a close is not noticed where nothing is read" : "it is where something is read");
	beat(&acknowledged);
	ok(!paused || (seen.over && seen.why == CONN_RESET), "but at the next heartbeat");
	peer = -1;
	finish();
}

/* A request, or a part of one, waits for the answer before it: its sender may still end. */
static void test_peer_ends(void)
{
	begin();
	rig_send(&rig, peer, "GET", 3);
	seen.paused = true;
	conn_update(conn);
	shutdown(peer, SHUT_WR);
	rig_turn(&rig, 2);
	eq_num(seen.eofs, 0, "an end is not noticed where nothing is read");
	beat(&acknowledged);
	ok(seen.eofs == 1 && !seen.over, "but at the next heartbeat");
	finish();
}

int main(void)
{
	test_dead();
	test_alive_again();
	test_unacknowledged();
	test_peer_closes(false);
	test_peer_closes(true);
	test_peer_ends();
	return tap_done();
}
