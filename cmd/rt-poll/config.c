/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "exitcode.h"
#include "log.h"
#include "topic.h"
#include "units.h"

#define MAX_BODY_DEFAULT (64u << 20)
#define RETRY_DEFAULT 3

static struct config *config_of(void *config)
{
	return config;
}

static const char *set_topic(void *config, const char *arg)
{
	struct config *c = config_of(config);
	const char **topics = realloc(c->topics, (c->ntopics + 1) * sizeof(*topics));

	if (topics == NULL)
		return "does not fit into memory";
	c->topics = topics;
	c->topics[c->ntopics++] = arg;
	return NULL;
}

static const char *set_state(void *config, const char *arg)
{
	config_of(config)->state_file = arg;
	return *arg == '\0' ? "must not be empty" : NULL;
}

static const char *set_number(uint64_t *where, const char *arg)
{
	if (units_parse_number(arg, strlen(arg), 1, INT64_MAX, where) != 0)
		return "is not a number from 1 on";
	return NULL;
}

static const char *set_count(void *config, const char *arg)
{
	return set_number(&config_of(config)->count, arg);
}

static const char *set_limit(void *config, const char *arg)
{
	return set_number(&config_of(config)->page, arg);
}

static const char *set_last(void *config, const char *arg)
{
	return set_number(&config_of(config)->last, arg);
}

static const char *set_since(void *config, const char *arg)
{
	config_of(config)->since = arg;
	return *arg == '\0' ? "must be all, now, an id, a time, or an age like 10m" : NULL;
}

static const char *set_raw(void *config, const char *arg)
{
	(void)arg;
	config_of(config)->payload = true;
	return NULL;
}

static const char *set_duration(uint64_t *where, const char *arg)
{
	if (units_parse_duration(arg, strlen(arg), 1000, where) != 0 || *where == 0)
		return "is not a time in seconds, or like 500ms, 10m, above 0";
	return NULL;
}

static const char *set_every(void *config, const char *arg)
{
	return set_duration(&config_of(config)->every_ms, arg);
}

static const char *set_wait(void *config, const char *arg)
{
	return set_duration(&config_of(config)->wait_ms, arg);
}

static const char *set_max_body(void *config, const char *arg)
{
	uint64_t n;

	if (units_parse_size(arg, strlen(arg), &n) != 0 || n == 0 || n > SIZE_MAX / 16)
		return "is not a size like 64M";
	config_of(config)->max_body = n;
	return NULL;
}

static const struct opt opts[] = {
	{ "topic", 't', "TOPIC", "poll this topic or pattern; again for more", set_topic, 0 },
	{ "state", 'S', "FILE", "keep the cursor in FILE, and go on there", set_state, 0 },
	{ "since", 0, "WHEN", "start there: all, now, an id, a time, an age like 10m",
		set_since, 0 },
	{ "last", 0, "COUNT", "start with the newest COUNT events", set_last, 0 },
	{ "count", 'n', "COUNT", "print at most COUNT events", set_count, 0 },
	{ "limit", 0, "COUNT", "ask for at most COUNT events per request", set_limit, 0 },
	{ "raw", 'r', NULL, "print only the payload: strings unquoted, bytes decoded", set_raw, 0 },
	{ "wait", 0, "SECONDS", "wait so long for something new (long polling)", set_wait, 0 },
	{ "every", 0, "SECONDS", "poll again and again, once every so long", set_every, 0 },
	{ "max-body", 0, "SIZE", "largest answer that is read (default 64M)", set_max_body, 0 },
	{ 0 },
};

static const struct opt_tool tool = {
	.name = "rt-poll",
	.usage = "rt-poll [OPTION...] TOPIC...\n"
		"rt-poll [OPTION...] URL",
	.summary = "Print what is new in topics since the last run, "
		"or a web resource if it has changed.",
	.footer = "Example:\n"
		"  rt-poll -S ~/.chat.cursor chat/lobby 'alerts/**'\n"
		"  rt-poll -S ~/.feed.state https://example.org/feed.json\n"
		"Exit status 1: nothing new. Manual: rt-poll(1), rt(7)\n",
	.opts = opts,
	.common = client_opts,
};

/* --- checks ---------------------------------------------------------------------------------- */

static _Noreturn void usage(const char *text)
{
	opt_usage(tool.name, text);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The same question whatever the order it was typed in. */
static void sort_topics(struct config *c)
{
	size_t n = 0;

	if (c->ntopics == 0)
		return;
	qsort(c->topics, c->ntopics, sizeof(*c->topics), compare);
	for (size_t i = 1; i < c->ntopics; i++)
		if (strcmp(c->topics[n], c->topics[i]) != 0)
			c->topics[++n] = c->topics[i];
	c->ntopics = n + 1;
}

static void check_topics(const struct config *c)
{
	for (size_t i = 0; i < c->ntopics; i++) {
		enum topic_status st = topic_check_pattern(str_of(c->topics[i]));

		if (st == TOPIC_OK)
			continue;
		log_error("topic %s: %s", c->topics[i], topic_status_text(st));
		exit(EXIT_USAGE);
	}
}

static void check_url(const struct config *c)
{
	if (strncasecmp(c->url, "http", 4) != 0)
		usage("rt-poll reads http and https; rt-sub reads WebSockets");
	if (!client_url_valid(c->url))
		usage("the URL cannot be understood");
	if (c->ntopics > 0)
		usage("one URL, or topics, not both: a state file belongs to one question");
	if (c->since != NULL || c->last != 0 || c->page != 0 || c->wait_ms != 0)
		usage("--since, --last, --limit and --wait are about topics, not about a URL");
}

static void check(struct config *c)
{
	if (c->url != NULL)
		check_url(c);
	else if (c->ntopics == 0)
		usage("name a topic or a URL");
	if (c->since != NULL && c->last != 0)
		usage("--since and --last exclude each other");
	check_topics(c);
	sort_topics(c);
	if (c->client.retry < 0 && c->every_ms == 0 && c->client.retry_max_time_ms == 0)
		c->client.retry = RETRY_DEFAULT;
}

static void add_operand(struct config *c, const char *arg)
{
	const char *wrong;

	if (client_is_url(arg)) {
		if (c->url != NULL)
			usage("only one URL at a time: a state file belongs to one question");
		c->url = arg;
		return;
	}
	wrong = set_topic(c, arg);
	if (wrong != NULL)
		usage(wrong);
}

void config_parse(struct config *c, int argc, char **argv)
{
	memset(c, 0, sizeof(*c));
	log_init(tool.name, LOG_WARN);
	client_config_init(&c->client);
	c->max_body = MAX_BODY_DEFAULT;
	for (int i = opt_parse(&tool, argc, argv, c); i < argc; i++)
		add_operand(c, argv[i]);
	check(c);
}

void config_fini(struct config *c)
{
	free(c->topics);
}
