/* SPDX-License-Identifier: MIT */
#include "load/bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "exitcode.h"
#include "hash.h"
#include "json.h"
#include "judge/witness.h"
#include "load/worker.h"
#include "log.h"
#include "wire/template.h"

#define FIELDS_MAX 65536

/* Looking for a free port takes long when few are left. */
#define PORTS_EASY 10000

/* How long a port stays taken after its connection, in seconds. */
#define LINGER_S 60

/* --- topics ---------------------------------------------------------------------------------- */

struct str bench_topic(const struct bench *b, uint32_t number, char dst[BENCH_TOPIC_MAX])
{
	int n;

	if (b->c->topics == 1)
		n = snprintf(dst, BENCH_TOPIC_MAX, "%s", b->c->topic);
	else
		n = snprintf(dst, BENCH_TOPIC_MAX, "%s/%" PRIu32, b->c->topic, number);
	return (struct str){dst, (size_t)n};
}

const char *bench_topic_parse(const struct bench *b, const char *p, const char *end, uint32_t *number)
{
	const char *start;
	uint64_t v = 0;

	if ((size_t)(end - p) <= b->ntopic_json || memcmp(p, b->topic_json, b->ntopic_json) != 0)
		return NULL;
	p += b->ntopic_json;
	*number = 0;
	if (b->c->topics == 1)
		return *p == '"' ? p : NULL;
	if (*p++ != '/')
		return NULL;
	for (start = p; p < end && *p >= '0' && *p <= '9' && v < b->c->topics; p++)
		v = v * 10 + (uint64_t)(*p - '0');
	if (p == start || p == end || *p != '"' || v >= b->c->topics)
		return NULL;
	*number = (uint32_t)v;
	return p;
}

/*
 * How many deliveries an event of each topic should make. Slow subscribers do not count: nobody
 * waits for them.
 */
static int count_listeners(struct bench *b)
{
	const struct bench_config *c = b->c;

	b->listeners = calloc(c->topics, sizeof(*b->listeners));
	if (b->listeners == NULL)
		return -1;
	for (uint64_t i = c->slow; i < c->subscribers; i++)
		for (uint64_t k = 0; k < c->topics_each; k++)
			b->listeners[(i * c->topics_each + k) % c->topics]++;
	return 0;
}

/* --- publishers' shares ---------------------------------------------------------------------- */

static double weight(const struct bench_config *c, uint32_t topic)
{
	return c->zipf > 0 ? pow(topic + 1.0, -c->zipf) : 1.0;
}

double bench_topic_weight(const struct bench *b, uint32_t topic)
{
	return weight(b->c, topic) / streams_of_topic(&b->streams, topic);
}

/* Which part of all events is of which publisher: as much as its topics are of all topics. */
static int share_out(struct bench *b)
{
	uint32_t topics = b->streams.topics, publishers = b->streams.publishers;
	double sum = 0, acc = 0;

	b->shares = calloc(publishers + 1, sizeof(*b->shares));
	if (b->shares == NULL)
		return -1;
	for (uint32_t s = 0; s < b->nstreams; s++) {
		double part = bench_topic_weight(b, s % topics);

		b->shares[s % publishers + 1] += part;
		sum += part;
	}
	for (uint32_t p = 1; p <= publishers; p++) {
		acc += b->shares[p];
		b->shares[p] = acc / sum;
	}
	b->shares[publishers] = 1.0;
	return 0;
}

/* --- making it ------------------------------------------------------------------------------- */

static int no_memory(void)
{
	log_error("out of memory");
	return EXIT_RESOURCES;
}

static int find_target(struct target *t, const char *url)
{
	const char *wrong = target_parse(t, url);
	int status = EXIT_USAGE;

	if (wrong == NULL) {
		wrong = target_look_up(t);
		status = EXIT_UNREACHABLE;
	}
	if (wrong == NULL)
		return EXIT_DONE;
	log_error("%s: %s", url, wrong);
	return status;
}

static int find_targets(struct bench *b)
{
	const struct bench_config *c = b->c;
	int status;

	b->sub_is_rt = c->sub_url == NULL;
	b->pub_is_rt = c->pub_url == NULL;
	status = find_target(&b->sub, c->sub_url != NULL ? c->sub_url : c->server);
	if (status == EXIT_DONE)
		status = find_target(&b->pub, c->pub_url != NULL ? c->pub_url : c->server);
	if (status != EXIT_DONE)
		return status;
	if (c->publishers < c->topics && c->publish_how == PUBLISH_WS && !b->pub_is_rt &&
	    template_uses(b->pub.path, "topic")) {
		log_error("a WebSocket publishes to one topic here: give as many --publishers as --topics");
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

/*
 * An address has about 28,000 ports, and those just left are taken for a while. On this machine there are
 * addresses enough.
 */
static void find_sources(struct bench *b)
{
	const struct bench_config *c = b->c;
	const struct sockaddr_in *to = (const struct sockaddr_in *)&b->sub.addr;
	double ports = (double)c->subscribers * (c->herd ? 2 : 1) + c->churn * LINGER_S;

	b->sources = c->source_ips;
	b->nsources = c->nsource_ips;
	if (c->nsource_ips > 0 || ports <= PORTS_EASY || to->sin_family != AF_INET ||
	    ntohl(to->sin_addr.s_addr) >> 24 != IN_LOOPBACKNET)
		return;
	b->nsources = ports / PORTS_EASY + 1 < BENCH_LOOPBACK_MAX ? (unsigned)(ports / PORTS_EASY) + 1 :
		BENCH_LOOPBACK_MAX;
	for (unsigned i = 0; i < b->nsources; i++)
		b->loopback[i].s_addr = htonl(INADDR_LOOPBACK + i);
	b->sources = b->loopback;
	log_info("connecting from %u addresses, 127.0.0.1 and up", b->nsources);
}

static int gather_fields(struct bench *b)
{
	struct buf text;
	int failed;

	buf_init(&text, FIELDS_MAX);
	failed = buf_adds(&text, "");
	for (size_t i = 0; b->c->headers != NULL && b->c->headers[i] != NULL; i++)
		failed |= buf_addf(&text, "%s\r\n", b->c->headers[i]);
	b->fields = failed ? NULL : strdup(buf_cstr(&text));
	buf_reset(&text);
	failed |= json_quote(&text, str_of(b->c->topic));
	if (!failed) {
		b->ntopic_json = text.len - 2;
		b->topic_json = strndup((const char *)text.p + 1, b->ntopic_json);
	}
	buf_fini(&text);
	return b->fields == NULL || b->topic_json == NULL ? -1 : 0;
}

static bool is_without_payload(const struct bench_config *c)
{
	return c->pub_url != NULL && c->pub_body != NULL && !template_uses(c->pub_body, "payload") &&
		!template_uses(c->pub_body, "payload:json");
}

int bench_init(struct bench *b, const struct bench_config *c)
{
	int status;

	*b = (struct bench){
		.c = c,
		.streams = {(uint32_t)c->topics, (uint32_t)c->publishers},
		.from_outside = c->publishers == 0 || is_without_payload(c),
		.failure = EXIT_UNREACHABLE,
		.complaining = PTHREAD_MUTEX_INITIALIZER,
		.end_ns = UINT64_MAX,
	};
	status = find_targets(b);
	if (status != EXIT_DONE)
		return status;
	find_sources(b);
	upgrade_key_init(&b->key);
	do
		hash_random(&b->run, sizeof(b->run));
	while (b->run == 0);
	b->nstreams = streams_count(&b->streams);
	if (c->threads > 1)
		b->witness = witness_shared_new();
	if (gather_fields(b) != 0 || count_listeners(b) != 0 || (c->threads > 1 && b->witness == NULL))
		return no_memory();
	if (c->publishers == 0)
		return EXIT_DONE;
	b->totals = calloc(b->nstreams, sizeof(*b->totals));
	return b->totals == NULL || share_out(b) != 0 ? no_memory() : EXIT_DONE;
}

void bench_fini(struct bench *b)
{
	target_fini(&b->sub);
	target_fini(&b->pub);
	free(b->fields);
	free(b->topic_json);
	free(b->listeners);
	free(b->shares);
	free(b->totals);
	witness_shared_free(b->witness);
}

/* --- while it runs --------------------------------------------------------------------------- */

int64_t bench_outstanding(const struct bench *b)
{
	uint64_t expected = 0, delivered = 0;

	for (unsigned i = 0; i < b->nworkers; i++) {
		expected += atomic_load_explicit(&b->workers[i]->expected, memory_order_relaxed);
		delivered += atomic_load_explicit(&b->workers[i]->delivered, memory_order_relaxed);
	}
	return (int64_t)(expected - delivered) - atomic_load_explicit(&b->given_up, memory_order_relaxed);
}

/* The progress line makes room for a message. */
static void clear_progress(struct bench *b)
{
	static const char clear[] = "\r\033[K";
	ssize_t n;

	if (!atomic_exchange(&b->progress_shown, false))
		return;
	n = write(STDERR_FILENO, clear, sizeof(clear) - 1);
	(void)n;
}

void bench_complain(struct bench *b, atomic_bool *flag, int status, const char *fmt, ...)
{
	int saved = errno;
	char text[sizeof(b->complaint)];
	va_list ap;

	if (atomic_exchange(flag, true))
		return;
	atomic_store(&b->failure, status);
	clear_progress(b);
	errno = saved;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&b->complaining);
	if (strcmp(b->complaint, text) != 0)
		log_error("%s", text);
	memcpy(b->complaint, text, sizeof(text));
	pthread_mutex_unlock(&b->complaining);
}

bool bench_is_own(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS ||
		error == EADDRNOTAVAIL;
}

void bench_complain_connect(struct bench *b, atomic_bool *flag, const struct target *t)
{
	if (errno != EADDRNOTAVAIL)
		bench_complain(b, flag, bench_is_own(errno) ? EXIT_RESOURCES : EXIT_UNREACHABLE,
			"cannot connect to %s: %m", t->host);
	else if (b->c->nsource_ips > 0)
		bench_complain(b, flag, EXIT_RESOURCES,
			"an address of --source-ip is not of this machine, or has no ports left");
	else
		bench_complain(b, flag, EXIT_RESOURCES,
			"no ports are left: give more addresses with --source-ip");
}

/* The detail of a problem in JSON, or the first line of whatever it is. */
static struct str detail_of(struct str body)
{
	struct json_member m[] = {{.name = "detail"}};
	const char *lf;

	if (json_check(body.p, body.n, NULL) == JSON_OK && json_members(body, m, 1, NULL) == 0 &&
			m[0].raw.n >= 2)
		return (struct str){m[0].raw.p + 1, m[0].raw.n - 2};
	lf = body.n == 0 ? NULL : memchr(body.p, '\n', body.n);
	if (lf != NULL)
		body.n = (size_t)(lf - body.p);
	if (body.n > 200)
		body.n = 200;
	return body;
}

void bench_complain_answer(struct bench *b, atomic_bool *flag, const char *who, unsigned status,
	struct str body)
{
	struct str detail = detail_of(body);

	bench_complain(b, flag, EXIT_REFUSED,
		"%s was answered with status %u%s%.*s", who, status, detail.n > 0 ? ": " : "", (int)detail.n,
		detail.n > 0 ? detail.p : "");
}
