/* SPDX-License-Identifier: MIT */
#include "cidr.h"

#include <arpa/inet.h>
#include <string.h>

#include "units.h"

int cidr_parse(struct cidr *out, const char *arg)
{
	char text[64];
	const char *slash = strchr(arg, '/');
	size_t n = slash != NULL ? (size_t)(slash - arg) : strlen(arg);
	uint64_t bits;
	bool v4;

	memset(out, 0, sizeof(*out));
	out->is_unix = strcmp(arg, "unix:") == 0;
	if (out->is_unix)
		return 0;
	if (n >= sizeof(text))
		return -1;
	memcpy(text, arg, n);
	text[n] = '\0';
	v4 = inet_pton(AF_INET, text, out->address + 12) == 1;
	if (v4)
		memset(out->address + 10, 0xff, 2);
	else if (inet_pton(AF_INET6, text, out->address) != 1)
		return -1;
	bits = v4 ? 32 : 128;
	if (slash != NULL && units_parse_number(slash + 1, strlen(slash + 1), 0, bits, &bits) != 0)
		return -1;
	out->bits = (unsigned)bits + (v4 ? 96 : 0);
	return 0;
}

static bool in_range(const uint8_t address[16], const struct cidr *r)
{
	unsigned whole = r->bits / 8, rest = r->bits % 8;

	if (r->is_unix || memcmp(address, r->address, whole) != 0)
		return false;
	return rest == 0 || (address[whole] ^ r->address[whole]) >> (8 - rest) == 0;
}

bool cidr_any(const struct cidr *ranges, unsigned n, const struct sockaddr *sa)
{
	uint8_t address[16] = {0};

	if (sa->sa_family == AF_INET) {
		memset(address + 10, 0xff, 2);
		memcpy(address + 12, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		memcpy(address, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
	} else if (sa->sa_family != AF_UNIX) {
		return false;
	}
	for (unsigned i = 0; i < n; i++) {
		const struct cidr *r = &ranges[i];

		if (sa->sa_family == AF_UNIX ? r->is_unix : in_range(address, r))
			return true;
	}
	return false;
}
