/* SPDX-License-Identifier: MIT */
#ifndef RT_CONFIG_H
#define RT_CONFIG_H

/*
 * Everything rt-serve can be told: defaults, then the configuration file, then the command line.
 * Constant once it is made; a reload makes a new one, and the old one lives on for as long as the
 * process, so that whoever holds a pointer into it is safe.
 */
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "cidr.h"
#include "config_list.h"
#include "log.h"
#include "net/conn.h"
#include "store/store.h"
#include "str.h"

#define CONFIG_THREADS_MAX 128
#define CONFIG_DAY_MS UINT64_C(86400000)

/** How to send: one write per connection (epoll), or many in one call where that is allowed. */
enum config_io { CONFIG_IO_AUTO, CONFIG_IO_URING, CONFIG_IO_EPOLL };

enum config_slow { CONFIG_SLOW_KEEP, CONFIG_SLOW_NEWEST, CONFIG_SLOW_CLOSE };

struct config {
	/* where */
	struct config_list listen, admin;
	unsigned threads;		/* 0: one per core */
	bool pin;			/* each to a core of its own */
	enum config_io io;
	bool proxy_protocol;
	struct cidr *trusted;
	unsigned ntrusted, trusted_source;
	/* the store */
	char *store_path;		/* never NULL once checked */
	enum store_sync sync;
	uint64_t memory_bytes;
	uint64_t retain_bytes, retain_age_ms;
	bool retain_bytes_given, retain_age_given;
	struct retention_rule *rules;	/* --retain, in order */
	unsigned nrules, rules_source;
	uint64_t key_ms, max_keys, append_queue;
	/* subscribers */
	uint64_t heartbeat_ms, retry_ms, drain_ms, max_stream_ms;
	enum config_slow slow;
	struct config_list presence;
	uint64_t presence_grace_ms;
	uint64_t max_members;
	/* browsers */
	struct config_list origins, hosts;
	/* limits */
	struct conn_limits conn;	/* see net/conn.h */
	uint64_t max_event;		/* bytes of one event's data */
	uint64_t max_keyed_body;	/* body of a request with an Idempotency-Key */
	uint64_t max_body;		/* any body; 0: no limit */
	uint64_t max_topic;		/* bytes of a topic name, at most TOPIC_MAX */
	uint64_t max_topics;		/* in the store */
	uint64_t max_subscriptions;	/* topics of one request, subscriptions of one /ws */
	uint64_t max_wait_ms;		/* long poll */
	uint64_t max_poll;		/* events of one poll */
	uint64_t max_latest;		/* events of ?latest */
	uint64_t max_gather;		/* events held for every= or batch= */
	uint64_t publish_rate;		/* events a second and address; 0: no limit */
	uint64_t max_unread_ms;		/* answers of ?ack=lines that nobody reads */
	/* the rest */
	char *access_log;		/* path, "-" for stderr, NULL: none */
	bool access_log_json;
	char *stdin_topic;
	char *file;			/* -c */
	bool check;			/* -t */
	bool quiet;
	unsigned verbose;
	unsigned source;		/* what is being read now: 1 file, 2 command line */
	struct config *replaced;	/* by this one, on reload */
};

/**
 * The configuration from the command line and the file it names. Mistakes in argv end the program
 * as opt_parse does. Mistakes in the file: NULL and "FILE:LINE: what is wrong" in (why).
 */
struct config *config_load(int argc, char **argv, struct buf *why);

/** The same later on, for a reload: nothing ends the program. NULL with an empty (why): no memory. */
struct config *config_load_again(int argc, char **argv, struct buf *why);

/**
 * The name of the first option that differs between the two but cannot change while running, or
 * NULL.
 */
const char *config_unchangeable(const struct config *running, const struct config *wanted);

/** How much is to be logged. */
enum log_level config_log_level(const struct config *c);

/** What the store is to be opened with. Points into (c). */
void config_store(const struct config *c, struct store_config *out);

/** Is (address) within a --trust-proxy range? */
bool config_trusts(const struct config *c, const struct sockaddr *address);

/** Forget the rules of --retain. */
void config_rules_clear(struct config *c);

/** Also those it replaced. (NULL) is fine. */
void config_free(struct config *c);

#endif
