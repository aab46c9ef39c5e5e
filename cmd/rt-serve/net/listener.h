/* SPDX-License-Identifier: MIT */
#ifndef RT_LISTENER_H
#define RT_LISTENER_H

/*
 * Listening sockets: TCP, unix, inherited (LISTEN_FDS, sd_listen_fds(3)). One loop accepts and
 * deals the connections out to all loops in turn, so that they share evenly.
 */
#include "buf.h"
#include "net/http.h"

struct listener;

struct listener_config {
	struct loop *const *loops;
	unsigned nloops;
	const struct conn_limits *limits;	/* read at each accept: may change on reload */
	const struct http_handler *handler;
	bool proxy_protocol;	/* a PROXY v1/v2 header comes first, from trusted peers */
	bool (*trusted)(void *arg, const struct sockaddr *peer);
	void *arg;
	int backlog;
};

/**
 * Listen at "HOST:PORT", "[V6]:PORT", ":PORT" (on all interfaces), "PORT" (on 127.0.0.1) or
 * "unix:PATH" (mode 0600; a stale socket is replaced, a living one is not). NULL and a sentence in (why).
 */
struct listener *listener_open(const char *address, const struct listener_config *c, struct buf *why);

/** The same on an inherited descriptor. */
struct listener *listener_adopt(int fd, const struct listener_config *c, struct buf *why);

/** "http://127.0.0.1:7070" or "unix:/path", with the real port. */
const char *listener_url(const struct listener *l);
bool listener_is_loopback(const struct listener *l);

/** Begin accepting, on loops[0]'s thread or before it runs. */
void listener_start(struct listener *l);

/**
 * Stop accepting and free it, on loops[0]'s thread or when it has ended. The unix socket's file is
 * removed. Its connections may live on. (NULL) is fine.
 */
void listener_free(struct listener *l);

/** Refused at accept since the start, by reason. */
struct listener_stats {
	uint64_t accepted, refused_total, refused_address, refused_descriptors;
};
void listener_stats(const struct listener *l, struct listener_stats *out);

/** Call (fn) for each connection of (l); only on its thread. For /connections and drain. */
void loop_each_conn(struct loop *l, void (*fn)(struct conn *c, void *arg), void *arg);

#endif
