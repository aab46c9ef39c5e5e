/* SPDX-License-Identifier: MIT */
#include "envelope.h"

#include <errno.h>

#include "base64.h"
#include "utf8.h"

/* A member that is null says as little as one that is not there. */
static struct str unless_null(const struct json_member *m)
{
	return m->type == JSON_NULL ? STR_NULL : m->raw;
}

int envelope_members(struct envelope *e, struct str text)
{
	enum { ID, TOPIC, SEQ, TIME, TYPE, KEY, FROM, DATA, DATA_BASE64, GAP, ERROR, N };
	struct json_member m[N] = {
		[ID] = {.name = "id"}, [TOPIC] = {.name = "topic"}, [SEQ] = {.name = "seq"},
		[TIME] = {.name = "time"}, [TYPE] = {.name = "type"}, [KEY] = {.name = "key"},
		[FROM] = {.name = "from"}, [DATA] = {.name = "data"},
		[DATA_BASE64] = {.name = "data_base64"}, [GAP] = {.name = "gap"},
		[ERROR] = {.name = "error"},
	};

	*e = (struct envelope){.line = text};
	if (json_members(text, m, N, NULL) < 0)
		return -1;
	e->id = unless_null(&m[ID]);
	e->topic = unless_null(&m[TOPIC]);
	e->seq = unless_null(&m[SEQ]);
	e->time = unless_null(&m[TIME]);
	e->type = unless_null(&m[TYPE]);
	e->key = unless_null(&m[KEY]);
	e->from = unless_null(&m[FROM]);
	e->data = m[DATA].raw;
	e->data_base64 = unless_null(&m[DATA_BASE64]);
	e->gap = unless_null(&m[GAP]);
	e->error = unless_null(&m[ERROR]);
	return 0;
}

enum json_status envelope_parse(struct envelope *e, struct str text)
{
	enum json_status st = json_check(text.p, text.n, NULL);

	if (st == JSON_OK)
		return envelope_members(e, text) == 0 ? JSON_OK : JSON_SYNTAX;
	*e = (struct envelope){.line = text};
	return st;
}

/* Quote text that may not be UTF-8; what is not becomes U+FFFD, as in a browser. */
static int quote_any(struct buf *b, struct str s)
{
	struct buf clean;
	uint32_t cp;
	unsigned len;
	int r = 0;

	if (utf8_valid(s.p, s.n))
		return json_quote(b, s);
	buf_init(&clean, SIZE_MAX);
	for (size_t i = 0; i < s.n && r == 0; i += len) {
		len = utf8_decode(s.p + i, s.n - i, &cp);
		r = len > 0 ? buf_add(&clean, s.p + i, len) : buf_adds(&clean, "\xEF\xBF\xBD");
		len += len == 0;
	}
	if (r == 0)
		r = json_quote(b, buf_str(&clean));
	buf_fini(&clean);
	return r;
}

static int add_one_line(struct buf *b, struct str json)
{
	if (buf_reserve(b, json.n) < 0)
		return -1;
	b->len += json_one_line((char *)b->p + b->len, json.p, json.n);
	return 0;
}

static int add_base64(struct buf *b, struct str bytes)
{
	size_t n = BASE64_ENCODED_LEN(bytes.n);

	if (buf_adds(b, "\"") < 0 || buf_reserve(b, n) < 0)
		return -1;
	b->len += base64_encode((char *)b->p + b->len, bytes.p, bytes.n);
	return buf_adds(b, "\"");
}

static int add_data(struct buf *b, struct str data)
{
	if (!utf8_valid(data.p, data.n))
		return buf_adds(b, "\"data_base64\":") < 0 ? -1 : add_base64(b, data);
	if (buf_adds(b, "\"data\":") < 0)
		return -1;
	if (json_check_within(data.p, data.n, 1, NULL) == JSON_OK)
		return add_one_line(b, data);
	return json_quote(b, data);
}

/* Append the members that (f) has. */
static int add_members(struct buf *b, const struct envelope_foreign *f)
{
	const char *sep = "";

	if (f->id.p != NULL) {
		if (buf_adds(b, "\"id\":") < 0 || quote_any(b, f->id) < 0)
			return -1;
		sep = ",";
	}
	if (f->type.p != NULL) {
		if (buf_adds(b, sep) < 0 || buf_adds(b, "\"type\":") < 0 || quote_any(b, f->type) < 0)
			return -1;
		sep = ",";
	}
	if (f->data.p != NULL && (buf_adds(b, sep) < 0 || add_data(b, f->data) < 0))
		return -1;
	return 0;
}

int envelope_from_foreign(struct buf *b, const struct envelope_foreign *f)
{
	size_t before = b->len;

	if (buf_addc(b, '{') < 0 || add_members(b, f) < 0 || buf_addc(b, '}') < 0) {
		b->len = before;
		return -1;
	}
	return 0;
}

/* Decode where the text is: the bytes of a quad never reach past its characters. */
static int add_decoded(struct buf *b, struct str raw)
{
	size_t before = b->len;
	char *text;
	ssize_t n;

	if (json_unquote_add(b, raw) < 0)
		return -1;
	if (b->len == before)
		return 0;
	text = (char *)b->p + before;
	n = base64_decode(text, text, b->len - before);
	if (n < 0) {
		b->len = before;
		errno = EINVAL;
		return -1;
	}
	b->len = before + (size_t)n;
	return 0;
}

int envelope_payload(struct buf *b, const struct envelope *e)
{
	if (e->data.p != NULL)
		return json_unquote_add(b, e->data);
	if (e->data_base64.p != NULL)
		return add_decoded(b, e->data_base64);
	return 0;
}
