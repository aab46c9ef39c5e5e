/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include <stdlib.h>

#include "helper_result.h"
#include "json.h"
#include "tests/unit/tap.h"

struct json_of {
	const struct bench_config *c;
	const struct result *r;
};

static int write_json(FILE *out, void *arg)
{
	const struct json_of *j = arg;

	return report_json(out, j->c, j->r);
}

static char *json_of(const struct bench_config *c, const struct result *r)
{
	return helper_written(write_json, &(struct json_of){c, r});
}

/* The raw value at a path of names with dots, "all.lost". */
static struct str at(struct str text, const char *path)
{
	char name[64];

	while (*path != '\0') {
		size_t n = strcspn(path, ".");
		struct json_member m = {.name = name};

		snprintf(name, sizeof(name), "%.*s", (int)n, path);
		if (json_members(text, &m, 1, NULL) != 0 || m.raw.p == NULL)
			return STR_NULL;
		text = m.raw;
		path += n + (path[n] == '.');
	}
	return text;
}

static void is(const char *json, const char *path, const char *want)
{
	struct str got = at(str_of(json), path);

	if (!ok(str_is(got, want), "%s is %s", path, want))
		printf("# got %.*s\n", (int)got.n, got.p == NULL ? "" : got.p);
}

static void form(const char *json, const char *what)
{
	size_t n = strlen(json);

	ok(json_check(json, n, NULL) == JSON_OK, "%s is JSON", what);
	ok(n > 0 && strchr(json, '\n') == json + n - 1, "... on one line");
}

static int count_one(void *arg, struct str raw)
{
	(void)raw;
	*(unsigned *)arg += 1;
	return 0;
}

static void good(void)
{
	struct bench_config c;
	struct result *r = helper_result();
	unsigned n = 0;
	char *json;

	helper_config(&c);
	json = json_of(&c, r);
	form(json, "a result");
	is(json, "clean", "true");
	is(json, "label", "null");
	is(json, "interrupted", "false");
	is(json, "config.server", "\"http://127.0.0.1:7070\"");
	is(json, "config.transports", "{\"sse\":500,\"ws\":500}");
	is(json, "config.rate_per_s", "20");
	is(json, "config.duration_s", "10");
	is(json, "config.count", "null");
	is(json, "config.publish", "\"lines\"");
	is(json, "connect_s", "0.412");
	is(json, "deliveries_per_s", "19980");
	is(json, "bytes_per_event", "166");
	is(json, "all.deliveries", "200000");
	is(json, "all.received", "200000");
	is(json, "all.lost", "0");
	is(json, "all.latency_ns.count", "180000");
	is(json, "all.latency_ns.p50", "5210111");
	is(json, "all.latency_ns.max", "23345238");
	is(json, "all.recover_ns", "null");
	is(json, "by_transport.ws.subscribers", "500");
	ok(at(str_of(json), "by_transport.poll").p == NULL, "transports that were not used are not in it");
	is(json, "publishers.acked", "200");
	is(json, "publishers.ack_ns.count", "180");
	is(json, "server.cpu_ns", "null");
	is(json, "server.cpu_ns_per_delivery", "null");
	is(json, "generator.cpu_ns_per_delivery", "2100");
	is(json, "generator.limit", "null");
	json_elements(at(str_of(json), "intervals"), count_one, &n);
	eq_num(n, 10, "all intervals");
	free(json);
	helper_free(r);
}

static void bad(void)
{
	struct bench_config c;
	struct result *r = helper_variant("poll 1s", TRANSPORT_POLL, 500, 1000, 95, 3.1, 10000, 1000);
	char *json;

	helper_config(&c);
	r->all.verdict = (struct verdict){.received = 9, .lost = 1, .doubled = 2, .disordered = 3,
		.corrupt = 4, .announced = 5, .foreign = 6, .faulty = 7};
	r->pub.misnamed = 9;
	r->interrupted = true;
	r->limit = "a \"reason\"";
	r->undelivered = 8;
	r->missed = 11;
	c.rate = 0;
	c.duration_ns = 0;
	c.count = INT64_MAX;
	c.zipf = 1.5;
	json = json_of(&c, r);
	form(json, "a bad result");
	is(json, "clean", "false");
	is(json, "interrupted", "true");
	is(json, "label", "\"poll 1s\"");
	is(json, "all.lost", "1");
	is(json, "all.doubled", "2");
	is(json, "all.disordered", "3");
	is(json, "all.corrupt", "4");
	is(json, "all.announced", "5");
	is(json, "all.foreign", "6");
	is(json, "all.faulty_subscribers", "7");
	is(json, "undelivered", "8");
	is(json, "missed", "11");
	is(json, "publishers.misnamed", "9");
	is(json, "generator.limit", "\"a \\\"reason\\\"\"");
	is(json, "server.cpu_ns_per_delivery", "3100");
	is(json, "server.bytes_per_connection", "500");
	is(json, "config.rate_per_s", "null");
	is(json, "config.zipf", "1.5");
	free(json);
	helper_free(r);
}

static void escaped(void)
{
	static const char given[] = "http://h/\"\\\n\t\x01\x7f<\xff\xc3\xa9\xed\xa0\x80";
	static struct result none;
	struct bench_config c;
	char *json;

	helper_config(&c);
	c.sub_url = given;
	c.pub_url = "{{\"}}";
	json = json_of(&c, &none);
	form(json, "of nothing, and a command line of anything,");
	is(json, "config.sub_url",
		"\"http://h/\\\"\\\\\\u000a\\u0009\\u0001\\u007f<\\ufffd\xc3\xa9\\ufffd\\ufffd\\ufffd\"");
	is(json, "config.pub_url", "\"{{\\\"}}\"");
	is(json, "config.server", "null");
	is(json, "bytes_per_event", "null");
	is(json, "all.latency_ns", "null");
	is(json, "intervals", "[]");
	free(json);
}

/* --- CSV ------------------------------------------------------------------------------------- */

struct csv_of {
	const struct result *const *r;
	unsigned n;
};

static int write_csv(FILE *out, void *arg)
{
	const struct csv_of *c = arg;

	return report_csv(out, c->r, c->n);
}

/* Commas outside of quotes, per line. False: lines differ, or one does not end in CR LF. */
static bool is_table(const char *csv, unsigned *columns, unsigned *lines)
{
	unsigned commas = 0;
	bool quoted = false;

	*columns = *lines = 0;
	for (; *csv != '\0'; csv++) {
		if (*csv == '"')
			quoted = !quoted;
		if (quoted)
			continue;
		commas += *csv == ',';
		if (*csv != '\r')
			continue;
		if (csv[1] != '\n' || (*lines > 0 && *columns != commas + 1))
			return false;
		*columns = commas + 1;
		*lines += 1;
		commas = 0;
	}
	return !quoted && commas == 0;
}

static void csv(void)
{
	struct result *r[2] = {helper_result(),
		helper_variant("a, \"b\"\r\nc", TRANSPORT_WS, 5, 10, 100, 0, 1, 1)};
	struct csv_of all = {(const struct result *const *)r, 2};
	unsigned columns, lines;
	char *text = helper_written(write_csv, &all);

	ok(is_table(text, &columns, &lines), "a table of CSV");
	eq_num(columns, 15, "so many columns");
	eq_num(lines, 21, "a head, and a line per interval");
	ok(strncmp(text, "run,at_s,seconds,sent,acked,deliveries,", 39) == 0, "the names of the columns");
	ok(strstr(text, "\r\n,1.000,1.000,20,20,20000,20000.0,0,1000,"
		"5200000,11000000,24200000,800000,,210000000\r\n") != NULL, "an interval");
	ok(strstr(text, "\r\n\"a, \"\"b\"\"\r\nc\",1.000,") != NULL, "a label that must be quoted");
	free(text);
	strcpy(r[1]->label, "=1+1");
	text = helper_written(write_csv, &all);
	ok(strstr(text, "\r\n'=1+1,1.000,") != NULL, "a label is no formula");
	free(text);
	all.n = 0;
	text = helper_written(write_csv, &all);
	ok(is_table(text, &columns, &lines) && lines == 1, "of nothing there is a head");
	free(text);
	helper_free(r[0]);
	helper_free(r[1]);
}

int main(void)
{
	good();
	bad();
	escaped();
	csv();
	return tap_done();
}
