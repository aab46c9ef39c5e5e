/* SPDX-License-Identifier: MIT */
#include "wire/socket.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Without a port of its own: the kernel may then use a port again for another peer. */
static int bind_to(int fd, const struct in_addr *source)
{
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = *source};
	int on = 1;

	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) != 0)
		return -1;
	return bind(fd, (const struct sockaddr *)&from, sizeof(from));
}

int socket_connect(const struct target *t, const struct in_addr *source)
{
	int fd = socket(t->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, saved;

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (source != NULL && t->addr.ss_family == AF_INET && bind_to(fd, source) != 0)
		goto close_fd;
	if (connect(fd, (const struct sockaddr *)&t->addr, t->naddr) == 0 || errno == EINPROGRESS)
		return fd;
close_fd:
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int socket_connected(int fd)
{
	int error = 0;
	socklen_t n = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
		return -1;
	errno = error;
	return error == 0 ? 0 : -1;
}

ssize_t socket_read(int fd, void *p, size_t n)
{
	ssize_t got;

	do
		got = recv(fd, p, n, 0);
	while (got < 0 && errno == EINTR);
	return got;
}

ssize_t socket_write(int fd, const void *p, size_t n)
{
	ssize_t sent;

	do
		sent = send(fd, p, n, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent;
}

int socket_room(uint64_t n, uint64_t *limit)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return -1;
	*limit = l.rlim_cur;
	if (n <= l.rlim_cur)
		return 0;
	*limit = l.rlim_max;
	if (n > l.rlim_max)
		return -1;
	l.rlim_cur = l.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &l);
}
