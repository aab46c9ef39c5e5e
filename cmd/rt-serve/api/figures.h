/* SPDX-License-Identifier: MIT */
#ifndef RT_FIGURES_H
#define RT_FIGURES_H

/* The counters and gauges of all layers, as /stats and /metrics show them. */
#include "api/api.h"
#include "net/listener.h"

/** Summed over the loops. */
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
