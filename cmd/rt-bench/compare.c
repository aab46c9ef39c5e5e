/* SPDX-License-Identifier: MIT */
#include "compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exitcode.h"
#include "load/run.h"
#include "log.h"

#define SECOND UINT64_C(1000000000)

/* What a run takes besides publishing, roughly: connecting, and the last of the polls. */
#define SECONDS_BESIDE 1.5

struct variant {
	const char *label;
	enum transport transport;
	uint64_t poll_every_ns;
};

static const struct variant variants[COMPARE_RUNS] = {
	{"sse", TRANSPORT_SSE, 0},
	{"ws", TRANSPORT_WS, 0},
	{"ndjson", TRANSPORT_NDJSON, 0},
	{"longpoll", TRANSPORT_LONGPOLL, 0},
	{"poll 1s", TRANSPORT_POLL, SECOND},
	{"poll 2s", TRANSPORT_POLL, 2 * SECOND},
	{"poll 5s", TRANSPORT_POLL, 5 * SECOND},
};

/* A poll needs its interval to see the last event. */
static void as_variant(struct bench_config *c, const struct variant *v)
{
	memset(c->mix, 0, sizeof(c->mix));
	c->mix[v->transport] = c->subscribers;
	if (v->poll_every_ns == 0)
		return;
	c->poll_every_ns = v->poll_every_ns;
	if (c->drain_ns < 2 * v->poll_every_ns)
		c->drain_ns = 2 * v->poll_every_ns;
}

/* It takes a while: whoever sits before it hears how long. */
static void announce(const struct bench_config *c)
{
	if (c->quiet || c->duration_ns == 0 || !isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "%u runs of %.3g s, about %.0f s in all\n", (unsigned)COMPARE_RUNS,
		(double)c->duration_ns / SECOND, (double)COMPARE_RUNS *
		((double)c->duration_ns / SECOND + SECONDS_BESIDE));
}

int compare_run(const struct bench_config *c, struct result *results[COMPARE_RUNS], unsigned *n)
{
	int status = EXIT_DONE;

	announce(c);
	for (*n = 0; *n < COMPARE_RUNS && status == EXIT_DONE; (*n)++) {
		const struct variant *v = &variants[*n];
		struct bench_config one = *c;
		struct result *r = calloc(1, sizeof(*r));

		if (r == NULL) {
			log_error("out of memory");
			return EXIT_RESOURCES;
		}
		results[*n] = r;
		as_variant(&one, v);
		snprintf(r->label, sizeof(r->label), "%s", v->label);
		log_info("%s ...", v->label);
		status = run(&one, r);
		if (r->interrupted) {
			(*n)++;
			break;
		}
	}
	return status;
}
