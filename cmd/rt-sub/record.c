/* SPDX-License-Identifier: MIT */
#include "record.h"

#include <stdlib.h>
#include <string.h>

#include "units.h"

/* Does (p) go on with (lit)? Then move behind it. */
static bool skip(const char **p, const char *end, struct str lit)
{
	if ((size_t)(end - *p) < lit.n || memcmp(*p, lit.p, lit.n) != 0)
		return false;
	*p += lit.n;
	return true;
}

/* A string without escapes, whose opening quote is behind us; (out) gets it with its quotes. */
static bool plain_string(const char **p, const char *end, struct str *out)
{
	const char *quote = memchr(*p, '"', (size_t)(end - *p));

	if (quote == NULL || memchr(*p, '\\', (size_t)(quote - *p)) != NULL)
		return false;
	*out = (struct str){*p - 1, (size_t)(quote - *p) + 2};
	*p = quote + 1;
	return true;
}

/* {"id":"…","topic":"…","seq":N,"time":"… — without id and seq for an ephemeral event. */
static bool peek(struct envelope *e, struct str line)
{
	const char *p = line.p, *end = line.p + line.n, *digits;

	if (line.n < 2 || end[-1] != '}')
		return false;
	*e = (struct envelope){.line = line};
	if (skip(&p, end, STR_LIT("{\"id\":\""))) {
		if (!plain_string(&p, end, &e->id) || !skip(&p, end, STR_LIT(",\"topic\":\"")))
			return false;
	} else if (!skip(&p, end, STR_LIT("{\"topic\":\""))) {
		return false;
	}
	if (!plain_string(&p, end, &e->topic))
		return false;
	if (skip(&p, end, STR_LIT(",\"seq\":"))) {
		digits = p;
		while (p < end && *p >= '0' && *p <= '9')
			p++;
		if (p == digits)
			return false;
		e->seq = (struct str){digits, (size_t)(p - digits)};
	}
	return skip(&p, end, STR_LIT(",\"time\":\""));
}

bool record_parse(struct envelope *e, struct str line, bool whole)
{
	if (!whole && peek(e, line))
		return true;
	return envelope_parse(e, line) == JSON_OK && (e->topic.p != NULL || e->gap.p != NULL);
}

uint64_t record_seq(const struct envelope *e)
{
	uint64_t seq;

	if (e->seq.p == NULL || units_parse_number(e->seq.p, e->seq.n, 1, UINT64_MAX, &seq) != 0)
		return 0;
	return seq;
}

bool record_is(struct str raw, const char *want)
{
	char *text;
	bool same;

	if (raw.n < 2 || raw.p[0] != '"')
		return false;
	if (memchr(raw.p, '\\', raw.n) == NULL)
		return str_is((struct str){raw.p + 1, raw.n - 2}, want);
	text = malloc(raw.n);
	if (text == NULL)
		return false;
	same = str_is((struct str){text, json_unquote(text, raw)}, want);
	free(text);
	return same;
}
