/* SPDX-License-Identifier: MIT */
#include "net/ring.h"

#include <stddef.h>

#ifdef HAVE_LIBURING

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>

struct ring {
	struct io_uring uring;
	unsigned queued;
	bool broken;		/* the kernel refuses it: nothing is handed over any more */
	int results[RING_SENDS];
};

/* Completions are taken by the thread that asks for them, so that nobody has to be interrupted. */
static int init(struct io_uring *u, unsigned entries)
{
	int r = io_uring_queue_init(entries, u, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);

	return r == -EINVAL ? io_uring_queue_init(entries, u, 0) : r;
}

bool ring_probe(const char **why)
{
	struct io_uring u;
	int r = init(&u, 8);

	if (r == 0) {
		io_uring_queue_exit(&u);
		return true;
	}
	if (why != NULL)
		*why = r == -ENOSYS || r == -EPERM || r == -EACCES ? "the kernel does not allow io_uring" :
			"io_uring cannot be set up";
	return false;
}

struct ring *ring_new(void)
{
	struct ring *r = calloc(1, sizeof(*r));

	if (r != NULL && init(&r->uring, RING_SENDS) == 0)
		return r;
	free(r);
	return NULL;
}

void ring_free(struct ring *r)
{
	if (r == NULL)
		return;
	io_uring_queue_exit(&r->uring);
	free(r);
}

unsigned ring_queued(const struct ring *r)
{
	return r->queued;
}

/* The next entry, NULL if there is none: then it is as if the kernel had not taken it. */
static struct io_uring_sqe *next_entry(struct ring *r)
{
	struct io_uring_sqe *sqe = r->broken ? NULL : io_uring_get_sqe(&r->uring);

	r->results[r->queued++] = RING_NOT_SENT;
	return sqe;
}

void ring_send(struct ring *r, int fd, const void *p, size_t n)
{
	struct io_uring_sqe *sqe = next_entry(r);

	if (sqe == NULL)
		return;
	io_uring_prep_send(sqe, fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	io_uring_sqe_set_data64(sqe, r->queued - 1);
}

void ring_sendmsg(struct ring *r, int fd, const struct msghdr *m)
{
	struct io_uring_sqe *sqe = next_entry(r);

	if (sqe == NULL)
		return;
	io_uring_prep_sendmsg(sqe, fd, m, MSG_NOSIGNAL | MSG_DONTWAIT);
	io_uring_sqe_set_data64(sqe, r->queued - 1);
}

/* The completions that are there. Returns how many. */
static unsigned reap(struct ring *r)
{
	struct io_uring_cqe *cqe;
	unsigned head, n = 0;

	io_uring_for_each_cqe(&r->uring, head, cqe) {
		r->results[io_uring_cqe_get_data64(cqe)] = cqe->res;
		n++;
	}
	io_uring_cq_advance(&r->uring, n);
	return n;
}

/*
 * Sends that may not block are done when the kernel has taken them; waiting for all of them is for the
 * sake of the memory they point to.
 */
const int *ring_submit(struct ring *r)
{
	unsigned taken = 0, done = 0, want = io_uring_sq_ready(&r->uring);
	int n = 0;

	while (taken < want && !r->broken) {
		n = io_uring_submit_and_wait(&r->uring, want - taken);
		done += reap(r);
		taken += n > 0 ? (unsigned)n : 0;
		r->broken = n < 0 && n != -EINTR && n != -EBUSY && n != -EAGAIN;
	}
	while (done < taken && (n >= 0 || n == -EINTR)) {
		n = io_uring_wait_cqe_nr(&r->uring, &(struct io_uring_cqe *){NULL}, 1);
		done += reap(r);
	}
	r->queued = 0;
	return r->results;
}

#else

bool ring_probe(const char **why)
{
	if (why != NULL)
		*why = "rt-serve was built without liburing";
	return false;
}

struct ring *ring_new(void)
{
	return NULL;
}

void ring_free(struct ring *r)
{
	(void)r;
}

unsigned ring_queued(const struct ring *r)
{
	(void)r;
	return 0;
}

void ring_send(struct ring *r, int fd, const void *p, size_t n)
{
	(void)r;
	(void)fd;
	(void)p;
	(void)n;
}

void ring_sendmsg(struct ring *r, int fd, const struct msghdr *m)
{
	(void)r;
	(void)fd;
	(void)m;
}

const int *ring_submit(struct ring *r)
{
	(void)r;
	return NULL;
}

#endif
