/* SPDX-License-Identifier: MIT */
#include "publisher.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "encode.h"
#include "exitcode.h"
#include "line.h"
#include "log.h"
#include "queue.h"
#include "report.h"
#include "sender.h"
#include "stop.h"
#include "units.h"

#define CHUNK (256u << 10)
#define GATHER_MAX BATCH_MAX	/* read no more while so much waits: the next batch */
#define BATCH_LINES_MAX 65536
#define ACK_LINES_MAX 2000	/* --ack: the answer has a line for each, and is kept by the server */

struct publisher {
	const struct config *c;
	struct report report;
	struct encode encode;
	struct line lines;
	struct queue queue;
	struct sender *sender;
	int fd;
	bool eof;
	int failed;		/* exit status of what went wrong on this side, or -1 */
	uint64_t stop_at;	/* monotonic ms: a signal came, flush until then; 0: none */
	char *chunk;
};

static enum encode_mode mode_of(const struct config *c)
{
	return c->text ? ENCODE_TEXT : c->bytes ? ENCODE_BYTES : ENCODE_JSON;
}

struct publisher *publisher_new(const struct config *c)
{
	struct publisher *p = calloc(1, sizeof(*p));
	bool single = c->message != NULL || c->file != NULL;

	if (p == NULL)
		return NULL;
	p->c = c;
	p->failed = -1;
	report_init(&p->report, !c->client.quiet && !single && !isatty(STDIN_FILENO) &&
		!(c->ack && isatty(STDOUT_FILENO)));
	p->report.single = single;
	line_init(&p->lines, c->max_line);
	if (encode_init(&p->encode, mode_of(c), c->topic, c->type, c->event_key) != 0)
		goto fail;
	queue_init(&p->queue, c->ack ? ACK_LINES_MAX : BATCH_LINES_MAX,
		encode_max(&p->encode, c->max_line));
	p->chunk = malloc(CHUNK);
	p->sender = sender_new(c, &p->report);
	if (p->chunk == NULL || p->sender == NULL)
		goto fail;
	return p;

fail:
	publisher_free(p);
	return NULL;
}

void publisher_free(struct publisher *p)
{
	if (p == NULL)
		return;
	sender_free(p->sender);
	queue_fini(&p->queue);
	encode_fini(&p->encode);
	line_fini(&p->lines);
	free(p->chunk);
	free(p);
}

/* --- input ----------------------------------------------------------------------------------- */

static void fail_nomem(struct publisher *p)
{
	report_clear(&p->report);
	log_error("out of memory");
	p->failed = EXIT_RESOURCES;
}

static const char *hint(const struct publisher *p)
{
	return p->encode.mode == ENCODE_JSON ? "-l publishes text, -b bytes" :
		"-b publishes any bytes";
}

static void refuse(struct publisher *p, uint64_t n, struct str line)
{
	struct buf why;

	buf_init(&why, 1024);
	encode_why(&p->encode, &why, line);
	report_refused(&p->report, n, buf_str(&why), hint(p));
	buf_fini(&why);
}

/* What became of a line that encode_* put behind (mark) of the open batch. */
static void settle(struct publisher *p, enum encode_result r, size_t mark, uint64_t n,
	struct str line)
{
	switch (r) {
	case ENCODE_OK:
		if (queue_close(&p->queue, mark, n) != 0)
			fail_nomem(p);
		break;
	case ENCODE_BLANK:
		break;
	case ENCODE_BAD:
		refuse(p, n, line);
		break;
	case ENCODE_NOMEM:
		fail_nomem(p);
		break;
	}
}

static void add_line(struct publisher *p, struct str line)
{
	struct buf *out = queue_open(&p->queue);
	size_t mark;

	if (out == NULL) {
		fail_nomem(p);
		return;
	}
	mark = out->len;
	settle(p, encode_line(&p->encode, out, line), mark, p->lines.number, line);
}

static void refuse_long(struct publisher *p)
{
	struct buf why;

	buf_init(&why, 128);
	buf_addf(&why, "longer than %" PRIu64 " bytes", p->c->max_line);
	report_refused(&p->report, p->lines.number, buf_str(&why), "--max-line allows more");
	buf_fini(&why);
}

static void take(struct publisher *p, enum line_result r, struct str line)
{
	switch (r) {
	case LINE_READY:
		add_line(p, line);
		break;
	case LINE_TOO_LONG:
		refuse_long(p);
		break;
	case LINE_NOMEM:
		fail_nomem(p);
		break;
	case LINE_MORE:
		break;
	}
}

static void feed(struct publisher *p, struct str input)
{
	enum line_result r;
	struct str line;

	while (p->failed < 0 && (r = line_next(&p->lines, &input, &line)) != LINE_MORE)
		take(p, r, line);
}

static void finish_input(struct publisher *p)
{
	struct str line;
	enum line_result r = line_end(&p->lines, &line);

	p->eof = true;
	take(p, r, line);
}

static void read_more(struct publisher *p)
{
	ssize_t n = read(p->fd, p->chunk, CHUNK);

	if (n > 0) {
		feed(p, (struct str){ p->chunk, (size_t)n });
	} else if (n == 0) {
		finish_input(p);
	} else if (errno != EINTR && errno != EAGAIN) {
		report_clear(&p->report);
		log_error("stdin: %s", strerror(errno));
		p->failed = EXIT_INPUT;
		p->eof = true;
	}
}

/* --- the loop -------------------------------------------------------------------------------- */

/* After a signal no more is read. A line without its end may be cut short: it is not sent. */
static void note_stop(struct publisher *p)
{
	if (stop_signal() == 0 || p->stop_at != 0)
		return;
	p->stop_at = units_monotonic_ms() + STOP_GRACE_MS;
	log_info("signal %d: sending what was read, for %d s at most", stop_signal(),
		STOP_GRACE_MS / 1000);
	if (!p->eof && p->lines.partial.len > 0) {
		report_clear(&p->report);
		log_warn("line %" PRIu64 ": incomplete when the signal came, not published",
			p->lines.number + 1);
	}
	p->eof = true;
}

static int min_wait(int a, int b)
{
	return a < 0 ? b : b < 0 ? a : a < b ? a : b;
}

static int wait_ms(const struct publisher *p)
{
	uint64_t now = units_monotonic_ms();
	int ms = report_due(&p->report, now);

	if (p->stop_at != 0)
		ms = min_wait(ms, now >= p->stop_at ? 0 : (int)(p->stop_at - now));
	return ms;
}

static void wait_and_read(struct publisher *p)
{
	struct curl_waitfd fds[2] = { 0 };
	unsigned n = 0;
	int in = -1;

	if (p->stop_at == 0)
		fds[n++] = (struct curl_waitfd){ .fd = stop_fd(), .events = CURL_WAIT_POLLIN };
	if (!p->eof && p->queue.bytes < GATHER_MAX) {
		in = (int)n;
		fds[n++] = (struct curl_waitfd){ .fd = p->fd, .events = CURL_WAIT_POLLIN };
	}
	sender_wait(p->sender, fds, n, wait_ms(p));
	if (in >= 0 && fds[in].revents != 0 && stop_signal() == 0)
		read_more(p);
	report_progress(&p->report, units_monotonic_ms());
}

/* One step. False when there is nothing left to do, or to be done. */
static bool step(struct publisher *p)
{
	struct batch *b;

	note_stop(p);
	queue_recycle(&p->queue, sender_done(p->sender));
	b = sender_too_large(p->sender);
	if (b != NULL && queue_halve(&p->queue, b) != 0)
		fail_nomem(p);
	if (p->failed == EXIT_RESOURCES || sender_failed(p->sender) >= 0)
		return false;
	if (p->stop_at != 0 && units_monotonic_ms() >= p->stop_at)
		return false;
	if (sender_idle(p->sender)) {
		b = queue_take(&p->queue);
		if (b != NULL) {
			sender_send(p->sender, b);
			return true;
		}
		if (p->eof)
			return false;
	}
	wait_and_read(p);
	return true;
}

static void report_lost(struct publisher *p)
{
	uint64_t first = 0, n = sender_lines(p->sender, &first);

	if (n == 0 && p->queue.lines > 0)
		first = batch_input_line(p->queue.first, 1);
	n += p->queue.lines;
	if (n == 1 && !p->report.single)
		log_error("line %" PRIu64 " was read but not acknowledged", first);
	else if (n > 0 && !p->report.single)
		log_error("%" PRIu64 " lines were read but not acknowledged, from line %" PRIu64
			" on", n, first);
	else if (n > 0)
		log_error("the event was not acknowledged");
}

static int finish(struct publisher *p)
{
	report_end(&p->report);
	report_lost(p);
	if (stop_signal() != 0)
		stop_by(stop_signal());
	if (sender_failed(p->sender) >= 0)
		return sender_failed(p->sender);
	if (p->failed >= 0)
		return p->failed;
	return p->report.refused > 0 ? EXIT_PARTIAL : EXIT_DONE;
}

int publisher_run(struct publisher *p, int fd)
{
	p->fd = fd;
	while (step(p))
		;
	return finish(p);
}

int publisher_one(struct publisher *p, struct str text, bool typed)
{
	struct buf *out = queue_open(&p->queue);
	enum encode_result r;

	p->eof = true;
	if (out == NULL) {
		fail_nomem(p);
		return p->failed;
	}
	/* Without a topic it must be an envelope, which no text can be. */
	r = typed && p->c->topic != NULL ? encode_message(&p->encode, out, text) :
		encode_whole(&p->encode, out, text);
	settle(p, r == ENCODE_BLANK ? ENCODE_BAD : r, 0, 1, text);
	while (step(p))
		;
	return finish(p);
}
