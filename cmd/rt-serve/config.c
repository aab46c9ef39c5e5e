/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "config_file.h"
#include "config_options.h"
#include "topic.h"

/* Descriptors that are not connections: listeners, store files, pipes, those being refused. */
#define DESCRIPTORS_RESERVED 192

/* --- defaults ------------------------------------------------------------------------------- */

static unsigned descriptors_allow(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_max == RLIM_INFINITY || r.rlim_max > 1000000)
		return 1000000;
	return r.rlim_max > 2 * DESCRIPTORS_RESERVED ? (unsigned)r.rlim_max - DESCRIPTORS_RESERVED :
		DESCRIPTORS_RESERVED;
}

static void set_defaults(struct config *c)
{
	*c = (struct config){
		.sync = STORE_SYNC_FULL,
		.memory_bytes = 64 << 20,
		.key_ms = CONFIG_DAY_MS,
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
	if (c->listen.n == 0 && config_list_add(&c->listen, c->source, "127.0.0.1:7070") != NULL)
		goto nomem;
	memory = strcmp(c->store_path, "memory:") == 0;
	if (!c->retain_age_given)
		c->retain_age_ms = memory ? 0 : 7 * CONFIG_DAY_MS;
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

void config_rules_clear(struct config *c)
{
	for (unsigned i = 0; i < c->nrules; i++)
		free((char *)c->rules[i].pattern.p);
	c->nrules = 0;
}

static void free_members(struct config *c)
{
	config_list_clear(&c->listen);
	config_list_clear(&c->admin);
	config_list_clear(&c->presence);
	config_list_clear(&c->origins);
	config_list_clear(&c->hosts);
	config_rules_clear(c);
	free(c->rules);
	free(c->trusted);
	free(c->store_path);
	free(c->access_log);
	free(c->stdin_topic);
	free(c->file);
}

/** The command line into (c). A mistake ends the process, unless it was read (again). 0, or -1. */
static int read_arguments(struct config *c, int argc, char **argv, bool again, struct buf *why)
{
	char text[256];
	int operand;

	if (again)
		return opt_parse_again(&config_options, argc, argv, c, why);
	operand = opt_parse(&config_options, argc, argv, c);
	if (operand == argc)
		return 0;
	snprintf(text, sizeof(text), "%.200s: takes no operands", argv[operand]);
	opt_usage(config_options.name, text);
}

static struct config *load(int argc, char **argv, bool again, struct buf *why)
{
	struct config *c = malloc(sizeof(*c)), given;

	if (c == NULL)
		return NULL;
	/* The command line is read twice: first to learn the file's name, then on top of the file. */
	set_defaults(&given);
	set_defaults(c);
	given.source = 2;
	if (read_arguments(&given, argc, argv, again, why) != 0)
		goto fail;
	c->source = 1;
	if (given.file != NULL && config_file_read(given.file, &config_options, c, why) != 0)
		goto fail;
	c->source = 2;
	if (read_arguments(c, argc, argv, again, why) != 0 || finish(c, why) != 0)
		goto fail;
	free_members(&given);
	return c;
fail:
	free_members(&given);
	config_free(c);
	return NULL;
}

struct config *config_load(int argc, char **argv, struct buf *why)
{
	return load(argc, argv, false, why);
}

struct config *config_load_again(int argc, char **argv, struct buf *why)
{
	return load(argc, argv, true, why);
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

/* --- questions ------------------------------------------------------------------------------ */

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
		{"listen", config_list_differs(&a->listen, &b->listen)},
		{"admin", config_list_differs(&a->admin, &b->admin)},
		{"store", text_differs(a->store_path, b->store_path)},
		{"sync", a->sync != b->sync},
		{"memory", a->memory_bytes != b->memory_bytes},
		{"key-age", a->key_ms != b->key_ms},
		{"threads", a->threads != b->threads},
		{"pin", a->pin != b->pin},
		{"io", a->io != b->io},
		{"stdin", text_differs(a->stdin_topic, b->stdin_topic)},
		{"heartbeat", a->heartbeat_ms != b->heartbeat_ms},
		{"presence", config_list_differs(&a->presence, &b->presence)},
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

bool config_trusts(const struct config *c, const struct sockaddr *address)
{
	return cidr_any(c->trusted, c->ntrusted, address);
}
