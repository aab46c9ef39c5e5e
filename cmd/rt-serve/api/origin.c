/* SPDX-License-Identifier: MIT */
#include "api/origin.h"

#include <arpa/inet.h>
#include <strings.h>

/** Host without its port; an IPv6 literal keeps its brackets. */
static struct str host_name(struct str host)
{
	const char *colon;

	if (host.n > 0 && host.p[0] == '[') {
		const char *end = memchr(host.p, ']', host.n);

		return end != NULL ? (struct str){host.p, (size_t)(end - host.p) + 1} : host;
	}
	colon = memchr(host.p, ':', host.n);
	return colon != NULL ? (struct str){host.p, (size_t)(colon - host.p)} : host;
}

static bool same_name(struct str a, const char *b)
{
	return a.n == strlen(b) && strncasecmp(a.p, b, a.n) == 0;
}

/** Four numbers up to 255, without zeros in front, as inet_pton has it. */
static bool is_ipv4(struct str name)
{
	const char *p = name.p, *end = p + name.n, *begin;

	for (int part = 0; part < 4; part++) {
		unsigned value = 0;

		if (part > 0 && (p == end || *p++ != '.'))
			return false;
		for (begin = p; p < end && *p >= '0' && *p <= '9' && p - begin < 3; p++)
			value = value * 10 + (unsigned)(*p - '0');
		if (p == begin || value > 255 || (*begin == '0' && p - begin > 1))
			return false;
	}
	return p == end;
}

static bool is_address(struct str name)
{
	char text[64];
	uint8_t address[16];

	if (name.n < 2 || name.p[0] != '[' || name.p[name.n - 1] != ']')
		return is_ipv4(name);
	if (name.n - 2 >= sizeof(text))
		return false;
	memcpy(text, name.p + 1, name.n - 2);
	text[name.n - 2] = '\0';
	return inet_pton(AF_INET6, text, address) == 1;
}

bool origin_host_allowed(const struct config *c, struct str host)
{
	struct str name;

	if (host.p == NULL)
		return true;	/* HTTP/1.0 without one: no browser sends that */
	name = host_name(host);
	if (is_address(name) || same_name(name, "localhost"))
		return true;
	for (unsigned i = 0; i < c->hosts.n; i++) {
		if (same_name(name, c->hosts.items[i]))
			return true;
	}
	return false;
}

/** Is (origin) "http://HOST" or "https://HOST" of this very request? */
static bool same_origin(struct str origin, struct str host)
{
	size_t scheme = origin.n > 8 && memcmp(origin.p, "https://", 8) == 0 ? 8 :
		origin.n > 7 && memcmp(origin.p, "http://", 7) == 0 ? 7 : 0;

	return scheme != 0 && host.p != NULL && origin.n - scheme == host.n &&
		strncasecmp(origin.p + scheme, host.p, host.n) == 0;
}

enum origin_verdict origin_check(const struct config *c, const struct http_request *r,
	const char **named)
{
	struct str origin = http_field(r, "origin");

	*named = NULL;
	if (origin.p == NULL)
		return str_is(http_field(r, "sec-fetch-site"), "cross-site") ? ORIGIN_REFUSED : ORIGIN_NONE;
	if (http_field_count(r, "origin") != 1)
		return ORIGIN_REFUSED;
	for (unsigned i = 0; i < c->origins.n; i++) {
		if (same_name(origin, c->origins.items[i])) {
			*named = c->origins.items[i];
			return ORIGIN_ALLOWED;
		}
	}
	return same_origin(origin, http_field(r, "host")) ? ORIGIN_ALLOWED : ORIGIN_REFUSED;
}
