/* SPDX-License-Identifier: MIT */
#include "net/transport.h"

#include <sys/socket.h>

static ssize_t tcp_read(void *state, int fd, void *p, size_t n)
{
	(void)state;
	return recv(fd, p, n, 0);
}

static ssize_t tcp_writev(void *state, int fd, const struct iovec *iov, int n)
{
	struct msghdr m = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n};

	(void)state;
	if (n == 1)	/* the usual case, and less work for the kernel */
		return send(fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL);
	return sendmsg(fd, &m, MSG_NOSIGNAL);
}

static void tcp_shutdown(void *state, int fd)
{
	(void)state;
	shutdown(fd, SHUT_WR);
}

static void tcp_free(void *state)
{
	(void)state;
}

const struct transport transport_tcp = {
	.name = "tcp",
	.plain = true,
	.read = tcp_read,
	.writev = tcp_writev,
	.shutdown = tcp_shutdown,
	.free = tcp_free,
};
