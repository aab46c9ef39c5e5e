/* SPDX-License-Identifier: MIT */
#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "wire/socket.h"

#define READ_SIZE (256u << 10)
#define BUF_MAX (64u << 20)
#define SEND_WAIT_MS 10000

/* One thread, one read at a time. */
static char input[READ_SIZE];
static uint64_t newest_stamp;

int link_open(struct link *l, const struct dialect *d, bool publishes, uint32_t topic, uint16_t port,
	unsigned source)
{
	struct in_addr from = {htonl(INADDR_LOOPBACK - 1 + source)};
	struct target to = {.naddr = sizeof(struct sockaddr_in)};
	struct sockaddr_in *a = (struct sockaddr_in *)&to.addr;

	a->sin_family = AF_INET;
	a->sin_port = htons(port);
	a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*l = (struct link){.fd = socket_connect(&to, &from), .talk = {d, publishes, 0, topic}};
	buf_init(&l->in, BUF_MAX);
	return l->fd < 0 ? -1 : 0;
}

int link_begin(struct link *l)
{
	struct buf out;
	int result;

	if (socket_connected(l->fd) != 0)
		return -1;
	buf_init(&out, BUF_MAX);
	l->talk.d->begin(&l->talk, &out);
	result = link_send(l, &out);
	buf_fini(&out);
	return result;
}

int link_write(struct link *l, struct str bytes)
{
	struct pollfd w = {l->fd, POLLOUT, 0};

	while (bytes.n > 0) {
		ssize_t n = socket_write(l->fd, bytes.p, bytes.n);

		if (n < 0 && (errno != EAGAIN || poll(&w, 1, SEND_WAIT_MS) <= 0))
			return -1;
		if (n > 0)
			bytes = (struct str){bytes.p + n, bytes.n - (size_t)n};
	}
	return 0;
}

int link_send(struct link *l, struct buf *b)
{
	int result = link_write(l, buf_str(b));

	buf_reset(b);
	return result;
}

/* --- when bytes arrived ----------------------------------------------------------------------- */

void link_stamp(struct link *l, bool on)
{
	int value = on;

	setsockopt(l->fd, SOL_SOCKET, SO_TIMESTAMPNS, &value, sizeof(value));
}

uint64_t link_newest_stamp(void)
{
	return newest_stamp;
}

void link_forget_stamps(void)
{
	newest_stamp = 0;
}

static ssize_t receive(int fd, char *p, size_t n)
{
	union {
		struct cmsghdr align;
		char space[256];
	} control;
	struct iovec v = {p, n};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t got = recvmsg(fd, &m, 0);

	if (got <= 0)
		return got;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
		struct timespec t;
		uint64_t at;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPNS)
			continue;
		memcpy(&t, CMSG_DATA(c), sizeof(t));
		at = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
		newest_stamp = at > newest_stamp ? at : newest_stamp;
	}
	return got;
}

/* --- hearing ---------------------------------------------------------------------------------- */

/* How many of the (n) bytes were whole messages; -1: malformed, or the hearer has enough. */
static ssize_t hear_all(struct link *l, const char *p, size_t n, struct buf *out, link_hear *hear, void *arg)
{
	size_t at = 0;

	while (at < n) {
		struct str event = STR_NULL;
		enum heard heard = HEARD_NOTHING;
		ssize_t len = l->talk.d->take(&l->talk, p + at, n - at, &heard, &event, out);

		if (len < 0)
			return -1;
		if (len == 0)
			break;
		if (!hear(l, heard, event, arg))
			return -1;
		at += (size_t)len;
	}
	return (ssize_t)at;
}

static int hear_input(struct link *l, size_t n, struct buf *out, link_hear *hear, void *arg)
{
	ssize_t took;

	if (l->in.len == 0) {
		took = hear_all(l, input, n, out, hear, arg);
		if (took < 0 || buf_add(&l->in, input + took, n - (size_t)took) != 0)
			return -1;
		return 0;
	}
	if (buf_add(&l->in, input, n) != 0)
		return -1;
	took = hear_all(l, (const char *)l->in.p, l->in.len, out, hear, arg);
	if (took < 0)
		return -1;
	buf_consume(&l->in, (size_t)took);
	return 0;
}

int link_read(struct link *l, link_hear *hear, void *arg)
{
	ssize_t n = receive(l->fd, input, sizeof(input));
	struct buf out;
	int result;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -1;
	buf_init(&out, BUF_MAX);
	result = hear_input(l, (size_t)n, &out, hear, arg);
	if (result == 0 && out.len > 0)
		result = link_send(l, &out);
	buf_fini(&out);
	if (result != 0)
		return -1;
	return (size_t)n == sizeof(input);
}

void link_close(struct link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	buf_fini(&l->in);
}
