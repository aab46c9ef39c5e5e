/* SPDX-License-Identifier: MIT */
#ifndef RT_TEST_HELPER_PEER_H
#define RT_TEST_HELPER_PEER_H

/* A server that the test itself plays, for the first thread of a run, which does not run by itself. */
#include "helper_bench.h"
#include "load/conn.h"

/** Listen on a free port of the loopback interface, whose URL (url) gets. Ends the program if it cannot. */
int helper_listen(char url[64]);

/** Let the thread do what it has to do now. */
void helper_turn(const struct helper_bench *h);

/** What the thread has written to (fd), once it has: how many bytes (dst) got, 0 at the end. */
size_t helper_hear(const struct helper_bench *h, int fd, char *dst, size_t cap);

/** Write (n) bytes to (fd), the other end of (c), and wait until they are read. */
void helper_say(const struct helper_bench *h, const struct conn *c, int fd, const char *text, size_t n);

/** Close (fd), the other end of (c), so that neither keeps a port; wait until (c) has seen it. */
void helper_hang_up(const struct helper_bench *h, const struct conn *c, int fd);

#endif
