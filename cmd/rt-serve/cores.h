/* SPDX-License-Identifier: MIT */
#ifndef RT_CORES_H
#define RT_CORES_H

/*
 * The processor cores that this process may use: taskset, cgroups and containers leave it fewer
 * than there are.
 */
#include <pthread.h>

/** How many; 1 if nobody knows. */
unsigned cores_count(void);

/**
 * Let thread (t) run on the (n)th of the cores that the caller may use, and on no other; they are
 * counted from 0, and over again when there are fewer. 0, or -1 with errno.
 */
int cores_pin(pthread_t t, unsigned n);

#endif
