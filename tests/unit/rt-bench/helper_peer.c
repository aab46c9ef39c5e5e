/* SPDX-License-Identifier: MIT */
#include "helper_peer.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 10000

int helper_listen(char url[64])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 16) != 0 ||
			getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
		perror("no listener");
		exit(1);
	}
	snprintf(url, 64, "http://127.0.0.1:%u", ntohs(at.sin_port));
	return fd;
}

void helper_turn(const struct helper_bench *h)
{
	ev_run(h->b.workers[0]->loop, EVRUN_NOWAIT);
}

size_t helper_hear(const struct helper_bench *h, int fd, char *dst, size_t cap)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n;

	while (poll(&p, 1, 0) == 0)
		helper_turn(h);
	n = read(fd, dst, cap);
	return n < 0 ? 0 : (size_t)n;
}

void helper_say(const struct helper_bench *h, const struct conn *c, int fd, const char *text, size_t n)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	int left;

	/* It comes in one piece, but not always at once. */
	if (write(fd, text, n) != (ssize_t)n || poll(&p, 1, PATIENCE_MS) != 1)
		exit(1);
	while (c->fd >= 0 && ioctl(c->fd, FIONREAD, &left) == 0 && left > 0)
		helper_turn(h);
}

void helper_hang_up(const struct helper_bench *h, const struct conn *c, int fd)
{
	struct linger now = {.l_onoff = 1};
	int was = c->fd;

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
	while (was >= 0 && c->fd == was)
		helper_turn(h);
}
