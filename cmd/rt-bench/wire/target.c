/* SPDX-License-Identifier: MIT */
#include "wire/target.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "units.h"

#define AUTHORITY_MAX 300

/* Split "host:port", "[v6]:port" or "host" in place. NULL, or what is wrong. */
static const char *split(char *authority, char **host, const char **port)
{
	char *colon, *end;
	uint64_t number;

	*port = "80";
	*host = authority;
	if (*authority == '[') {
		end = strchr(authority, ']');
		if (end == NULL)
			return "has a [ without its ]";
		*host = authority + 1;
		*end++ = '\0';
		if (*end != '\0' && *end != ':')
			return "has something behind the ]";
		colon = *end == ':' ? end : NULL;
	} else {
		colon = strchr(authority, ':');
	}
	if (colon != NULL) {
		*colon = '\0';
		*port = colon + 1;
	}
	if (**host == '\0')
		return "names no host";
	if (units_parse_number(*port, strlen(*port), 1, 65535, &number) != 0)
		return "has a port that is no number from 1 to 65535";
	return NULL;
}

const char *target_parse(struct target *t, const char *url)
{
	char authority[AUTHORITY_MAX], *host;
	const char *rest, *port;
	size_t n;

	*t = (struct target){.websocket = strncasecmp(url, "ws://", 5) == 0};
	if (!t->websocket && strncasecmp(url, "http://", 7) != 0)
		return "does not begin with http:// or ws://";
	rest = url + (t->websocket ? 5 : 7);
	n = strcspn(rest, "/?");
	if (n >= sizeof(authority))
		return "has a host that is too long";
	if (memchr(rest, '{', n) != NULL || memchr(rest, '@', n) != NULL)
		return "may have neither { nor @ in its host";
	memcpy(authority, rest, n);
	authority[n] = '\0';
	t->path = rest + n;
	t->host = strdup(authority);
	if (t->host == NULL)
		return "does not fit into memory";
	return split(authority, &host, &port);
}

const char *target_look_up(struct target *t)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG};
	struct addrinfo *found;
	char authority[AUTHORITY_MAX], *host;
	const char *port;
	int failed;

	snprintf(authority, sizeof(authority), "%s", t->host);
	split(authority, &host, &port);
	failed = getaddrinfo(host, port, &hints, &found);
	/* AI_ADDRCONFIG leaves out loopback addresses where there are no others. */
	if (failed != 0) {
		hints.ai_flags = AI_NUMERICSERV;
		failed = getaddrinfo(host, port, &hints, &found);
	}
	if (failed != 0)
		return gai_strerror(failed);
	memcpy(&t->addr, found->ai_addr, found->ai_addrlen);
	t->naddr = found->ai_addrlen;
	freeaddrinfo(found);
	return NULL;
}

void target_fini(struct target *t)
{
	free(t->host);
	t->host = NULL;
}
