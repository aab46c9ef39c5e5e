/* SPDX-License-Identifier: MIT */
#ifndef RT_REQUEST_H
#define RT_REQUEST_H

/*
 * A request as the routes see it: path taken apart, query decoded, what the client accepts. The
 * raw query is decoded once; all text belongs to the request and dies with its head.
 */
#include <sys/types.h>

#include "api/api.h"
#include "topic.h"

struct param {
	struct str name, value;		/* decoded */
};

#define REQUEST_MAX_PARAMS 1024

/** How a subscription is to be answered. */
enum request_mode { MODE_POLL, MODE_POLL_NDJSON, MODE_SSE, MODE_NDJSON, MODE_WS };

struct request {
	const struct http_request *http;
	struct api *api;
	struct param *params;
	unsigned nparams;
	struct str topic;		/* decoded from the path; p == NULL on /events and the like */
	struct str user;		/* as authenticated; p == NULL: nobody */
	const char *origin_allowed;	/* value for Access-Control-Allow-Origin, or NULL */
	struct str client;		/* address told by a trusted proxy; p == NULL: none */
	bool browser;			/* an EventSource or fetch of a browser (Sec-Fetch-* or Origin) */
};

/**
 * Percent-decode (s) to (dst), room for s.n bytes. Returns the length, or -1 if an encoding is
 * wrong. In a query "+" is a space.
 */
ssize_t request_decode(char *dst, struct str s, bool plus_is_space);

/**
 * Take the query apart into (params), REQUEST_MAX_PARAMS of them, with room for the whole query at
 * (scratch). NULL, or a sentence on what is wrong.
 */
const char *request_params(struct request *r, struct param *params, char *scratch);

/** First value of a query parameter, p == NULL: absent. A parameter without "=" has an empty value. */
struct str request_param(const struct request *r, const char *name);

/** What a subscriber asked for: see subscribe_parse. */
struct subscribe {
	struct filters *filters;
	struct hub_start start;		/* text in it belongs to the request */
	struct hub_options options;
	enum request_mode mode;
	bool data_only;			/* format=data */
	struct str until;		/* type; p == NULL: none */
	bool resumed;			/* the client told a cursor of this store, by Last-Event-ID or since= */
	uint64_t limit;			/* polls */
	uint64_t wait_ms;		/* long poll; 0: plain */
	struct str if_none_match;
};

/**
 * Read topics, since, last, latest, format, every, batch, until, limit, wait, as, Accept, Prefer,
 * Last-Event-ID, Rt-Store, If-None-Match. 0; or -1 with the status in *status and a sentence in
 * (why). subscribe_fini drops the filters.
 */
int subscribe_parse(const struct request *r, struct subscribe *s, unsigned *status, struct buf *why);
void subscribe_fini(struct subscribe *s);

/** Can (topic), a name or pattern, be subscribed to? As topic_check_pattern, and --max-topic. */
enum topic_status subscribe_topic(struct api *a, struct str topic);

/** Resolve since= text (also of /ws) into (start). 0, or -1 and a sentence. */
int subscribe_since(struct api *a, struct str since, struct hub_start *start, struct buf *why);

/** every= and batch= (p == NULL: absent; also of /ws) into (o). 0, or -1 and a sentence. */
int subscribe_ticks(struct str every, struct str batch, struct hub_options *o, struct buf *why);

/* Routes; each takes over the exchange (accepts or answers it). */
void poll_start(struct exchange *x, struct request *r, struct subscribe *s);
void stream_start(struct exchange *x, struct request *r, struct subscribe *s);	/* SSE, NDJSON */
void ws_topic_start(struct exchange *x, struct request *r, struct subscribe *s);
void ws_mux_start(struct exchange *x, struct request *r);		/* GET /ws */
void publish_start(struct exchange *x, struct request *r);		/* POST /topics/…, /events */
void presence_get(struct exchange *x, struct request *r);
void status_get(struct exchange *x, struct request *r);	/* /topics /connections /stats /metrics /healthz /readyz */

/**
 * Publish one value from a WebSocket: checks and appends; (done) is called on this loop, once, with
 * the event (ids set; NULL if refused) and why not. Returns -1, the HTTP status of the refusal in
 * (*status) and a sentence in (why), if it is refused at once (done is not called). The value is
 * JSON text, or with (binary) bytes.
 */
struct publish_value {
	struct str topic, type, key, from, value;
	bool binary, ephemeral;
};
int publish_value(struct api *a, const struct publish_value *v,
	void (*done)(void *arg, struct event *e, enum store_status st, enum store_ack ack), void *arg,
	unsigned *status, struct buf *why);

#endif
