/* SPDX-License-Identifier: MIT */
#ifndef RT_PROXY_H
#define RT_PROXY_H

/*
 * The PROXY protocol, versions 1 and 2: one header in front of a connection, in which a balancer
 * tells whom it speaks for.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PROXY_HEADER_MAX 2048	/* of version 2 with its additions */

struct proxy_header {
	uint8_t family;		/* AF_INET or AF_INET6; 0: the balancer itself, or not told */
	uint8_t addr[16];
	uint16_t port;
};

/** > 0: length of the header at the start of the (n) bytes; 0: more is needed; -1: there is none. */
ssize_t proxy_parse(const uint8_t *p, size_t n, struct proxy_header *h);

#endif
