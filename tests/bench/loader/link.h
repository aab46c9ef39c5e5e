/* SPDX-License-Identifier: MIT */
#ifndef RT_LOAD_LINK_H
#define RT_LOAD_LINK_H

/* A connection on which a dialect is spoken. */
#include <netinet/in.h>
#include <stdbool.h>

#include "dialect.h"

struct link {
	int fd;			/* -1: none */
	struct talk talk;
	struct buf in;		/* the beginning of a message that is not all there */
};

/** Who hears: called for each message, also for HEARD_NOTHING. False: stop, the link is gone. */
typedef bool link_hear(struct link *l, enum heard heard, struct str event, void *arg);

/** Begin to connect to 127.0.0.1:(port), from 127.0.0.(source). 0, or -1 with errno. */
int link_open(struct link *l, const struct dialect *d, bool publishes, uint32_t topic, uint16_t port,
	unsigned source);

/** It is connected, or has failed: send what comes first. 0, or -1 with errno. */
int link_begin(struct link *l);

/**
 * Read once, and hear all that has come. 1: there may be more; 0: there is no more; -1: it has
 * ended or failed.
 */
int link_read(struct link *l, link_hear *hear, void *arg);

/** Send all of (bytes), waiting while the socket is full. 0, or -1 with errno. */
int link_write(struct link *l, struct str bytes);

/** Send all of (b), waiting while the socket is full, and empty it. 0, or -1 with errno. */
int link_send(struct link *l, struct buf *b);

/** Let the kernel note when bytes arrive; the newest such time that was read, CLOCK_REALTIME in ns. */
void link_stamp(struct link *l, bool on);
uint64_t link_newest_stamp(void);
void link_forget_stamps(void);

void link_close(struct link *l);

#endif
