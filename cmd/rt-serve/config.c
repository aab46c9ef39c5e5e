/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "config_file.h"
#include "net/listener.h"
#include "topic.h"
#include "units.h"

/* Descriptors that are not connections: listeners, store files, pipes, those being refused. */
#define DESCRIPTORS_RESERVED 192

/* --- setters: each returns NULL, or what would be right ------------------------------------------ */

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

static void list_clear(struct config_list *l)
{
	for (unsigned i = 0; i < l->n; i++)
		free(l->items[i]);
	free(l->items);
	l->items = NULL;
	l->n = 0;
}

static const char *list_add(struct config *c, struct config_list *l, const char *arg)
{
	char **items;

	if (l->source != c->source) {
		list_clear(l);
		l->source = c->source;
	}
	items = realloc(l->items, (l->n + 1) * sizeof(*items));
	if (items == NULL)
		return "out of memory";
	l->items = items;
	if ((items[l->n] = strdup(arg)) == NULL)
		return "out of memory";
	l->n++;
	return NULL;
}

static const char *address_add(struct config *c, struct config_list *l, const char *arg)
{
	const char *why = listener_check(arg);

	return why != NULL ? why : list_add(c, l, arg);
}

#define SETTER(fn, call) \
	static const char *set_##fn(void *p, const char *arg) \
	{ \
		struct config *c = p; \
		return call; \
	}
#define DAY_MS UINT64_C(86400000)
#define YEARS_MS (3650 * DAY_MS)
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
	const char *why = set_number(&v, arg, 1, 128);

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

	return st == TOPIC_OK ? list_add(c, &c->presence, arg) : topic_status_text(st);
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
	return list_add(c, &c->origins, arg);
}

static const char *set_host(void *p, const char *arg)
{
	struct config *c = p;

	if (*arg == '\0' || strpbrk(arg, ":/?#@ *\"") != NULL)
		return "must be a host name like rt.example, without a scheme or port";
	return list_add(c, &c->hosts, arg);
}

/** "10.0.0.0/8" or "::1" into an IPv6-mapped range; or "unix:". */
static int parse_cidr(const char *arg, struct config_cidr *out)
{
	char text[64];
	const char *slash = strchr(arg, '/');
	size_t n = slash != NULL ? (size_t)(slash - arg) : strlen(arg);
	uint64_t bits;
	bool v4;

	memset(out, 0, sizeof(*out));
	out->is_unix = strcmp(arg, "unix:") == 0;
	if (out->is_unix)
		return 0;
	if (n >= sizeof(text))
		return -1;
	memcpy(text, arg, n);
	text[n] = '\0';
	v4 = inet_pton(AF_INET, text, out->address + 12) == 1;
	if (v4)
		memset(out->address + 10, 0xff, 2);
	else if (inet_pton(AF_INET6, text, out->address) != 1)
		return -1;
	bits = v4 ? 32 : 128;
	if (slash != NULL && units_parse_number(slash + 1, strlen(slash + 1), 0, bits, &bits) != 0)
		return -1;
	out->bits = (unsigned)bits + (v4 ? 96 : 0);
	return 0;
}

static const char *set_trust_proxy(void *p, const char *arg)
{
	struct config *c = p;
	struct config_cidr one, *more;

	if (parse_cidr(arg, &one) != 0)
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

static void rules_clear(struct config *c)
{
	for (unsigned i = 0; i < c->nrules; i++)
		free((char *)c->rules[i].pattern.p);
	c->nrules = 0;
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
		rules_clear(c);
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

/* --- the options ------------------------------------------------------------------------------------ */

static const struct opt options[] = {
	{"listen", 'l', "ADDR", "listen at HOST:PORT, PORT or unix:PATH; again for more (127.0.0.1:7070)", set_listen, 0},
	{"admin", 0, "ADDR", "serve /connections, /stats and /metrics here only (on loopback listeners)", set_admin, 0},
	{"store", 0, "PATH", "SQLite file of the events, or memory: (/var/lib/rt/rt.db for root)", set_store_path, 0},
	{"sync", 0, "MODE", "none, normal or full: what an acknowledged event survives (full)", set_sync, 0},
	{"memory", 0, "SIZE", "newest events kept in memory (64M)", set_memory_bytes, 0},
	{"retain", 0, "RULE", "keep PATTERN:age=7d,count=1000,bytes=10M per topic; first match counts", set_retain, 0},
	{"retain-age", 0, "AGE", "keep events for so long; 0: no limit (7d; memory: no limit)", set_retain_age, 0},
	{"retain-bytes", 0, "SIZE", "keep so much over all topics; 0: no limit (1G; memory: as --memory)", set_retain_bytes, 0},
	{"key-age", 0, "AGE", "remember Idempotency-Keys for so long (24h)", set_key_ms, 0},
	{"threads", 0, "N", "event loops (one per core)", set_threads, 0},
	{"io", 0, "HOW", "send by uring or epoll; auto: uring if allowed (auto)", set_io, 0},
	{"config", 'c', "FILE", "read long options from FILE, one a line", set_file, 0},
	{"check", 't', NULL, "check the configuration and end", set_check, 0},
	{"stdin", 0, "TOPIC", "publish each line of standard input to TOPIC", set_stdin, 0},
	{"heartbeat", 0, "TIME", "let no stream be silent for longer (15s)", set_heartbeat_ms, 0},
	{"retry", 0, "TIME", "tell streams to come back after about so long (2s)", set_retry_ms, 0},
	{"drain", 0, "TIME", "spread the end of streams over so long when going down (10s)", set_drain_ms, 0},
	{"max-stream", 0, "AGE", "end streams at this age, give or take a tenth; 0: never (0)", set_max_stream_ms, 0},
	{"slow", 0, "WHAT", "slow readers: keep, newest (skip, with a gap) or close (keep)", set_slow, 0},
	{"presence", 0, "PATTERN", "keep presence for matching topics; again for more", set_presence, 0},
	{"presence-grace", 0, "TIME", "a leave counts after so long (10s)", set_presence_grace_ms, 0},
	{"origin", 0, "ORIGIN", "let pages of this origin in; again for more", set_origin, 0},
	{"host", 0, "NAME", "answer to this Host besides IP addresses and localhost; again for more", set_host, 0},
	{"trust-proxy", 0, "CIDR", "believe Forwarded, X-Forwarded-For and PROXY from here, or unix:; again for more", set_trust_proxy, 0},
	{"proxy-protocol", 0, NULL, "connections from trusted proxies begin with a PROXY header", set_proxy_protocol, 0},
	{"access-log", 0, "FILE", "log requests to FILE, or - for stderr", set_access_log, 0},
	{"access-log-format", 0, "FORM", "text or json (text)", set_access_log_format, 0},
	{"max-connections", 0, "N", "connections in all (what the descriptor limit allows)", set_max_connections, 0},
	{"max-per-address", 0, "N", "connections per client address; 0: no limit (0)", set_max_per_address, 0},
	{"max-head", 0, "SIZE", "request line and header fields (16K)", set_max_head, 0},
	{"max-fields", 0, "N", "header fields of a request (100)", set_max_fields, 0},
	{"max-body", 0, "SIZE", "a request's body; 0: no limit (0)", set_max_body, 0},
	{"max-keyed-body", 0, "SIZE", "a body with an Idempotency-Key (1M)", set_max_keyed_body, 0},
	{"max-event", 0, "SIZE", "one event's data (1M)", set_max_event, 0},
	{"max-topic", 0, "N", "bytes of a topic's name (255)", set_max_topic, 0},
	{"max-topics", 0, "N", "topics in the store (1000000)", set_max_topics, 0},
	{"max-keys", 0, "N", "Idempotency-Keys remembered; 0: no limit (1000000)", set_max_keys, 0},
	{"max-subscriptions", 0, "N", "topics of a request, subscriptions of a /ws connection (256)", set_max_subscriptions, 0},
	{"max-message", 0, "SIZE", "a WebSocket message (1M)", set_max_message, 0},
	{"max-poll", 0, "N", "events of one poll (1000)", set_max_poll, 0},
	{"max-wait", 0, "TIME", "a long poll waits at most so long (60s)", set_max_wait_ms, 0},
	{"max-latest", 0, "N", "events that ?latest begins with (10000)", set_max_latest, 0},
	{"max-gather", 0, "N", "events held for ?every and ?batch (10000)", set_max_gather, 0},
	{"max-members", 0, "N", "members listed per topic by /presence (1000)", set_max_members, 0},
	{"max-output", 0, "SIZE", "output queued per connection and turn (256K)", set_max_output, 0},
	{"max-pipelined", 0, "N", "publishes in progress per connection (64)", set_max_pipelined, 0},
	{"max-unread", 0, "TIME", "answers of ?ack=lines may stay unread for so long (30s)", set_max_unread_ms, 0},
	{"append-queue", 0, "SIZE", "stop reading publishers while so much waits for the store (64M)", set_append_queue, 0},
	{"publish-rate", 0, "N", "events a second per client address; 0: no limit (0)", set_publish_rate, 0},
	{"head-timeout", 0, "TIME", "a request head must come within (10s)", set_head_ms, 0},
	{"body-timeout", 0, "TIME", "a request body must make progress within (30s)", set_body_ms, 0},
	{"idle-timeout", 0, "TIME", "keep idle connections for (75s)", set_idle_ms, 0},
	{"quiet", 'q', NULL, "say errors only", set_quiet, 0},
	{"verbose", 'v', NULL, "say more; twice: for finding faults", set_verbose, 0},
	{NULL, 0, NULL, NULL, NULL, 0},
};

const struct opt_tool config_tool = {
	.name = "rt-serve",
	.usage = "rt-serve [options]",
	.summary = "Takes events in, keeps them, and hands them to every subscriber in real time.",
	.footer = "SIGTERM drains, SIGHUP reloads what may change. See rt-serve(8).",
	.opts = options,
};

/* --- defaults ---------------------------------------------------------------------------------------- */

static unsigned descriptors_allow(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_max == RLIM_INFINITY || r.rlim_max > 1000000)
		return 1000000;
	return r.rlim_max > 2 * DESCRIPTORS_RESERVED ? (unsigned)r.rlim_max - DESCRIPTORS_RESERVED :
		DESCRIPTORS_RESERVED;
}

static unsigned cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > 128 ? 128 : (unsigned)n;
}

static void set_defaults(struct config *c)
{
	*c = (struct config){
		.threads = cores(),
		.sync = STORE_SYNC_FULL,
		.memory_bytes = 64 << 20,
		.key_ms = DAY_MS,
		.max_keys = 1000000,
		.append_queue = 64 << 20,
		.heartbeat_ms = 15000,
		.retry_ms = 2000,
		.drain_ms = 10000,
		.presence_grace_ms = 10000,
		.max_members = 1000,
		.max_event = 1 << 20,
		.max_keyed_body = 1 << 20,
		.max_topic = TOPIC_MAX,
		.max_topics = 1000000,
		.max_subscriptions = 256,
		.max_wait_ms = 60000,
		.max_poll = 1000,
		.max_latest = 10000,
		.max_gather = 10000,
		.max_unread_ms = 30000,
		.conn = {
			.max_connections = descriptors_allow(),
			.max_head = 16384,
			.max_fields = 100,
			.head_ms = 10000,
			.body_ms = 30000,
			.idle_ms = 75000,
			.max_pipelined = 64,
			.max_output = 256 << 10,
			.max_message = 1 << 20,
		},
	};
}

/** Where the store lies if nobody said so. NULL without memory. */
static char *default_store(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int n;

	if (geteuid() == 0)
		return strdup("/var/lib/rt/rt.db");
	if (state != NULL && state[0] == '/')
		n = asprintf(&path, "%s/rt/rt.db", state);
	else
		n = asprintf(&path, "%s/.local/state/rt/rt.db", home != NULL ? home : ".");
	return n < 0 ? NULL : path;
}

/** What depends on several options. 0, or -1 and a sentence. */
static int finish(struct config *c, struct buf *why)
{
	bool memory;

	if (c->store_path == NULL && (c->store_path = default_store()) == NULL)
		goto nomem;
	c->source++;
	if (c->listen.n == 0 && list_add(c, &c->listen, "127.0.0.1:7070") != NULL)
		goto nomem;
	memory = strcmp(c->store_path, "memory:") == 0;
	if (!c->retain_age_given)
		c->retain_age_ms = memory ? 0 : 7 * DAY_MS;
	if (!c->retain_bytes_given)
		c->retain_bytes = memory ? 0 : UINT64_C(1) << 30;
	c->conn.heartbeat_ms = c->heartbeat_ms;
	if (c->proxy_protocol && c->ntrusted == 0) {
		buf_adds(why, "--proxy-protocol needs --trust-proxy, to say whose headers to believe");
		return -1;
	}
	return 0;
nomem:
	buf_adds(why, "out of memory");
	return -1;
}

static void free_members(struct config *c)
{
	list_clear(&c->listen);
	list_clear(&c->admin);
	list_clear(&c->presence);
	list_clear(&c->origins);
	list_clear(&c->hosts);
	rules_clear(c);
	free(c->rules);
	free(c->trusted);
	free(c->store_path);
	free(c->access_log);
	free(c->stdin_topic);
	free(c->file);
}

struct config *config_load(int argc, char **argv, struct buf *why)
{
	struct config *c = malloc(sizeof(*c)), given;
	char text[256];
	int operand;

	if (c == NULL)
		return NULL;
	/* The command line is read twice: first to learn the file's name, then on top of the file. */
	set_defaults(&given);
	given.source = 2;
	operand = opt_parse(&config_tool, argc, argv, &given);
	if (operand < argc) {
		snprintf(text, sizeof(text), "%.200s: takes no operands", argv[operand]);
		opt_usage(config_tool.name, text);
	}
	set_defaults(c);
	c->source = 1;
	if (given.file != NULL && config_file_read(given.file, &config_tool, c, why) != 0)
		goto fail;
	c->source = 2;
	opt_parse(&config_tool, argc, argv, c);
	if (finish(c, why) != 0)
		goto fail;
	free_members(&given);
	return c;
fail:
	free_members(&given);
	config_free(c);
	return NULL;
}

void config_free(struct config *c)
{
	while (c != NULL) {
		struct config *replaced = c->replaced;

		free_members(c);
		free(c);
		c = replaced;
	}
}

/* --- questions ------------------------------------------------------------------------------------------ */

static bool list_differs(const struct config_list *a, const struct config_list *b)
{
	if (a->n != b->n)
		return true;
	for (unsigned i = 0; i < a->n; i++) {
		if (strcmp(a->items[i], b->items[i]) != 0)
			return true;
	}
	return false;
}

static bool text_differs(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a != b : strcmp(a, b) != 0;
}

const char *config_unchangeable(const struct config *a, const struct config *b)
{
	const struct {
		const char *name;
		bool differs;
	} fixed[] = {
		{"listen", list_differs(&a->listen, &b->listen)},
		{"admin", list_differs(&a->admin, &b->admin)},
		{"store", text_differs(a->store_path, b->store_path)},
		{"sync", a->sync != b->sync},
		{"memory", a->memory_bytes != b->memory_bytes},
		{"key-age", a->key_ms != b->key_ms},
		{"threads", a->threads != b->threads},
		{"io", a->io != b->io},
		{"stdin", text_differs(a->stdin_topic, b->stdin_topic)},
		{"heartbeat", a->heartbeat_ms != b->heartbeat_ms},
		{"presence", list_differs(&a->presence, &b->presence)},
		{"presence-grace", a->presence_grace_ms != b->presence_grace_ms},
		{"access-log", text_differs(a->access_log, b->access_log)},
		{"access-log-format", a->access_log_json != b->access_log_json},
		{"max-members", a->max_members != b->max_members},
		{"proxy-protocol", a->proxy_protocol != b->proxy_protocol},
		{"max-topics", a->max_topics != b->max_topics},
		{"max-keys", a->max_keys != b->max_keys},
		{"max-gather", a->max_gather != b->max_gather},
		{"max-connections", a->conn.max_connections != b->conn.max_connections},
		{"max-per-address", a->conn.max_per_address != b->conn.max_per_address},
		{"max-head", a->conn.max_head != b->conn.max_head},
		{"max-fields", a->conn.max_fields != b->conn.max_fields},
		{"max-message", a->conn.max_message != b->conn.max_message},
		{"max-output", a->conn.max_output != b->conn.max_output},
		{"max-pipelined", a->conn.max_pipelined != b->conn.max_pipelined},
		{"head-timeout", a->conn.head_ms != b->conn.head_ms},
		{"body-timeout", a->conn.body_ms != b->conn.body_ms},
		{"idle-timeout", a->conn.idle_ms != b->conn.idle_ms},
	};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		if (fixed[i].differs)
			return fixed[i].name;
	}
	return NULL;
}

enum log_level config_log_level(const struct config *c)
{
	if (c->quiet)
		return LOG_ERROR;
	return c->verbose > 1 ? LOG_DEBUG : c->verbose == 1 ? LOG_INFO : LOG_WARN;
}

void config_store(const struct config *c, struct store_config *out)
{
	*out = (struct store_config){
		.path = c->store_path,
		.sync = c->sync,
		.memory_bytes = c->memory_bytes,
		.max_bytes = c->retain_bytes,
		.max_age_ms = c->retain_age_ms,
		.rules = c->rules,
		.nrules = c->nrules,
		.max_topics = c->max_topics,
		.key_ms = c->key_ms,
		.max_keys = c->max_keys,
	};
}

static bool in_range(const uint8_t address[16], const struct config_cidr *r)
{
	unsigned whole = r->bits / 8, rest = r->bits % 8;

	if (r->is_unix || memcmp(address, r->address, whole) != 0)
		return false;
	return rest == 0 || (address[whole] ^ r->address[whole]) >> (8 - rest) == 0;
}

bool config_trusts(const struct config *c, const struct sockaddr *sa)
{
	uint8_t address[16] = {0};

	if (sa->sa_family == AF_INET) {
		memset(address + 10, 0xff, 2);
		memcpy(address + 12, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		memcpy(address, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
	} else if (sa->sa_family != AF_UNIX) {
		return false;
	}
	for (unsigned i = 0; i < c->ntrusted; i++) {
		const struct config_cidr *r = &c->trusted[i];

		if (sa->sa_family == AF_UNIX ? r->is_unix : in_range(address, r))
			return true;
	}
	return false;
}
