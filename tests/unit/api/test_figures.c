/* SPDX-License-Identifier: MIT */
#include "api/figures.h"

#include <stdlib.h>

#include "json.h"
#include "opt.h"
#include "tests/unit/tap.h"

static bool has(const struct buf *b, const char *s)
{
	return memmem(b->p, b->len, s, strlen(s)) != NULL;
}

static void test_json(const struct figures *f)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	eq_num(figures_json(&b, f), 0, "JSON");
	eq_num(json_check((const char *)b.p, b.len, NULL), JSON_OK, "is JSON");
	ok(has(&b, "\"published\":11") && has(&b, "\"commits\":12") && has(&b, "\"gaps\":13") &&
		has(&b, "\"bytes_out\":14"), "with figures of each part");
	ok(has(&b, "\"connections\":3") && has(&b, "\"uptime_ms\":1234"), "and what is not in the table");
	ok(has(&b, opt_version), "and the version");
	buf_fini(&b);
	buf_init(&b, 100);
	eq_num(figures_json(&b, f), -1, "without room it fails");
	buf_fini(&b);
}

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/** A sample line must follow the HELP and TYPE of its own metric: what a scraper insists on. */
static unsigned bad_samples(char *text, unsigned *samples)
{
	char help[128] = "", type[128] = "", *save = NULL;
	unsigned bad = 0;

	for (char *l = strtok_r(text, "\n", &save); l != NULL; l = strtok_r(NULL, "\n", &save)) {
		char name[128], kind[16], rest[128];
		double v;

		if (sscanf(l, "# HELP %127s %127s", name, rest) == 2) {
			strcpy(help, name);
		} else if (sscanf(l, "# TYPE %127s %15s", name, kind) == 2) {
			strcpy(type, name);
			bad += strcmp(kind, "gauge") != 0 && strcmp(kind, "counter") != 0;
			bad += strcmp(kind, "counter") == 0 &&
				strcmp(name + strlen(name) - 6, "_total") != 0;
		} else {
			size_t n = 0;

			while (name_char(l[n]))
				n++;
			bad += strncmp(l, help, n) != 0 || help[n] != '\0' || strcmp(help, type) != 0;
			bad += strncmp(l, "rt_", 3) != 0;
			bad += sscanf(strchr(l, ' ') != NULL ? strchr(l, ' ') : "", "%lf", &v) != 1;
			++*samples;
		}
	}
	return bad;
}

static void test_prometheus(const struct figures *f)
{
	unsigned samples = 0;
	struct buf b;

	buf_init(&b, 1 << 20);
	eq_num(figures_prometheus(&b, f), 0, "the text format");
	ok(has(&b, "\nrt_published_total 11\n"), "a counter");
	ok(has(&b, "\nrt_connections 3\n"), "a gauge");
	ok(has(&b, "\nrt_uptime_seconds 1.234\n"), "seconds");
	ok(b.p[b.len - 1] == '\n', "the last line is ended");
	eq_num(bad_samples((char *)buf_cstr(&b), &samples), 0, "each sample has its HELP and TYPE before it");
	ok(samples > 40, "%u samples", samples);
	buf_fini(&b);
}

int main(void)
{
	struct figures f = {
		.api.published = 11,
		.store.commits = 12,
		.hub.gaps = 13,
		.loops.bytes_out = 14,
		.connections = 3,
		.uptime_ms = 1234,
	};

	test_json(&f);
	test_prometheus(&f);
	return tap_done();
}
