/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "exitcode.h"
#include "log.h"
#include "topic.h"
#include "units.h"

#define MAX_LINE_DEFAULT (16u << 20)
#define MAX_LINE_MOST (1u << 30)
#define NAME_MAX_BYTES 255	/* of a type or key */

static struct config *config_of(void *config)
{
	return config;
}

static const char *set_topic(void *config, const char *arg)
{
	if (config_of(config)->topic != NULL)
		return "is a second topic: rt-pub publishes to one; envelopes on stdin name theirs";
	config_of(config)->topic = arg;
	return NULL;
}

static const char *set_text(void *config, const char *arg)
{
	(void)arg;
	config_of(config)->text = true;
	return NULL;
}

static const char *set_bytes(void *config, const char *arg)
{
	(void)arg;
	config_of(config)->bytes = true;
	return NULL;
}

static const char *set_message(void *config, const char *arg)
{
	config_of(config)->message = arg;
	return NULL;
}

static const char *set_file(void *config, const char *arg)
{
	config_of(config)->file = arg;
	return NULL;
}

static const char *check_name(const char *arg)
{
	size_t n = strlen(arg);

	return n == 0 || n > NAME_MAX_BYTES ? "must have 1 to 255 bytes" : NULL;
}

static const char *set_type(void *config, const char *arg)
{
	config_of(config)->type = arg;
	return check_name(arg);
}

static const char *set_event_key(void *config, const char *arg)
{
	config_of(config)->event_key = arg;
	return check_name(arg);
}

static const char *set_ephemeral(void *config, const char *arg)
{
	(void)arg;
	config_of(config)->ephemeral = true;
	return NULL;
}

static const char *set_ack(void *config, const char *arg)
{
	(void)arg;
	config_of(config)->ack = true;
	return NULL;
}

static const char *set_max_line(void *config, const char *arg)
{
	uint64_t n;

	if (units_parse_size(arg, strlen(arg), &n) != 0 || n == 0 || n > MAX_LINE_MOST)
		return "is not a size from 1 to 1G";
	config_of(config)->max_line = n;
	return NULL;
}

static const char *set_timeout(void *config, const char *arg)
{
	uint64_t ms;

	if (units_parse_duration(arg, strlen(arg), 1000, &ms) != 0 || ms == 0 || ms > INT_MAX)
		return "is not a time in seconds, or like 90s, above 0";
	config_of(config)->timeout_ms = ms;
	return NULL;
}

static const struct opt opts[] = {
	{ "topic", 't', "TOPIC", "publish to this topic", set_topic, 0 },
	{ "text", 'l', NULL, "each line is text, empty ones too", set_text, 0 },
	{ "bytes", 'b', NULL, "each line is bytes, whatever they are", set_bytes, 0 },
	{ "message", 'm', "TEXT", "publish TEXT as one event: JSON, or else a string",
		set_message, 0 },
	{ "file", 'f', "FILE", "publish all of FILE (-: stdin) as one event", set_file, 0 },
	{ "type", 0, "TYPE", "the kind of event", set_type, 0 },
	{ "event-key", 0, "KEY", "what the events are about", set_event_key, 0 },
	{ "ephemeral", 0, NULL, "only for who is live: not stored", set_ephemeral, 0 },
	{ "ack", 0, NULL, "print line, id and seq of each event", set_ack, 0 },
	{ "max-line", 0, "SIZE", "longest line that is read (default 16M)", set_max_line, 0 },
	{ "timeout", 0, "SECONDS", "try again when a request stalls so long (default 60)",
		set_timeout, 0 },
	{ 0 },
};

static const struct opt_tool tool = {
	.name = "rt-pub",
	.usage = "rt-pub [OPTION...] TOPIC <LINES\n"
		"rt-pub [OPTION...] TOPIC -m TEXT | -f FILE\n"
		"rt-pub [OPTION...] <ENVELOPES",
	.summary = "Publish each line of stdin, a JSON value, as an event.",
	.footer = "Example:\n"
		"  rt-pub chat/lobby -m '{\"text\":\"hi\"}'\n"
		"  tail -f /var/log/syslog | rt-pub -l log\n"
		"Manual: rt-pub(1); events, topics and exit status: rt(7)\n",
	.opts = opts,
	.common = client_opts,
};

static _Noreturn void usage(const char *text)
{
	opt_usage(tool.name, text);
}

static void check_topic(const char *topic)
{
	enum topic_status st = topic_check(str_of(topic));

	if (st == TOPIC_OK)
		return;
	log_error("topic %s: %s", topic, topic_status_text(st));
	exit(EXIT_USAGE);
}

static void check(const struct config *c)
{
	if (c->text && c->bytes)
		usage("-l and -b exclude each other");
	if (c->message != NULL && c->file != NULL)
		usage("-m and -f exclude each other");
	if (c->topic != NULL)
		check_topic(c->topic);
	else if (c->text || c->bytes)
		usage("-l and -b need a TOPIC: without one, lines are envelopes");
	else if (c->type != NULL || c->event_key != NULL)
		usage("--type and --event-key need a TOPIC: envelopes have their own");
	if (c->max_line > (SIZE_MAX >> 4))
		usage("--max-line is too large for this machine");
}

void config_parse(struct config *c, int argc, char **argv)
{
	int i;

	memset(c, 0, sizeof(*c));
	log_init(tool.name, LOG_WARN);
	client_config_init(&c->client);
	c->max_line = MAX_LINE_DEFAULT;
	c->timeout_ms = 60000;
	i = opt_parse(&tool, argc, argv, c);
	for (; i < argc; i++) {
		const char *wrong = set_topic(c, argv[i]);

		if (wrong != NULL) {
			log_error("%s %s", argv[i], wrong);
			exit(EXIT_USAGE);
		}
	}
	check(c);
}
