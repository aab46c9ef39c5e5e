/* SPDX-License-Identifier: MIT */
#include "net/http_internal.h"

#include <stdlib.h>
#include <string.h>

#include "units.h"

#define DISCARD_MAX 65536	/* so much of an unwanted body is read, to keep the connection */
#define PROBLEM_MAX 2048
#define HEAD_ROOM 256		/* an answer's status line, Date and framing take less */

/* --- the answer's head ----------------------------------------------------------------------- */

/* Is the rest of the request's body too much to wait for, once it has been answered? */
bool http1_body_unfinished(const struct exchange *x)
{
	const struct input *in = x->conn->in;

	if (in == NULL || in->x != x || in->state != INPUT_BODY)
		return false;
	return x->continues || in->chunked || in->rest > DISCARD_MAX;
}

static void http1_continue(struct exchange *x)
{
	if (!x->continues || x->paused || x->begun)
		return;
	x->continues = false;
	exchange_out(x, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

/* Not 0: a byte of the eight at (p) is at most '\r', or the one behind such a byte. */
static uint64_t low_bytes(const char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return (word - ones * ('\r' + 1)) & ~word & ones << 7;
}

/* Is there a CR or LF? Whatever is as low is looked at twice. */
static bool has_break(struct str s)
{
	const size_t step = sizeof(uint64_t);
	uint64_t low = s.n < step;

	if (s.n >= step) {
		for (size_t i = 0; i < s.n - step; i += step)
			low |= low_bytes(s.p + i);
		low |= low_bytes(s.p + s.n - step);
	}
	if (low != 0)
		for (size_t i = 0; i < s.n; i++)
			if (s.p[i] == '\r' || s.p[i] == '\n')
				return true;
	return false;
}

static uint8_t *put(uint8_t *p, struct str s)
{
	memcpy(p, s.p, s.n);
	return p + s.n;
}

#define PUT(p, lit) put((p), STR_LIT(lit))

/* A field that carries a line break would be two; that is a mistake of ours, never sent. */
static uint8_t *put_field(uint8_t *p, struct http_field f)
{
	if (has_break(f.value))
		return p;
	p = put(p, f.name);
	p = PUT(p, ": ");
	p = put(p, f.value);
	return PUT(p, "\r\n");
}

int http1_add_field(struct buf *b, struct http_field f)
{
	if (buf_reserve(b, f.name.n + f.value.n + 4) != 0)
		return -1;
	b->len = (size_t)(put_field(b->p + b->len, f) - b->p);
	return 0;
}

static uint8_t *put_status(uint8_t *p, unsigned status, struct loop *l)
{
	p = PUT(p, "HTTP/1.1 ");
	*p++ = (uint8_t)('0' + status / 100);
	*p++ = (uint8_t)('0' + status / 10 % 10);
	*p++ = (uint8_t)('0' + status % 10);
	*p++ = ' ';
	p = put(p, str_of(http_reason(status)));
	p = PUT(p, "\r\nDate: ");
	p = put(p, (struct str){http_date(l), HTTP_DATE_LEN});
	return PUT(p, "\r\n");
}

static uint8_t *put_framing(uint8_t *p, const struct exchange *x, unsigned status, int64_t length)
{
	if (x->chunked)
		p = PUT(p, "Transfer-Encoding: chunked\r\n");
	if (length >= 0 && status != 204 && status != 304) {
		p = PUT(p, "Content-Length: ");
		p += units_format_u64((char *)p, (uint64_t)length);
		p = PUT(p, "\r\n");
	}
	if (x->close)
		return PUT(p, "Connection: close\r\n");
	return x->http10 ? PUT(p, "Connection: keep-alive\r\n") : p;
}

static int make_head(struct buf *b, const struct exchange *x, unsigned status,
	const struct http_field *fields, unsigned nfields, int64_t length)
{
	size_t room = HEAD_ROOM;
	uint8_t *p;

	for (unsigned i = 0; i < nfields; i++)
		room += fields[i].name.n + fields[i].value.n + 4;
	buf_reset(b);
	if (buf_reserve(b, room) != 0)
		return -1;
	p = put_status(b->p, status, x->conn->loop);
	for (unsigned i = 0; i < nfields; i++)
		p = put_field(p, fields[i]);
	p = put_framing(p, x, status, length);
	p = PUT(p, "\r\n");
	b->len = (size_t)(p - b->p);
	return 0;
}

int http1_head(struct exchange *x, unsigned status, const struct http_field *fields, unsigned nfields,
	int64_t length)
{
	struct buf *b = &x->conn->loop->scratch;

	x->status = status & 0x3ff;
	x->chunked = length < 0 && !x->http10 && !x->empty;
	/* A streamed answer may go on while the body comes: then exchange_end decides. */
	if (length < 0 && !x->empty)
		http1_continue(x);
	else if (http1_body_unfinished(x))
		x->close = true;
	if (!x->keep_alive || (length < 0 && x->http10 && !x->empty))
		x->close = true;
	x->begun = true;
	x->continues = false;
	if (make_head(b, x, status, fields, nfields, length) != 0) {
		conn_close(x->conn, CONN_NOMEM);
		return -1;
	}
	return exchange_out(x, b->p, b->len);
}

/* --- refusals -------------------------------------------------------------------------------- */

static void respond_problem(struct exchange *x, unsigned status, const char *why)
{
	const struct http_handler *h = x->conn->env->handler;
	char body[PROBLEM_MAX];
	struct http_field f[4] = {
		{STR_LIT("Content-Type"), STR_LIT("text/plain")},
		{STR_LIT("X-Content-Type-Options"), STR_LIT("nosniff")},
	};
	const char *type = NULL;
	unsigned nf = 2;
	size_t n;

	if (h->problem != NULL) {
		n = h->problem(status, why, body, sizeof(body), &type);
		f[0].value = str_of(type);
	} else {
		n = strlen(why) < sizeof(body) ? strlen(why) : sizeof(body);
		memcpy(body, why, n);
	}
	if (status == 426) {
		f[nf++] = (struct http_field){STR_LIT("Upgrade"), STR_LIT("websocket")};
		f[nf++] = (struct http_field){STR_LIT("Sec-WebSocket-Version"), STR_LIT("13")};
	}
	exchange_respond(x, status, f, nf, (struct str){body, n});
}

static void input_discard(struct input *in)
{
	in->off = in->len;
	in->state = INPUT_HEAD;
	in->scan = (struct http1_scan){0};
	in->since_ms = 0;
	in->x = NULL;
}

/*
 * The request is not one, or can't be read to its end: say so in its turn, and close. (x) is the
 * exchange whose body it was, or NULL: a new request, or one that was answered long ago. An answer
 * that has begun can only be broken off.
 */
static void http1_refuse(struct conn *c, struct exchange *x, unsigned status, const char *why,
	enum conn_end end)
{
	const struct http_handler *h = c->env->handler;
	bool body = c->in->state == INPUT_BODY;

	input_discard(c->in);
	if (h->malformed != NULL)
		h->malformed(c, status, why, h->arg);
	if (body && (x == NULL || x->begun)) {
		conn_close_after_flush(c, end);
		return;
	}
	if (x == NULL && (x = exchange_new(c)) == NULL)
		return;
	c->fresh = false;
	x->close = true;
	x->why = end;
	respond_problem(x, status, why);
}

/* --- the request's head ---------------------------------------------------------------------- */

struct parse {
	struct http_field *fields;
	unsigned n, max;
};

static struct parse *parse_of(llhttp_t *p)
{
	return p->data;
}

/* Everything is in one buffer, so the pieces of a name or value follow each other. */
static int on_field(llhttp_t *p, const char *at, size_t n)
{
	struct parse *a = parse_of(p);
	struct http_field *f = &a->fields[a->n];

	if (a->n == a->max)
		return HPE_USER;
	if (f->name.p == NULL)
		f->name.p = at;
	f->name.n = (size_t)(at - f->name.p) + n;
	return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t n)
{
	struct parse *a = parse_of(p);
	struct http_field *f = &a->fields[a->n];

	if (f->value.p == NULL)
		f->value.p = at;
	f->value.n = (size_t)(at - f->value.p) + n;
	return 0;
}

static int on_value_complete(llhttp_t *p)
{
	struct parse *a = parse_of(p);
	struct http_field *f = &a->fields[a->n];

	if (f->value.p == NULL)
		f->value = STR_LIT("");
	while (f->value.n > 0 && (f->value.p[f->value.n - 1] == ' ' || f->value.p[f->value.n - 1] == '\t'))
		f->value.n--;
	if (++a->n < a->max)
		a->fields[a->n] = (struct http_field){STR_NULL, STR_NULL};
	return 0;
}

static int on_body(llhttp_t *p, const char *at, size_t n);

static const llhttp_settings_t head_settings = {
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_header_value_complete = on_value_complete,
};

static const llhttp_settings_t body_settings = {.on_body = on_body};

/* Names are the buffer's own bytes: lower-case them in place. */
static void lower_name(struct str name)
{
	for (char *p = (char *)name.p, *end = p + name.n; p < end; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p |= 0x20;
}

static int fields_reserve(struct loop *l, unsigned n)
{
	struct http_field *f;

	if (l->capfields >= n)
		return 0;
	if ((f = realloc(l->fields, n * sizeof(*f))) == NULL)
		return -1;
	l->fields = f;
	l->capfields = n;
	return 0;
}

/* Second reading of a head that the guard found good. 0, or the status to refuse it with. */
static unsigned head_parse(struct conn *c, struct http1_head *h, size_t n, struct http_request *r)
{
	struct input *in = c->in;
	struct parse a = {.max = h->nfields};
	llhttp_errno_t e;

	if (fields_reserve(c->loop, h->nfields + 1) != 0)
		return 503;
	a.fields = c->loop->fields;
	a.fields[0] = (struct http_field){STR_NULL, STR_NULL};
	llhttp_init(&in->parser, HTTP_REQUEST, &head_settings);
	in->parser.data = &a;
	e = llhttp_execute(&in->parser, (const char *)in->p + in->off, n);
	in->parser.data = c;
	in->parser.settings = (void *)&body_settings;	/* trailers are not looked at */
	if (e == HPE_INVALID_METHOD)
		return 501;
	if (e == HPE_PAUSED_UPGRADE)
		llhttp_resume_after_upgrade(&in->parser);
	else if (e != HPE_OK)
		return str_is(h->method, "PRI") ? 505 : 400;
	if (a.n != h->nfields)
		return 400;
	for (unsigned i = 0; i < a.n; i++)
		lower_name(a.fields[i].name);
	r->fields = a.fields;
	r->nfields = a.n;
	return str_is(h->method, "CONNECT") ? 501 : 0;
}

static void request_fill(const struct http1_head *h, struct http_request *r)
{
	const char *q = memchr(h->path.p, '?', h->path.n);

	r->method = h->method;
	r->target = h->target;
	r->path = h->path;
	r->query = STR_NULL;
	if (q != NULL) {
		r->path.n = (size_t)(q - h->path.p);
		r->query = (struct str){q + 1, h->path.n - r->path.n - 1};
	}
	r->http10 = h->http10;
	r->content_length = h->has_length ? (int64_t)h->length : -1;
	r->has_body = h->chunked || h->length > 0;
}

static bool keeps_alive(const struct http_request *r)
{
	if (http_has_token(r, "connection", "close"))
		return false;
	return !r->http10 || http_has_token(r, "connection", "keep-alive");
}

/* --- starting a request ---------------------------------------------------------------------- */

/* May another request start behind those that are unanswered? */
static bool may_begin(const struct conn *c)
{
	unsigned n = 0;

	for (const struct exchange *x = c->exchanges; x != NULL; x = x->next, n++)
		if (!x->overlaps || x->close || (x->begun && !x->complete && x->http10))
			return false;
	return n < c->env->limits->max_pipelined;
}

/* Is there something about the request that the layer above need not see? */
static unsigned request_check(struct http_request *r, const char **why)
{
	struct str expect = http_field(r, "expect");
	int ws = websocket_check(r);

	if (expect.p != NULL && !r->http10 && !http_has_token(r, "expect", "100-continue")) {
		*why = "only \"Expect: 100-continue\" is understood";
		return 417;
	}
	r->upgrade_websocket = ws == 1;
	*why = ws == 426 ? "WebSocket version 13 is spoken here"
		: "the WebSocket handshake is not correct: see RFC 6455 section 4.1";
	return ws > 1 ? (unsigned)ws : 0;
}

static void body_begin(struct conn *c, struct exchange *x, const struct http1_head *h)
{
	struct input *in = c->in;

	in->since_ms = 0;
	in->state = INPUT_HEAD;
	if (!h->chunked && h->length == 0)
		return;
	in->since_ms = c->loop->now_ms;
	in->state = INPUT_BODY;
	in->chunked = h->chunked;
	in->rest = h->length;
	in->framing = (struct http1_chunked){0};
	in->x = x;
}

static void request_start(struct conn *c, const struct http1_head *h, size_t n, struct http_request *r)
{
	const struct http_handler *handler = c->env->handler;
	struct input *in = c->in;
	struct exchange *x = exchange_new(c);

	if (x == NULL)
		return;
	c->fresh = false;
	x->http10 = r->http10;
	x->head_only = str_is(r->method, "HEAD");
	x->keep_alive = keeps_alive(r) && !c->refused;
	x->overlaps = handler->may_overlap != NULL && handler->may_overlap(r, handler->arg);
	in->off += (uint32_t)n;
	in->waits = false;
	in->scan = (struct http1_scan){0};
	body_begin(c, x, h);
	x->continues = r->has_body && !r->http10 && in->off == in->len
		&& http_field(r, "expect").p != NULL;
	if (r->upgrade_websocket && exchange_keep_key(x, http_field(r, "sec-websocket-key")) != 0) {
		conn_close(c, CONN_NOMEM);
		return;
	}
	handler->request(x, r, handler->arg);
	if (x->over || conn_over(c))
		return;
	if (x->ops == NULL && !x->begun)
		respond_problem(x, 500, "nobody answers this request");
	if (!x->over)
		http1_continue(x);
}

/* The buffer is full with an incomplete head: it may grow up to the limit. */
static void head_room(struct conn *c)
{
	struct input *in = c->in;
	uint32_t max = c->env->limits->max_head + 4;

	if (in->len < in->cap)
		return;
	if (in->off > 0) {
		memmove(in->p, in->p + in->off, in->len - in->off);
		in->len -= in->off;
		in->off = 0;
		return;
	}
	if (input_grow(in, in->cap * 2 < max ? in->cap * 2 : max) != 0)
		conn_close(c, CONN_NOMEM);
}

static bool head_step(struct conn *c)
{
	const struct conn_limits *limits = c->env->limits;
	const struct http1_limits hl = {limits->max_head, limits->max_fields};
	struct input *in = c->in;
	struct http1_refusal no = {400, "the request head is malformed"};
	struct http1_head h;
	struct http_request r = {0};
	ssize_t n;

	if (in->off == in->len || conn_congested(c) || (in->waits && c->exchanges != NULL) || !may_begin(c))
		return false;
	if (in->since_ms == 0)
		in->since_ms = c->loop->now_ms;
	n = http1_guard_head(in->p + in->off, in->len - in->off, &hl, &in->scan, &h, &no);
	if (n == 0)
		head_room(c);
	if (n > 0 && (no.status = head_parse(c, &h, (size_t)n, &r)) != 0) {
		n = -1;
		no.why = no.status == 501 ? "this method is not known here" : no.why;
	}
	if (n > 0) {
		request_fill(&h, &r);
		if ((no.status = request_check(&r, &no.why)) != 0)
			n = -1;
	}
	if (n < 0)
		http1_refuse(c, NULL, no.status, no.why, CONN_PROTOCOL);
	if (n <= 0)
		return false;
	if (c->exchanges != NULL && (c->env->handler->may_overlap == NULL
		|| !c->env->handler->may_overlap(&r, c->env->handler->arg))) {
		in->waits = true;
		in->scan = (struct http1_scan){0};
		return false;
	}
	request_start(c, &h, (size_t)n, &r);
	return true;
}

/* --- the request's body ---------------------------------------------------------------------- */

static int on_body(llhttp_t *p, const char *at, size_t n)
{
	struct conn *c = p->data;
	struct exchange *x = c->in->x;

	if (x != NULL && x->ops != NULL && x->ops->body != NULL && !x->complete)
		x->ops->body(x, (const uint8_t *)at, n);
	return 0;
}

static void body_end(struct conn *c)
{
	struct input *in = c->in;
	struct exchange *x = in->x;

	in->state = INPUT_HEAD;
	in->since_ms = 0;
	in->x = NULL;
	if (x != NULL && x->ops != NULL && x->ops->body_end != NULL && !x->complete)
		x->ops->body_end(x);
}

static bool http1_paused(const struct conn *c)
{
	const struct input *in = c->in;

	return in != NULL && in->state == INPUT_BODY && in->x != NULL && in->x->paused
		&& !in->x->complete;
}

/* Feed the parser what the guard lets pass: at most one run of data, so that a pause holds at once. */
static bool body_step(struct conn *c)
{
	struct input *in = c->in;
	uint8_t *p = in->p + in->off;
	ssize_t n = in->len - in->off;
	llhttp_errno_t e;
	bool done;

	if (n == 0 || http1_paused(c))
		return false;
	in->since_ms = c->loop->now_ms;
	if (in->chunked)
		n = http1_guard_chunked(&in->framing, p, (size_t)n);
	else if ((uint64_t)n > in->rest)
		n = (ssize_t)in->rest;
	if (n < 0) {
		http1_refuse(c, in->x, 400, "the chunked framing of the body is malformed", CONN_PROTOCOL);
		return false;
	}
	in->rest -= in->chunked ? 0 : (uint64_t)n;
	in->off += (uint32_t)n;
	done = in->chunked ? in->framing.done : in->rest == 0;
	e = llhttp_execute(&in->parser, (const char *)p, (size_t)n);
	if (conn_over(c))
		return false;
	if (e != HPE_OK && !(done && e == HPE_PAUSED_UPGRADE)) {
		http1_refuse(c, in->x, 400, "the body is malformed", CONN_PROTOCOL);
		return false;
	}
	if (done)
		body_end(c);
	return true;
}

/* --- the protocol's table -------------------------------------------------------------------- */

static void http1_input(struct conn *c)
{
	struct input *in = c->in;

	while (c->proto == &http1_proto && !conn_over(c)) {
		if (!(in->state == INPUT_BODY ? body_step(c) : head_step(c)))
			break;
		/* Freed here, their memory serves the requests right behind them. */
		exchange_reap_over(c->loop);
	}
}

/* Tell those that want to know that the peer has closed its side. */
static void tell_eof(struct conn *c)
{
	struct exchange *x, *next;

	for (x = c->exchanges; x != NULL && !conn_over(c); x = next) {
		next = x->next;
		if (x->eof_told || x->complete || x->ops == NULL || x->ops->peer_eof == NULL)
			continue;
		x->eof_told = true;
		x->ops->peer_eof(x);
		next = c->exchanges;	/* several may have left */
	}
}

static void http1_eof(struct conn *c)
{
	struct input *in = c->in;

	if (c->eof && in != NULL && in->state == INPUT_BODY) {
		/* What is here already may still complete it. */
		if (in->off == in->len || !http1_paused(c))
			conn_close(c, CONN_EOF);
		return;
	}
	tell_eof(c);
	if (in != NULL && in->again.queued)
		return;		/* requests that are here already come first */
	if (c->eof && c->exchanges == NULL && !conn_congested(c))
		conn_close_after_flush(c, CONN_EOF);
}

static uint64_t http1_deadline(const struct conn *c)
{
	const struct conn_limits *limits = c->env->limits;
	const struct input *in = c->in;

	if (in == NULL || conn_congested(c))
		return UINT64_MAX;
	if (in->state == INPUT_BODY)
		return http1_paused(c) ? UINT64_MAX : in->since_ms + limits->body_ms;
	if (in->since_ms == 0 || c->exchanges != NULL)
		return UINT64_MAX;
	return in->since_ms + conn_head_ms(c);
}

static void http1_expired(struct conn *c)
{
	if (c->in->state == INPUT_BODY)
		http1_refuse(c, c->in->x, 408, "the request's body did not arrive in time",
			CONN_TIMEOUT_BODY);
	else
		http1_refuse(c, NULL, 408, "the request's head did not arrive in time", CONN_TIMEOUT_HEAD);
}

static bool http1_open(const struct conn *c)
{
	return c->exchanges != NULL;
}

static void http1_closed(struct conn *c, enum conn_end why)
{
	struct exchange *x;

	if (c->in != NULL)
		c->in->x = NULL;
	while ((x = c->exchanges) != NULL) {
		c->exchanges = x->next;
		x->why = why;
		exchange_reap(x);
	}
}

const struct proto http1_proto = {
	.name = "HTTP/1.1",
	.input = http1_input,
	.eof = http1_eof,
	.paused = http1_paused,
	.deadline = http1_deadline,
	.expired = http1_expired,
	.alarm_at = exchange_alarm_at,
	.alarm = exchange_run_alarm,
	.open = http1_open,
	.closed = http1_closed,
};

void exchange_pause(struct exchange *x, bool pause)
{
	struct conn *c = x->conn;

	if (x->over || c->closing || x->paused == pause)
		return;
	x->paused = pause;
	if (!pause) {
		if (c->in != NULL && c->in->x == x) {
			c->in->since_ms = c->loop->now_ms;
			if (!c->in->busy)
				http1_continue(x);
		}
		conn_input_later(c);
		conn_deadline(c);
	}
	if (c->in == NULL || !c->in->busy)
		conn_update(c);
}
