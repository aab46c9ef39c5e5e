/* SPDX-License-Identifier: MIT */
#ifndef RT_API_H
#define RT_API_H

/*
 * What all routes share: one struct api per loop, reached from any exchange. The layer knows HTTP
 * (net/http.h), subscriptions (hub/hub.h) and the store; it is where bytes become events.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "hub/hub.h"
#include "hub/presence.h"
#include "net/http.h"
#include "net/loop.h"
#include "store/store.h"

struct config;
struct encoder;
struct listener;

/** Counters of one loop; only its thread writes, /metrics reads them through messages. */
struct api_stats {
	uint64_t requests, published, publish_refused, publish_bytes;
	uint64_t polls, not_modified, long_polls;
	uint64_t streams_sse, streams_ndjson, streams_ws, streams_mux;	/* open now */
	uint64_t status[6];		/* answers by class, [2] = 2xx */
	uint64_t refused_origin, refused_host, refused_rate, refused_limit;
};

/** Shared by all loops. */
struct api_shared {
	struct store *store;
	struct presence *presence;
	struct rate *rate;
	const struct config *_Atomic config;	/* the current one: replaced on reload, old ones live on */
	atomic_bool draining;
	struct api **apis;		/* one per loop */
	unsigned napis;
	struct listener *const *listeners;	/* for the figures */
	unsigned nlisteners;
	uint64_t started_ms;
};

struct api {
	struct api_shared *shared;
	struct loop *loop;
	struct hub *hub;
	struct encoder *encoder;
	struct api_stats stats;
	struct live *live;		/* list of open long requests, for /connections and drain */
	struct live *leaving;		/* those that were asked to end and have not yet */
	struct access_log *access_log;	/* NULL: none */
	struct publish *publishers_waiting;	/* for room in the store's queue */
	struct loop_timer publish_timer;
	pthread_mutex_t reads_lock;
	struct read *reads_done;	/* finished on the store's threads, newest first */
	struct buf link;		/* of a poll, while it is put together */
};

/**
 * The layer above on one loop: hub, encoder, and the loop's turn hook. Before the loop runs.
 * NULL without memory.
 */
struct api *api_new(struct api_shared *shared, struct loop *l);

/** After its loop has ended and its connections are gone, before the store is freed. */
void api_free(struct api *a);

static inline struct api *api_of(struct exchange *x)
{
	return loop_user(exchange_loop(x));
}

static inline const struct config *api_config(const struct api *a)
{
	return atomic_load_explicit(&a->shared->config, memory_order_acquire);
}

#endif
