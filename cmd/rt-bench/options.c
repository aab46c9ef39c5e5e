/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "judge/payload.h"
#include "units.h"
#include "wire/template.h"

#define NS_PER_MS 1000000
#define EVENT_LIMIT (UINT64_C(1) << 30)
#define SUBSCRIBERS_MOST 1000000
#define TOPICS_MOST 1000000
#define SOURCES_MOST 4096
#define COUNT_MOST UINT64_C(1000000000000)	/* payload.h has 40 bits for it */

static struct bench_config *config_of(void *config)
{
	return config;
}

/* --- kinds of values -------------------------------------------------------------------------- */

static const char *set_number(uint64_t *where, const char *arg, uint64_t min, uint64_t max)
{
	static _Thread_local char why[80];

	if (units_parse_number(arg, strlen(arg), min, max, where) == 0)
		return NULL;
	snprintf(why, sizeof(why), "is not a number from %llu to %llu", (unsigned long long)min,
		(unsigned long long)max);
	return why;
}

static const char *set_time(uint64_t *where_ns, const char *arg)
{
	uint64_t ms;

	if (units_parse_duration(arg, strlen(arg), 1000, &ms) != 0 || ms > UINT64_MAX / NS_PER_MS)
		return "is not a time in seconds, or like 500ms, 10m";
	*where_ns = ms * NS_PER_MS;
	return NULL;
}

/* Not 0. */
static const char *set_span(uint64_t *where_ns, const char *arg)
{
	const char *wrong = set_time(where_ns, arg);

	return wrong != NULL || *where_ns > 0 ? wrong : "must be above 0";
}

static const char *set_mix(struct bench_config *c, const char *arg)
{
	uint64_t mix[TRANSPORTS];

	c->transport = arg;
	c->transport_given = true;
	return config_mix(mix, 1, arg);
}

/*
 * Digits and a point, at (*arg), which is moved behind them: strtod alone takes "inf", "0x1",
 * "1e9", " 1". -1: none.
 */
static double parse_decimal(const char **arg)
{
	size_t n = strspn(*arg, "0123456789.");
	char *end;
	double v = strtod(*arg, &end);

	if (n == 0 || end != *arg + n)
		return -1;
	*arg = end;
	return v;
}

/* "1000", "2.5", "20k", "1M", with "/s" or without, above 0. */
static const char *parse_rate(double *where, const char *arg)
{
	double v = parse_decimal(&arg);

	if (*arg == 'k' || *arg == 'K')
		v *= 1e3, arg++;
	else if (*arg == 'M')
		v *= 1e6, arg++;
	if (strcmp(arg, "/s") == 0)
		arg += 2;
	if (*arg != '\0' || v <= 0 || v > 1e9)
		return "is not a number a second above 0, like 100, 0.5, 20k or 100/s";
	*where = v;
	return NULL;
}

static const char *set_text(const char **where, const char *arg)
{
	*where = arg;
	return *arg == '\0' ? "must not be empty" : NULL;
}

static const char *set_template(const char **where, const char *arg)
{
	*where = arg;
	return *arg == '\0' ? "must not be empty" : template_check(arg);
}

#define SETTER(name, expression) \
	static const char *set_##name(void *config, const char *arg) \
	{ \
		struct bench_config *c = config_of(config); \
		return (expression); \
	}

#define FLAG(name, member) \
	static const char *set_##name(void *config, const char *arg) \
	{ \
		(void)arg; \
		config_of(config)->member = true; \
		return NULL; \
	}

SETTER(server, set_text(&c->server, arg))
SETTER(topic, set_text(&c->topic, arg))
SETTER(sub_url, set_template(&c->sub_url, arg))
SETTER(pub_url, set_template(&c->pub_url, arg))
SETTER(pub_body, set_template(&c->pub_body, arg))
SETTER(pub_type, set_text(&c->pub_type, arg))
SETTER(transport, set_mix(c, arg))
SETTER(payload, set_text(&c->payload_file, arg))
SETTER(html, set_text(&c->html_file, arg))
SETTER(csv, set_text(&c->csv_file, arg))
SETTER(subscribers, set_number(&c->subscribers, arg, 0, SUBSCRIBERS_MOST))
SETTER(publishers, set_number(&c->publishers, arg, 0, 10000))
SETTER(topics, set_number(&c->topics, arg, 1, TOPICS_MOST))
SETTER(topics_each, set_number(&c->topics_each, arg, 1, 100))
SETTER(window, set_number(&c->window, arg, 1, 1000000))
SETTER(max_unacked, set_number(&c->max_unacked, arg, 1, 100000000))
SETTER(batch, set_number(&c->batch, arg, 1, 100000))
SETTER(count, set_number(&c->count, arg, 1, COUNT_MOST))
SETTER(slow, set_number(&c->slow, arg, 0, SUBSCRIBERS_MOST))
SETTER(rate, parse_rate(&c->rate, arg))
SETTER(ramp, parse_rate(&c->ramp, arg))
SETTER(churn, parse_rate(&c->churn, arg))
SETTER(poll_every, set_span(&c->poll_every_ns, arg))
SETTER(duration, set_span(&c->duration_ns, arg))
SETTER(warmup, set_time(&c->warmup_ns, arg))
SETTER(drain, set_time(&c->drain_ns, arg))
SETTER(slow_for, set_time(&c->slow_for_ns, arg))
SETTER(resume_after, set_time(&c->resume_after_ns, arg))
SETTER(connect_timeout, set_span(&c->connect_timeout_ns, arg))
FLAG(herd, herd)
FLAG(no_resume, no_resume)
FLAG(json, json)
FLAG(quiet, quiet)
FLAG(compare, compare)

static const char *set_verbose(void *config, const char *arg)
{
	(void)arg;
	config_of(config)->verbose++;
	return NULL;
}

static const char *set_size(void *config, const char *arg)
{
	uint64_t n;

	if (units_parse_size(arg, strlen(arg), &n) != 0 || n < PAYLOAD_MIN || n > PAYLOAD_MAX)
		return "is not a size from 96 (bytes) to 16M: an event carries what it is judged by";
	config_of(config)->size = n;
	return NULL;
}

static const char *set_max_event(void *config, const char *arg)
{
	uint64_t n;

	if (units_parse_size(arg, strlen(arg), &n) != 0 || n < 1024 || n > EVENT_LIMIT)
		return "is not a size from 1K to 1G";
	config_of(config)->max_event = n;
	return NULL;
}

static const char *set_zipf(void *config, const char *arg)
{
	double v = parse_decimal(&arg);

	if (*arg != '\0' || v <= 0 || v > 10)
		return "is not an exponent above 0, at most 10; 1 is usual";
	config_of(config)->zipf = v;
	return NULL;
}

static const char *set_threads(void *config, const char *arg)
{
	uint64_t n;
	const char *wrong = set_number(&n, arg, 1, 256);

	config_of(config)->threads = wrong == NULL ? (unsigned)n : 1;
	return wrong;
}

static const char *set_pid(void *config, const char *arg)
{
	uint64_t n;
	const char *wrong = set_number(&n, arg, 1, INT32_MAX);

	config_of(config)->pid = wrong == NULL ? (pid_t)n : 0;
	return wrong;
}

static const char *set_header(void *config, const char *arg)
{
	struct bench_config *c = config_of(config);
	const char **p;
	size_t n = 0;

	if (arg[strcspn(arg, "\r\n")] != '\0' || strcspn(arg, ":") == 0 || strchr(arg, ':') == NULL)
		return "is not a header like 'Name: value'";
	while (c->headers != NULL && c->headers[n] != NULL)
		n++;
	if ((p = realloc(c->headers, (n + 2) * sizeof(*p))) == NULL)
		return "does not fit into memory";
	p[n] = arg;
	p[n + 1] = NULL;
	c->headers = p;
	return NULL;
}

static const char *set_publish(void *config, const char *arg)
{
	static const char *const names[] = {
		[PUBLISH_LINES] = "lines",
		[PUBLISH_POST] = "post",
		[PUBLISH_BATCH] = "batch",
		[PUBLISH_WS] = "ws",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(arg, names[i]) == 0) {
			config_of(config)->publish_how = (enum publish_how)i;
			config_of(config)->publish_given = true;
			return NULL;
		}
	return "is not lines, post, batch or ws";
}

static const char *set_fail_if(void *config, const char *arg)
{
	struct bench_config *c = config_of(config);

	return threshold_parse(c->thresholds, &c->nthresholds, arg);
}

/* "127.0.0.2" or a range of the last byte, "127.0.0.2-9"; several after commas, or again. */
static const char *add_source(struct bench_config *c, struct str s)
{
	char text[32];
	char *dash;
	struct in_addr a, *p;
	uint64_t last;
	uint32_t from;

	if (s.n == 0 || s.n >= sizeof(text))
		return "is not an IPv4 address, or a range like 127.0.0.2-9";
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	dash = strchr(text, '-');
	if (dash != NULL)
		*dash++ = '\0';
	if (inet_pton(AF_INET, text, &a) != 1)
		return "is not an IPv4 address, or a range like 127.0.0.2-9";
	from = ntohl(a.s_addr);
	last = from & 0xff;
	if (dash != NULL && units_parse_number(dash, strlen(dash), from & 0xff, 255, &last) != 0)
		return "is not an IPv4 address, or a range like 127.0.0.2-9";
	for (; (from & 0xff) <= last; from++) {
		if (c->nsource_ips == SOURCES_MOST)
			return "are more than 4096 addresses";
		if ((p = realloc(c->source_ips, (c->nsource_ips + 1) * sizeof(*p))) == NULL)
			return "do not fit into memory";
		c->source_ips = p;
		p[c->nsource_ips++].s_addr = htonl(from);
		if ((from & 0xff) == 0xff)
			break;
	}
	return NULL;
}

static const char *set_source_ip(void *config, const char *arg)
{
	const char *wrong = NULL;

	while (wrong == NULL) {
		size_t n = strcspn(arg, ",");

		wrong = add_source(config_of(config), (struct str){arg, n});
		if (arg[n] == '\0')
			break;
		arg += n + 1;
	}
	return wrong;
}

/* --- the table ------------------------------------------------------------------------------- */

static const struct opt opts[] = {
	{"server", 's', "URL", "the rt-serve to test (default RT_URL, else port 7070 here)", set_server, 0},
	{"subscribers", 0, "COUNT", "how many listen (default 100)", set_subscribers, 0},
	{"transport", 0, "MIX", "sse, ws, ndjson, longpoll or poll, or sse:50,ws:50 (default sse)",
		set_transport, 0},
	{"poll-every", 0, "TIME", "how often a poll asks (default 1s)", set_poll_every, 0},
	{"topic", 0, "NAME", "topics are NAME, or NAME/0, NAME/1, ... (default rt-bench)", set_topic, 0},
	{"topics", 0, "COUNT", "how many topics (default 1)", set_topics, 0},
	{"topics-each", 0, "COUNT", "so many of them per subscriber (default 1)", set_topics_each, 0},
	{"zipf", 0, "EXPONENT", "topics are not equally popular with publishers", set_zipf, 0},
	{"publishers", 0, "COUNT", "how many publish; 0: somebody else does (default 1)", set_publishers, 0},
	{"publish", 0, "HOW", "lines, post, batch or ws (default lines)", set_publish, 0},
	{"rate", 0, "RATE", "events a second in all, on a fixed schedule", set_rate, 0},
	{"window", 0, "COUNT", "without --rate: so many under way at most (default 8)", set_window, 0},
	{"max-unacked", 0, "COUNT", "so many events may wait for their acknowledgement (default 1000000)",
		set_max_unacked, 0},
	{"batch", 0, "COUNT", "events per request of --publish batch (default 1000)", set_batch, 0},
	{"size", 0, "BYTES", "of an event's data (default 100)", set_size, 0},
	{"payload", 0, "FILE", "put these lines of JSON into the events", set_payload, 0},
	{"duration", 0, "TIME", "how long to publish (default 10s)", set_duration, 0},
	{"count", 0, "COUNT", "how many events to publish", set_count, 0},
	{"warmup", 0, "TIME", "so much of it at first does not count (default 1s)", set_warmup, 0},
	{"drain", 0, "TIME", "wait so long for what is still missing (default 5s)", set_drain, 0},
	{"max-event", 0, "BYTES", "longer events of the server are an error (default 64M)", set_max_event, 0},
	{"ramp", 0, "RATE", "connect so many a second (default as fast as they are answered)", set_ramp, 0},
	{"connect-timeout", 0, "TIME", "give up a connection after so long (default 30s)",
		set_connect_timeout, 0},
	{"threads", 0, "COUNT", "of rt-bench itself (default 1)", set_threads, 0},
	{"source-ip", 0, "ADDRESS", "connect from these in turn, as in 127.0.0.2-9", set_source_ip, 0},
	{"slow", 0, "COUNT", "so many subscribers stop reading ...", set_slow, 0},
	{"slow-for", 0, "TIME", "... for so long (default 3s)", set_slow_for, 0},
	{"churn", 0, "RATE", "so many subscribers a second reconnect", set_churn, 0},
	{"herd", 0, NULL, "all subscribers reconnect at once, halfway", set_herd, 0},
	{"resume-after", 0, "TIME", "they stay away for so long (default 0s)", set_resume_after, 0},
	{"no-resume", 0, NULL, "and come back without a cursor", set_no_resume, 0},
	{"sub-url", 0, "URL", "another server: where to subscribe, as in http://host/sub/{topic}",
		set_sub_url, 0},
	{"pub-url", 0, "URL", "another server: where to publish", set_pub_url, 0},
	{"pub-body", 0, "TEXT", "another server: what to send there (default {payload})", set_pub_body, 0},
	{"pub-type", 0, "TYPE", "another server: its content type (default application/json)",
		set_pub_type, 0},
	{"header", 'H', "FIELD", "send this header field, 'Name: value'; again for more", set_header, 0},
	{"pid", 0, "PID", "of the server: measure its processor time and memory", set_pid, 0},
	{"compare", 0, NULL, "run each transport in turn, and tell which fits", set_compare, 0},
	{"json", 0, NULL, "print one line of JSON instead of a table", set_json, 0},
	{"html", 0, "FILE", "write a page with plots, too", set_html, 0},
	{"csv", 0, "FILE", "write a line per second, too", set_csv, 0},
	{"fail-if", 0, "COND", "end with 9 if so, as in 'p99>50ms,lost>0'", set_fail_if, 0},
	{"quiet", 'q', NULL, "no progress, no warnings", set_quiet, 0},
	{"verbose", 'v', NULL, "tell more; again for all", set_verbose, 0},
	{0},
};

const struct opt_tool options_tool = {
	.name = "rt-bench",
	.usage = "rt-bench [OPTION...]\n"
		"rt-bench [OPTION...] --sub-url URL --pub-url URL",
	.summary = "Load a server with subscribers and events; tell how fast they came, and whether all did.",
	.footer = "Example:\n"
		"  rt-bench --subscribers 1000 --transport sse:50,ws:50 --rate 20\n"
		"  rt-bench --compare --subscribers 500 --rate 10 --pid \"$(pgrep -o rt-serve)\"\n"
		"Exit status 8: an event was lost, doubled, out of order or corrupt. Manual: rt-bench(1)\n",
	.opts = opts,
};
