/* SPDX-License-Identifier: MIT */
#ifndef RT_BENCH_CONFIG_H
#define RT_BENCH_CONFIG_H

/* What the command line asks for; const once it is checked. */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "figures/result.h"
#include "figures/threshold.h"
#include "str.h"

/** How events are published. */
enum publish_how {
	PUBLISH_LINES,	/* one endless NDJSON request per publisher, answered line by line (?ack=lines) */
	PUBLISH_POST,	/* a request per event, pipelined */
	PUBLISH_BATCH,	/* NDJSON requests of many events, the next when the last was answered */
	PUBLISH_WS,	/* a WebSocket frame per event; nothing acknowledges it */
};

struct bench_config {
	const char *server;		/* -s, RT_URL, or the default */
	const char **headers;		/* -H "Name: value", NULL at the end */
	/* other servers: templates (template.h); NULL: an rt-serve */
	const char *sub_url, *pub_url, *pub_body, *pub_type;

	uint64_t subscribers;
	const char *transport;		/* the mix as it was given */
	bool transport_given, poll_every_given;
	uint64_t mix[TRANSPORTS];	/* how many of them each; sum: subscribers */
	uint64_t poll_every_ns;		/* of TRANSPORT_POLL */
	uint64_t topics;
	const char *topic;		/* prefix: topic t is PREFIX, or PREFIX/t if there are several */
	uint64_t topics_each;		/* per subscriber: consecutive numbers */
	double zipf;			/* 0: topics take turns; else the exponent */

	uint64_t publishers;		/* 0: somebody else publishes */
	enum publish_how publish_how;
	bool publish_given;
	double rate;			/* events a second in all; 0: as fast as (window) allows */
	/* events neither delivered to all nor (without subscribers) acknowledged */
	uint64_t window;
	uint64_t max_unacked;		/* events on their way to the server, with a schedule too */
	uint64_t max_event;		/* bytes of the longest event, head or body that is gathered */
	uint64_t batch;			/* events per request of PUBLISH_BATCH */
	uint64_t size;			/* bytes of a payload */
	const char *payload_file;
	struct str *payloads;		/* its lines: JSON values, one a line, taken in turn; else NULL */
	unsigned npayloads;

	uint64_t duration_ns, count;	/* of publishing, the warm-up included; count 0: not given */
	uint64_t warmup_ns;
	uint64_t drain_ns;		/* how long to wait for what is still missing */
	double ramp;			/* connections per second; 0: as fast as they are answered */
	uint64_t connect_timeout_ns;
	unsigned threads;
	struct in_addr *source_ips;	/* taken in turn; NULL: the system's choice */
	unsigned nsource_ips;

	uint64_t slow;			/* the first so many subscribers stop reading ... */
	uint64_t slow_for_ns;		/* ... for so long, from when publishing begins */
	double churn;			/* subscribers a second that reconnect */
	bool herd;			/* all reconnect at once, halfway */
	uint64_t resume_after_ns;	/* between leaving and coming back */
	bool no_resume;			/* come back without a cursor */

	pid_t pid;			/* the server's, 0: not given */
	bool json, quiet, compare;
	unsigned verbose;
	const char *html_file, *csv_file;
	struct threshold thresholds[THRESHOLDS_MAX];
	unsigned nthresholds;
};

/** Of (n) events that all publishers may have under way, the part of each: at least one. */
static inline uint64_t config_share(const struct bench_config *c, uint64_t n)
{
	return c->publishers == 0 || n < c->publishers ? 1 : n / c->publishers;
}

/** Parse the command line into (c). Ends the program with EXIT_USAGE and a message if it is wrong. */
void config_parse(struct bench_config *c, int argc, char **argv);

/**
 * Put the numbers of subscribers of each transport according to a mix as "sse:50,ws:50" or "ws".
 * NULL or why not.
 */
const char *config_mix(uint64_t mix[TRANSPORTS], uint64_t subscribers, const char *text);

void config_fini(struct bench_config *c);

#endif
