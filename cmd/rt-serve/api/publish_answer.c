/* SPDX-License-Identifier: MIT */
#include "api/publish_answer.h"

#include "api/fields.h"
#include "api/problem.h"
#include "api/publish_state.h"
#include "config.h"
#include "json.h"
#include "units.h"

#define ANSWER_MAX (1 << 20)
#define UNREAD_BYTES (256 << 10)	/* answers of ?ack=lines that stop reading */

const char *publish_refusal_text(const struct event *e)
{
	return e->refusal == EVENT_TOO_MANY_TOPICS ?
		"it would make one topic too many (--max-topics)" : "refused by the store";
}

static unsigned refusal_status(const struct event *e)
{
	return e->refusal == EVENT_ACCEPTED ? 201 : 507;
}

static int write_event(struct buf *b, const struct event *e, enum store_ack ack)
{
	char seq[20];

	if (e->ephemeral)
		return buf_adds(b, "\"id\":null,\"seq\":null,\"ack\":\"memory\"");
	if (buf_reserve(b, EVENT_ID_MAX + sizeof("\"id\":\"\",\"seq\":,\"ack\":\"\"") + 2 * 20) != 0)
		return -1;
	buf_adds(b, "\"id\":\"");
	buf_addstr(b, event_id(e));
	buf_adds(b, "\",\"seq\":");
	if (e->seq == 0)
		buf_adds(b, "null");
	else
		buf_addstr(b, (struct str){seq, units_format_u64(seq, e->seq)});
	buf_adds(b, ",\"ack\":\"");
	buf_adds(b, store_ack_name(ack));
	return buf_addc(b, '"');
}

static int write_one(struct buf *b, const struct event *e, enum store_ack ack)
{
	if (e->refusal != EVENT_ACCEPTED)
		return problem_write(b, refusal_status(e), str_of(publish_refusal_text(e)));
	return buf_addc(b, '{') != 0 || write_event(b, e, ack) != 0 || buf_adds(b, "}\n") != 0 ? -1 : 0;
}

static int write_errors(struct buf *b, const struct group_line *errors, unsigned n)
{
	if (buf_adds(b, ",\"errors\":[") != 0)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		if (buf_addf(b, "%s{\"line\":%llu,\"error\":", i > 0 ? "," : "",
			(unsigned long long)errors[i].number) != 0 ||
		    json_quote(b, str_of(errors[i].error)) != 0 || buf_addc(b, '}') != 0)
			return -1;
	}
	return buf_adds(b, "]}\n");
}

static int write_line(struct buf *b, const struct group_line *l, const struct event *e,
	const char *failure, enum store_ack ack)
{
	const char *why = l->error != NULL ? l->error : failure;

	if (why == NULL && e->refusal != EVENT_ACCEPTED)
		why = publish_refusal_text(e);
	if (buf_addf(b, "{\"line\":%llu,", (unsigned long long)l->number) != 0)
		return -1;
	if (why == NULL && write_event(b, e, ack) != 0)
		return -1;
	if (why != NULL && (buf_adds(b, "\"error\":") != 0 || json_quote(b, str_of(why)) != 0))
		return -1;
	return buf_adds(b, "}\n");
}

/** An answer for each line of (g), none of which was stored if there is a (failure). */
static int write_lines(struct buf *b, const struct group *g, const char *failure)
{
	size_t e = 0;

	for (uint32_t i = 0; i < g->nlines; i++) {
		const struct group_line *l = &g->lines[i];
		const struct event *ev = l->error == NULL ? g->batch.events[e++] : NULL;

		if (write_line(b, l, ev, failure, g->batch.ack) != 0)
			return -1;
	}
	return 0;
}

struct counts {
	uint64_t accepted, refused;
	struct str last;
	enum store_ack ack;
};

static int write_counts(struct buf *b, const struct publish *p, const struct counts *n)
{
	if (buf_addf(b, "{\"accepted\":%llu,\"refused\":%llu,\"last\":", (unsigned long long)n->accepted,
		(unsigned long long)n->refused) != 0 ||
	    (n->last.n > 0 ? json_quote(b, n->last) : buf_adds(b, "null")) != 0 ||
	    buf_addf(b, ",\"ack\":\"%s\"", store_ack_name(n->ack)) != 0)
		return -1;
	return write_errors(b, p->errors, p->nerrors);
}

/**
 * Runs on the store's thread. Until done() nobody else writes to what it reads of the publish: the
 * body has ended, and all refused lines were counted before.
 */
int publish_write_answer(struct batch *b, struct buf *answer)
{
	struct group *g = (struct group *)(void *)b;	/* batch is its first member */
	const struct publish *p = g->owner;
	struct counts n = {.refused = p->refused, .ack = b->ack};

	if (p->kind != PUBLISH_NDJSON) {
		if (buf_addf(answer, "%u", refusal_status(b->events[0])) != 0)
			return -1;
		return write_one(answer, b->events[0], b->ack);
	}
	if (p->ack_lines)
		return buf_adds(answer, "200") != 0 ? -1 : write_lines(answer, g, NULL);
	for (size_t i = 0; i < b->n; i++) {
		if (b->events[i]->refusal != EVENT_ACCEPTED) {
			n.refused++;
			continue;
		}
		n.accepted++;
		n.last = event_id(b->events[i]);
	}
	return buf_adds(answer, "200") != 0 ? -1 : write_counts(answer, p, &n);
}

static void respond(struct publish *p, unsigned status, struct str json, bool replayed)
{
	struct fields f;

	p->answered = true;
	fields_init(&f, NULL_REQUEST(p));
	fields_add(&f, "Content-Type", status >= 400 ? STR_LIT("application/problem+json") :
		p->ack_lines ? STR_LIT("application/x-ndjson") : STR_LIT("application/json"));
	fields_add(&f, "Cache-Control", STR_LIT("no-store"));
	if (replayed)
		fields_add(&f, "Idempotency-Replayed", STR_LIT("true"));
	p->api->stats.status[status / 100]++;
	exchange_respond(p->x, status, f.f, f.n, json);
}

void publish_answer_saved(struct publish *p, struct group *g)
{
	struct str saved = buf_str(&g->batch.answer);
	unsigned status = 200;

	if (g->batch.status == STORE_OK) {
		p->api->stats.published += g->batch.n;
		p->api->stats.publish_bytes += g->batch.bytes;
	}
	if (p->x == NULL || p->answered)
		return;
	if (saved.n > 3) {
		status = (unsigned)(saved.p[0] - '0') * 100 + (unsigned)(saved.p[1] - '0') * 10 +
			(unsigned)(saved.p[2] - '0');
		saved = (struct str){saved.p + 3, saved.n - 3};
	}
	respond(p, status, saved, g->batch.status == STORE_REPLAYED);
}

void publish_answer_one(struct publish *p, struct group *g)
{
	struct buf b;
	unsigned status;

	if (g->batch.status != STORE_OK) {
		const char *why = group_failure(g->batch.status, &status);

		p->answered = true;
		problem_respond(p->x, NULL_REQUEST(p), status, "%s", why);
		return;
	}
	buf_init(&b, ANSWER_MAX);
	status = refusal_status(g->batch.events[0]);
	write_one(&b, g->batch.events[0], g->batch.ack);
	respond(p, status, buf_str(&b), false);
	buf_fini(&b);
}

void publish_answer_all(struct publish *p)
{
	struct counts n = {p->accepted, p->refused, {p->last, p->last_n}, p->ack};
	struct buf b;

	if (p->accepted == 0 && p->failure_status != 0 && !p->begun) {
		p->answered = true;
		problem_respond(p->x, NULL_REQUEST(p), p->failure_status, "%s",
			p->nerrors > 0 ? p->errors[p->nerrors - 1].error : "not stored, try again");
		return;
	}
	if (p->ack_lines) {
		publish_answer_lines(p, NULL);
		p->answered = true;
		exchange_end(p->x);
		return;
	}
	buf_init(&b, ANSWER_MAX);
	write_counts(&b, p, &n);
	respond(p, 200, buf_str(&b), false);
	buf_fini(&b);
}

static void begin_lines(struct publish *p)
{
	struct fields f;

	p->begun = true;
	fields_init(&f, NULL_REQUEST(p));
	fields_add(&f, "Content-Type", STR_LIT("application/x-ndjson"));
	fields_add(&f, "Cache-Control", STR_LIT("no-store, no-transform"));
	fields_add(&f, "X-Accel-Buffering", STR_LIT("no"));
	p->api->stats.status[2]++;
	exchange_begin(p->x, 200, f.f, f.n);
}

void publish_answer_lines(struct publish *p, struct group *g)
{
	const char *failure = NULL;
	unsigned status;
	struct buf b;

	if (!p->begun)
		begin_lines(p);
	if (g == NULL)
		return;
	if (g->batch.status != STORE_OK)
		failure = group_failure(g->batch.status, &status);
	buf_init(&b, SIZE_MAX / 2);
	if (write_lines(&b, g, failure) != 0)
		exchange_abort(p->x, CONN_NOMEM);
	else if (b.len > 0)
		exchange_write(p->x, buf_str(&b));
	buf_fini(&b);
}

void publish_answer_cut(struct publish *p, const char *why)
{
	struct buf b;

	buf_init(&b, ANSWER_MAX);
	buf_adds(&b, "{\"error\":");
	json_quote(&b, str_of(why));
	buf_adds(&b, "}\n");
	exchange_write(p->x, buf_str(&b));
	buf_fini(&b);
	exchange_close_after(p->x);
	exchange_end(p->x);
}

bool publish_answer_unread(const struct publish *p)
{
	return p->ack_lines && p->x != NULL && conn_pending(exchange_conn(p->x)) > 0;
}

bool publish_answer_stalled(struct publish *p)
{
	uint64_t now = loop_now_ms(p->api->loop);
	struct conn_info info;

	if (!publish_answer_unread(p)) {
		p->unread_since_ms = 0;
		return false;
	}
	conn_info(exchange_conn(p->x), false, &info);
	if (p->unread_since_ms == 0 || info.bytes_out != p->unread_bytes_out) {
		p->unread_since_ms = now;
		p->unread_bytes_out = info.bytes_out;
	} else if (now - p->unread_since_ms > api_config(p->api)->max_unread_ms) {
		exchange_abort(p->x, CONN_SLOW);
	}
	return conn_pending(exchange_conn(p->x)) >= UNREAD_BYTES;
}
