/* SPDX-License-Identifier: MIT */
#include "answer.h"

#include "json.h"
#include "units.h"

struct reader {
	void (*refused)(void *arg, uint64_t n, struct str error);
	void *arg;
};

static int number(const struct json_member *m, uint64_t *out)
{
	if (m->type != JSON_NUMBER)
		return -1;
	return units_parse_number(m->raw.p, m->raw.n, 0, UINT64_MAX, out);
}

/* An element of "errors". */
static int read_error(void *arg, struct str raw)
{
	struct json_member m[] = { { .name = "line" }, { .name = "error" } };
	const struct reader *r = arg;
	uint64_t n;

	if (json_members(raw, m, 2, NULL) != 0 || number(&m[0], &n) != 0 ||
	    m[1].type != JSON_STRING)
		return 1;
	r->refused(r->arg, n, m[1].raw);
	return 0;
}

int answer_summary(struct str body, struct answer *out,
	void (*refused)(void *arg, uint64_t n, struct str error), void *arg)
{
	struct json_member m[] = {
		{ .name = "accepted" }, { .name = "refused" }, { .name = "errors" },
	};
	struct reader r = { .refused = refused, .arg = arg };

	if (json_check(body.p, body.n, NULL) != JSON_OK || json_members(body, m, 3, NULL) != 0)
		return -1;
	if (number(&m[0], &out->accepted) != 0 || number(&m[1], &out->refused) != 0)
		return -1;
	if (m[2].raw.p == NULL)
		return 0;
	return json_elements(m[2].raw, read_error, &r) == 0 ? 0 : -1;
}

int answer_line(struct str text, struct answer_line *out)
{
	struct json_member m[] = {
		{ .name = "line" }, { .name = "id" }, { .name = "seq" }, { .name = "error" },
	};

	if (json_check(text.p, text.n, NULL) != JSON_OK || json_members(text, m, 4, NULL) != 0 ||
	    number(&m[0], &out->n) != 0)
		return -1;
	out->error = m[3].type == JSON_STRING ? m[3].raw : STR_NULL;
	out->id = m[1].raw;
	out->seq = m[2].raw.p != NULL ? m[2].raw : STR_LIT("null");
	return out->id.p != NULL || out->error.p != NULL ? 0 : -1;
}
