/* SPDX-License-Identifier: MIT */
#include "config_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "net/address.h"
#include "topic.h"
#include "units.h"

/* --- setters: each returns NULL, or what would be right ------------------------------------- */

static const char *set_number(uint64_t *dst, const char *arg, uint64_t min, uint64_t max)
{
	static _Thread_local char why[96];

	if (units_parse_number(arg, strlen(arg), min, max, dst) == 0)
		return NULL;
	snprintf(why, sizeof(why), "must be a number from %llu to %llu", (unsigned long long)min,
		(unsigned long long)max);
	return why;
}

static const char *set_size(uint64_t *dst, const char *arg, uint64_t min, uint64_t max)
{
	static _Thread_local char why[96];
	uint64_t v;

	if (units_parse_size(arg, strlen(arg), &v) == 0 && v >= min && v <= max) {
		*dst = v;
		return NULL;
	}
	snprintf(why, sizeof(why), "must be a size like 64K, 1M or 2G, from %llu to %llu bytes",
		(unsigned long long)min, (unsigned long long)max);
	return why;
}

static const char *set_duration(uint64_t *dst, const char *arg, uint64_t min_ms, uint64_t max_ms)
{
	static _Thread_local char why[96];
	uint64_t v;

	if (units_parse_duration(arg, strlen(arg), 1000, &v) == 0 && v >= min_ms && v <= max_ms) {
		*dst = v;
		return NULL;
	}
	snprintf(why, sizeof(why), "must be a duration like 500ms, 15s or 1h30m, from %llums to %llus",
		(unsigned long long)min_ms, (unsigned long long)(max_ms / 1000));
	return why;
}

static const char *set_text(char **dst, const char *arg)
{
	char *copy = strdup(arg);

	if (copy == NULL)
		return "out of memory";
	free(*dst);
	*dst = copy;
	return NULL;
}

static const char *address_add(struct config *c, struct config_list *l, const char *arg)
{
	const char *why = address_check(arg);

	return why != NULL ? why : config_list_add(l, c->source, arg);
}

#define SETTER(fn, call) \
	static const char *set_##fn(void *p, const char *arg) \
	{ \
		struct config *c = p; \
		return call; \
	}
#define YEARS_MS (3650 * CONFIG_DAY_MS)
#define SETTER_DURATION(field, min, max) SETTER(field, set_duration(&c->field, arg, min, max))
#define SETTER_SIZE(field, min, max) SETTER(field, set_size(&c->field, arg, min, max))
#define SETTER_NUMBER(field, min, max) SETTER(field, set_number(&c->field, arg, min, max))
#define SETTER_CONN_NUMBER(field, min, max) \
	static const char *set_##field(void *p, const char *arg) \
	{ \
		struct config *c = p; \
		uint64_t v = c->conn.field; \
		const char *why = set_number(&v, arg, min, max); \
		c->conn.field = (__typeof__(c->conn.field))v; \
		return why; \
	}
#define SETTER_CONN_SIZE(field, min, max) \
	static const char *set_##field(void *p, const char *arg) \
	{ \
		struct config *c = p; \
		uint64_t v = c->conn.field; \
		const char *why = set_size(&v, arg, min, max); \
		c->conn.field = (__typeof__(c->conn.field))v; \
		return why; \
	}

SETTER(listen, address_add(c, &c->listen, arg))
SETTER(admin, address_add(c, &c->admin, arg))
SETTER(file, set_text(&c->file, arg))
SETTER(store_path, *arg == '\0' ? "must be a path, or memory:" : set_text(&c->store_path, arg))
SETTER(access_log, set_text(&c->access_log, arg))
SETTER_SIZE(memory_bytes, 1 << 20, UINT64_C(1) << 40)
SETTER_DURATION(key_ms, 1000, YEARS_MS)
SETTER_SIZE(append_queue, 1 << 20, UINT64_C(1) << 40)
SETTER_DURATION(heartbeat_ms, 100, 3600000)
SETTER_DURATION(retry_ms, 1, 3600000)
SETTER_DURATION(drain_ms, 0, 3600000)
SETTER_DURATION(max_stream_ms, 0, YEARS_MS)
SETTER_DURATION(presence_grace_ms, 0, 3600000)
SETTER_NUMBER(max_members, 1, 1000000)
SETTER_SIZE(max_event, 1, UINT64_C(1) << 30)
SETTER_SIZE(max_keyed_body, 1, UINT64_C(1) << 30)
SETTER_SIZE(max_body, 0, UINT64_C(1) << 60)
SETTER_NUMBER(max_topic, 1, TOPIC_MAX)
SETTER_NUMBER(max_topics, 1, 100000000)
SETTER_NUMBER(max_keys, 0, 1000000000)
SETTER_NUMBER(max_subscriptions, 1, 100000)
SETTER_DURATION(max_wait_ms, 0, 3600000)
SETTER_NUMBER(max_poll, 1, 1000000)
SETTER_NUMBER(max_latest, 1, 10000000)
SETTER_NUMBER(max_gather, 1, 10000000)
SETTER_NUMBER(publish_rate, 0, 1000000000)
SETTER_DURATION(max_unread_ms, 100, 3600000)
SETTER_CONN_NUMBER(max_connections, 1, 10000000)
SETTER_CONN_NUMBER(max_per_address, 0, 10000000)
SETTER_CONN_SIZE(max_head, 1024, 1 << 20)
SETTER_CONN_NUMBER(max_fields, 4, 1000)
SETTER(head_ms, set_duration(&c->conn.head_ms, arg, 100, 3600000))
SETTER(body_ms, set_duration(&c->conn.body_ms, arg, 100, 3600000))
SETTER(idle_ms, set_duration(&c->conn.idle_ms, arg, 100, 3600000))
SETTER_CONN_NUMBER(max_pipelined, 1, 1024)
SETTER_CONN_SIZE(max_output, 65536, 1 << 30)
SETTER_CONN_SIZE(max_message, 1, 1 << 30)

static const char *set_threads(void *p, const char *arg)
{
	struct config *c = p;
	uint64_t v;
	const char *why = set_number(&v, arg, 1, CONFIG_THREADS_MAX);

	if (why == NULL)
		c->threads = (unsigned)v;
	return why;
}

static const char *set_retain_bytes(void *p, const char *arg)
{
	struct config *c = p;

	c->retain_bytes_given = true;
	return set_size(&c->retain_bytes, arg, 0, UINT64_C(1) << 60);
}

static const char *set_retain_age(void *p, const char *arg)
{
	struct config *c = p;

	c->retain_age_given = true;
	return set_duration(&c->retain_age_ms, arg, 0, YEARS_MS);
}

/** Find (arg) among (names), or say which there are. */
static const char *set_word(unsigned *dst, const char *arg, const char *const *names, const char *why)
{
	for (unsigned i = 0; names[i] != NULL; i++) {
		if (strcmp(arg, names[i]) == 0) {
			*dst = i;
			return NULL;
		}
	}
	return why;
}

static const char *set_sync(void *p, const char *arg)
{
	static const char *const names[] = {"none", "normal", "full", NULL};
	struct config *c = p;
	unsigned v = 0;
	const char *why = set_word(&v, arg, names, "must be none, normal or full");

	if (why == NULL)
		c->sync = (enum store_sync)v;
	return why;
}

static const char *set_io(void *p, const char *arg)
{
	static const char *const names[] = {"auto", "uring", "epoll", NULL};
	struct config *c = p;
	unsigned v = 0;
	const char *why = set_word(&v, arg, names, "must be auto, uring or epoll");

	if (why == NULL)
		c->io = (enum config_io)v;
	return why;
}

static const char *set_slow(void *p, const char *arg)
{
	static const char *const names[] = {"keep", "newest", "close", NULL};
	struct config *c = p;
	unsigned v = 0;
	const char *why = set_word(&v, arg, names, "must be keep, newest or close");

	if (why == NULL)
		c->slow = (enum config_slow)v;
	return why;
}

static const char *set_access_log_format(void *p, const char *arg)
{
	static const char *const names[] = {"text", "json", NULL};
	struct config *c = p;
	unsigned v = 0;
	const char *why = set_word(&v, arg, names, "must be text or json");

	if (why == NULL)
		c->access_log_json = v == 1;
	return why;
}

static const char *set_presence(void *p, const char *arg)
{
	struct config *c = p;
	enum topic_status st = topic_check_pattern(str_of(arg));

	return st == TOPIC_OK ? config_list_add(&c->presence, c->source, arg) : topic_status_text(st);
}

static const char *set_stdin(void *p, const char *arg)
{
	struct config *c = p;
	enum topic_status st = topic_check(str_of(arg));

	if (st != TOPIC_OK)
		return topic_status_text(st);
	if (topic_is_reserved(str_of(arg)))
		return "must not begin with $: such topics belong to the server";
	return set_text(&c->stdin_topic, arg);
}

static const char *set_origin(void *p, const char *arg)
{
	struct config *c = p;
	const char *host = strncmp(arg, "https://", 8) == 0 ? arg + 8 :
		strncmp(arg, "http://", 7) == 0 ? arg + 7 : NULL;

	if (host == NULL || *host == '\0' || strpbrk(host, "/?#@ *\"") != NULL)
		return "must be an origin like https://app.example or http://localhost:8000, without a path";
	return config_list_add(&c->origins, c->source, arg);
}

static const char *set_host(void *p, const char *arg)
{
	struct config *c = p;

	if (*arg == '\0' || strpbrk(arg, ":/?#@ *\"") != NULL)
		return "must be a host name like rt.example, without a scheme or port";
	return config_list_add(&c->hosts, c->source, arg);
}

static const char *set_trust_proxy(void *p, const char *arg)
{
	struct config *c = p;
	struct cidr one, *more;

	if (cidr_parse(&one, arg) != 0)
		return "must be an address or a range like 10.0.0.0/8 or ::1, or unix:";
	if (c->trusted_source != c->source)
		c->ntrusted = 0;
	c->trusted_source = c->source;
	more = realloc(c->trusted, (c->ntrusted + 1) * sizeof(*more));
	if (more == NULL)
		return "out of memory";
	c->trusted = more;
	more[c->ntrusted++] = one;
	return NULL;
}

/** One "age=7d", "count=1000" or "bytes=10M" of a --retain rule. */
static bool rule_limit(struct retention_rule *r, const char *p, size_t n)
{
	if (n > 4 && memcmp(p, "age=", 4) == 0)
		return units_parse_duration(p + 4, n - 4, 1000, &r->age_ms) == 0;
	if (n > 6 && memcmp(p, "count=", 6) == 0)
		return units_parse_number(p + 6, n - 6, 0, UINT64_MAX, &r->events) == 0;
	if (n > 6 && memcmp(p, "bytes=", 6) == 0)
		return units_parse_size(p + 6, n - 6, &r->bytes) == 0;
	return false;
}

static const char *set_retain(void *p, const char *arg)
{
	static const char wrong[] = "must be PATTERN:LIMIT[,LIMIT...] with age=7d, count=1000 or bytes=10M";
	struct config *c = p;
	const char *colon = strrchr(arg, ':');
	struct retention_rule rule = {0}, *more;

	if (colon == NULL || colon == arg)
		return wrong;
	rule.pattern = (struct str){arg, (size_t)(colon - arg)};
	if (topic_check_pattern(rule.pattern) != TOPIC_OK)
		return topic_status_text(topic_check_pattern(rule.pattern));
	for (const char *at = colon + 1;; at++) {
		size_t n = strcspn(at, ",");

		if (!rule_limit(&rule, at, n))
			return wrong;
		at += n;
		if (*at == '\0')
			break;
	}
	if (c->rules_source != c->source)
		config_rules_clear(c);
	c->rules_source = c->source;
	more = realloc(c->rules, (c->nrules + 1) * sizeof(*more));
	if (more == NULL)
		return "out of memory";
	c->rules = more;
	rule.pattern.p = strndup(arg, rule.pattern.n);
	if (rule.pattern.p == NULL)
		return "out of memory";
	more[c->nrules++] = rule;
	return NULL;
}

static const char *set_pin(void *p, const char *arg)
{
	(void)arg;
	((struct config *)p)->pin = true;
	return NULL;
}

static const char *set_proxy_protocol(void *p, const char *arg)
{
	(void)arg;
	((struct config *)p)->proxy_protocol = true;
	return NULL;
}

static const char *set_check(void *p, const char *arg)
{
	(void)arg;
	((struct config *)p)->check = true;
	return NULL;
}

static const char *set_quiet(void *p, const char *arg)
{
	(void)arg;
	((struct config *)p)->quiet = true;
	return NULL;
}

static const char *set_verbose(void *p, const char *arg)
{
	(void)arg;
	((struct config *)p)->verbose++;
	return NULL;
}

/* --- the options ---------------------------------------------------------------------------- */

static const struct opt options[] = {
	{"listen", 'l', "ADDR", "listen at HOST:PORT, PORT or unix:PATH; again for more (127.0.0.1:7070)",
		set_listen, 0},
	{"admin", 0, "ADDR", "serve /connections, /stats and /metrics here only (on loopback listeners)",
		set_admin, 0},
	{"store", 0, "PATH", "SQLite file of the events, or memory: (/var/lib/rt/rt.db for root)",
		set_store_path, 0},
	{"sync", 0, "MODE", "none, normal or full: what an acknowledged event survives (full)", set_sync, 0},
	{"memory", 0, "SIZE", "newest events kept in memory (64M)", set_memory_bytes, 0},
	{"retain", 0, "RULE", "keep PATTERN:age=7d,count=1000,bytes=10M per topic; first match counts",
		set_retain, 0},
	{"retain-age", 0, "AGE", "keep events for so long; 0: no limit (7d; memory: no limit)",
		set_retain_age, 0},
	{"retain-bytes", 0, "SIZE", "keep so much over all topics; 0: no limit (1G; memory: as --memory)",
		set_retain_bytes, 0},
	{"key-age", 0, "AGE", "remember Idempotency-Keys for so long (24h)", set_key_ms, 0},
	{"threads", 0, "N", "event loops (one per core)", set_threads, 0},
	{"pin", 0, NULL, "bind each event loop to a core of its own", set_pin, 0},
	{"io", 0, "HOW", "send by uring or epoll; auto: uring if allowed (auto)", set_io, 0},
	{"config", 'c', "FILE", "read long options from FILE, one a line", set_file, 0},
	{"check", 't', NULL, "check the configuration and end", set_check, 0},
	{"stdin", 0, "TOPIC", "publish each line of standard input to TOPIC", set_stdin, 0},
	{"heartbeat", 0, "TIME", "let no stream be silent for longer (15s)", set_heartbeat_ms, 0},
	{"retry", 0, "TIME", "tell streams to come back after about so long (2s)", set_retry_ms, 0},
	{"drain", 0, "TIME", "spread the end of streams over so long when going down (10s)", set_drain_ms, 0},
	{"max-stream", 0, "AGE", "end streams at this age, give or take a tenth; 0: never (0)",
		set_max_stream_ms, 0},
	{"slow", 0, "WHAT", "slow readers: keep, newest (skip, with a gap) or close (keep)", set_slow, 0},
	{"presence", 0, "PATTERN", "keep presence for matching topics; again for more", set_presence, 0},
	{"presence-grace", 0, "TIME", "a leave counts after so long (10s)", set_presence_grace_ms, 0},
	{"origin", 0, "ORIGIN", "let pages of this origin in; again for more", set_origin, 0},
	{"host", 0, "NAME", "answer to this Host besides IP addresses and localhost; again for more",
		set_host, 0},
	{"trust-proxy", 0, "CIDR",
		"believe Forwarded, X-Forwarded-For and PROXY from here, or unix:; again for more",
		set_trust_proxy, 0},
	{"proxy-protocol", 0, NULL, "connections from trusted proxies begin with a PROXY header",
		set_proxy_protocol, 0},
	{"access-log", 0, "FILE", "log requests to FILE, or - for stderr", set_access_log, 0},
	{"access-log-format", 0, "FORM", "text or json (text)", set_access_log_format, 0},
	{"max-connections", 0, "N", "connections in all (what the descriptor limit allows)",
		set_max_connections, 0},
	{"max-per-address", 0, "N", "connections per client address; 0: no limit (0)",
		set_max_per_address, 0},
	{"max-head", 0, "SIZE", "request line and header fields (16K)", set_max_head, 0},
	{"max-fields", 0, "N", "header fields of a request (100)", set_max_fields, 0},
	{"max-body", 0, "SIZE", "a request's body; 0: no limit (0)", set_max_body, 0},
	{"max-keyed-body", 0, "SIZE", "a body with an Idempotency-Key (1M)", set_max_keyed_body, 0},
	{"max-event", 0, "SIZE", "one event's data (1M)", set_max_event, 0},
	{"max-topic", 0, "N", "bytes of a topic's name (255)", set_max_topic, 0},
	{"max-topics", 0, "N", "topics in the store (1000000)", set_max_topics, 0},
	{"max-keys", 0, "N", "Idempotency-Keys remembered; 0: no limit (1000000)", set_max_keys, 0},
	{"max-subscriptions", 0, "N", "topics of a request, subscriptions of a /ws connection (256)",
		set_max_subscriptions, 0},
	{"max-message", 0, "SIZE", "a WebSocket message (1M)", set_max_message, 0},
	{"max-poll", 0, "N", "events of one poll (1000)", set_max_poll, 0},
	{"max-wait", 0, "TIME", "a long poll waits at most so long (60s)", set_max_wait_ms, 0},
	{"max-latest", 0, "N", "events that ?latest begins with (10000)", set_max_latest, 0},
	{"max-gather", 0, "N", "events held for ?every and ?batch (10000)", set_max_gather, 0},
	{"max-members", 0, "N", "members listed per topic by /presence (1000)", set_max_members, 0},
	{"max-output", 0, "SIZE", "output queued per connection and turn (256K)", set_max_output, 0},
	{"max-pipelined", 0, "N", "publishes in progress per connection (64)", set_max_pipelined, 0},
	{"max-unread", 0, "TIME", "answers of ?ack=lines may stay unread for so long (30s)",
		set_max_unread_ms, 0},
	{"append-queue", 0, "SIZE", "stop reading publishers while so much waits for the store (64M)",
		set_append_queue, 0},
	{"publish-rate", 0, "N", "events a second per client address; 0: no limit (0)", set_publish_rate, 0},
	{"head-timeout", 0, "TIME", "a request head must come within (10s)", set_head_ms, 0},
	{"body-timeout", 0, "TIME", "a request body must make progress within (30s)", set_body_ms, 0},
	{"idle-timeout", 0, "TIME", "keep idle connections for (75s)", set_idle_ms, 0},
	{"quiet", 'q', NULL, "say errors only", set_quiet, 0},
	{"verbose", 'v', NULL, "say more; twice: for finding faults", set_verbose, 0},
	{NULL, 0, NULL, NULL, NULL, 0},
};

const struct opt_tool config_options = {
	.name = "rt-serve",
	.usage = "rt-serve [options]",
	.summary = "Takes events in, keeps them, and hands them to every subscriber in real time.",
	.footer = "SIGTERM drains, SIGHUP reloads what may change. See rt-serve(8).",
	.opts = options,
};
