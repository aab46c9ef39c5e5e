/* SPDX-License-Identifier: MIT */
#ifndef RT_CIDR_H
#define RT_CIDR_H

/* Ranges of addresses (CIDR, RFC 4632 and RFC 4291): who is trusted as a proxy. */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct cidr {
	uint8_t address[16];	/* IPv4 as ::ffff:a.b.c.d */
	unsigned bits;		/* of 128 */
	bool is_unix;		/* no address: whoever may connect to our unix sockets */
};

/** "10.0.0.0/8", "::1" or "unix:". 0, or -1 if it is none of these. */
int cidr_parse(struct cidr *out, const char *text);

/** Is (address) in one of the (n) (ranges)? An IPv4 address is also the same mapped to IPv6. */
bool cidr_any(const struct cidr *ranges, unsigned n, const struct sockaddr *address);

#endif
