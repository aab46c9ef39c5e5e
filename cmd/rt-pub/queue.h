/* SPDX-License-Identifier: MIT */
#ifndef RT_PUB_QUEUE_H
#define RT_PUB_QUEUE_H

/*
 * Lines that wait for the server, as the bodies of the requests that will carry them. A batch is
 * filled while the one before it is on its way; once taken its bytes never change, since a retry
 * must repeat them. Which line of the input each line of a batch was is kept in runs, because
 * blank and bad lines are left out.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define BATCH_MAX (1u << 20)	/* largest body that the server takes with an Idempotency-Key */
#define BATCH_KEY_LEN 48

struct batch_run {
	uint64_t at;		/* line of the batch, from 1 */
	uint64_t input;		/* line of the input it was; those that follow in it follow there */
};

struct batch {
	struct buf body;
	struct batch_run *runs;
	size_t nruns, runs_cap;
	uint64_t nlines;
	char key[BATCH_KEY_LEN];	/* Idempotency-Key; "": a single line too large for one */
	struct batch *next;
};

struct queue {
	struct batch *first, *last;	/* waiting; the last takes more lines */
	struct batch *spare;		/* for reuse: their memory is warm */
	unsigned nspare;
	size_t bytes;			/* waiting */
	uint64_t lines;			/* waiting */
	uint64_t max_lines;		/* per batch */
	size_t max_body;
	size_t batch_max;		/* bytes; BATCH_MAX, or less if the server takes less */
	char prefix[33];		/* random, of all keys of this process */
	uint64_t taken;
};

/** Batches of at most (max_lines) lines, each of at most (max_line) bytes as encoded. */
void queue_init(struct queue *q, uint64_t max_lines, size_t max_line);
void queue_fini(struct queue *q);

/** Where the next line is to be appended. NULL without memory. */
struct buf *queue_open(struct queue *q);

/**
 * A line was appended at (mark) of what queue_open gave; it was line (input) of the input. Moves
 * it to a batch of its own if it is too much for this one. 0, or -1 without memory.
 */
int queue_close(struct queue *q, size_t mark, uint64_t input);

/** Take out the oldest batch and give it its key; NULL if there is none. */
struct batch *queue_take(struct queue *q);

/**
 * The server finds (b), taken last and of at least two lines, too large: both halves of it wait
 * again, before all others, and later batches are no larger than they. 0, or -1 without memory.
 */
int queue_halve(struct queue *q, struct batch *b);

/** Give back a batch that was taken. (NULL) is fine. */
void queue_recycle(struct queue *q, struct batch *b);

/** Free a batch that was taken and will not be given back. (NULL) is fine. */
void batch_free(struct batch *b);

/** The line of the input that line (n), from 1, of (b) was. */
uint64_t batch_input_line(const struct batch *b, uint64_t n);

#endif
