/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "exitcode.h"
#include "json.h"
#include "log.h"
#include "options.h"
#include "topic.h"
#include "units.h"

#define DEFAULT_SERVER "http://127.0.0.1:7070"
#define SECOND UINT64_C(1000000000)
#define PAYLOAD_LINES_MOST 100000
#define NOT_GIVEN UINT64_MAX

/* Of a short run, the warm-up is a part. */
#define WARMUP_NS SECOND
#define WARMUP_PART 5

static _Noreturn void usage(const char *what, const char *why)
{
	log_error("%s %s; see rt-bench -h", what, why);
	exit(EXIT_USAGE);
}

static void set_defaults(struct bench_config *c)
{
	*c = (struct bench_config){
		.subscribers = 100,
		.transport = "sse",
		.poll_every_ns = NOT_GIVEN,
		.topics = 1,
		.topics_each = 1,
		.topic = "rt-bench",
		.publishers = 1,
		.window = 8,
		.max_unacked = 1000000,
		.max_event = UINT64_C(64) << 20,
		.batch = 1000,
		.size = 100,
		.warmup_ns = NOT_GIVEN,
		.drain_ns = 5 * SECOND,
		.connect_timeout_ns = 30 * SECOND,
		.threads = 1,
		.slow_for_ns = 3 * SECOND,
		.server = getenv("RT_URL"),
	};
	if (c->server == NULL || *c->server == '\0')
		c->server = DEFAULT_SERVER;
}

/* --- transports ------------------------------------------------------------------------------ */

/* One of a mix: "ws" or "ws:40". */
static bool parse_part(uint64_t weights[TRANSPORTS], struct str part)
{
	const char *colon = memchr(part.p, ':', part.n);
	struct str name = {part.p, colon == NULL ? part.n : (size_t)(colon - part.p)};
	uint64_t weight = 1;

	if (colon != NULL && units_parse_number(colon + 1, part.n - name.n - 1, 1, 1000000, &weight) != 0)
		return false;
	for (unsigned t = 0; t < TRANSPORTS; t++)
		if (str_is(name, transport_name((enum transport)t))) {
			weights[t] += weight;
			return true;
		}
	return false;
}

const char *config_mix(uint64_t mix[TRANSPORTS], uint64_t subscribers, const char *text)
{
	uint64_t weights[TRANSPORTS] = {0}, sum = 0, given = 0, acc = 0;

	for (;;) {
		size_t n = strcspn(text, ",");

		if (!parse_part(weights, (struct str){text, n}))
			return "is not sse, ws, ndjson, longpoll or poll, "
				"or a mix like sse:50,ws:40,longpoll:10";
		if (text[n] == '\0')
			break;
		text += n + 1;
	}
	for (unsigned t = 0; t < TRANSPORTS; t++)
		sum += weights[t];
	/* Rounded so that the numbers add up: each ends where its share of the whole ends. */
	for (unsigned t = 0; t < TRANSPORTS; t++) {
		acc += weights[t];
		mix[t] = subscribers * acc / sum - given;
		given += mix[t];
	}
	return NULL;
}

/* --- payloads -------------------------------------------------------------------------------- */

static void add_payload(struct bench_config *c, char *line, size_t n, unsigned number)
{
	char why[64];
	struct str *p;

	if (c->npayloads == PAYLOAD_LINES_MOST) {
		log_error("%s has more than %u lines", c->payload_file, PAYLOAD_LINES_MOST);
		exit(EXIT_INPUT);
	}
	if (json_check(line, n, NULL) != JSON_OK) {
		snprintf(why, sizeof(why), "line %u", number);
		log_error("%s: %s: %s", c->payload_file, why, json_status_text(json_check(line, n, NULL)));
		exit(EXIT_INPUT);
	}
	p = realloc(c->payloads, (c->npayloads + 1) * sizeof(*p));
	if (p == NULL || n > PAYLOAD_MAX - PAYLOAD_MIN) {
		log_error("%s: line %u does not fit into an event", c->payload_file, number);
		exit(EXIT_INPUT);
	}
	c->payloads = p;
	p[c->npayloads++] = (struct str){line, n};
}

static void read_payloads(struct bench_config *c)
{
	FILE *f = fopen(c->payload_file, "r");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (f == NULL) {
		log_error("%s: %m", c->payload_file);
		exit(EXIT_INPUT);
	}
	for (unsigned number = 1; (n = getline(&line, &cap, f)) > 0; number++) {
		while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			n--;
		if (n == 0)
			continue;
		add_payload(c, line, (size_t)n, number);
		line = NULL;	/* it is kept */
		cap = 0;
	}
	free(line);
	if (ferror(f) || c->npayloads == 0) {
		log_error("%s: %s", c->payload_file, ferror(f) ? strerror(errno) : "no line of JSON in it");
		exit(EXIT_INPUT);
	}
	fclose(f);
}

/* --- checks ---------------------------------------------------------------------------------- */

static void check_foreign(struct bench_config *c)
{
	if (c->sub_url == NULL && c->pub_url == NULL && (c->pub_body != NULL || c->pub_type != NULL))
		usage("--pub-body and --pub-type", "belong to --pub-url");
	if (c->pub_url == NULL)
		return;
	if (!c->publish_given)
		c->publish_how = strncasecmp(c->pub_url, "ws", 2) == 0 ? PUBLISH_WS : PUBLISH_POST;
	if (c->publish_how == PUBLISH_LINES || c->publish_how == PUBLISH_BATCH)
		usage("--publish lines and batch", "are for an rt-serve; with --pub-url: post or ws");
	if (c->pub_body == NULL)
		c->pub_body = "{payload}";
	if (c->pub_type == NULL)
		c->pub_type = "application/json";
}

static void check_load(struct bench_config *c)
{
	if (c->subscribers == 0 && c->publishers == 0)
		usage("--subscribers 0 --publishers 0", "leaves nothing to do");
	if (c->topics_each > c->topics)
		usage("--topics-each", "is more than --topics");
	if (c->slow > c->subscribers)
		usage("--slow", "is more than --subscribers");
	if (c->publishers == 0 && (c->rate > 0 || c->count > 0 || c->zipf > 0))
		usage("--publishers 0", "leaves --rate, --count and --zipf without meaning");
	if (c->duration_ns == 0 && c->count == 0)
		c->duration_ns = 10 * SECOND;
	if (c->warmup_ns == NOT_GIVEN)
		c->warmup_ns = c->duration_ns / WARMUP_PART < WARMUP_NS ?
			c->duration_ns / WARMUP_PART : WARMUP_NS;
	if (c->duration_ns != 0 && c->warmup_ns >= c->duration_ns)
		usage("--warmup", "is as long as --duration, so that nothing would be measured");
}

/* Each event would be an error, and look as if it was the server's. */
static void check_payloads(const struct bench_config *c)
{
	if (c->npayloads == 0 && c->size > c->max_event)
		usage("--size", "is more than --max-event");
	for (unsigned i = 0; i < c->npayloads; i++)
		if (payload_size(c->payloads[i], 0) > c->max_event)
			usage("--payload", "has lines that make an event longer than --max-event");
}

/* A figure that nothing would measure fails always: rather now than after an hour. */
static void check_server(const struct bench_config *c)
{
	for (unsigned i = 0; c->pid == 0 && i < c->nthresholds; i++)
		if (threshold_needs_pid(&c->thresholds[i]))
			usage("--fail-if", "with cpu or memory needs the server's --pid");
}

static void check_compare(const struct bench_config *c)
{
	if (c->transport_given || c->poll_every_given)
		usage("--compare", "runs all transports, with polls of 1, 2 and 5 s: "
			"leave --transport and --poll-every out");
	if (c->subscribers == 0)
		usage("--compare", "needs --subscribers");
}

/* The mix was checked; a URL that begins with ws says it as well. */
static void check_transport(struct bench_config *c)
{
	bool ws = c->sub_url != NULL && strncasecmp(c->sub_url, "ws", 2) == 0;

	if (ws && !c->transport_given)
		c->transport = "ws";
	config_mix(c->mix, c->subscribers, c->transport);
	if (ws && c->mix[TRANSPORT_WS] != c->subscribers)
		usage("--transport", "must be ws with a --sub-url that begins with ws");
}

static void check(struct bench_config *c)
{
	c->poll_every_given = c->poll_every_ns != NOT_GIVEN;
	if (!c->poll_every_given)
		c->poll_every_ns = SECOND;
	check_transport(c);
	if (topic_check(str_of(c->topic)) != TOPIC_OK)
		usage("--topic", topic_status_text(topic_check(str_of(c->topic))));
	if (c->sub_url == NULL && strncasecmp(c->server, "http://", 7) != 0)
		usage("--server", "must begin with http://");
	check_foreign(c);
	check_load(c);
	check_server(c);
	if (c->compare)
		check_compare(c);
	if (c->payload_file != NULL)
		read_payloads(c);
	if (c->publishers > 0)
		check_payloads(c);
}

void config_parse(struct bench_config *c, int argc, char **argv)
{
	set_defaults(c);
	log_init(options_tool.name, LOG_WARN);
	if (opt_parse(&options_tool, argc, argv, c) < argc)
		usage("rt-bench", "takes only options; the server is -s URL");
	log_set_level(c->quiet ? LOG_ERROR : c->verbose > 1 ? LOG_DEBUG :
		c->verbose == 1 ? LOG_INFO : LOG_WARN);
	check(c);
}

void config_fini(struct bench_config *c)
{
	for (unsigned i = 0; i < c->npayloads; i++)
		free((char *)c->payloads[i].p);
	free(c->payloads);
	free(c->source_ips);
	free(c->headers);
}
