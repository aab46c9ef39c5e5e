/* SPDX-License-Identifier: MIT */
#ifndef RT_CLOCK_H
#define RT_CLOCK_H

/*
 * Nanoseconds since 1970 that never jump: the monotonic clock, moved once, when the program starts, to
 * what the real clock said then. So times of other programs on this machine can be compared.
 */
#include <stdint.h>

/** Set the offset; once, before any thread. */
void clock_init(void);

/** Now, in nanoseconds. */
uint64_t clock_ns(void);

/** CPU time of the calling thread so far, in nanoseconds. */
uint64_t clock_thread_ns(void);

#endif
