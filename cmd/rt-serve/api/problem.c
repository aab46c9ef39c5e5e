/* SPDX-License-Identifier: MIT */
#include "api/problem.h"

#include <stdarg.h>
#include <stdio.h>

#include "api/fields.h"
#include "json.h"
#include "units.h"
#include "utf8.h"

#define PROBLEM_MAX 4096

static const char problem_type[] = "application/problem+json";

int problem_write(struct buf *b, unsigned status, struct str detail)
{
	if (buf_addf(b, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"detail\":",
		http_reason(status), status) != 0)
		return -1;
	if (!utf8_valid(detail.p, detail.n))
		detail = STR_LIT("the request is not understood");
	return json_quote(b, detail) != 0 || buf_adds(b, "}\n") != 0 ? -1 : 0;
}

size_t problem_format(unsigned status, const char *why, char *dst, size_t cap, const char **type)
{
	struct buf b;
	size_t n = 0;

	*type = problem_type;
	buf_init(&b, cap);
	if (problem_write(&b, status, str_of(why)) == 0) {
		memcpy(dst, b.p, b.len);
		n = b.len;
	}
	buf_fini(&b);
	return n;
}

void problem_respond_later(struct exchange *x, const struct request *r, unsigned status,
	uint64_t retry_s, const char *detail)
{
	struct fields f;
	struct buf body;
	char retry[21];

	buf_init(&body, PROBLEM_MAX);
	if (problem_write(&body, status, str_of(detail)) != 0)
		buf_reset(&body);
	fields_init(&f, r);
	fields_add(&f, "Content-Type", str_of(problem_type));
	fields_add(&f, "Cache-Control", STR_LIT("no-store"));
	if (retry_s > 0)
		fields_add(&f, "Retry-After", (struct str){retry, units_format_u64(retry, retry_s)});
	api_of(x)->stats.status[status / 100 < 6 ? status / 100 : 5]++;
	if (status == 413 || status == 507)
		api_of(x)->stats.refused_limit++;
	exchange_respond(x, status, f.f, f.n, buf_str(&body));
	buf_fini(&body);
}

void problem_respond(struct exchange *x, const struct request *r, unsigned status, const char *fmt, ...)
{
	char detail[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	problem_respond_later(x, r, status, status == 429 || status == 503 || status == 507, detail);
}
