/* SPDX-License-Identifier: MIT */
#include "load/clock.h"

#include <time.h>

static uint64_t offset_ns;	/* written once, before any thread */

static uint64_t read_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void clock_init(void)
{
	offset_ns = read_ns(CLOCK_REALTIME) - read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_ns(void)
{
	return read_ns(CLOCK_MONOTONIC) + offset_ns;
}

uint64_t clock_thread_ns(void)
{
	return read_ns(CLOCK_THREAD_CPUTIME_ID);
}
