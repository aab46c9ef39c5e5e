/* SPDX-License-Identifier: MIT */
#include "sender.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "exitcode.h"
#include "json.h"
#include "log.h"
#include "stop.h"
#include "transfer.h"
#include "units.h"

#define URL_MAX 16384
#define ANSWER_MAX (1u << 20)

struct sender {
	const struct config *c;
	struct report *report;
	struct transfer transfer;	/* easy != NULL: on its way */
	struct buf url;
	struct batch *batch;		/* not NULL: not answered yet */
	struct batch *done, *too_large;
	uint64_t retry_at;		/* monotonic ms; 0: not waiting */
	struct backoff backoff;
	bool refreshed;			/* the token, since the last success */
	int failed;
};

static int build_url(struct sender *s)
{
	const struct config *c = s->c;
	struct buf *u = &s->url;
	/* Bytes can only be said in envelopes, which then name topic, type and key themselves. */
	bool envelopes = c->topic == NULL || c->bytes;

	if (buf_adds(u, c->client.server) != 0 ||
	    buf_adds(u, envelopes ? "/events" : "/topics/") != 0)
		return -1;
	if (!envelopes && client_add_path(u, str_of(c->topic)) != 0)
		return -1;
	if (!envelopes && c->type != NULL && client_add_query(u, "type", str_of(c->type)) != 0)
		return -1;
	if (!envelopes && c->event_key != NULL &&
	    client_add_query(u, "key", str_of(c->event_key)) != 0)
		return -1;
	if (c->ephemeral && client_add_query(u, "store", STR_LIT("no")) != 0)
		return -1;
	if (c->ack && client_add_query(u, "ack", STR_LIT("lines")) != 0)
		return -1;
	return buf_cstr(u) == NULL ? -1 : 0;
}

struct sender *sender_new(const struct config *c, struct report *r)
{
	struct sender *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->c = c;
	s->report = r;
	s->failed = -1;
	buf_init(&s->url, URL_MAX);
	backoff_init(&s->backoff, BACKOFF_FIRST_MS, BACKOFF_CAP_MS);
	if (transfer_init(&s->transfer, ANSWER_MAX) != 0 || build_url(s) != 0) {
		sender_free(s);
		return NULL;
	}
	return s;
}

void sender_free(struct sender *s)
{
	if (s == NULL)
		return;
	transfer_fini(&s->transfer);
	batch_free(s->batch);
	batch_free(s->done);
	batch_free(s->too_large);
	buf_fini(&s->url);
	free(s);
}

/* --- one request ----------------------------------------------------------------------------- */

static void fail(struct sender *s, int status)
{
	s->failed = status;
	s->retry_at = 0;
}

static void fail_nomem(struct sender *s)
{
	report_clear(s->report);
	log_error("out of memory");
	fail(s, EXIT_RESOURCES);
}

static void start(struct sender *s)
{
	char key[sizeof("Idempotency-Key: ") + BATCH_KEY_LEN];
	const char *extra[4] = { "Content-Type: application/x-ndjson", "Expect:" };
	struct transfer *t = &s->transfer;

	if (s->batch->key[0] != '\0') {
		snprintf(key, sizeof(key), "Idempotency-Key: %s", s->batch->key);
		extra[2] = key;
	}
	s->retry_at = 0;
	if (transfer_prepare(t, &s->c->client, buf_cstr(&s->url), extra, s->c->timeout_ms) != 0) {
		fail_nomem(s);
		return;
	}
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->batch->body.len);
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, s->batch->body.p);
	if (transfer_start(t) != 0)
		fail_nomem(s);
}

/* --- its answer ------------------------------------------------------------------------------ */

static void on_refused(void *arg, uint64_t n, struct str error)
{
	struct sender *s = arg;
	struct buf why;

	buf_init(&why, 4096);
	if (json_unquote_add(&why, error) != 0)
		buf_adds(&why, "not accepted");
	report_refused(s->report, batch_input_line(s->batch, n), buf_str(&why), NULL);
	buf_fini(&why);
}

static void print(struct sender *s, struct str text)
{
	while (text.n > 0) {
		ssize_t n = write(STDOUT_FILENO, text.p, text.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			report_clear(s->report);
			if (errno == EPIPE)
				stop_by(SIGPIPE);
			log_error("stdout: %s", strerror(errno));
			fail(s, EXIT_RESOURCES);
			return;
		}
		text.p += n;
		text.n -= (size_t)n;
	}
}

/* The batch is out of our hands: (where) to. */
static void hand_over(struct sender *s, struct batch **where)
{
	*where = s->batch;
	s->batch = NULL;
	if (s->backoff.tries > 0)
		log_info("connected, going on");
	backoff_success(&s->backoff);
	s->refreshed = false;
}

static void fail_answer(struct sender *s, const struct answer *a)
{
	report_clear(s->report);
	if (a == NULL)
		log_error("%s does not answer like an rt-serve: is the URL right?",
			s->c->client.server);
	else
		log_error("the server answered for %" PRIu64 " of %" PRIu64 " lines",
			a->accepted + a->refused, s->batch->nlines);
	fail(s, EXIT_PROTOCOL);
}

static void take_summary(struct sender *s)
{
	uint64_t before = s->report->refused, named;
	struct answer a = { 0 };

	if (answer_summary(buf_str(&s->transfer.body), &a, on_refused, s) != 0) {
		fail_answer(s, NULL);
		return;
	}
	if (a.accepted + a.refused != s->batch->nlines) {
		fail_answer(s, &a);
		return;
	}
	named = s->report->refused - before;
	report_accepted(s->report, a.accepted);
	if (a.refused > named)
		report_unnamed(s->report, a.refused - named);
	hand_over(s, &s->done);
}

/* --ack: what became of the (n)th line of the batch, for stdout or as a refusal. */
static int take_line(struct sender *s, struct str text, uint64_t n, struct buf *out)
{
	struct answer_line l;

	if (answer_line(text, &l) != 0 || l.n != n)
		return -1;
	if (l.error.p != NULL) {
		on_refused(s, n, l.error);
		return 0;
	}
	report_accepted(s->report, 1);
	return buf_addf(out, "{\"line\":%" PRIu64 ",\"id\":%.*s,\"seq\":%.*s}\n",
		batch_input_line(s->batch, n), (int)l.id.n, l.id.p, (int)l.seq.n, l.seq.p);
}

/* --ack: an answer for each line, in order. */
static void take_lines(struct sender *s)
{
	struct str text = buf_str(&s->transfer.body);
	struct buf out;
	uint64_t n = 0;
	const char *end;

	buf_init(&out, ANSWER_MAX * 2);
	while ((end = text.n > 0 ? memchr(text.p, '\n', text.n) : NULL) != NULL) {
		size_t len = (size_t)(end - text.p);

		if (take_line(s, (struct str){ text.p, len }, n + 1, &out) != 0)
			break;
		n++;
		text = (struct str){ end + 1, text.n - len - 1 };
	}
	print(s, buf_str(&out));
	buf_fini(&out);
	if (n == s->batch->nlines && text.n == 0)
		hand_over(s, &s->done);
	else
		fail_answer(s, NULL);
}

static void retry_later(struct sender *s, const char *why, uint64_t retry_after_ms)
{
	int64_t wait = backoff_next(&s->backoff, &s->c->client, retry_after_ms);

	report_clear(s->report);
	if (wait < 0) {
		log_error("%s; giving up", why);
		fail(s, EXIT_UNREACHABLE);
		return;
	}
	s->retry_at = units_monotonic_ms() + (uint64_t)wait;
	if (s->backoff.tries == 1)
		log_warn("%s; trying again", why);
	else
		log_info("%s; trying again in %" PRId64 " ms", why, wait);
}

/*
 * 413: halves of the batch may pass. So may a single line without a key, for which the server's
 * limit is another one. If not, it must not cost the lines after it.
 */
static void too_large(struct sender *s, const char *why)
{
	if (s->batch->nlines > 1) {
		log_info("%s; going on with halves", why);
		hand_over(s, &s->too_large);
	} else if (s->batch->key[0] != '\0') {
		s->batch->key[0] = '\0';
		start(s);
	} else {
		report_refused(s->report, batch_input_line(s->batch, 1), str_of(why), NULL);
		hand_over(s, &s->done);
	}
}

static void refused(struct sender *s, long status, const char *why)
{
	if (status == 413) {
		too_large(s, why);
		return;
	}
	if (status == 401 && !s->refreshed) {
		s->refreshed = true;
		if (client_refresh_token(&s->c->client)) {
			start(s);
			return;
		}
	}
	report_clear(s->report);
	log_error("%s", why);
	fail(s, EXIT_REFUSED);
}

static void on_complete(struct sender *s, CURLcode result)
{
	uint64_t retry_after_ms;
	enum client_verdict v;
	const char *why;
	struct buf text;
	long status = transfer_status(&s->transfer);

	buf_init(&text, 4096);
	v = transfer_judge(&s->transfer, result, &text, &retry_after_ms);
	transfer_end(&s->transfer);
	why = buf_cstr(&text);
	if (why == NULL)
		why = "no answer";
	switch (v) {
	case CLIENT_OK:
		if (s->c->ack)
			take_lines(s);
		else
			take_summary(s);
		break;
	case CLIENT_RETRY:
		retry_later(s, why, retry_after_ms);
		break;
	case CLIENT_REFUSED:
		refused(s, status, why);
		break;
	case CLIENT_PROTOCOL:
		report_clear(s->report);
		log_error("%s", why);
		fail(s, EXIT_PROTOCOL);
		break;
	}
	buf_fini(&text);
}

/* --- the outside ----------------------------------------------------------------------------- */

bool sender_idle(const struct sender *s)
{
	return s->batch == NULL;
}

static void perform(struct sender *s)
{
	CURLcode result;

	if (transfer_perform(&s->transfer, &result))
		on_complete(s, result);
}

void sender_send(struct sender *s, struct batch *b)
{
	s->batch = b;
	start(s);
	if (s->transfer.easy != NULL)
		perform(s);
}

struct batch *sender_done(struct sender *s)
{
	struct batch *b = s->done;

	s->done = NULL;
	return b;
}

struct batch *sender_too_large(struct sender *s)
{
	struct batch *b = s->too_large;

	s->too_large = NULL;
	return b;
}

/* The time left until the next try, if that is less than (timeout_ms), which may be -1. */
static int until_retry(const struct sender *s, int timeout_ms)
{
	uint64_t now = units_monotonic_ms(), left;

	if (s->retry_at == 0)
		return timeout_ms;
	left = now >= s->retry_at ? 0 : s->retry_at - now;
	return timeout_ms < 0 || left < (uint64_t)timeout_ms ? (int)left : timeout_ms;
}

void sender_wait(struct sender *s, struct curl_waitfd *fds, unsigned nfds, int timeout_ms)
{
	int ms = until_retry(s, timeout_ms);

	curl_multi_poll(s->transfer.multi, fds, nfds, ms < 0 ? 60000 : ms, NULL);
	if (s->retry_at != 0 && units_monotonic_ms() >= s->retry_at)
		start(s);
	perform(s);
}

int sender_failed(const struct sender *s)
{
	return s->failed;
}

uint64_t sender_lines(const struct sender *s, uint64_t *first)
{
	if (s->batch == NULL)
		return 0;
	*first = batch_input_line(s->batch, 1);
	return s->batch->nlines;
}
