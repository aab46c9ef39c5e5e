/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include <inttypes.h>
#include <math.h>

#include "opt.h"
#include "report/shared.h"
#include "units.h"
#include "utf8.h"

/* An object or array that is being written. */
struct json {
	FILE *out;
	bool more;	/* something stands in it */
};

/* Bytes that are not UTF-8 become U+FFFD: a command line may have any. */
static void put_string(FILE *out, const char *s)
{
	size_t n = strlen(s);
	uint32_t cp;

	fputc('"', out);
	for (size_t i = 0; i < n;) {
		unsigned len = utf8_decode(s + i, n - i, &cp);

		if (len == 0)
			fputs("\\ufffd", out);
		else if (s[i] == '"' || s[i] == '\\')
			fprintf(out, "\\%c", s[i]);
		else if (cp < 0x20 || cp == 0x7f)
			fprintf(out, "\\u%04x", cp);
		else
			fwrite(s + i, 1, len, out);
		i += len == 0 ? 1 : len;
	}
	fputc('"', out);
}

static void name(struct json *j, const char *s)
{
	if (j->more)
		fputc(',', j->out);
	j->more = true;
	if (s != NULL) {
		put_string(j->out, s);
		fputc(':', j->out);
	}
}

static void open_in(struct json *j, const char *s, char bracket)
{
	name(j, s);
	fputc(bracket, j->out);
	j->more = false;
}

static void close_in(struct json *j, char bracket)
{
	fputc(bracket, j->out);
	j->more = true;
}

static void put_count(struct json *j, const char *s, uint64_t v)
{
	name(j, s);
	fprintf(j->out, "%" PRIu64, v);
}

/* Six digits, as the measurement has no more; null if it is not known. */
static void put_number(struct json *j, const char *s, double v)
{
	name(j, s);
	if (isfinite(v))
		fprintf(j->out, "%.*g", fabs(v) < 1e6 ? 6 : 15, fabs(v) < 1e6 ? v : round(v));
	else
		fputs("null", j->out);
}

static void put_flag(struct json *j, const char *s, bool v)
{
	name(j, s);
	fputs(v ? "true" : "false", j->out);
}

static void put_text(struct json *j, const char *s, const char *v)
{
	name(j, s);
	if (v == NULL)
		fputs("null", j->out);
	else
		put_string(j->out, v);
}

/* Now. */
static void put_time(struct json *j, const char *s)
{
	char text[UNITS_RFC3339_LEN + 1];

	units_format_time(text, units_now_us() / 1000);
	text[UNITS_RFC3339_LEN] = '\0';
	put_text(j, s, text);
}

/* --- parts ----------------------------------------------------------------------------------- */

static void put_mix(struct json *j, const struct bench_config *c)
{
	open_in(j, "transports", '{');
	for (unsigned t = 0; t < TRANSPORTS; t++)
		if (c->mix[t] > 0)
			put_count(j, transport_name((enum transport)t), c->mix[t]);
	close_in(j, '}');
}

/* What was not asked for is null. */
static double positive(double v)
{
	return v > 0 ? v : NAN;
}

static void put_config(struct json *j, const struct bench_config *c)
{
	static const char *const publish[] = {"lines", "post", "batch", "ws"};

	open_in(j, "config", '{');
	put_text(j, "server", c->sub_url == NULL ? c->server : NULL);
	put_text(j, "sub_url", c->sub_url);
	put_text(j, "pub_url", c->pub_url);
	put_count(j, "subscribers", c->subscribers);
	put_mix(j, c);
	put_count(j, "topics", c->topics);
	put_count(j, "topics_each", c->topics_each);
	put_count(j, "publishers", c->publishers);
	put_text(j, "publish", publish[c->publish_how]);
	put_number(j, "rate_per_s", positive(c->rate));
	put_count(j, "window", c->window);
	put_count(j, "max_unacked", c->max_unacked);
	put_count(j, "batch", c->batch);
	put_count(j, "size_bytes", c->size);
	put_count(j, "max_event_bytes", c->max_event);
	put_text(j, "payload", c->payload_file);
	put_number(j, "zipf", positive(c->zipf));
	put_number(j, "duration_s", positive((double)c->duration_ns / 1e9));
	put_number(j, "count", positive((double)c->count));
	put_number(j, "warmup_s", (double)c->warmup_ns / 1e9);
	put_number(j, "drain_s", (double)c->drain_ns / 1e9);
	put_number(j, "poll_every_s", (double)c->poll_every_ns / 1e9);
	put_number(j, "ramp_per_s", positive(c->ramp));
	put_count(j, "threads", c->threads);
	put_count(j, "slow", c->slow);
	put_number(j, "slow_for_s", (double)c->slow_for_ns / 1e9);
	put_number(j, "churn_per_s", positive(c->churn));
	put_flag(j, "herd", c->herd);
	put_number(j, "resume_after_s", (double)c->resume_after_ns / 1e9);
	put_flag(j, "resume", !c->no_resume);
	close_in(j, '}');
}

static void put_times(struct json *j, const char *s, const struct histogram *h)
{
	name(j, s);
	if (h->count == 0) {
		fputs("null", j->out);
		return;
	}
	fputc('{', j->out);
	j->more = false;
	put_count(j, "count", h->count);
	put_count(j, "min", h->min_ns);
	for (unsigned i = 0; i < REPORT_COLUMNS; i++)
		put_number(j, report_columns[i].json, round(report_value(h, &report_columns[i])));
	close_in(j, '}');
}

static void put_group(struct json *j, const struct result_group *g)
{
	const struct verdict *v = &g->verdict;

	put_count(j, "subscribers", g->subscribers);
	put_count(j, "connected", g->connected);
	put_count(j, "connects", g->connects);
	put_count(j, "connect_failures", g->connect_failures);
	put_count(j, "reconnects", g->reconnects);
	put_count(j, "broken", g->broken);
	put_count(j, "requests", g->requests);
	put_count(j, "deliveries", g->deliveries);
	put_count(j, "bytes", g->bytes);
	put_count(j, "received", v->received);
	put_count(j, "lost", v->lost);
	put_count(j, "doubled", v->doubled);
	put_count(j, "disordered", v->disordered);
	put_count(j, "corrupt", v->corrupt);
	put_count(j, "announced", v->announced);
	put_count(j, "foreign", v->foreign);
	put_count(j, "faulty_subscribers", v->faulty);
	put_times(j, "latency_ns", &g->latency);
	put_times(j, "connect_ns", &g->connect);
	put_times(j, "recover_ns", &g->recover);
}

static void put_publishers(struct json *j, const struct result_publishers *p)
{
	open_in(j, "publishers", '{');
	put_count(j, "publishers", p->publishers);
	put_count(j, "sent", p->sent);
	put_count(j, "acked", p->acked);
	put_count(j, "refused", p->refused);
	put_count(j, "unsure", p->unsure);
	put_count(j, "misnamed", p->misnamed);
	put_count(j, "unsent", p->unsent);
	put_flag(j, "held", p->held);
	put_count(j, "bytes", p->bytes);
	put_times(j, "ack_ns", &p->ack);
	put_times(j, "lateness_ns", &p->lateness);
	close_in(j, '}');
}

static void put_machines(struct json *j, const struct result *r)
{
	open_in(j, "server", '{');
	put_number(j, "cpu_ns", positive((double)r->server_cpu_ns));
	put_number(j, "cpu_ns_per_delivery", figure_cpu(r));
	put_number(j, "pss_before_bytes", positive((double)r->server_pss_before));
	put_number(j, "pss_idle_bytes", positive((double)r->server_pss_idle));
	put_number(j, "pss_after_bytes", positive((double)r->server_pss_after));
	put_number(j, "bytes_per_connection", figure_memory(r));
	close_in(j, '}');
	open_in(j, "generator", '{');
	put_count(j, "threads", r->threads);
	put_count(j, "cpu_ns", r->own_cpu_ns);
	put_number(j, "cpu_ns_per_delivery", figure_own_cpu(r));
	put_number(j, "busiest_share", r->own_busiest);
	put_text(j, "limit", r->limit);
	close_in(j, '}');
}

static void put_interval(struct json *j, const struct result_interval *i)
{
	open_in(j, NULL, '{');
	put_number(j, "at_s", i->at_s);
	put_number(j, "seconds", i->seconds);
	put_count(j, "sent", i->sent);
	put_count(j, "acked", i->acked);
	put_count(j, "deliveries", i->deliveries);
	put_count(j, "lost", i->lost);
	put_count(j, "connections", i->connections);
	put_count(j, "p50_ns", i->p50_ns);
	put_count(j, "p99_ns", i->p99_ns);
	put_count(j, "max_ns", i->max_ns);
	put_count(j, "ack_p99_ns", i->ack_p99_ns);
	put_number(j, "server_cpu_ns", positive((double)i->server_cpu_ns));
	put_number(j, "own_cpu_ns", positive((double)i->own_cpu_ns));
	close_in(j, '}');
}

static void put_groups(struct json *j, const struct result *r)
{
	open_in(j, "all", '{');
	put_group(j, &r->all);
	close_in(j, '}');
	open_in(j, "by_transport", '{');
	for (unsigned t = 0; t < TRANSPORTS; t++) {
		if (r->by_transport[t].subscribers == 0)
			continue;
		open_in(j, transport_name((enum transport)t), '{');
		put_group(j, &r->by_transport[t]);
		close_in(j, '}');
	}
	close_in(j, '}');
}

int report_json(FILE *out, const struct bench_config *c, const struct result *r)
{
	struct json j = {out, false};

	open_in(&j, NULL, '{');
	put_text(&j, "version", opt_version);
	put_time(&j, "time");
	put_text(&j, "label", *r->label == '\0' ? NULL : r->label);
	put_flag(&j, "clean", verdict_clean(&r->all.verdict));
	put_flag(&j, "interrupted", r->interrupted);
	put_config(&j, c);
	put_number(&j, "connect_s", r->connect_s);
	put_number(&j, "publish_s", r->publish_s);
	put_number(&j, "measured_s", r->measured_s);
	put_number(&j, "published_per_s", figure_publish_rate(r));
	put_number(&j, "deliveries_per_s", figure_rate(r));
	put_number(&j, "bytes_per_event", figure_bytes_per_event(r));
	put_count(&j, "undelivered", r->undelivered);
	put_count(&j, "missed", r->missed);
	put_count(&j, "gone", r->gone);
	put_groups(&j, r);
	put_publishers(&j, &r->pub);
	put_machines(&j, r);
	open_in(&j, "intervals", '[');
	for (unsigned i = 0; i < r->nintervals; i++)
		put_interval(&j, &r->intervals[i]);
	close_in(&j, ']');
	close_in(&j, '}');
	fputc('\n', out);
	return ferror(out) ? -1 : 0;
}
