/* SPDX-License-Identifier: MIT */
#include "api/figures.h"

#include <stddef.h>

#include "opt.h"

enum figure_kind { FIGURE_GAUGE, FIGURE_COUNTER };

/* One table, two formats: the name in /stats, in /metrics (rt_ is put in front), and what it is. */
static const struct figure {
	const char *group, *name, *metric, *help;
	enum figure_kind kind;
	size_t offset;
} table[] = {
#define F(group, name, metric, kind, field, help) \
	{group, name, metric, help, kind, offsetof(struct figures, field)}
	F("http", "requests", "requests_total", FIGURE_COUNTER, api.requests, "Requests"),
	F("http", "status_2xx", "answers_2xx_total", FIGURE_COUNTER, api.status[2], "Answers 2xx"),
	F("http", "status_3xx", "answers_3xx_total", FIGURE_COUNTER, api.status[3], "Answers 3xx"),
	F("http", "status_4xx", "answers_4xx_total", FIGURE_COUNTER, api.status[4], "Answers 4xx"),
	F("http", "status_5xx", "answers_5xx_total", FIGURE_COUNTER, api.status[5], "Answers 5xx"),
	F("http", "refused_origin", "refused_origin_total", FIGURE_COUNTER, api.refused_origin,
		"Requests refused for their Origin"),
	F("http", "refused_host", "refused_host_total", FIGURE_COUNTER, api.refused_host,
		"Requests refused for their Host"),
	F("http", "refused_rate", "refused_rate_total", FIGURE_COUNTER, api.refused_rate,
		"Publishes refused by the rate limit"),
	F("http", "refused_limit", "refused_limit_total", FIGURE_COUNTER, api.refused_limit,
		"Requests refused for their size, or for want of room"),
	F("publish", "published", "published_total", FIGURE_COUNTER, api.published, "Events accepted"),
	F("publish", "refused", "publish_refused_total", FIGURE_COUNTER, api.publish_refused,
		"Events refused"),
	F("publish", "bytes", "published_bytes_total", FIGURE_COUNTER, api.publish_bytes,
		"Bytes of accepted events in memory"),
	F("subscribe", "polls", "polls_total", FIGURE_COUNTER, api.polls, "Polls"),
	F("subscribe", "long_polls", "long_polls_total", FIGURE_COUNTER, api.long_polls, "Long polls"),
	F("subscribe", "not_modified", "not_modified_total", FIGURE_COUNTER, api.not_modified,
		"Polls answered 304"),
	F("subscribe", "sse", "streams_sse", FIGURE_GAUGE, api.streams_sse, "Open SSE streams"),
	F("subscribe", "ndjson", "streams_ndjson", FIGURE_GAUGE, api.streams_ndjson,
		"Open NDJSON streams"),
	F("subscribe", "websocket", "streams_websocket", FIGURE_GAUGE, api.streams_ws,
		"Open WebSockets on topics"),
	F("subscribe", "mux", "streams_mux", FIGURE_GAUGE, api.streams_mux, "Open WebSockets on /ws"),
	F("hub", "subscriptions", "subscriptions", FIGURE_GAUGE, hub.subscriptions, "Subscriptions"),
	F("hub", "live", "subscriptions_live", FIGURE_GAUGE, hub.live, "Subscriptions fed by the tail"),
	F("hub", "lagging", "subscriptions_lagging", FIGURE_GAUGE, hub.lagging,
		"Subscriptions that are catching up"),
	F("hub", "events", "hub_events_total", FIGURE_COUNTER, hub.events,
		"Events handed to the loops, each loop counted"),
	F("hub", "deliveries", "deliveries_total", FIGURE_COUNTER, hub.deliveries,
		"Events handed to subscriptions"),
	F("hub", "lagged", "lagged_total", FIGURE_COUNTER, hub.lagged,
		"Times a live subscription fell behind"),
	F("hub", "overruns", "overruns_total", FIGURE_COUNTER, hub.overruns,
		"Times a loop fell behind the memory of the newest events"),
	F("hub", "ephemeral_dropped", "ephemeral_dropped_total", FIGURE_COUNTER, hub.ephemeral_dropped,
		"Ephemeral events not delivered to those who lag"),
	F("hub", "gaps", "gaps_total", FIGURE_COUNTER, hub.gaps, "Gap records"),
	F("net", "bytes_in", "network_receive_bytes_total", FIGURE_COUNTER, loops.bytes_in,
		"Bytes received"),
	F("net", "bytes_out", "network_transmit_bytes_total", FIGURE_COUNTER, loops.bytes_out,
		"Bytes sent"),
	F("net", "writes", "writes_total", FIGURE_COUNTER, loops.writes, "Write calls"),
	F("net", "ring_sends", "ring_sends_total", FIGURE_COUNTER, loops.ring_sends,
		"Writes that went out many in one call, by io_uring"),
	F("net", "stalls", "stalls_total", FIGURE_COUNTER, loops.stalls,
		"Times a socket did not take everything"),
	F("net", "accepted", "accepted_total", FIGURE_COUNTER, listeners.accepted, "Connections accepted"),
	F("net", "refused_total", "refused_connections_total", FIGURE_COUNTER, listeners.refused_total,
		"Connections refused for --max-connections"),
	F("net", "refused_address", "refused_address_total", FIGURE_COUNTER, listeners.refused_address,
		"Connections refused for --max-per-address"),
	F("net", "refused_descriptors", "refused_descriptors_total", FIGURE_COUNTER,
		listeners.refused_descriptors, "Connections refused for want of descriptors"),
	F("net", "timeout_head", "closed_timeout_head_total", FIGURE_COUNTER,
		loops.closed[CONN_TIMEOUT_HEAD], "Connections ended because a head took too long"),
	F("net", "timeout_body", "closed_timeout_body_total", FIGURE_COUNTER,
		loops.closed[CONN_TIMEOUT_BODY], "Connections ended because a body took too long"),
	F("net", "timeout_idle", "closed_timeout_idle_total", FIGURE_COUNTER,
		loops.closed[CONN_TIMEOUT_IDLE], "Connections ended because they were idle"),
	F("net", "dead", "closed_dead_total", FIGURE_COUNTER, loops.closed[CONN_DEAD],
		"Connections ended because the peer was gone"),
	F("net", "slow", "closed_slow_total", FIGURE_COUNTER, loops.closed[CONN_SLOW],
		"Connections ended because the peer read too slowly"),
	F("net", "protocol", "closed_protocol_total", FIGURE_COUNTER, loops.closed[CONN_PROTOCOL],
		"Connections ended because the peer broke the protocol"),
	F("store", "events", "store_events", FIGURE_GAUGE, store.events, "Events retained"),
	F("store", "bytes", "store_bytes", FIGURE_GAUGE, store.bytes, "Bytes retained"),
	F("store", "topics", "store_topics", FIGURE_GAUGE, store.topics, "Topics that hold events"),
	F("store", "memory_bytes", "store_memory_bytes", FIGURE_GAUGE, store.memory_bytes,
		"Bytes of the newest events in memory"),
	F("store", "appended", "store_appended_total", FIGURE_COUNTER, store.appended, "Events stored"),
	F("store", "commits", "store_commits_total", FIGURE_COUNTER, store.commits, "Commits"),
	F("store", "failed", "store_failed_total", FIGURE_COUNTER, store.failed, "Failed commits"),
	F("store", "expired", "store_expired_total", FIGURE_COUNTER, store.expired,
		"Events dropped by retention"),
	F("store", "replayed", "store_replayed_total", FIGURE_COUNTER, store.replayed,
		"Requests answered from their Idempotency-Key"),
	F("store", "commit_us_sum", "store_commit_microseconds_total", FIGURE_COUNTER,
		store.commit_us_sum, "Time spent in commits"),
	F("store", "commit_us_max", "store_commit_microseconds_max", FIGURE_GAUGE, store.commit_us_max,
		"Longest commit"),
	F("store", "disk_bytes", "store_disk_bytes", FIGURE_GAUGE, store.disk_bytes, "Size of the file"),
	F("store", "wal_bytes", "store_wal_bytes", FIGURE_GAUGE, store.wal_bytes,
		"Size of the write-ahead log"),
	F("store", "damaged", "store_damaged_total", FIGURE_COUNTER, store.damaged,
		"Pieces of the log found damaged, up to 1000"),
#undef F
};

static uint64_t value(const struct figures *f, const struct figure *one)
{
	uint64_t v;

	memcpy(&v, (const char *)f + one->offset, sizeof(v));
	return v;
}

int figures_json(struct buf *b, const struct figures *f)
{
	const char *group = "";

	if (buf_addf(b, "{\"version\":\"%s\",\"uptime_ms\":%llu,\"connections\":%u", opt_version,
		(unsigned long long)f->uptime_ms, f->connections) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		bool first = strcmp(group, table[i].group) != 0;

		if (first && buf_addf(b, "%s,\"%s\":{", *group != '\0' ? "}" : "", table[i].group) != 0)
			return -1;
		group = table[i].group;
		if (buf_addf(b, "%s\"%s\":%llu", first ? "" : ",", table[i].name,
			(unsigned long long)value(f, &table[i])) != 0)
			return -1;
	}
	return buf_adds(b, "}}\n");
}

int figures_prometheus(struct buf *b, const struct figures *f)
{
	if (buf_addf(b, "# HELP rt_build_info Version\n# TYPE rt_build_info gauge\n"
		"rt_build_info{version=\"%s\"} 1\n"
		"# HELP rt_uptime_seconds Time since the start\n# TYPE rt_uptime_seconds gauge\n"
		"rt_uptime_seconds %llu.%03llu\n"
		"# HELP rt_connections Open connections\n# TYPE rt_connections gauge\nrt_connections %u\n",
		opt_version, (unsigned long long)f->uptime_ms / 1000,
		(unsigned long long)f->uptime_ms % 1000, f->connections) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (buf_addf(b, "# HELP rt_%s %s\n# TYPE rt_%s %s\nrt_%s %llu\n", table[i].metric,
			table[i].help, table[i].metric, table[i].kind == FIGURE_GAUGE ? "gauge" : "counter",
			table[i].metric, (unsigned long long)value(f, &table[i])) != 0)
			return -1;
	}
	return 0;
}
