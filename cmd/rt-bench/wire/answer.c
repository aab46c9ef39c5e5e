/* SPDX-License-Identifier: MIT */
#include "wire/answer.h"

#include <string.h>
#include <strings.h>

enum state {
	STATE_HEAD,
	STATE_LENGTH,		/* a body of (left) bytes */
	STATE_CLOSE,		/* a body until the connection ends */
	STATE_END,		/* the body is over, but ANSWER_END not yet said */
	STATE_SIZE,		/* in the size of a chunk */
	STATE_EXTENSION,	/* behind it, until LF */
	STATE_CHUNK,		/* (left) bytes of it */
	STATE_CHUNK_CR,
	STATE_CHUNK_LF,
	STATE_TRAILER,
	STATE_UPGRADED,
};

#define SIZE_DIGITS_MAX 15

void answer_init(struct answer *a)
{
	*a = (struct answer){.state = STATE_HEAD};
}

bool answer_closed(const struct answer *a)
{
	return a->state == STATE_CLOSE || a->state == STATE_HEAD;
}

bool answer_idle(const struct answer *a)
{
	return a->state == STATE_HEAD;
}

/* --- heads ----------------------------------------------------------------------------------- */

static struct str trim(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return (struct str){p, (size_t)(end - p)};
}

/* Take a line "name: value" off (*head). False: it was the last, or is none. */
static bool next_field(struct str *head, struct str *name, struct str *value)
{
	const char *end, *colon;

	if (head->n == 0)
		return false;
	end = memchr(head->p, '\r', head->n);
	if (end == NULL)
		end = head->p + head->n;
	colon = memchr(head->p, ':', (size_t)(end - head->p));
	if (colon == NULL)
		return false;
	*name = (struct str){head->p, (size_t)(colon - head->p)};
	*value = trim(colon + 1, end);
	head->n -= (size_t)(end - head->p);
	head->p = end;
	if (head->n >= 2) {
		head->p += 2;
		head->n -= 2;
	}
	return true;
}

static bool is_named(struct str name, struct str what)
{
	return name.n == what.n && strncasecmp(name.p, what.p, what.n) == 0;
}

struct str answer_field(struct str head, const char *name)
{
	struct str what = str_of(name), found, value;

	while (next_field(&head, &found, &value))
		if (is_named(found, what))
			return value;
	return STR_NULL;
}

/* Is (token) one of the list (value)? */
static bool has_token(struct str value, const char *token)
{
	const char *p = value.p, *end = value.p + value.n;

	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));

		if (comma == NULL)
			comma = end;
		if (is_named(trim(p, comma), str_of(token)))
			return true;
		p = comma + 1;
	}
	return false;
}

static bool parse_length(struct str value, uint64_t *length)
{
	uint64_t v = 0;

	if (value.n == 0 || value.n > 18)
		return false;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(value.p[i] - '0');
	}
	*length = v;
	return true;
}

/* "HTTP/1.x NNN", a reason or none. Returns its length with CRLF, 0 if it is something else. */
static size_t parse_status(struct answer *a, const char *p, size_t n)
{
	const char *end = memchr(p, '\r', n);

	if (end == NULL || end - p < 12 || memcmp(p, "HTTP/1.", 7) != 0 ||
			(p[7] != '0' && p[7] != '1') || p[8] != ' ')
		return 0;
	a->status = 0;
	for (unsigned i = 9; i < 12; i++) {
		if (p[i] < '0' || p[i] > '9')
			return 0;
		a->status = (uint16_t)(a->status * 10 + (p[i] - '0'));
	}
	if (a->status < 100 || (end - p > 12 && p[12] != ' '))
		return 0;
	a->keep = p[7] == '1';
	return (size_t)(end - p) + 2;
}

/* What body follows (RFC 9112, 6.3). */
static bool parse_fields(struct answer *a, struct str head)
{
	bool chunked = false, length_given = false;
	struct str name, value;
	uint64_t length = 0;

	while (head.n > 0) {
		if (!next_field(&head, &name, &value))
			return false;
		if (is_named(name, STR_LIT("content-length"))) {
			uint64_t before = length;

			if (!parse_length(value, &length) || (length_given && before != length))
				return false;
			length_given = true;
		} else if (is_named(name, STR_LIT("transfer-encoding"))) {
			chunked = has_token(value, "chunked");
		} else if (is_named(name, STR_LIT("connection"))) {
			a->keep = (a->keep || has_token(value, "keep-alive")) && !has_token(value, "close");
		}
	}
	a->left = length;
	a->digits = 0;
	a->letters = 0;
	if (a->status == 101)
		a->state = STATE_UPGRADED;
	else if (a->status < 200)
		a->state = STATE_HEAD;
	else if (a->status == 204 || a->status == 304 || (length_given && length == 0 && !chunked))
		a->state = STATE_END;
	else
		a->state = chunked ? STATE_SIZE : length_given ? STATE_LENGTH : STATE_CLOSE;
	if (a->state == STATE_CLOSE)
		a->keep = false;
	return true;
}

static enum answer_step head_step(struct answer *a, const char *p, size_t n, size_t *used, struct str *piece)
{
	static const char begin[] = "HTTP/1.";
	const char *end;
	size_t skip;

	if (n == 0)
		return ANSWER_MORE;
	if (memcmp(p, begin, n < 7 ? n : 7) != 0)
		return ANSWER_MALFORMED;
	end = memmem(p, n, "\r\n\r\n", 4);
	if (end == NULL)
		return n >= ANSWER_HEAD_MAX ? ANSWER_MALFORMED : ANSWER_MORE;
	skip = parse_status(a, p, n);
	if (skip == 0)
		return ANSWER_MALFORMED;
	/* The CRLF of the last field is left out; without any field there is nothing between the two. */
	*piece = (struct str){p + skip, skip > (size_t)(end - p) ? 0 : (size_t)(end - p) - skip};
	*used = (size_t)(end - p) + 4;
	return parse_fields(a, *piece) ? ANSWER_HEAD : ANSWER_MALFORMED;
}

/* --- bodies ---------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Nobody writes some sizes with small and some with capital letters: a bit was flipped. */
static bool size_byte(struct answer *a, char c)
{
	int d = hex_digit(c);

	if (d >= 0) {
		if (d > 9)
			a->letters |= c & 0x20 ? 1 : 2;
		a->left = (a->digits == 0 ? 0 : a->left << 4) | (uint64_t)d;
		return ++a->digits <= SIZE_DIGITS_MAX && a->letters != 3;
	}
	a->state = STATE_EXTENSION;
	return a->digits > 0 && (c == '\r' || c == ';' || c == ' ' || c == '\t');
}

/* The last field of a trailer is followed by an empty line; lines end with CRLF. */
static bool trailer_byte(struct answer *a, char c)
{
	if (c == '\n' && !a->line)
		a->state = STATE_END;
	a->line = c != '\n' && (a->line || c != '\r');
	return (c == '\n') == (a->before == '\r');
}

/* A byte of the framing of chunks, in the states that are not within one. */
static bool framing_byte(struct answer *a, char c)
{
	bool good = false;

	switch ((enum state)a->state) {
	case STATE_SIZE:
		good = size_byte(a, c);
		break;
	case STATE_EXTENSION:
		/* A CR is for the LF behind it, and no LF comes without. */
		good = (c == '\n') == (a->before == '\r');
		if (c == '\n') {
			a->state = a->left > 0 ? STATE_CHUNK : STATE_TRAILER;
			a->line = false;
		}
		break;
	case STATE_CHUNK_CR:
		a->state = STATE_CHUNK_LF;
		good = c == '\r';
		break;
	case STATE_CHUNK_LF:
		a->state = STATE_SIZE;
		a->digits = 0;
		good = c == '\n';
		break;
	case STATE_TRAILER:
		good = trailer_byte(a, c);
		break;
	default:
		break;
	}
	a->before = c;
	return good;
}

bool answer_begins_chunk(struct answer *a, const char *p, size_t n)
{
	uint8_t letters = a->letters;

	if (a->state != STATE_SIZE || a->digits > 0)
		return false;
	for (size_t i = 0; i < n && i < SIZE_DIGITS_MAX && hex_digit(p[i]) >= 0; i++)
		if (p[i] > '9')
			letters |= p[i] & 0x20 ? 1 : 2;
	a->letters = letters;	/* one that is not left out says the same of itself */
	return letters != 3;
}

size_t answer_end_chunk(struct answer *a, const char *p, size_t n)
{
	if (a->state != STATE_CHUNK_CR || n < 2 || memcmp(p, "\r\n", 2) != 0)
		return 0;
	a->state = STATE_SIZE;
	a->digits = 0;
	return 2;
}

static bool is_framing(const struct answer *a)
{
	return a->state == STATE_SIZE || a->state == STATE_EXTENSION || a->state == STATE_CHUNK_CR ||
		a->state == STATE_CHUNK_LF || a->state == STATE_TRAILER;
}

static enum answer_step data_step(struct answer *a, const char *p, size_t n, size_t *used, struct str *piece)
{
	size_t take = a->state != STATE_CLOSE && a->left < n ? (size_t)a->left : n;

	if (n == 0)
		return ANSWER_MORE;
	*piece = (struct str){p, take};
	*used = take;
	if (a->state == STATE_CLOSE)
		return ANSWER_DATA;
	a->left -= take;
	if (a->left == 0)
		a->state = a->state == STATE_CHUNK ? STATE_CHUNK_CR : STATE_END;
	return ANSWER_DATA;
}

enum answer_step answer_next(struct answer *a, const char *p, size_t n, size_t *used, struct str *piece)
{
	size_t at = 0;
	enum answer_step step = ANSWER_MORE;

	*used = 0;
	while (is_framing(a) && at < n)
		if (!framing_byte(a, p[at++]))
			return ANSWER_MALFORMED;
	switch ((enum state)a->state) {
	case STATE_HEAD:
		step = head_step(a, p + at, n - at, used, piece);
		while (step == ANSWER_HEAD && a->status < 200 && a->status != 101) {
			at += *used;
			*used = 0;
			step = head_step(a, p + at, n - at, used, piece);
		}
		break;
	case STATE_LENGTH:
	case STATE_CHUNK:
	case STATE_CLOSE:
		step = data_step(a, p + at, n - at, used, piece);
		break;
	case STATE_END:
		a->state = STATE_HEAD;
		step = ANSWER_END;
		break;
	default:
		break;
	}
	*used += at;
	return step;
}
