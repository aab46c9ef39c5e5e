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

int answer_event(struct str body, struct str *id, struct str *seq)
{
	struct json_member m[] = { { .name = "id" }, { .name = "seq" } };

	if (json_check(body.p, body.n, NULL) != JSON_OK || json_members(body, m, 2, NULL) != 0 ||
	    m[0].raw.p == NULL)
		return -1;
	*id = m[0].raw;
	*seq = m[1].raw.p != NULL ? m[1].raw : STR_LIT("null");
	return 0;
}
