/* SPDX-License-Identifier: MIT */
#include "net/http1_guard.h"

#include <endian.h>
#include <string.h>
#include <strings.h>

#define REQUEST_LINE_MIN 8192	/* RFC 9112 section 3: at least so much is taken */

static int refuse(struct http1_refusal *no, unsigned status, const char *why)
{
	*no = (struct http1_refusal){status, why};
	return -1;
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static int hex_value(uint8_t c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Where a byte may be: in a token (the tchars of RFC 9110, 5.6.2), in the name of a host. */
enum { TOKEN = 1, HOST = 2 };

static const uint8_t kinds[256] = {
	['!'] = TOKEN, ['#' ... '\''] = TOKEN, ['*'] = TOKEN, ['+'] = TOKEN, ['-'] = TOKEN | HOST,
	['.'] = TOKEN | HOST, ['0' ... '9'] = TOKEN | HOST, ['A' ... 'Z'] = TOKEN | HOST,
	['^'] = TOKEN, ['_'] = TOKEN | HOST, ['`'] = TOKEN, ['a' ... 'z'] = TOKEN | HOST,
	['|'] = TOKEN, ['~'] = TOKEN | HOST,
};

static bool is_tchar(uint8_t c)
{
	return (kinds[c] & TOKEN) != 0;
}

/* How many of the (n) bytes may be in a (kind). */
static size_t run_of(const char *p, size_t n, uint8_t kind)
{
	size_t i = 0;

	while (i < n && (kinds[(uint8_t)p[i]] & kind) != 0)
		i++;
	return i;
}

/*
 * Eight bytes at a time: each function sets the top bit of bytes that it looks for. A borrow may make
 * the byte behind one it has found look like another; the first, the lowest, is always right.
 */
static const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);

static uint64_t load(const void *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return le64toh(word);
}

static uint64_t bytes_below(uint64_t word, uint8_t c)
{
	return (word - ones * c) & ~word & tops;
}

static uint64_t bytes_equal(uint64_t word, uint8_t c)
{
	return bytes_below(word ^ ones * c, 1);
}

/* --- the request line ------------------------------------------------------------------------ */

static int check_version(struct str v, struct http1_head *h, struct http1_refusal *no)
{
	if (v.n != 8 || memcmp(v.p, "HTTP/", 5) != 0 || !is_digit((uint8_t)v.p[5]) || v.p[6] != '.'
		|| !is_digit((uint8_t)v.p[7]))
		return refuse(no, 400, "the request line has no HTTP version");
	if (v.p[5] != '1' || (v.p[7] != '0' && v.p[7] != '1'))
		return refuse(no, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	h->http10 = v.p[7] == '0';
	return 0;
}

static int check_target(struct str t, struct http1_refusal *no)
{
	size_t i = 0;

	for (uint64_t word; t.n - i >= sizeof(word); i += sizeof(word)) {
		word = load(t.p + i);
		if ((bytes_below(word, '!') | bytes_equal(word, '#') | bytes_equal(word, 0x7f)
			| (word & tops)) != 0)
			break;
	}
	for (; i < t.n; i++) {
		uint8_t c = (uint8_t)t.p[i];

		if (c <= ' ' || c >= 0x7f || c == '#')
			return refuse(no, 400,
				"the target has a character that must be percent-encoded");
	}
	return 0;
}

/* The three parts are separated by one space each. */
static int check_request_line(struct str line, struct http1_head *h, struct http1_refusal *no)
{
	const char *sp1 = memchr(line.p, ' ', line.n), *sp2, *end = line.p + line.n;

	if (sp1 == NULL || (sp2 = memchr(sp1 + 1, ' ', (size_t)(end - sp1 - 1))) == NULL)
		return refuse(no, 400, "the request line is not METHOD TARGET VERSION");
	h->method = (struct str){line.p, (size_t)(sp1 - line.p)};
	h->target = (struct str){sp1 + 1, (size_t)(sp2 - sp1 - 1)};
	if (h->method.n == 0 || h->target.n == 0)
		return refuse(no, 400, "the request line is not METHOD TARGET VERSION");
	if (run_of(h->method.p, h->method.n, TOKEN) < h->method.n)
		return refuse(no, 400, "the method is not a token");
	if (check_version((struct str){sp2 + 1, (size_t)(end - sp2 - 1)}, h, no) != 0)
		return -1;
	return check_target(h->target, no);
}

/* --- fields ---------------------------------------------------------------------------------- */

struct found {
	struct str host, encoding, length;
	unsigned nhost, nencoding, nlength;
};

static bool name_is(struct str name, struct str s)
{
	return name.n == s.n && strncasecmp(name.p, s.p, s.n) == 0;
}

static struct str trim(struct str v)
{
	while (v.n > 0 && (v.p[0] == ' ' || v.p[0] == '\t'))
		v = (struct str){v.p + 1, v.n - 1};
	while (v.n > 0 && (v.p[v.n - 1] == ' ' || v.p[v.n - 1] == '\t'))
		v.n--;
	return v;
}

static void note_field(struct found *f, struct str name, struct str value)
{
	if (name_is(name, STR_LIT("host"))) {
		f->host = value;
		f->nhost++;
	} else if (name_is(name, STR_LIT("transfer-encoding"))) {
		f->encoding = value;
		f->nencoding++;
	} else if (name_is(name, STR_LIT("content-length"))) {
		f->length = value;
		f->nlength++;
	}
}

static int check_field(struct str line, struct found *f, struct http1_refusal *no)
{
	size_t n;

	if (line.p[0] == ' ' || line.p[0] == '\t')
		return refuse(no, 400, "a header field is folded over two lines");
	n = run_of(line.p, line.n, TOKEN);
	if (n == 0)
		return refuse(no, 400, "a header field has no name");
	if (n == line.n || line.p[n] != ':')
		return refuse(no, 400, "a header field's name is not a token and a colon");
	note_field(f, (struct str){line.p, n}, trim((struct str){line.p + n + 1, line.n - n - 1}));
	return 0;
}

/* host [ ":" port ], where host is a name, an IPv4 address or a bracketed IPv6 address. */
static bool host_ok(struct str h)
{
	size_t i = 0, begin;

	if (h.n == 0)
		return false;
	if (h.p[0] == '[') {
		for (i = 1; i < h.n && h.p[i] != ']'; i++)
			if (hex_value((uint8_t)h.p[i]) < 0 && h.p[i] != ':' && h.p[i] != '.')
				return false;
		if (i < 3 || i == h.n)
			return false;
		i++;
	} else {
		i = run_of(h.p, h.n, HOST);
		if (i == 0)
			return false;
	}
	if (i == h.n)
		return true;
	if (h.p[i] != ':')
		return false;
	for (begin = ++i; i < h.n; i++)
		if (!is_digit((uint8_t)h.p[i]))
			return false;
	return i - begin <= 5;
}

static int check_host(const struct found *f, const struct http1_head *h, struct http1_refusal *no)
{
	if (f->nhost == 0 && h->http10)
		return 0;
	if (f->nhost != 1)
		return refuse(no, 400, f->nhost == 0 ? "the Host field is missing"
			: "there are several Host fields");
	return host_ok(f->host) ? 0 : refuse(no, 400, "the Host field is not a host and a port");
}

static int check_length(const struct found *f, struct http1_head *h, struct http1_refusal *no)
{
	if (f->nlength == 0)
		return 0;
	if (f->nlength > 1)
		return refuse(no, 400, "there are several Content-Length fields");
	if (f->length.n == 0 || f->length.n > 18)
		return refuse(no, 400, "Content-Length is not a number");
	for (size_t i = 0; i < f->length.n; i++) {
		if (!is_digit((uint8_t)f->length.p[i]))
			return refuse(no, 400, "Content-Length is not a number");
		h->length = h->length * 10 + (uint64_t)(f->length.p[i] - '0');
	}
	h->has_length = true;
	return 0;
}

static int check_encoding(const struct found *f, struct http1_head *h, struct http1_refusal *no)
{
	if (f->nencoding == 0)
		return 0;
	if (h->http10)
		return refuse(no, 400, "Transfer-Encoding does not exist in HTTP/1.0");
	if (f->nencoding > 1 || !name_is(f->encoding, STR_LIT("chunked")))
		return refuse(no, 400, "Transfer-Encoding is not just \"chunked\"");
	if (f->nlength > 0)
		return refuse(no, 400, "there are both Transfer-Encoding and Content-Length");
	h->chunked = true;
	return 0;
}

/* Origin-form, "*" for OPTIONS, or absolute-form that names the same host as the Host field. */
static int check_form(const struct found *f, struct http1_head *h, struct http1_refusal *no)
{
	struct str t = h->target;
	size_t n = f->host.n;

	h->path = t;
	if (t.p[0] == '/' || (t.n == 1 && t.p[0] == '*' && str_is(h->method, "OPTIONS")))
		return 0;
	if (t.n < 7 + n || n == 0 || strncasecmp(t.p, "http://", 7) != 0
		|| strncasecmp(t.p + 7, f->host.p, n) != 0
		|| (t.n > 7 + n && t.p[7 + n] != '/' && t.p[7 + n] != '?'))
		return refuse(no, 400, "the target is neither a path nor a URL of this host");
	h->path = (struct str){t.p + 7 + n, t.n - 7 - n};
	if (h->path.n == 0)
		h->path = STR_LIT("/");
	else if (h->path.p[0] == '?')
		return refuse(no, 400, "the target's URL has no path");
	return 0;
}

/* --- the head -------------------------------------------------------------------------------- */

static int check_fields(const uint8_t *p, size_t n, const struct http1_limits *limits,
	struct http1_head *h, struct http1_refusal *no)
{
	struct found f = {0};
	const char *at = (const char *)p, *end = at + n, *cr;

	for (; at < end; at = cr + 2) {
		cr = memchr(at, '\r', (size_t)(end - at));
		if (++h->nfields > limits->max_fields)
			return refuse(no, 431, "there are too many header fields");
		if (check_field((struct str){at, (size_t)(cr - at)}, &f, no) != 0)
			return -1;
	}
	if (check_host(&f, h, no) != 0 || check_length(&f, h, no) != 0
		|| check_encoding(&f, h, no) != 0)
		return -1;
	return check_form(&f, h, no);
}

static uint32_t line_max(const struct http1_limits *limits)
{
	uint32_t half = limits->max_head / 2;
	uint32_t max = half > REQUEST_LINE_MIN ? half : REQUEST_LINE_MIN;

	return max < limits->max_head ? max : limits->max_head;
}

static int too_long(uint32_t at, const struct http1_scan *s, const struct http1_limits *limits,
	struct http1_refusal *no)
{
	if (s->lines == 0 && at > line_max(limits))
		return refuse(no, 414, "the request line is too long");
	if (at > limits->max_head)
		return refuse(no, 431, "the request head is too long");
	return 0;
}

/* The next byte from (at) on that is a control, such as CR; (n): there is none. */
static size_t next_control(const uint8_t *p, size_t at, size_t n)
{
	uint64_t word, found;

	for (; n - at >= sizeof(word); at += sizeof(word)) {
		word = load(p + at);
		found = bytes_below(word, ' ') | bytes_equal(word, 0x7f);
		if (found != 0)
			return at + (size_t)__builtin_ctzll(found) / 8;
	}
	while (at < n && p[at] >= ' ' && p[at] != 0x7f)
		at++;
	return at;
}

/*
 * Every byte is looked at once: controls are refused, CR and LF come in pairs, and an empty line
 * ends the head. 1: complete, scan->at is behind it; 0: more is needed.
 */
static int scan_head(const uint8_t *p, size_t n, const struct http1_limits *limits,
	struct http1_scan *s, uint32_t skip, struct http1_refusal *no)
{
	while ((s->at = (uint32_t)next_control(p, s->at, n)) < n) {
		uint8_t c = p[s->at];

		if (c == '\r') {
			if (s->at + 1 == n)
				break;
			if (p[s->at + 1] != '\n')
				return refuse(no, 400, "a CR stands without its LF");
			s->at += 2;
			if (too_long(s->at - skip, s, limits, no) != 0)
				return -1;
			if (s->at - s->line == 2)
				return 1;
			s->line = s->at;
			s->lines++;
			continue;
		}
		if (c != '\t')
			return refuse(no, 400, c == '\n' ? "a LF stands without its CR"
				: "there is a control character in the head");
		s->at++;
	}
	return too_long(s->at - skip, s, limits, no);
}

ssize_t http1_guard_head(const uint8_t *p, size_t n, const struct http1_limits *limits,
	struct http1_scan *scan, struct http1_head *h, struct http1_refusal *no)
{
	const uint8_t *line_end;
	int complete;

	*h = (struct http1_head){0};
	if (n > 0 && p[0] == '\r') {
		if (n == 1)
			return 0;
		if (p[1] != '\n')
			return refuse(no, 400, "a CR stands without its LF");
		h->skip = 2;
		if (scan->at == 0)
			scan->at = scan->line = 2;
	}
	if (n > h->skip && !is_tchar(p[h->skip]))
		return refuse(no, 400, "this is not an HTTP request");
	if ((complete = scan_head(p, n, limits, scan, h->skip, no)) <= 0)
		return complete;
	p += h->skip;
	n = scan->at - h->skip;
	line_end = memchr(p, '\r', n);
	if (check_request_line((struct str){(const char *)p, (size_t)(line_end - p)}, h, no) != 0)
		return -1;
	line_end += 2;
	if (check_fields(line_end, n - 2 - (size_t)(line_end - p), limits, h, no) != 0)
		return -1;
	return (ssize_t)scan->at;
}

/* --- chunked framing ------------------------------------------------------------------------- */

enum {
	CHUNK_SIZE_DIGITS, CHUNK_EXTENSION, CHUNK_SIZE_LF, CHUNK_DATA, CHUNK_DATA_CR, CHUNK_DATA_LF,
	CHUNK_TRAILER_START, CHUNK_TRAILER, CHUNK_TRAILER_LF, CHUNK_LAST_LF
};

static int chunk_size_byte(struct http1_chunked *g, uint8_t c)
{
	int v = hex_value(c);

	if (v >= 0) {
		if (++g->digits > 15)
			return -1;
		g->left = g->left << 4 | (unsigned)v;
		return 0;
	}
	if (g->digits == 0 || (c != '\r' && c != ';'))
		return -1;
	g->state = c == '\r' ? CHUNK_SIZE_LF : CHUNK_EXTENSION;
	return 0;
}

static int chunk_extension_byte(struct http1_chunked *g, uint8_t c)
{
	if (c == '\r')
		g->state = CHUNK_SIZE_LF;
	return c == '\r' || c == '\t' || (c >= ' ' && c != 0x7f) ? 0 : -1;
}

static int chunk_size_end(struct http1_chunked *g, uint8_t c)
{
	g->state = g->left == 0 ? CHUNK_TRAILER_START : CHUNK_DATA;
	g->line = 0;
	g->digits = 0;
	return c == '\n' ? 0 : -1;
}

static int chunk_trailer_byte(struct http1_chunked *g, uint8_t c)
{
	if (g->state == CHUNK_TRAILER_START) {
		if (c == '\r') {
			g->state = CHUNK_LAST_LF;
			return 0;
		}
		g->state = CHUNK_TRAILER;
		g->named = false;
		return is_tchar(c) ? 0 : -1;
	}
	if (!g->named) {
		g->named = c == ':';
		return g->named || is_tchar(c) ? 0 : -1;
	}
	if (c == '\r')
		g->state = CHUNK_TRAILER_LF;
	return c == '\r' || c == '\t' || (c >= ' ' && c != 0x7f) ? 0 : -1;
}

/* One byte of framing. */
static int chunk_byte(struct http1_chunked *g, uint8_t c)
{
	switch (g->state) {
	case CHUNK_SIZE_DIGITS:
	case CHUNK_EXTENSION:
		if (++g->line > HTTP1_CHUNK_LINE_MAX)
			return -1;
		return g->state == CHUNK_EXTENSION ? chunk_extension_byte(g, c) : chunk_size_byte(g, c);
	case CHUNK_SIZE_LF:
		return chunk_size_end(g, c);
	case CHUNK_DATA_CR:
		g->state = CHUNK_DATA_LF;
		return c == '\r' ? 0 : -1;
	case CHUNK_DATA_LF:
		g->state = CHUNK_SIZE_DIGITS;
		return c == '\n' ? 0 : -1;
	case CHUNK_TRAILER_LF:
		g->state = CHUNK_TRAILER_START;
		return c == '\n' ? 0 : -1;
	case CHUNK_LAST_LF:
		g->done = true;
		return c == '\n' ? 0 : -1;
	default:
		return ++g->line > HTTP1_TRAILER_MAX ? -1 : chunk_trailer_byte(g, c);
	}
}

ssize_t http1_guard_chunked(struct http1_chunked *g, const uint8_t *p, size_t n)
{
	size_t at = 0;

	while (at < n && !g->done) {
		if (g->state == CHUNK_DATA) {
			uint64_t run = n - at < g->left ? n - at : g->left;

			g->left -= run;
			if (g->left == 0)
				g->state = CHUNK_DATA_CR;
			return (ssize_t)(at + run);
		}
		if (chunk_byte(g, p[at++]) != 0)
			return -1;
	}
	return (ssize_t)at;
}
