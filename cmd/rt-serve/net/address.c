/* SPDX-License-Identifier: MIT */
#include "net/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "units.h"

#define HOST_CAP 256

static int fail(struct buf *why, const char *address, const char *text)
{
	buf_addf(why, "%s: %s", address, text);
	return -1;
}

static int tcp_bind(const struct addrinfo *ai, int backlog)
{
	int on = 1, off = 0, fd, saved;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, backlog) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* "HOST:PORT", "[V6]:PORT", ":PORT" (everywhere), "PORT" (this machine only). */
static int split_address(const char *address, char *host, size_t cap, const char **port)
{
	const char *colon = strrchr(address, ':'), *end = colon;
	uint64_t number;
	size_t n;

	*port = colon == NULL ? address : colon + 1;
	if (units_parse_number(*port, strlen(*port), 0, 65535, &number) != 0)
		return -1;
	if (colon == NULL) {
		snprintf(host, cap, "127.0.0.1");
		return 0;
	}
	if (address[0] == '[' && colon > address && colon[-1] == ']') {
		address++;
		end = colon - 1;
	}
	n = (size_t)(end - address);
	if (n >= cap || (end == colon && memchr(address, ':', n) != NULL))
		return -1;
	memcpy(host, address, n);
	host[n] = '\0';
	return 0;
}

static int tcp_open(const char *address, int backlog, struct buf *why)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *list, *ai;
	char host[HOST_CAP];
	const char *port;
	int fd = -1, e;

	split_address(address, host, sizeof(host), &port);
	/* Everywhere: one IPv6 socket takes IPv4 too, where the kernel has IPv6 at all. */
	e = getaddrinfo(host[0] == '\0' ? "::" : host, port, &hints, &list);
	if (e != 0)
		return fail(why, address, gai_strerror(e));
	/* A name of both kinds, such as localhost: who tries IPv6 first tries IPv4 next, not all do both. */
	for (int v6 = 0; v6 < 2; v6++)
		for (ai = list; ai != NULL && fd < 0; ai = ai->ai_next)
			if ((ai->ai_family == AF_INET6) == (v6 == 1))
				fd = tcp_bind(ai, backlog);
	e = errno;
	freeaddrinfo(list);
	if (fd < 0 && host[0] == '\0' && e == EAFNOSUPPORT) {
		struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
		struct addrinfo v4 = {.ai_family = AF_INET, .ai_addr = (struct sockaddr *)&any,
			.ai_addrlen = sizeof(any)};

		fd = tcp_bind(&v4, backlog);
		e = errno;
	}
	return fd >= 0 ? fd : fail(why, address, strerror(e));
}

/* A socket's file that nobody listens on is a leftover of a crash. */
static int unix_remove_stale(const struct sockaddr_un *un)
{
	struct stat st;
	int fd, r;

	if (lstat(un->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return 0;
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
		return -1;
	r = connect(fd, (const struct sockaddr *)un, sizeof(*un));
	if (r != 0 && errno == ECONNREFUSED) {
		r = unlink(un->sun_path);
	} else {
		errno = EADDRINUSE;
		r = -1;
	}
	close(fd);
	return r;
}

static int unix_open(const char *path, int backlog, struct buf *why)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd, saved;

	strcpy(un.sun_path, path);
	if (unix_remove_stale(&un) != 0)
		return fail(why, path, errno == EADDRINUSE ? "another server listens there"
			: strerror(errno));
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
		return fail(why, path, strerror(errno));
	/* The file gets the mode of the socket: at no time may others connect. */
	if (fchmod(fd, 0600) == 0 && bind(fd, (struct sockaddr *)&un, sizeof(un)) == 0
		&& listen(fd, backlog) == 0)
		return fd;
	saved = errno;
	close(fd);
	return fail(why, path, strerror(saved));
}

static bool is_unix(const char *address)
{
	return strncmp(address, "unix:", 5) == 0;
}

const char *address_check(const char *address)
{
	char host[HOST_CAP];
	const char *port;

	if (is_unix(address)) {
		size_t n = strlen(address + 5);

		return n > 0 && n < sizeof(((struct sockaddr_un *)0)->sun_path) ? NULL
			: "must be unix:PATH with a path of 1 to 107 bytes";
	}
	return split_address(address, host, sizeof(host), &port) == 0 ? NULL
		: "must be HOST:PORT, [IPV6]:PORT, :PORT, PORT or unix:PATH";
}

int address_listen(const char *address, int backlog, struct buf *why)
{
	const char *wrong = address_check(address);

	if (wrong != NULL)
		return fail(why, address, wrong);
	return is_unix(address) ? unix_open(address + 5, backlog, why) :
		tcp_open(address, backlog, why);
}
