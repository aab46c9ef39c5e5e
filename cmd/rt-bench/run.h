/* SPDX-License-Identifier: MIT */
#ifndef RT_RUN_H
#define RT_RUN_H

/*
 * One run: connect everybody, publish, wait for what is missing, add up.
 *
 *   run.c         phases (connect, warm-up, measure, drain), threads, progress, the sum
 *   worker.[ch]   a thread: its loop, its subscribers and publishers, what it counts
 *   subscriber.[ch]  one connection that listens; transports differ in a table of functions
 *   publisher.[ch]   one connection that publishes, by a fixed schedule or within a window
 *   socket.[ch]   connecting, reading, writing without blocking; source addresses
 *   answer.[ch]   heads and bodies of HTTP/1.1 answers, in pieces, without copying
 *   frame.[ch]    WebSocket: heads of frames that come, masked frames that go
 */
#include "config.h"
#include "result.h"

/**
 * Run (c). Fills (r). Returns 0; or an exit status of exitcode.h if it could not (nobody answered,
 * refused, no descriptors), having said why. A signal ends it early: r->interrupted.
 */
int run(const struct bench_config *c, struct result *r);

#endif
