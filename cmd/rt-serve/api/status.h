/* SPDX-License-Identifier: MIT */
#ifndef RT_STATUS_H
#define RT_STATUS_H

/*
 * /healthz, /readyz, /topics, /connections, /stats, /metrics and /presence. status_get and
 * presence_get are declared in request.h.
 */
#include "api/api.h"
#include "net/listener.h"

/** Everything /stats and /metrics know, summed over the loops. */
struct figures {
	struct api_stats api;
	struct hub_stats hub;
	struct loop_stats loops;
	struct listener_stats listeners;
	struct store_stats store;
	unsigned connections;
	uint64_t uptime_ms;
};

/** Append as JSON, or in the Prometheus text format 0.0.4. 0 or -1. */
int figures_json(struct buf *b, const struct figures *f);
int figures_prometheus(struct buf *b, const struct figures *f);

#endif
