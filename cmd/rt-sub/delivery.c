/* SPDX-License-Identifier: MIT */
#include "delivery.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exec.h"
#include "exitcode.h"
#include "keeper.h"
#include "log.h"
#include "output.h"
#include "record.h"
#include "seqs.h"
#include "topic.h"

struct delivery {
	const struct config *config;
	const struct delivery_ops *ops;
	void *arg;
	struct output *output;	/* NULL with -x */
	struct exec *exec;	/* NULL without */
	struct keeper *keeper;	/* NULL without -S */
	struct seqs *seqs;
	struct position at;		/* after the newest event that was taken */
	struct position start;		/* where the server said that this connection starts */
	struct position resumed;	/* where it was asked to start */
	char store[STORE_MAX + 1];	/* what (at) belongs to */
	char new_store[STORE_MAX + 1];	/* of this connection; counts once (at) has moved in it */
	uint64_t count, count_connected;
	bool settled;		/* --latest: the snapshot is behind us */
	bool whole;		/* all members of an envelope are needed */
	bool finished;
	struct record_memo memo;
	struct buf scratch;
};

static void finish(struct delivery *d, int status)
{
	d->finished = true;
	d->ops->finish(d->arg, status);
}

static int out_of_memory(struct delivery *d)
{
	log_error("out of memory");
	finish(d, EXIT_RESOURCES);
	return -1;
}

/* --- output and commands ---------------------------------------------------------------------- */

static void on_hold(void *arg, bool on)
{
	struct delivery *d = arg;

	d->ops->hold(d->arg, on);
}

static void on_broken(void *arg, int err)
{
	struct delivery *d = arg;

	d->finished = true;
	if (err == EPIPE) {
		d->ops->broken_pipe(d->arg);
		return;
	}
	log_error("stdout: %s", strerror(err));
	finish(d, EXIT_RESOURCES);
}

static void on_progress(void *arg, const struct position *to)
{
	struct delivery *d = arg;

	if (d->keeper != NULL)
		keeper_set(d->keeper, to, d->store);
}

static void on_failed(void *arg)
{
	finish(arg, EXIT_COMMAND);
}

static const struct output_ops output_ops = { on_hold, on_broken };
static const struct exec_ops exec_ops = { on_hold, on_progress, on_failed };

/* --- where we stand --------------------------------------------------------------------------- */

static void move(struct delivery *d, bool is_id, struct str text)
{
	if (!position_accepts(text)) {
		log_debug("an id of %zu bytes is no position to resume from", text.n);
		return;
	}
	position_set(&d->at, is_id, text);
	if (d->new_store[0] != '\0') {
		strcpy(d->store, d->new_store);
		d->new_store[0] = '\0';
	}
}

/* After an event: its cursor if the transport has it, else its id, unless it is ephemeral. */
static void move_past(struct delivery *d, const struct envelope *e, struct str cursor)
{
	char id[POSITION_MAX];

	if (cursor.n > 0) {
		move(d, false, cursor);
	} else if (e->id.n > 2 && e->id.n <= sizeof(id)) {
		move(d, true, memchr(e->id.p, '\\', e->id.n) == NULL ?
			(struct str){e->id.p + 1, e->id.n - 2} :
			(struct str){id, json_unquote(id, e->id)});
	}
}

void delivery_connected(struct delivery *d, struct str cursor, struct str store)
{
	d->count_connected = 0;
	position_copy(&d->resumed, &d->at);
	position_set(&d->start, false, STR_NULL);
	if (cursor.n > 0 && position_accepts(cursor))
		position_set(&d->start, false, cursor);
	d->new_store[0] = '\0';
	if (store.n > 0 && store.n <= STORE_MAX && position_accepts(store)) {
		memcpy(d->new_store, store.p, store.n);
		d->new_store[store.n] = '\0';
		if (d->store[0] == '\0' || strcmp(d->store, d->new_store) == 0) {
			strcpy(d->store, d->new_store);
			d->new_store[0] = '\0';
		} else {
			seqs_forget_all(d->seqs);	/* another store counts anew */
		}
	}
	/* So that nothing falls between now and the first event; a snapshot lies before it. */
	if (d->at.len == 0 && d->settled)
		delivery_cursor(d, position_str(&d->start));
}

void delivery_cursor(struct delivery *d, struct str cursor)
{
	if (d->finished)
		return;
	if (!d->settled && d->count_connected == 0)
		return;
	d->settled = true;
	if (cursor.n == 0)
		return;
	move(d, false, cursor);
	if (d->exec != NULL)
		exec_move(d->exec, &d->at);
}

/* --- what came -------------------------------------------------------------------------------- */

/* Has it been here already? Reports what is missing before it; < 0: that is not tolerated. */
static int check_seq(struct delivery *d, const struct record *r, bool *repeated)
{
	const struct envelope *e = &r->envelope;
	uint64_t missing = 0;
	enum seqs_result seen;

	*repeated = false;
	if (r->seq == 0)
		return 0;
	seen = seqs_see(d->seqs, e->topic, r->seq, &missing);
	*repeated = seen == SEQS_REPEATED;
	if (seen != SEQS_HOLE || !d->settled || d->config->every_ms > 0)
		return 0;
	log_warn("topic %.*s: %" PRIu64 " event%s before seq %" PRIu64 " did not come",
		(int)e->topic.n, e->topic.p, missing, missing == 1 ? "" : "s", r->seq);
	if (!d->config->strict)
		return 0;
	finish(d, EXIT_LOSS);
	return -1;
}

/* An event that cannot be handed on: its data_base64 is none, or there is no memory. */
static int refuse(struct delivery *d, const struct envelope *e)
{
	if (errno != EINVAL)
		return out_of_memory(d);
	log_warn("event %.*s has a malformed payload and is left out", (int)e->id.n,
		e->id.p != NULL ? e->id.p : "");
	return 0;
}

/* Hand on an event that is new, then see whether it was the last one wanted. */
static int take(struct delivery *d, const struct envelope *e, struct str cursor)
{
	move_past(d, e, cursor);
	if (d->exec != NULL ? exec_push(d->exec, e, &d->at) != 0 : output_event(d->output, e) != 0)
		return refuse(d, e);
	d->count++;
	d->count_connected++;
	if (d->finished)
		return -1;
	if (d->count == d->config->count ||
	    (d->config->until != NULL && e->type.p != NULL && record_is(e->type, d->config->until))) {
		finish(d, EXIT_DONE);
		return -1;
	}
	return 0;
}

/* Which seqs may jump now: those of the topic, or of all if the gap is of a pattern. */
static void forget_seqs(struct delivery *d, struct str topic)
{
	char plain[TOPIC_MAX];

	if (topic.n >= 2 && topic.n - 2 <= sizeof(plain) && memchr(topic.p, '\\', topic.n) == NULL &&
	    topic_check((struct str){topic.p + 1, topic.n - 2}) == TOPIC_OK)
		seqs_forget(d->seqs, topic);	/* they are known by their raw text */
	else
		seqs_forget_all(d->seqs);
}

static void log_gap(const struct delivery *d, const struct json_member *m)
{
	const struct str none = STR_LIT("?");
	struct str f[4];

	for (size_t i = 0; i < 4; i++)
		f[i] = m[i].raw.p != NULL ? m[i].raw : none;
	/* With the envelopes on stdout the gap itself stands among them. */
	(d->config->format != NULL || d->exec != NULL ? log_warn : log_info)(
		"gap in topic %.*s after %.*s until %.*s: %.*s", (int)f[0].n, f[0].p, (int)f[1].n, f[1].p,
		(int)f[2].n, f[2].p, (int)f[3].n, f[3].p);
}

static int take_gap(struct delivery *d, const struct envelope *e)
{
	enum { TOPIC, AFTER, UNTIL, REASON, N };
	struct json_member m[N] = { {.name = "topic"}, {.name = "after"}, {.name = "until"},
		{.name = "reason"} };

	(void)json_members(e->gap, m, N, NULL);	/* if it is no object, all are absent */
	log_gap(d, m);
	if (d->exec == NULL && d->config->format == NULL && output_text(d->output, e->line) != 0)
		return out_of_memory(d);
	if (d->config->strict) {
		finish(d, EXIT_LOSS);
		return -1;
	}
	forget_seqs(d, m[TOPIC].raw);
	/* Our cursor means nothing there: the server goes on from where it said. */
	if (d->start.len > 0 && (record_is(m[REASON].raw, "store") ||
	    record_is(m[REASON].raw, "ahead") || record_is(m[REASON].raw, "restart")))
		delivery_cursor(d, position_str(&d->start));
	return 0;
}

/* An envelope over several lines, as only others than rt-serve send them, becomes one line. */
static int join_lines(struct delivery *d, struct str *text)
{
	buf_reset(&d->scratch);
	if (buf_reserve(&d->scratch, text->n) != 0)
		return out_of_memory(d);
	d->scratch.len = json_one_line((char *)d->scratch.p, text->p, text->n);
	*text = buf_str(&d->scratch);
	return 0;
}

static bool has_line_break(struct str s)
{
	return memchr(s.p, '\n', s.n) != NULL || memchr(s.p, '\r', s.n) != NULL;
}

int delivery_record(struct delivery *d, struct str text, bool one_line, struct str cursor)
{
	struct envelope_foreign unknown = {.data = text};
	struct record r;
	bool repeated;

	if (d->finished)
		return -1;
	if (!record_parse(&r, text, d->whole, &d->memo))
		return delivery_foreign(d, &unknown, cursor);
	if (!one_line && has_line_break(text) &&
	    (join_lines(d, &text) != 0 || !record_parse(&r, text, d->whole, &d->memo)))
		return -1;
	if (r.envelope.gap.p != NULL)
		return take_gap(d, &r.envelope);
	if (check_seq(d, &r, &repeated) != 0)
		return -1;
	return repeated ? 0 : take(d, &r.envelope, cursor);
}

/* A server that resumes with the event named rather than after it. */
static bool is_resumed_event(const struct delivery *d, struct str id)
{
	return id.p != NULL && d->count_connected == 0 && d->resumed.len > 0 &&
		str_eq(id, position_str(&d->resumed));
}

int delivery_foreign(struct delivery *d, const struct envelope_foreign *f, struct str cursor)
{
	struct envelope e;

	if (d->finished)
		return -1;
	if (is_resumed_event(d, f->id)) {
		d->resumed.len = 0;
		return 0;
	}
	buf_reset(&d->scratch);
	if (envelope_from_foreign(&d->scratch, f) != 0)
		return out_of_memory(d);
	e = (struct envelope){.line = buf_str(&d->scratch)};
	if (d->whole && envelope_parse(&e, e.line) != JSON_OK)
		return 0;
	return take(d, &e, cursor.n > 0 ? cursor : STR_NULL);
}

/* --- what the owner calls --------------------------------------------------------------------- */

const struct position *delivery_at(const struct delivery *d)
{
	return &d->at;
}

void delivery_settled(struct delivery *d)
{
	d->settled = true;
}

const char *delivery_store(const struct delivery *d)
{
	return d->store;
}

uint64_t delivery_count(const struct delivery *d)
{
	return d->count;
}

uint64_t delivery_count_connected(const struct delivery *d)
{
	return d->count_connected;
}

void delivery_flush(struct delivery *d)
{
	if (d->output == NULL)
		return;
	output_flush(d->output);
	if (d->keeper != NULL && d->at.len > 0 && output_written(d->output))
		keeper_set(d->keeper, &d->at, d->store);
}

void delivery_stop(struct delivery *d, bool at_once)
{
	d->finished = true;
	if (d->exec != NULL && at_once)
		exec_stop(d->exec);
}

bool delivery_pending(const struct delivery *d)
{
	return d->exec != NULL ? exec_busy(d->exec) : output_pending(d->output);
}

int delivery_end(struct delivery *d, int status)
{
	bool nothing = d->config->require && d->count == 0;

	if (d->keeper != NULL && keeper_save(d->keeper) != 0 && status == EXIT_DONE)
		return EXIT_RESOURCES;
	if (status != EXIT_DONE && status != EXIT_TIMEOUT)
		return status;
	if (d->exec != NULL && exec_has_failed(d->exec))
		return EXIT_COMMAND;
	return nothing ? EXIT_NOTHING : status;
}

struct delivery *delivery_new(struct ev_loop *loop, const struct config *c,
	const struct delivery_ops *ops, void *arg, int *status)
{
	struct delivery *d = calloc(1, sizeof(*d));

	*status = EXIT_RESOURCES;
	if (d == NULL)
		return NULL;
	d->config = c;
	d->ops = ops;
	d->arg = arg;
	d->settled = !c->latest;
	d->whole = c->format != NULL || c->command != NULL || c->until != NULL;
	buf_init(&d->scratch, SIZE_MAX / 2);	/* an event's limit holds already */
	d->seqs = seqs_new();
	if (c->command != NULL)
		d->exec = exec_new(loop, c, &exec_ops, d);
	else
		d->output = output_new(loop, STDOUT_FILENO, c->format, c->nul ? '\0' : '\n', &output_ops, d);
	if (d->seqs == NULL || (d->exec == NULL && d->output == NULL)) {
		log_error("out of memory");
		goto free_delivery;
	}
	if (c->state != NULL) {
		d->keeper = keeper_new(loop, c, status);
		if (d->keeper == NULL)
			goto free_delivery;
		keeper_load(d->keeper, &d->at, d->store);
		d->settled |= d->at.len > 0;	/* it goes on, without a snapshot */
	}
	return d;

free_delivery:
	delivery_free(d);
	return NULL;
}

void delivery_free(struct delivery *d)
{
	if (d == NULL)
		return;
	output_free(d->output);
	exec_free(d->exec);
	keeper_free(d->keeper);
	seqs_free(d->seqs);
	buf_fini(&d->scratch);
	free(d);
}
