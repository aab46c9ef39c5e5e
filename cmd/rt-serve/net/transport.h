/* SPDX-License-Identifier: MIT */
#ifndef RT_TRANSPORT_H
#define RT_TRANSPORT_H

/*
 * How bytes get in and out of a connection: plain sockets now, TLS later. Each call does not
 * block. want_* answers matter for TLS, where reading may need writing and the other way round.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#define TRANSPORT_WANT_READ (-2)
#define TRANSPORT_WANT_WRITE (-3)

struct transport {
	const char *name;
	bool plain;	/* bytes go to the descriptor as they are: others may write them there, too */
	/** > 0 bytes, 0 at the end, -1 with errno, or TRANSPORT_WANT_*. */
	ssize_t (*read)(void *state, int fd, void *p, size_t n);
	ssize_t (*writev)(void *state, int fd, const struct iovec *iov, int n);
	void (*shutdown)(void *state, int fd);	/* no more output */
	void (*free)(void *state);
};

extern const struct transport transport_tcp;

#endif
