/* SPDX-License-Identifier: MIT */
#include "helper_result.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

void helper_config(struct bench_config *c)
{
	*c = (struct bench_config){
		.server = "http://127.0.0.1:7070",
		.subscribers = 1000,
		.mix = {[TRANSPORT_SSE] = 500, [TRANSPORT_WS] = 500},
		.transport = "sse:50,ws:50",
		.poll_every_ns = SECOND,
		.topics = 1,
		.topics_each = 1,
		.topic = "rt-bench",
		.publishers = 1,
		.rate = 20,
		.window = 8,
		.max_unacked = 1000000,
		.max_event = 64 << 20,
		.batch = 1000,
		.size = 100,
		.duration_ns = 10 * SECOND,
		.warmup_ns = SECOND,
		.drain_ns = 5 * SECOND,
		.threads = 1,
	};
}

/* By the inverse of a distribution, so that it is the same each time: log-logistic. */
void helper_spread(struct histogram *h, uint64_t n, double p50_ms, double p99_ms)
{
	double power = log(p99_ms / p50_ms) / log(99);
	uint64_t step = n / 5000 > 0 ? n / 5000 : 1;

	for (uint64_t i = 0; i < n; i += step) {
		double u = ((double)i + 0.5 * (double)step) / (double)n;

		if (u > 0.9999)
			u = 0.9999;
		histogram_add_many(h, (uint64_t)(1e6 * p50_ms * pow(u / (1 - u), power)),
			n - i < step ? n - i : step);
	}
}

static void fill_intervals(struct result *r, unsigned n, double p50_ms, double p99_ms)
{
	r->intervals = calloc(n, sizeof(*r->intervals));
	r->nintervals = n;
	for (unsigned i = 0; i < n; i++) {
		double wave = 1 + 0.3 * sin(i) + (i == n / 2 ? 2.5 : 0);

		r->intervals[i] = (struct result_interval){
			.at_s = i + 1,
			.seconds = 1,
			.sent = 20,
			.acked = 20,
			.deliveries = (uint64_t)(20000 * (1 + 0.05 * sin(2 * i))),
			.connections = r->all.subscribers,
			.p50_ns = (uint64_t)(p50_ms * wave * 1e6),
			.p99_ns = (uint64_t)(p99_ms * wave * 1e6),
			.max_ns = (uint64_t)(p99_ms * wave * 2.2e6),
			.ack_p99_ns = 800000,
			.own_cpu_ns = 210000000,
		};
	}
}

static void fill_group(struct result_group *g, uint64_t subscribers, double p50_ms,
	double p99_ms, double bytes)
{
	g->subscribers = g->connected = g->connects = g->requests = subscribers;
	g->deliveries = subscribers * 200;
	g->measured = subscribers * 180;
	g->bytes = (uint64_t)((double)g->deliveries * bytes);
	g->verdict.received = g->deliveries;
	helper_spread(&g->latency, g->measured, p50_ms, p99_ms);
	helper_spread(&g->connect, subscribers, 3, 40);
}

static struct result *new_result(void)
{
	struct result *r = calloc(1, sizeof(*r));

	r->connect_s = 0.412;
	r->publish_s = 10.01;
	r->sending_s = 10;
	r->delivering_s = 10.01;
	r->measured_s = 9.01;
	r->threads = 1;
	r->own_cpu_ns = 420000000;
	r->own_busiest = 0.042;
	r->pub.publishers = 1;
	r->pub.sent = r->pub.acked = 200;
	helper_spread(&r->pub.ack, 180, 0.4, 1.9);
	helper_spread(&r->pub.lateness, 200, 0.02, 0.1);
	return r;
}

struct result *helper_result(void)
{
	struct result *r = new_result();

	fill_group(&r->all, 1000, 5.2, 11, 166);
	fill_group(&r->by_transport[TRANSPORT_SSE], 500, 5.4, 12, 190);
	fill_group(&r->by_transport[TRANSPORT_WS], 500, 5.0, 10, 142);
	fill_intervals(r, 10, 5.2, 11);
	return r;
}

struct result *helper_variant(const char *label, enum transport t, double p50_ms, double p99_ms, double bytes,
	double cpu_us, double requests, double connects)
{
	struct result *r = new_result();

	snprintf(r->label, sizeof(r->label), "%s", label);
	fill_group(&r->all, 1000, p50_ms, p99_ms, bytes);
	r->all.requests = (uint64_t)requests;
	r->all.connects = (uint64_t)connects;
	r->by_transport[t] = r->all;
	r->server_cpu_ns = (uint64_t)(cpu_us * 1000 * (double)r->all.deliveries);
	if (cpu_us > 0) {
		r->server_pss_before = 4 << 20;
		r->server_pss_idle = (4 << 20) + 500000;
	}
	fill_intervals(r, 10, p50_ms, p99_ms);
	return r;
}

void helper_free(struct result *r)
{
	if (r != NULL)
		free(r->intervals);
	free(r);
}

char *helper_written(int (*write)(FILE *out, void *arg), void *arg)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	if (f == NULL || write(f, arg) != 0) {
		fprintf(stderr, "writing failed\n");
		exit(1);
	}
	fclose(f);
	return text;
}

unsigned helper_longest(const char *text)
{
	unsigned longest = 0, now = 0;

	for (; *text != '\0'; text++) {
		if (*text == '\n') {
			now = 0;
		} else if (*text == '\x1b') {
			text += strcspn(text, "m");
		} else if (((unsigned char)*text & 0xc0) != 0x80) {
			now++;
		}
		if (now > longest)
			longest = now;
	}
	return longest;
}
