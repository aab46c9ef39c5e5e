/* SPDX-License-Identifier: MIT */
#include "tests/unit/net/helper_net.h"

#include <errno.h>
#include <stdlib.h>

#include "units.h"

uint64_t now_ms(void)
{
	return units_monotonic_ms();
}

void rig_init(struct rig *r, const struct http_handler *handler)
{
	*r = (struct rig){
		.limits = {.max_connections = 1000, .max_head = 16384, .max_fields = 100,
			.head_ms = 10000, .body_ms = 10000, .idle_ms = 75000, .heartbeat_ms = 15000,
			.max_pipelined = 64, .max_output = 256 << 10, .max_message = 1 << 20},
		.loop = loop_new(0),
	};
	/* Time passes when the test says so. */
	ev_check_stop(r->loop->ev, &r->loop->check);
	/* One reference is the rig's, so that the env is never freed. */
	r->env.refs = 1;
	r->env.limits = &r->limits;
	r->env.handler = handler;
	r->env.transport = &transport_tcp;
	r->env.proto = &http1_proto;
}

bool rig_fini(struct rig *r)
{
	struct loop *l = r->loop;
	bool clean;

	conn_close_all(l);
	rig_turn(r, 3);
	clean = l->inputs.lent == 0 && l->outputs.lent == 0 && l->readers.lent == 0 && l->conns == NULL;
	loop_free(l);
	return clean;
}

struct conn *rig_connect(struct rig *r, int *peer, int sndbuf)
{
	struct peer p = {.family = AF_UNIX};
	struct conn *c;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
		abort();
	if (sndbuf > 0)
		setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf));
	if ((c = conn_new(&r->env, fds[0], &p)) == NULL)
		abort();
	conn_start(c, r->loop);
	*peer = fds[1];
	return c;
}

void rig_turn(struct rig *r, unsigned n)
{
	while (n-- > 0)
		ev_run(r->loop->ev, EVRUN_NOWAIT);
}

void rig_pass(struct rig *r, uint64_t ms)
{
	r->loop->now_ms += ms;
	wheel_advance(&r->loop->wheel, r->loop, r->loop->now_ms);
	rig_turn(r, 2);
}

void rig_send(struct rig *r, int peer, const void *p, size_t n)
{
	const char *at = p;

	for (uint64_t end = now_ms() + 3000; n > 0 && now_ms() < end;) {
		ssize_t w = send(peer, at, n, MSG_NOSIGNAL);

		if (w > 0) {
			at += w;
			n -= (size_t)w;
		} else if (errno != EAGAIN) {
			break;
		}
		rig_turn(r, 1);
	}
	rig_turn(r, 2);
}

size_t rig_recv(struct rig *r, int peer, struct buf *b, size_t want, bool *eof)
{
	uint8_t chunk[65536];
	bool end = false;

	for (int quiet = 0; b->len < want && !end && quiet < 20; quiet++) {
		ssize_t n = recv(peer, chunk, sizeof(chunk), 0);

		if (n > 0) {
			buf_add(b, chunk, (size_t)n);
			quiet = 0;
		} else {
			end = n == 0 || errno != EAGAIN;
		}
		rig_turn(r, 1);
	}
	if (eof != NULL)
		*eof = end;
	return b->len;
}
