/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "exitcode.h"
#include "format.h"
#include "log.h"
#include "opt.h"
#include "topic.h"
#include "units.h"

#define TOPICS_MAX 1024
#define PARALLEL_MAX 1024
#define EVENT_LIMIT (UINT64_C(1) << 30)	/* --max-event cannot ask for more */

static const char *set_duration(uint64_t *where, const char *arg)
{
	if (units_parse_duration(arg, strlen(arg), 1000, where) != 0 || *where == 0)
		return "is not a time in seconds, or like 500ms, 10m, 1h, above 0";
	return NULL;
}

static const char *set_milliseconds(uint64_t *where, const char *arg)
{
	if (units_parse_duration(arg, strlen(arg), 1, where) != 0 || *where == 0)
		return "is not a time in milliseconds, or like 500ms, 2s, above 0";
	return NULL;
}

static const char *set_text(const char **where, const char *arg)
{
	if (*arg == '\0')
		return "must not be empty";
	*where = arg;
	return NULL;
}

#define OPTION(name, call) \
	static const char *set_##name(void *config, const char *arg) \
	{ \
		struct config *c = config; \
		return call; \
	}
#define FLAG(name) \
	static const char *set_##name(void *config, const char *arg) \
	{ \
		(void)arg; \
		((struct config *)config)->name = true; \
		return NULL; \
	}

OPTION(since, set_text(&c->since, arg))
OPTION(until, set_text(&c->until, arg))
OPTION(state, set_text(&c->state, arg))
OPTION(command, set_text(&c->command, arg))
OPTION(idle, set_duration(&c->idle_ms, arg))
OPTION(total, set_duration(&c->total_ms, arg))
OPTION(poll_interval, set_duration(&c->poll_interval_ms, arg))
OPTION(buffer_timeout, set_duration(&c->buffer_timeout_ms, arg))
OPTION(every, set_milliseconds(&c->every_ms, arg))
OPTION(batch, set_milliseconds(&c->batch_ms, arg))
FLAG(latest)
FLAG(until_end)
FLAG(require)
FLAG(strict)
FLAG(raw)
FLAG(nul)
FLAG(keep_going)

static const char *add_topic(struct config *c, const char *arg)
{
	enum topic_status st = topic_check_pattern(str_of(arg));

	if (st != TOPIC_OK)
		return topic_status_text(st);
	if (c->n_topics == TOPICS_MAX)
		return "is one topic too many: 1024 at most";
	c->topics[c->n_topics++] = arg;
	return NULL;
}

static const char *set_topic(void *config, const char *arg)
{
	return add_topic(config, arg);
}

static const char *set_last(void *config, const char *arg)
{
	uint64_t n;

	if (units_parse_number(arg, strlen(arg), 1, UINT32_MAX, &n) != 0)
		return "is not a number of events from 1 on";
	((struct config *)config)->last = arg;
	return NULL;
}

static const char *set_count(void *config, const char *arg)
{
	struct config *c = config;

	if (units_parse_number(arg, strlen(arg), 1, UINT64_MAX, &c->count) != 0)
		return "is not a number of events from 1 on";
	return NULL;
}

static const char *set_parallel(void *config, const char *arg)
{
	struct config *c = config;

	if (units_parse_number(arg, strlen(arg), 1, PARALLEL_MAX, &c->parallel) != 0)
		return "is not a number of commands from 1 to 1024";
	return NULL;
}

static const char *set_max_event(void *config, const char *arg)
{
	struct config *c = config;

	if (units_parse_size(arg, strlen(arg), &c->max_event) != 0 || c->max_event < 1024 ||
	    c->max_event > EVENT_LIMIT)
		return "is not a size from 1K to 1G";
	return NULL;
}

static const char *set_format(void *config, const char *arg)
{
	struct config *c = config;
	const char *wrong;

	format_free(c->format);
	c->format = format_new(arg, &wrong);
	if (c->format == NULL)
		return wrong;
	c->format_text = arg;
	return NULL;
}

static const char *set_transport(void *config, const char *arg)
{
	static const char *const names[] = { [TRANSPORT_AUTO] = "auto", [TRANSPORT_SSE] = "sse",
		[TRANSPORT_WS] = "ws", [TRANSPORT_NDJSON] = "ndjson",
		[TRANSPORT_LONGPOLL] = "longpoll", [TRANSPORT_POLL] = "poll" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(arg, names[i]) == 0) {
			((struct config *)config)->transport = (enum transport_choice)i;
			return NULL;
		}
	return "is none of auto, sse, ws, ndjson, longpoll, poll";
}

static const struct opt options[] = {
	{ "topic", 't', "TOPIC", "subscribe to this topic or pattern too", set_topic, 0 },
	{ "since", 0, "WHERE", "start at: all, now, an id, a time, an age like 10m (default now)",
		set_since, 0 },
	{ "last", 0, "COUNT", "start with the newest COUNT events", set_last, 0 },
	{ "latest", 0, NULL, "start with the newest event of each topic and key", set_latest, 0 },
	{ "count", 'n', "COUNT", "stop after COUNT events", set_count, 0 },
	{ "end", 'e', NULL, "stop at the end as it was when connecting (since all)", set_until_end, 0 },
	{ "until", 0, "TYPE", "stop after an event of this type", set_until, 0 },
	{ "idle", 'w', "SECONDS", "stop when no event came for this long (status 124)", set_idle, 0 },
	{ "time-limit", 'W', "SECONDS", "stop after this time (status 124)", set_total, 0 },
	{ "require", 0, NULL, "fail with status 1 if nothing came", set_require, 0 },
	{ "strict", 0, NULL, "fail with status 8 as soon as something is missing", set_strict, 0 },
	{ "state", 'S', "FILE", "keep the cursor in FILE, and go on from there", set_state, 0 },
	{ "raw", 'r', NULL, "print payloads only", set_raw, 0 },
	{ "format", 'F', "FORMAT", "print as FORMAT says: %t topic, %p payload, %i id, ...",
		set_format, 0 },
	{ "null", '0', NULL, "end each event with NUL instead of a line end", set_nul, 0 },
	{ "exec", 'x', "CMD", "run CMD for each event, which is on its stdin", set_command, 0 },
	{ "parallel", 'P', "COUNT", "run this many commands at once (default 1)", set_parallel, 0 },
	{ "keep-going", 0, NULL, "go on when a command fails", set_keep_going, 0 },
	{ "transport", 0, "NAME", "auto, sse, ws, ndjson, longpoll or poll (default auto)",
		set_transport, 0 },
	{ "every", 0, "MS", "at most this often, the newest event of each key", set_every, 0 },
	{ "batch", 0, "MS", "let the server gather bursts for this long", set_batch, 0 },
	{ "poll-interval", 0, "SECONDS", "time between two polls (default 1)", set_poll_interval, 0 },
	{ "buffer-timeout", 0, "SECONDS", "auto: give a stream this long to begin (default 5)",
		set_buffer_timeout, 0 },
	{ "max-event", 0, "SIZE", "refuse larger events (default 16M)", set_max_event, 0 },
	{ 0 },
};

static const struct opt_tool tool = {
	.name = "rt-sub",
	.usage = "rt-sub [OPTION...] TOPIC...\n       rt-sub [OPTION...] URL",
	.summary = "Print the events of topics, or of any SSE or WebSocket URL, one JSON line each.",
	.footer = "Quote patterns: rt-sub 'chat/*' takes one level, 'log/**' all the rest.\n"
		"rt-sub(1) explains all of this; rt(7) the events and cursors.",
	.opts = options,
	.common = client_opts,
};

static _Noreturn void usage(const char *text)
{
	opt_usage(tool.name, text);
}

static void take_operands(struct config *c, int argc, char **argv, int first)
{
	const char *wrong;

	for (int i = first; i < argc; i++) {
		if (client_is_url(argv[i])) {
			if (c->url != NULL)
				usage("only one URL can be read at a time");
			if (!client_url_valid(argv[i]))
				usage("the URL cannot be understood");
			c->url = argv[i];
			continue;
		}
		wrong = add_topic(c, argv[i]);
		if (wrong != NULL) {
			log_init(tool.name, LOG_ERROR);
			log_error("topic '%s': %s", argv[i], wrong);
			exit(EXIT_USAGE);
		}
	}
	if (c->url == NULL && c->n_topics == 0)
		usage("name a topic or a URL");
	if (c->url != NULL && c->n_topics > 0)
		usage("give either topics or a URL");
}

static bool is_websocket_url(const char *url)
{
	return url != NULL && strncasecmp(url, "ws", 2) == 0;
}

static void check_end(struct config *c)
{
	if (!c->until_end)
		return;
	if (is_websocket_url(c->url))
		usage("-e needs topics or an http URL: the end of a WebSocket is not known");
	if (c->transport != TRANSPORT_AUTO && c->transport != TRANSPORT_POLL)
		usage("-e polls, and excludes other transports");
	if (c->every_ms > 0 || c->latest)
		usage("-e excludes --every and --latest");
	c->transport = TRANSPORT_POLL;
	if (c->since == NULL && c->last == NULL)
		c->since = "all";
}

static void check(struct config *c)
{
	if ((c->since != NULL) + (c->last != NULL) + c->latest > 1)
		usage("--since, --last and --latest exclude each other");
	if (c->every_ms > 0 && c->batch_ms > 0)
		usage("--every gathers already: give either --every or --batch");
	if (c->raw && c->format != NULL)
		usage("-r and -F exclude each other");
	if (c->command == NULL && (c->parallel > 0 || c->keep_going))
		usage("-P and --keep-going need -x");
	if (c->command != NULL && c->nul)
		usage("-0 and -x exclude each other");
	check_end(c);
	if (c->transport == TRANSPORT_AUTO && is_websocket_url(c->url))
		c->transport = TRANSPORT_WS;
	if (c->transport != TRANSPORT_WS && is_websocket_url(c->url))
		usage("a ws or wss URL can only be read with --transport ws");
	if (c->raw)
		(void)set_format(c, "%p");
	if (c->parallel == 0)
		c->parallel = 1;
}

void config_parse(struct config *c, int argc, char **argv)
{
	int first;

	memset(c, 0, sizeof(*c));
	client_config_init(&c->client);
	c->poll_interval_ms = 1000;
	c->buffer_timeout_ms = 5000;
	c->max_event = UINT64_C(16) << 20;
	c->topics = calloc(TOPICS_MAX, sizeof(*c->topics));
	if (c->topics == NULL) {
		log_init(tool.name, LOG_ERROR);
		log_error("out of memory");
		exit(EXIT_RESOURCES);
	}
	first = opt_parse(&tool, argc, argv, c);
	take_operands(c, argc, argv, first);
	check(c);
}

void config_fini(struct config *c)
{
	format_free(c->format);
	free(c->topics);
}
