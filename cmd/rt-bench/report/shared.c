/* SPDX-License-Identifier: MIT */
#include "report/shared.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "report/report.h"
#include "terminal.h"

/* Of a terminal that does not tell. */
#define WIDTH_UNKNOWN 80

/* --- tables ---------------------------------------------------------------------------------- */

const struct report_column report_columns[REPORT_COLUMNS] = {
	{"p50", "p50", 50, 0},
	{"p90", "p90", 90, 3},
	{"p99", "p99", 99, 1},
	{"p99.9", "p999", 99.9, 4},
	{"max", "max", 100, 2},
	{"mean", "mean", -1, 5},
};

double report_value(const struct histogram *h, const struct report_column *column)
{
	if (h->count == 0)
		return NAN;
	return column->percent < 0 ? histogram_mean(h) : (double)histogram_percentile(h, column->percent);
}

static void add_row(struct report_row *rows, unsigned *n, const struct histogram *h,
	const char *name, bool part)
{
	if (h->count == 0)
		return;
	rows[*n].h = h;
	rows[*n].part = part;
	snprintf(rows[*n].name, sizeof(rows[*n].name), "%s", name);
	*n += 1;
}

unsigned report_rows(struct report_row rows[REPORT_ROWS], const struct result *r)
{
	unsigned n = 0;

	add_row(rows, &n, &r->all.latency, "latency", false);
	for (unsigned t = 0; report_transports(r) > 1 && t < TRANSPORTS; t++)
		add_row(rows, &n, &r->by_transport[t].latency, transport_name((enum transport)t), true);
	add_row(rows, &n, &r->pub.ack, "acknowledgement", false);
	add_row(rows, &n, &r->all.connect, "connecting", false);
	add_row(rows, &n, &r->all.recover, "coming back", false);
	return n;
}

unsigned report_transports(const struct result *r)
{
	unsigned n = 0;

	for (unsigned t = 0; t < TRANSPORTS; t++)
		n += r->by_transport[t].subscribers > 0;
	return n;
}

/* --- text ------------------------------------------------------------------------------------ */

void text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (t->len + 1 >= t->size)
		return;
	va_start(ap, fmt);
	n = vsnprintf(t->p + t->len, t->size - t->len, fmt, ap);
	va_end(ap);
	t->len += n < 0 ? 0 : (size_t)n;
	if (t->len >= t->size)
		t->len = t->size - 1;
}

/* "1 topic", "2 topics". */
static void add_many(struct text *t, uint64_t n, const char *thing)
{
	char count[FIGURE_LEN];

	text_add(t, "%s %s%s", figure_count(count, n), thing, n == 1 ? "" : "s");
}

/* A time that was given: "5 s", not "5.00 s". */
static char *time_text(char dst[FIGURE_LEN], uint64_t ns)
{
	if (ns % 1000000000 != 0)
		return figure_time(dst, (double)ns);
	figure_count(dst, ns / 1000000000);
	return strcat(dst, " s");
}

static void add_time(struct text *t, uint64_t ns)
{
	char time[FIGURE_LEN];

	text_add(t, "%s", time_text(time, ns));
}

bool report_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *v = getenv(names[i]);

		if (v != NULL && *v != '\0')
			return strcasestr(v, "UTF-8") != NULL || strcasestr(v, "UTF8") != NULL;
	}
	return false;
}

unsigned report_width(int fd)
{
	struct winsize w;

	if (ioctl(fd, TIOCGWINSZ, &w) != 0)
		return 0;
	return w.ws_col > 0 ? w.ws_col : WIDTH_UNKNOWN;
}

/* Columns that a UTF-8 text takes, near enough for URLs and names. */
static unsigned columns(const char *p, size_t n)
{
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += ((unsigned char)p[i] & 0xc0) != 0x80;
	return sum;
}

static bool is_unit(const char *s, size_t n)
{
	static const char *const units[] = {"ns", "us", "ms", "s", "B", "KiB", "MiB", "GiB", "k",
		"M", "G", "k/s", "M/s", "%"};

	while (n > 0 && strchr(",;.)", s[n - 1]) != NULL)
		n--;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i]) == n && memcmp(units[i], s, n) == 0)
			return true;
	return false;
}

/* Length of the word at (s); a number and its unit are one. */
static size_t word_len(const char *s)
{
	size_t n = strcspn(s, " ");

	if (n > 0 && s[n] == ' ' && s[n - 1] >= '0' && s[n - 1] <= '9' &&
			is_unit(s + n + 1, strcspn(s + n + 1, " ")))
		n += 1 + strcspn(s + n + 1, " ");
	return n;
}

static void wrap_words(FILE *out, const char *s, unsigned column, unsigned indent, unsigned width)
{
	bool first = true;

	while (*s != '\0') {
		size_t n = word_len(s);
		unsigned wide = columns(s, n);

		if (!first && column + 1 + wide > width) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			fputc(' ', out);
			column++;
		}
		fwrite(s, 1, n, out);
		column += wide;
		first = false;
		s += n;
		s += *s == ' ';
	}
}

void report_wrap(FILE *out, const char *s, unsigned column, unsigned indent, unsigned width)
{
	struct buf b;
	const char *safe = NULL;

	buf_init(&b, SIZE_MAX / 2);
	if (terminal_add(&b, str_of(s), TERMINAL_PLAIN) == 0)
		safe = buf_cstr(&b);
	wrap_words(out, safe == NULL ? "(out of memory)" : safe, column, indent, width);
	buf_fini(&b);
}

/* --- what was asked -------------------------------------------------------------------------- */

static void add_transports(struct text *t, const struct bench_config *c)
{
	const char *sep = " (";
	char count[FIGURE_LEN];
	unsigned used = 0;

	for (unsigned i = 0; i < TRANSPORTS; i++)
		used += c->mix[i] > 0;
	for (unsigned i = 0; i < TRANSPORTS; i++) {
		if (c->mix[i] == 0)
			continue;
		text_add(t, "%s", sep);
		if (used > 1)
			text_add(t, "%s ", figure_count(count, c->mix[i]));
		text_add(t, "%s", transport_name((enum transport)i));
		if (i == TRANSPORT_POLL) {
			text_add(t, " every ");
			add_time(t, c->poll_every_ns);
		}
		sep = ", ";
	}
	text_add(t, "%s", used > 0 ? ")" : "");
}

static void add_subscribers(struct text *t, const struct bench_config *c, bool compare)
{
	add_many(t, c->subscribers, "subscriber");
	if (!compare)
		add_transports(t, c);
	if (c->topics_each > 1) {
		text_add(t, " to ");
		add_many(t, c->topics_each, "topic");
		text_add(t, " each, of ");
	} else {
		text_add(t, " on ");
	}
	add_many(t, c->topics, "topic");
}

static void add_publishers(struct text *t, const struct bench_config *c)
{
	char figure[FIGURE_LEN];

	if (c->publishers == 0) {
		text_add(t, "; others publish");
		return;
	}
	text_add(t, "; ");
	add_many(t, c->publishers, "publisher");
	if (c->rate > 0) {
		text_add(t, ", %s event%s/s", c->rate == floor(c->rate) && c->rate < 1e6 ?
			figure_count(figure, (uint64_t)c->rate) : figure_number(figure, c->rate),
			c->rate == 1 ? "" : "s");
	} else {
		text_add(t, ", as fast as it goes with ");
		text_add(t, "%s under way", figure_count(figure, c->window));
	}
	if (c->npayloads > 0)
		text_add(t, ", payloads of a file");
	else
		text_add(t, " of %s bytes", figure_count(figure, c->size));
	if (c->count > 0) {
		text_add(t, ", ");
		add_many(t, c->count, "event");
	}
	if (c->duration_ns > 0) {
		text_add(t, ", ");
		add_time(t, c->duration_ns);
	}
	if (c->zipf > 0)
		text_add(t, ", zipf %g", c->zipf);
}

static void add_trouble(struct text *t, const struct bench_config *c)
{
	char figure[FIGURE_LEN];

	if (c->slow > 0) {
		text_add(t, "; %s stop reading for ", figure_count(figure, c->slow));
		add_time(t, c->slow_for_ns);
	}
	if (c->churn > 0)
		text_add(t, "; %s a second reconnect", figure_number(figure, c->churn));
	if (c->herd)
		text_add(t, "; all reconnect at once");
	if (c->resume_after_ns > 0) {
		text_add(t, " after ");
		add_time(t, c->resume_after_ns);
	}
	if (c->no_resume)
		text_add(t, " without a cursor");
}

void report_asked(char *dst, size_t size, const struct bench_config *c, bool compare)
{
	struct text t = {dst, size, 0};

	dst[0] = '\0';
	add_subscribers(&t, c, compare);
	add_publishers(&t, c);
	add_trouble(&t, c);
	text_add(&t, "; %s", c->sub_url != NULL ? c->sub_url : c->server);
}

/* --- what was wrong -------------------------------------------------------------------------- */

/* What is no fault of the server. */
static void add_missed(struct text *t, const struct result *r)
{
	char n[FIGURE_LEN];

	if (r->missed > 0)
		text_add(t, "; %s missed as rt-bench itself could not connect again",
			figure_count(n, r->missed));
}

void report_faults(char *dst, size_t size, const struct result *r)
{
	const struct verdict *v = &r->all.verdict;
	struct text t = {dst, size, 0};
	char a[FIGURE_LEN], b[FIGURE_LEN];

	if (verdict_clean(v)) {
		text_add(&t, "nothing lost, doubled, out of order or corrupt");
		add_missed(&t, r);
		return;
	}
	text_add(&t, "lost %s", figure_count(a, v->lost));
	if (v->lost > 0)
		text_add(&t, " (%s)", figure_percent(b, (double)v->lost / (double)(v->received + v->lost)));
	text_add(&t, ", doubled %s", figure_count(a, v->doubled));
	text_add(&t, ", out of order %s", figure_count(a, v->disordered));
	text_add(&t, ", corrupt %s", figure_count(a, v->corrupt));
	if (v->faulty > 0)
		text_add(&t, "; %s of %s subscriber%s concerned", figure_count(a, v->faulty),
			figure_count(b, r->all.subscribers), r->all.subscribers == 1 ? "" : "s");
	if (r->pub.misnamed > 0)
		text_add(&t, "; %s acknowledged by another id or none", figure_count(a, r->pub.misnamed));
	add_missed(&t, r);
}

struct remarks {
	struct remark *list;
	unsigned n;
};

static void remark(struct remarks *r, enum remark_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void remark(struct remarks *r, enum remark_kind kind, const char *fmt, ...)
{
	va_list ap;

	if (r->n == REMARKS_MAX)
		return;
	r->list[r->n].kind = kind;
	va_start(ap, fmt);
	vsnprintf(r->list[r->n].text, REMARK_LEN, fmt, ap);
	va_end(ap);
	r->n++;
}

static void remark_faults(struct remarks *list, const struct bench_config *c, const struct result *r)
{
	char n[FIGURE_LEN], time[FIGURE_LEN], faults[REMARK_LEN];

	if (!verdict_clean(&r->all.verdict)) {
		report_faults(faults, sizeof(faults), r);
		remark(list, REMARK_FAULT, "%s", faults);
	}
	if (r->undelivered > 0)
		remark(list, REMARK_FAULT, "%s %s still missing after %s of waiting (--drain)",
			figure_count(n, r->undelivered),
			r->undelivered == 1 ? "delivery was" : "deliveries were",
			time_text(time, c->drain_ns));
}

static void remark_warnings(struct remarks *list, const struct bench_config *c, const struct result *r)
{
	uint64_t share = config_share(c, c->max_unacked);
	char a[FIGURE_LEN], b[FIGURE_LEN];

	if (r->limit != NULL)
		remark(list, REMARK_WARNING, "rt-bench was the bottleneck: %s", r->limit);
	if (r->interrupted)
		remark(list, REMARK_WARNING, "interrupted: this is what was measured until then");
	if (r->all.connected < r->all.subscribers && r->publish_s > 0)
		remark(list, REMARK_WARNING, "only %s of %s subscribers were connected when publishing began",
			figure_count(a, r->all.connected), figure_count(b, r->all.subscribers));
	if (r->all.connect_failures > 0)
		remark(list, REMARK_WARNING, "%s attempt%s to connect failed",
			figure_count(a, r->all.connect_failures), r->all.connect_failures == 1 ? "" : "s");
	if (r->all.broken > 0)
		remark(list, REMARK_WARNING, "%s connection%s broke", figure_count(a, r->all.broken),
			r->all.broken == 1 ? "" : "s");
	if (r->gone > 0)
		remark(list, REMARK_WARNING, "%s subscriber%s had no connection at the end, and got none",
			figure_count(a, r->gone), r->gone == 1 ? "" : "s");
	if (r->pub.held && c->rate > 0)
		remark(list, REMARK_WARNING, "the schedule could not be kept: a publisher waited for "
			"%s acknowledgement%s, which is all that --max-unacked allows it",
			figure_count(a, share), share == 1 ? "" : "s");
	if (r->pub.unsent > 0 && !r->interrupted)
		remark(list, REMARK_WARNING,
			"%s event%s could not be sent: the server was not there, or took no more; "
			"the figures are of what was sent", figure_count(a, r->pub.unsent),
			r->pub.unsent == 1 ? "" : "s");
	if (r->pub.refused > 0)
		remark(list, REMARK_WARNING, "%s of %s events were refused by the server",
			figure_count(a, r->pub.refused), figure_count(b, r->pub.sent));
	if (r->pub.unsure > 0)
		remark(list, REMARK_WARNING,
			"%s of %s events were never acknowledged: they count as lost for nobody",
			figure_count(a, r->pub.unsure), figure_count(b, r->pub.sent));
}

static void remark_notes(struct remarks *list, const struct result *r)
{
	char n[FIGURE_LEN];

	if (r->all.verdict.announced > 0)
		remark(list, REMARK_NOTE, "%s missing, but announced by gap records: not counted as lost",
			figure_count(n, r->all.verdict.announced));
	if (r->all.verdict.foreign > 0)
		remark(list, REMARK_NOTE, "%s events of others came, too: not counted",
			figure_count(n, r->all.verdict.foreign));
}

unsigned report_remarks(struct remark remarks[REMARKS_MAX], const struct bench_config *c,
	const struct result *r)
{
	struct remarks list = {remarks, 0};

	remark_faults(&list, c, r);
	remark_warnings(&list, c, r);
	remark_notes(&list, r);
	return list.n;
}

static struct said *find_said(struct said *said, unsigned *n, const struct remark *remark)
{
	for (unsigned i = 0; i < *n; i++)
		if (strcmp(said[i].remark.text, remark->text) == 0)
			return &said[i];
	if (*n == SAID_MAX)
		return NULL;
	said[*n].remark = *remark;
	said[*n].who[0] = '\0';
	return &said[(*n)++];
}

unsigned report_said(struct said said[SAID_MAX], const struct bench_config *c, const struct result *const *r,
	unsigned n)
{
	struct remark remarks[REMARKS_MAX];
	unsigned sum = 0;

	for (unsigned k = 0; k < n; k++) {
		unsigned some = report_remarks(remarks, c, r[k]);

		for (unsigned i = 0; i < some; i++) {
			struct said *s = find_said(said, &sum, &remarks[i]);
			struct text t;

			if (s == NULL)
				continue;
			t = (struct text){s->who, sizeof(s->who), strlen(s->who)};
			text_add(&t, "%s%s", t.len > 0 ? ", " : "", r[k]->label);
		}
	}
	return sum;
}
