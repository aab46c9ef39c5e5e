/* SPDX-License-Identifier: MIT */
#ifndef RT_RING_H
#define RT_RING_H

/*
 * Many sends in one system call, by io_uring, where this was built with liburing and the kernel lets
 * us. A ring belongs to one thread. For a single send it costs more than it saves.
 */
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct ring;

#define RING_SENDS 1024		/* of one ring_submit */
#define RING_NOT_SENT INT_MIN	/* the kernel did not take it */

/** Can rings be used here? If not (why, may be NULL) says why, static. */
bool ring_probe(const char **why);

/** A ring for the calling thread; NULL if there is none to be had. */
struct ring *ring_new(void);
void ring_free(struct ring *r);

/** Sends queued since the last ring_submit; at most RING_SENDS. */
unsigned ring_queued(const struct ring *r);

/**
 * Queue a send to (fd), a socket that does not block: one run of bytes, or what (m) says. All that
 * is pointed to must stay until ring_submit returns.
 */
void ring_send(struct ring *r, int fd, const void *p, size_t n);
void ring_sendmsg(struct ring *r, int fd, const struct msghdr *m);

/**
 * Send all that is queued. Returns the results in the order of queueing: bytes, a negative errno, or
 * RING_NOT_SENT; valid until more is queued.
 */
const int *ring_submit(struct ring *r);

#endif
