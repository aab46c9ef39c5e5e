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
 * Take (url) apart, http:// or ws://, which has to stay. NULL, or what is wrong with it, static.
 * target_fini may follow in any case.
 */
const char *target_parse(struct target *t, const char *url);

/**
 * Look the host of a URL up that target_parse found nothing wrong with: fills (addr). NULL, or why
 * not, static.
 */
const char *target_look_up(struct target *t);

void target_fini(struct target *t);

#endif
