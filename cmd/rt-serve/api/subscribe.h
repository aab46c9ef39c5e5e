/* SPDX-License-Identifier: MIT */
#ifndef RT_SUBSCRIBE_H
#define RT_SUBSCRIBE_H

/*
 * What a subscriber asks for: which topics, from where on, and how it is to be answered; read from
 * the query and the header fields of a request, and in part from the messages of /ws.
 */
#include "api/request.h"
#include "topic.h"

enum subscribe_mode {
	SUBSCRIBE_POLL, SUBSCRIBE_POLL_NDJSON, SUBSCRIBE_SSE, SUBSCRIBE_NDJSON, SUBSCRIBE_WS
};

struct subscribe {
	struct filters *filters;
	struct hub_start start;		/* text in it belongs to the request */
	struct hub_options options;
	enum subscribe_mode mode;
	bool data_only;			/* format=data */
	struct str until;		/* type; p == NULL: none */
	bool resumed;			/* the client told a cursor of this store (Last-Event-ID, since=) */
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

#endif
