/* SPDX-License-Identifier: MIT */
#include <linux/tcp.h>

#include "net/conn_internal.h"
#include "tests/unit/tap.h"

#define BEAT 15000

int main(void)
{
	static const struct {
		const char *what;
		struct tcp_info ti;
		bool dead;
	} cases[] = {
		{"idle for an hour, nothing outstanding", {.tcpi_last_ack_recv = 3600000,
			.tcpi_last_data_recv = 3600000}, false},
		{"just sent after a long silence", {.tcpi_unacked = 1, .tcpi_last_ack_recv = 3600000,
			.tcpi_last_data_recv = 3600000}, false},
		{"retransmitting, but ACKs come", {.tcpi_unacked = 5, .tcpi_retransmits = 3,
			.tcpi_last_ack_recv = 200, .tcpi_last_data_recv = 90000}, false},
		{"retransmitting for less than two heartbeats", {.tcpi_unacked = 5,
			.tcpi_retransmits = 6, .tcpi_last_ack_recv = 2 * BEAT - 1,
			.tcpi_last_data_recv = 90000}, false},
		{"retransmitting, silent for two heartbeats", {.tcpi_unacked = 5,
			.tcpi_retransmits = 7, .tcpi_last_ack_recv = 2 * BEAT,
			.tcpi_last_data_recv = 90000}, true},
		{"the same, told by the back-off", {.tcpi_unacked = 5, .tcpi_backoff = 7,
			.tcpi_last_ack_recv = 2 * BEAT, .tcpi_last_data_recv = 90000}, true},
		{"retransmitting, but it sent something", {.tcpi_unacked = 5, .tcpi_retransmits = 7,
			.tcpi_last_ack_recv = 2 * BEAT, .tcpi_last_data_recv = 1000}, false},
		{"closed window, probes answered though far apart", {.tcpi_notsent_bytes = 1000,
			.tcpi_backoff = 9, .tcpi_probes = 1, .tcpi_last_ack_recv = 4 * BEAT,
			.tcpi_last_data_recv = 90000}, false},
		{"closed window, probes unanswered", {.tcpi_notsent_bytes = 1000, .tcpi_backoff = 9,
			.tcpi_probes = 2, .tcpi_last_ack_recv = 2 * BEAT,
			.tcpi_last_data_recv = 90000}, true},
		{"closed window, probes unanswered, not long yet", {.tcpi_notsent_bytes = 1000,
			.tcpi_probes = 5, .tcpi_last_ack_recv = BEAT,
			.tcpi_last_data_recv = 90000}, false},
		{"probes of keep-alive, nothing outstanding", {.tcpi_probes = 5,
			.tcpi_last_ack_recv = 4 * BEAT, .tcpi_last_data_recv = 90000}, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(conn_is_dead(&cases[i].ti, BEAT) == cases[i].dead, "%s: %s", cases[i].what,
			cases[i].dead ? "dead" : "alive");
	return tap_done();
}
