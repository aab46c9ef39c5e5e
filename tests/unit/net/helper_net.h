/* SPDX-License-Identifier: MIT */
#ifndef RT_HELPER_NET_H
#define RT_HELPER_NET_H

/*
 * A loop that a test turns by hand, and connections on it whose other end the test holds.
 */
#include "net/conn_internal.h"
#include "net/http_internal.h"

struct rig {
	struct loop *loop;
	struct conn_limits limits;
	struct conn_env env;
};

/** Defaults as the server's; (handler) may be NULL. */
void rig_init(struct rig *r, const struct http_handler *handler);

/** Frees the loop. True: no pool has lent anything and every connection is gone. */
bool rig_fini(struct rig *r);

/** A connection on the rig's loop; *peer is the other, non-blocking end. sndbuf 0: the default. */
struct conn *rig_connect(struct rig *r, int *peer, int sndbuf);

/** Make (n) turns that do not block. */
void rig_turn(struct rig *r, unsigned n);

/** Let (ms) pass: the rig's clock stands still otherwise. Fires what is due. */
void rig_pass(struct rig *r, uint64_t ms);

/** Send all of it, turning in between. */
void rig_send(struct rig *r, int peer, const void *p, size_t n);

/**
 * Turn until the other end has read (want) in all, or it saw the end, or nothing has come in 20
 * turns: on a socket pair nothing is under way then. Appends.
 */
size_t rig_recv(struct rig *r, int peer, struct buf *b, size_t want, bool *eof);

/** The clock of tests: milliseconds. */
uint64_t now_ms(void);

#endif
