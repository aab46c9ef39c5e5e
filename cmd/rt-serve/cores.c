/* SPDX-License-Identifier: MIT */
#include "cores.h"

#include <errno.h>
#include <sched.h>

unsigned cores_count(void)
{
	cpu_set_t mine;

	return sched_getaffinity(0, sizeof(mine), &mine) == 0 ? (unsigned)CPU_COUNT(&mine) : 1;
}

int cores_pin(pthread_t t, unsigned n)
{
	cpu_set_t mine, one;
	int core = 0;

	if (sched_getaffinity(0, sizeof(mine), &mine) != 0)
		return -1;
	for (n %= (unsigned)CPU_COUNT(&mine); n > 0 || !CPU_ISSET(core, &mine); core++)
		n -= CPU_ISSET(core, &mine) ? 1 : 0;
	CPU_ZERO(&one);
	CPU_SET(core, &one);
	errno = pthread_setaffinity_np(t, sizeof(one), &one);
	return errno == 0 ? 0 : -1;
}
