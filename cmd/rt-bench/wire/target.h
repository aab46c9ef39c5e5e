/* SPDX-License-Identifier: MIT */
#ifndef RT_TARGET_H
#define RT_TARGET_H

/*
 * Where to connect to: a URL taken apart, its host looked up once, before any thread.
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

struct target {
	struct sockaddr_storage addr;
	socklen_t naddr;
	bool websocket;		/* ws: instead of http: */
	char *host;		/* for the Host field, with the port if it is not 80 */
	const char *path;	/* "/..." with the query, or ""; may be a template; borrowed from the URL */
};

/**
 * Take (url) apart, http:// or ws://, and look its host up. NULL, or what is wrong with it, static or
 * of gai_strerror. target_fini may follow in any case.
 */
const char *target_parse(struct target *t, const char *url);

void target_fini(struct target *t);

#endif
