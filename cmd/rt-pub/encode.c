/* SPDX-License-Identifier: MIT */
#include "encode.h"

#include <stdbool.h>
#include <string.h>

#include "base64.h"
#include "json.h"
#include "utf8.h"

#define HEAD_MAX 65536
static const char tail[] = "\"}";

static int add_member(struct buf *b, const char *name, const char *value)
{
	if (value == NULL)
		return 0;
	if (buf_addf(b, "%s\"%s\":", b->len == 0 ? "{" : ",", name) != 0)
		return -1;
	return json_quote(b, str_of(value));
}

int encode_init(struct encode *e, enum encode_mode mode, const char *topic, const char *type,
	const char *key)
{
	e->mode = mode;
	buf_init(&e->head, HEAD_MAX);
	if (mode != ENCODE_BYTES)
		return 0;
	if (add_member(&e->head, "topic", topic) != 0 || add_member(&e->head, "type", type) != 0 ||
	    add_member(&e->head, "key", key) != 0)
		return -1;
	return buf_adds(&e->head, ",\"data_base64\":\"");
}

void encode_fini(struct encode *e)
{
	buf_fini(&e->head);
}

size_t encode_max(const struct encode *e, size_t n)
{
	switch (e->mode) {
	case ENCODE_TEXT: return JSON_QUOTE_MAX(n) + 1;
	case ENCODE_BYTES: return e->head.len + BASE64_ENCODED_LEN(n) + sizeof(tail);
	case ENCODE_JSON: break;
	}
	return n + 1;
}

static enum encode_result add_bytes(const struct encode *e, struct buf *out, struct str line)
{
	if (buf_reserve(out, encode_max(e, line.n)) != 0)
		return ENCODE_NOMEM;
	buf_addstr(out, buf_str(&e->head));
	out->len += base64_encode((char *)out->p + out->len, line.p, line.n);
	buf_adds(out, tail);
	buf_addc(out, '\n');
	return ENCODE_OK;
}

static enum encode_result add_text(struct buf *out, struct str line)
{
	size_t mark = out->len;

	if (!utf8_valid(line.p, line.n))
		return ENCODE_BAD;
	if (json_quote(out, line) == 0 && buf_addc(out, '\n') == 0)
		return ENCODE_OK;
	out->len = mark;
	return ENCODE_NOMEM;
}

static enum encode_result check_json(struct str text)
{
	switch (json_check(text.p, text.n, NULL)) {
	case JSON_OK: return ENCODE_OK;
	case JSON_EMPTY: return ENCODE_BLANK;
	default: return ENCODE_BAD;
	}
}

static enum encode_result add_json(struct buf *out, struct str line)
{
	enum encode_result r = check_json(line);

	if (r != ENCODE_OK)
		return r;
	if (buf_reserve(out, line.n + 1) != 0)
		return ENCODE_NOMEM;
	memcpy(out->p + out->len, line.p, line.n);
	out->len += line.n;
	out->p[out->len++] = '\n';
	return ENCODE_OK;
}

enum encode_result encode_line(const struct encode *e, struct buf *out, struct str line)
{
	switch (e->mode) {
	case ENCODE_TEXT: return add_text(out, line);
	case ENCODE_BYTES: return add_bytes(e, out, line);
	case ENCODE_JSON: break;
	}
	return add_json(out, line);
}

enum encode_result encode_whole(const struct encode *e, struct buf *out, struct str text)
{
	enum encode_result r;

	if (e->mode != ENCODE_JSON)
		return encode_line(e, out, text);
	r = check_json(text);
	if (r != ENCODE_OK)
		return r;
	if (buf_reserve(out, text.n + 1) != 0)
		return ENCODE_NOMEM;
	out->len += json_one_line((char *)out->p + out->len, text.p, text.n);
	out->p[out->len++] = '\n';
	return ENCODE_OK;
}

static bool looks_like_json(struct str text)
{
	while (text.n > 0 && strchr(" \t\r\n", text.p[0]) != NULL) {
		text.p++;
		text.n--;
	}
	return text.n > 0 && strchr("{[\"", text.p[0]) != NULL;
}

enum encode_result encode_message(const struct encode *e, struct buf *out, struct str text)
{
	enum encode_result r = encode_whole(e, out, text);

	if (e->mode != ENCODE_JSON || r == ENCODE_OK || r == ENCODE_NOMEM || looks_like_json(text))
		return r;
	return add_text(out, text);
}

void encode_why(const struct encode *e, struct buf *why, struct str line)
{
	enum json_status st;
	size_t at = 0;

	if (e->mode == ENCODE_TEXT) {
		buf_adds(why, "not UTF-8");
		return;
	}
	st = json_check(line.p, line.n, &at);
	buf_addf(why, "%s (at byte %zu)", json_status_text(st), at + 1);
}
