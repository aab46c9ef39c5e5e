/* SPDX-License-Identifier: MIT */
#ifndef RT_PUB_SENDER_H
#define RT_PUB_SENDER_H

/*
 * One batch at a time on its way to the server, by libcurl: sent, judged, repeated after a while
 * if that can help, and its answer taken apart.
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "queue.h"
#include "report.h"

struct sender;

/** Sends as (c) says, tells (r) what became of each line. NULL without memory. */
struct sender *sender_new(const struct config *c, struct report *r);
void sender_free(struct sender *s);

/** Is no batch on its way? */
bool sender_idle(const struct sender *s);

/** Take over (b), which must have lines, and begin to send it. The sender must be idle. */
void sender_send(struct sender *s, struct batch *b);

/** The batch that was answered, to be recycled; NULL if there is none. */
struct batch *sender_done(struct sender *s);

/** The batch that the server finds too large, to be halved; NULL if there is none. */
struct batch *sender_too_large(struct sender *s);

/** Wait for the network, for (fds), or for (timeout_ms), and do what is due. */
void sender_wait(struct sender *s, struct curl_waitfd *fds, unsigned nfds, int timeout_ms);

/** The exit status if it cannot go on (reported already), else -1. */
int sender_failed(const struct sender *s);

/** Of the lines on their way: how many, and the first as a line of the input. 0 if it is idle. */
uint64_t sender_lines(const struct sender *s, uint64_t *first);

#endif
