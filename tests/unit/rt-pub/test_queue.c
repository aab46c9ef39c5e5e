/* SPDX-License-Identifier: MIT */
#include "cmd/rt-pub/queue.h"

#include <stdlib.h>

#include "tests/unit/tap.h"

static int add(struct queue *q, size_t n, uint64_t input)
{
	struct buf *b = queue_open(q);
	size_t mark = b->len;

	if (buf_reserve(b, n) != 0)
		return -1;
	memset(b->p + b->len, 'x', n);
	b->p[b->len + n - 1] = '\n';
	b->len += n;
	return queue_close(q, mark, input);
}

static void test_empty(void)
{
	struct queue q;

	queue_init(&q, 10, 100);
	ok(queue_take(&q) == NULL, "nothing to take");
	ok(queue_open(&q) != NULL, "a batch is opened");
	ok(queue_take(&q) == NULL, "without a line it is not taken");
	queue_recycle(&q, NULL);
	queue_fini(&q);
}

static void test_lines(void)
{
	static const uint64_t input[] = { 1, 2, 5, 6, 7, 10 };
	struct batch *b;
	struct queue q;

	queue_init(&q, 1000, 100);
	for (size_t i = 0; i < 6; i++)
		add(&q, 3, input[i]);
	eq_num(q.lines, 6, "lines waiting");
	eq_num(q.bytes, 18, "bytes waiting");
	b = queue_take(&q);
	eq_num(b->nlines, 6, "one batch");
	eq_num(b->nruns, 3, "three runs");
	for (size_t i = 0; i < 6; i++)
		eq_num(batch_input_line(b, i + 1), input[i], "a line maps to its input");
	eq_num(batch_input_line(b, 0), 0, "there is no line 0");
	eq_num(batch_input_line(b, 7), 0, "and none behind the last");
	ok(q.lines == 0 && q.bytes == 0, "nothing waits any more");
	queue_recycle(&q, b);
	add(&q, 3, 42);
	b = queue_take(&q);
	ok(b->nlines == 1 && b->body.len == 3, "a recycled batch is as new");
	eq_num(batch_input_line(b, 1), 42, "its lines too");
	batch_free(b);
	queue_fini(&q);
}

static void test_sizes(void)
{
	struct batch *b[8] = { 0 };
	struct queue q;
	size_t n = 0;

	queue_init(&q, 1000, 2 * BATCH_MAX);
	add(&q, BATCH_MAX - 10, 1);
	add(&q, 10, 2);			/* exactly full */
	add(&q, 10, 3);
	add(&q, BATCH_MAX + 1, 4);	/* alone, without a key */
	add(&q, 10, 5);
	while (n < 8 && (b[n] = queue_take(&q)) != NULL)
		n++;
	eq_num(n, 4, "four batches");
	eq_num(b[0]->body.len, BATCH_MAX, "one that is full to the last byte");
	ok(b[0]->key[0] != '\0', "has a key");
	eq_num(b[1]->nlines, 1, "what would not fit beside a large line is before it");
	eq_num(b[2]->body.len, BATCH_MAX + 1, "the large line is alone");
	ok(b[2]->key[0] == '\0', "and without a key");
	eq_num(batch_input_line(b[3], 1), 5, "the next one follows it");
	ok(strcmp(b[0]->key, b[1]->key) != 0 && strcmp(b[1]->key, b[3]->key) != 0, "keys differ");
	for (size_t i = 0; i < n; i++)
		queue_recycle(&q, b[i]);
	ok(q.nspare >= 1 && q.nspare < n, "the memory of a large body is not kept");
	queue_fini(&q);
}

static void test_max_lines(void)
{
	struct batch *b;
	struct queue q;

	queue_init(&q, 2, 100);
	for (uint64_t i = 1; i <= 5; i++)
		add(&q, 3, i);
	for (unsigned i = 0; i < 3; i++) {
		b = queue_take(&q);
		eq_num(b->nlines, i < 2 ? 2 : 1, "at most two lines each");
		batch_free(b);
	}
	queue_fini(&q);
}

static void add_text(struct queue *q, const char *text, uint64_t input)
{
	struct buf *b = queue_open(q);
	size_t mark = b->len;

	buf_adds(b, text);
	queue_close(q, mark, input);
}

static void is_next(struct queue *q, const char *body, uint64_t first, uint64_t last, char *key)
{
	struct batch *b = queue_take(q);

	eq_bytes(b->body.p, b->body.len, body, strlen(body), body);
	eq_num(batch_input_line(b, 1), first, "its first line");
	eq_num(batch_input_line(b, b->nlines), last, "and its last");
	ok(strcmp(b->key, key) != 0, "another body has another key");
	queue_recycle(q, b);
}

static void test_halves(void)
{
	char key[BATCH_KEY_LEN];
	struct batch *b;
	struct queue q;

	queue_init(&q, 1000, 100);
	add_text(&q, "1\n", 1);
	add_text(&q, "2\n", 2);
	add_text(&q, "5\n", 5);
	add_text(&q, "6\n", 6);
	add_text(&q, "long one\n", 9);
	b = queue_take(&q);
	add_text(&q, "later\n", 10);
	strcpy(key, b->key);
	eq_num(queue_halve(&q, b), 0, "halved");
	ok(q.lines == 6 && q.bytes == 23, "all lines wait");
	b = queue_take(&q);
	eq_bytes(b->body.p, b->body.len, "1\n2\n5\n6\n", 8, "the first half");
	eq_num(queue_halve(&q, b), 0, "halved again");
	is_next(&q, "1\n2\n", 1, 2, key);
	is_next(&q, "5\n6\n", 5, 6, key);
	is_next(&q, "long one\n", 9, 9, key);
	is_next(&q, "later\n", 10, 10, key);
	ok(queue_take(&q) == NULL && q.lines == 0 && q.bytes == 0, "that was all");

	add_text(&q, "1\n", 1);
	add_text(&q, "2\n", 2);
	add_text(&q, "3\n", 3);
	is_next(&q, "1\n2\n", 1, 2, key);
	is_next(&q, "3\n", 3, 3, key);
	add_text(&q, "first and long\n", 1);
	add_text(&q, "2\n", 2);
	is_next(&q, "first and long\n", 1, 1, key);
	is_next(&q, "2\n", 2, 2, key);
	queue_fini(&q);

	queue_init(&q, 1000, 100);
	add_text(&q, "first and long\n", 1);
	add_text(&q, "2\n", 2);
	eq_num(queue_halve(&q, queue_take(&q)), 0, "the line end is behind the middle");
	is_next(&q, "first and long\n", 1, 1, key);
	is_next(&q, "2\n", 2, 2, key);
	queue_fini(&q);
}

static void test_keys(void)
{
	struct queue q, r;

	queue_init(&q, 2, 100);
	queue_init(&r, 2, 100);
	ok(strcmp(q.prefix, r.prefix) != 0, "keys of two runs never meet");
	eq_num(strlen(q.prefix), 32, "128 random bits");
	queue_fini(&q);
	queue_fini(&r);
}

int main(void)
{
	test_empty();
	test_lines();
	test_sizes();
	test_max_lines();
	test_halves();
	test_keys();
	return tap_done();
}
