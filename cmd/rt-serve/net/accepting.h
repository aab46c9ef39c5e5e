/* SPDX-License-Identifier: MIT */
#ifndef RT_ACCEPTING_H
#define RT_ACCEPTING_H

/*
 * How many connections there are, in all and by client address, for the limits on both. Shared by all
 * listeners whose first loop is the same, and by their connections (conn_count_address, conn_uncount),
 * on any thread.
 */
#include <pthread.h>
#include <stdatomic.h>

struct loop;

#define ACCEPTING_SLOTS 1024

struct accepting {
	atomic_uint refs;
	atomic_uint connections;
	pthread_mutex_t lock;		/* of the table; held for a few instructions */
	struct accepting_entry *slots[ACCEPTING_SLOTS];
};

/**
 * That of the listeners of (l), made with the first; the loop has the first reference. NULL without
 * memory.
 */
struct accepting *accepting_of(struct loop *l);

#endif
