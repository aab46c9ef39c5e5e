/* SPDX-License-Identifier: MIT */
#include "queue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

#define SPARE_MAX 1		/* one is on its way, one is filled */
#define SPARE_CAP (2 * BATCH_MAX)	/* a larger body is not kept for reuse */

void queue_init(struct queue *q, uint64_t max_lines, size_t max_line)
{
	uint8_t seed[16];

	*q = (struct queue){ .max_lines = max_lines, .max_body = BATCH_MAX + max_line,
		.batch_max = BATCH_MAX };
	hash_random(seed, sizeof(seed));
	hash_hex(q->prefix, seed, sizeof(seed));
}

void batch_free(struct batch *b)
{
	if (b == NULL)
		return;
	buf_fini(&b->body);
	free(b->runs);
	free(b);
}

static void free_list(struct batch *b)
{
	while (b != NULL) {
		struct batch *next = b->next;

		batch_free(b);
		b = next;
	}
}

void queue_fini(struct queue *q)
{
	free_list(q->first);
	free_list(q->spare);
	q->first = q->last = q->spare = NULL;
}

static struct batch *batch_new(struct queue *q)
{
	struct batch *b = q->spare;

	if (b != NULL) {
		q->spare = b->next;
		q->nspare--;
		b->next = NULL;
		return b;
	}
	b = calloc(1, sizeof(*b));
	if (b != NULL)
		buf_init(&b->body, q->max_body);
	return b;
}

static struct batch *push(struct queue *q)
{
	struct batch *b = batch_new(q);

	if (b == NULL)
		return NULL;
	if (q->last != NULL)
		q->last->next = b;
	else
		q->first = b;
	q->last = b;
	return b;
}

struct buf *queue_open(struct queue *q)
{
	struct batch *b = q->last;

	if (b == NULL || b->body.len >= q->batch_max || b->nlines == q->max_lines)
		b = push(q);
	return b == NULL ? NULL : &b->body;
}

static int add_run(struct batch *b, uint64_t input)
{
	if (b->nruns == b->runs_cap) {
		size_t cap = b->runs_cap == 0 ? 8 : b->runs_cap * 2;
		struct batch_run *runs = realloc(b->runs, cap * sizeof(*runs));

		if (runs == NULL)
			return -1;
		b->runs = runs;
		b->runs_cap = cap;
	}
	b->runs[b->nruns++] = (struct batch_run){ .at = b->nlines + 1, .input = input };
	return 0;
}

static bool continues(const struct batch *b, uint64_t input)
{
	const struct batch_run *r;

	if (b->nruns == 0)
		return false;
	r = &b->runs[b->nruns - 1];
	return r->input + (b->nlines + 1 - r->at) == input;
}

static int account(struct queue *q, struct batch *b, uint64_t input, size_t n)
{
	if (!continues(b, input) && add_run(b, input) != 0)
		return -1;
	b->nlines++;
	q->lines++;
	q->bytes += n;
	return 0;
}

int queue_close(struct queue *q, size_t mark, uint64_t input)
{
	struct batch *full = q->last, *b = full;
	size_t n = full->body.len - mark;

	if (full->body.len > q->batch_max && mark > 0) {
		b = push(q);
		if (b == NULL || buf_add(&b->body, full->body.p + mark, n) != 0)
			return -1;
		full->body.len = mark;
	}
	return account(q, b, input, n);
}

struct batch *queue_take(struct queue *q)
{
	struct batch *b = q->first;

	if (b == NULL || b->nlines == 0)
		return NULL;
	q->first = b->next;
	if (q->first == NULL)
		q->last = NULL;
	b->next = NULL;
	q->bytes -= b->body.len;
	q->lines -= b->nlines;
	if (b->body.len <= BATCH_MAX)
		snprintf(b->key, sizeof(b->key), "%s-%" PRIu64, q->prefix, ++q->taken);
	return b;
}

/* Lines (from) to the end of (b) are lines of (half), too. */
static int copy_runs(struct batch *half, const struct batch *b, uint64_t from)
{
	for (size_t i = 0; i < b->nruns; i++) {
		uint64_t at = b->runs[i].at, end = i + 1 < b->nruns ? b->runs[i + 1].at : b->nlines + 1;

		if (end <= from)
			continue;
		if (at < from)
			at = from;
		half->nlines = at - from;
		if (add_run(half, batch_input_line(b, at)) != 0)
			return -1;
	}
	half->nlines = b->nlines - (from - 1);
	return 0;
}

/* Where the second half of the body begins: behind a line end, near the middle. */
static size_t middle(const struct buf *body)
{
	size_t half = body->len / 2;
	const uint8_t *lf = memrchr(body->p, '\n', half);

	if (lf == NULL)
		lf = memchr(body->p + half, '\n', body->len - half);
	return (size_t)(lf - body->p) + 1;
}

static uint64_t count_lines(const uint8_t *p, size_t n)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < n; i++)
		lines += p[i] == '\n';
	return lines;
}

static void unshift(struct queue *q, struct batch *b)
{
	b->next = q->first;
	q->first = b;
	if (q->last == NULL)
		q->last = b;
	q->bytes += b->body.len;
	q->lines += b->nlines;
}

int queue_halve(struct queue *q, struct batch *b)
{
	size_t cut = middle(&b->body), rest = b->body.len - cut;
	uint64_t lines = count_lines(b->body.p, cut);
	struct batch *half = batch_new(q);

	if (half == NULL || copy_runs(half, b, lines + 1) != 0 ||
	    buf_add(&half->body, b->body.p + cut, rest) != 0) {
		batch_free(half);
		unshift(q, b);	/* so that it counts among those that wait */
		return -1;
	}
	unshift(q, half);
	while (b->nruns > 0 && b->runs[b->nruns - 1].at > lines)
		b->nruns--;
	b->nlines = lines;
	b->body.len = cut;
	unshift(q, b);
	cut = cut > rest ? cut : rest;
	if (cut < q->batch_max)
		q->batch_max = cut;
	return 0;
}

void queue_recycle(struct queue *q, struct batch *b)
{
	if (b == NULL)
		return;
	if (q->nspare == SPARE_MAX || b->body.cap > SPARE_CAP) {
		batch_free(b);
		return;
	}
	buf_reset(&b->body);
	b->nruns = 0;
	b->nlines = 0;
	b->key[0] = '\0';
	b->next = q->spare;
	q->spare = b;
	q->nspare++;
}

uint64_t batch_input_line(const struct batch *b, uint64_t n)
{
	size_t lo = 0, hi = b->nruns;

	if (n == 0 || n > b->nlines)
		return 0;
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (b->runs[mid].at <= n)
			lo = mid;
		else
			hi = mid;
	}
	return b->runs[lo].input + (n - b->runs[lo].at);
}
