/* SPDX-License-Identifier: MIT */
#ifndef RT_SOCKET_H
#define RT_SOCKET_H

/* TCP without blocking. */
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire/target.h"

/**
 * Begin to connect to (t) from (source), NULL: the system's choice. The descriptor becomes writable when
 * that has ended. -1 with errno.
 */
int socket_connect(const struct target *t, const struct in_addr *source);

/** How connecting has ended: 0, or -1 with errno. */
int socket_connected(int fd);

/** As recv and send; a signal does not interrupt them, and no SIGPIPE comes. */
ssize_t socket_read(int fd, void *p, size_t n);
ssize_t socket_write(int fd, const void *p, size_t n);

/**
 * Make room for (n) descriptors. 0, or -1 if the limit cannot be so high; *limit gets what it is then.
 */
int socket_room(uint64_t n, uint64_t *limit);

#endif
