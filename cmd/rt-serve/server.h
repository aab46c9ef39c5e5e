/* SPDX-License-Identifier: MIT */
#ifndef RT_SERVER_H
#define RT_SERVER_H

/*
 * The server as a whole: the store, a loop per thread, the listeners, and the signals: SIGTERM and
 * SIGINT drain (a second one ends at once), SIGHUP reloads.
 */
#include "config.h"

struct server;

/**
 * Open the store and the listeners. Takes over (c); (argc, argv) are kept for a reload. NULL and a
 * sentence in (why) otherwise.
 */
struct server *server_new(struct config *c, int argc, char **argv, struct buf *why);

/** Print the addresses, serve, and return the signal that ended it. */
int server_run(struct server *s);

void server_free(struct server *s);

#endif
