/* SPDX-License-Identifier: MIT */
#include "record.h"

#include <stdlib.h>
#include <string.h>

#include "units.h"

#define SURE_DIGITS 19		/* no number of so many is too large */

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
	const char *quote = *p + json_plain_len(*p, (size_t)(end - *p));

	if (quote < end && *quote != '"') {	/* mostly UTF-8 */
		quote = memchr(quote, '"', (size_t)(end - quote));
		if (quote != NULL && memchr(*p, '\\', (size_t)(quote - *p)) != NULL)
			return false;
	}
	if (quote == NULL || quote == end)
		return false;
	*out = (struct str){*p - 1, (size_t)(quote - *p) + 2};
	*p = quote + 1;
	return true;
}

/* A seq in front of ",". One that may be too large is left to the full parser. */
static bool digits(const char **p, const char *end, struct record *r)
{
	const char *from = *p, *at = from;
	uint64_t seq = 0;
	unsigned digit;

	if (end - from > SURE_DIGITS)
		end = from + SURE_DIGITS;
	for (; at < end && (digit = (unsigned char)*at - (unsigned)'0') < 10; at++)
		seq = seq * 10 + digit;
	*p = at;
	r->seq = seq;
	r->envelope.seq = (struct str){from, (size_t)(at - from)};
	return at > from && at < end;
}

static const struct str id_is = STR_LIT("{\"id\":\""), topic_is = STR_LIT("\",\"topic\":\""),
	seq_is = STR_LIT(",\"seq\":"), time_is = STR_LIT(",\"time\":\"");

static void remember(struct record_memo *memo, const struct envelope *e)
{
	const char *from = e->id.p + e->id.n - 1;
	size_t n = (size_t)(e->seq.p - from);

	if (n > sizeof(memo->text))
		return;
	memo->id_len = e->id.n - 2;
	memo->topic_len = e->topic.n;
	memo->len = n;
	memcpy(memo->text, from, n);
}

/* {"id":"…","topic":"…","seq":N,"time":"… — without id and seq for an ephemeral event. */
static bool peek(struct record *r, struct str text, struct record_memo *memo)
{
	const char *p = text.p, *end = text.p + text.n;
	struct envelope *e = &r->envelope;

	if (skip(&p, end, id_is)) {
		if (!plain_string(&p, end, &e->id))
			return false;
		p--;
		if (!skip(&p, end, topic_is))
			return false;
	} else if (!skip(&p, end, STR_LIT("{\"topic\":\""))) {
		return false;
	}
	if (!plain_string(&p, end, &e->topic))
		return false;
	if (skip(&p, end, seq_is)) {
		if (!digits(&p, end, r))
			return false;
		if (memo != NULL && e->id.p != NULL)
			remember(memo, e);
	}
	return skip(&p, end, time_is);
}

/* The same, of an event of the topic that was remembered, with an id of the same length. */
static bool peek_again(struct record *r, struct str text, const struct record_memo *memo)
{
	const char *id, *p, *end = text.p + text.n;
	struct envelope *e = &r->envelope;

	if (memo == NULL || memo->len == 0 || text.n < id_is.n + memo->id_len + memo->len)
		return false;
	id = text.p + id_is.n;
	p = id + memo->id_len;
	if (memcmp(text.p, id_is.p, id_is.n) != 0 || memcmp(p, memo->text, memo->len) != 0 ||
	    json_plain_len(id, memo->id_len) != memo->id_len)
		return false;
	e->id = (struct str){id - 1, memo->id_len + 2};
	e->topic = (struct str){p + topic_is.n - 1, memo->topic_len};
	p += memo->len;
	return digits(&p, end, r) && skip(&p, end, time_is);
}

bool record_parse(struct record *r, struct str text, bool whole, struct record_memo *memo)
{
	struct envelope *e = &r->envelope;

	*r = (struct record){.envelope.line = text};
	if (!whole && text.n > 2 && text.p[text.n - 1] == '}' &&
	    (peek_again(r, text, memo) || peek(r, text, memo)))
		return true;
	r->seq = 0;
	if (envelope_parse(e, text) != JSON_OK || (e->topic.p == NULL && e->gap.p == NULL))
		return false;
	(void)units_parse_number(e->seq.p, e->seq.n, 1, UINT64_MAX, &r->seq);
	return true;
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
