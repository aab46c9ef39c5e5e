/* SPDX-License-Identifier: MIT */
#include "net/http_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "zalloc.h"

/* --- requests -------------------------------------------------------------------------------- */

unsigned http_field_count(const struct http_request *r, const char *name)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->nfields; i++)
		n += str_is(r->fields[i].name, name);
	return n;
}

bool http_list_has(struct str list, const char *token)
{
	const char *end = list.p + list.n, *comma;
	size_t n = strlen(token);

	for (const char *p = list.p; p < end; p = comma + 1) {
		const char *stop;

		comma = memchr(p, ',', (size_t)(end - p));
		if (comma == NULL)
			comma = end;
		while (p < comma && (*p == ' ' || *p == '\t'))
			p++;
		for (stop = comma; stop > p && (stop[-1] == ' ' || stop[-1] == '\t');)
			stop--;
		if ((size_t)(stop - p) == n && strncasecmp(p, token, n) == 0)
			return true;
	}
	return false;
}

/* --- words ----------------------------------------------------------------------------------- */

const char *http_reason(unsigned status)
{
	static const struct {
		unsigned status;
		const char *reason;
	} reasons[] = {
		{200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"},
		{304, "Not Modified"}, {400, "Bad Request"}, {401, "Unauthorized"},
		{403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"},
		{406, "Not Acceptable"}, {408, "Request Timeout"}, {409, "Conflict"},
		{410, "Gone"}, {411, "Length Required"}, {412, "Precondition Failed"},
		{413, "Content Too Large"}, {414, "URI Too Long"},
		{415, "Unsupported Media Type"}, {417, "Expectation Failed"},
		{421, "Misdirected Request"}, {422, "Unprocessable Content"},
		{426, "Upgrade Required"}, {429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"}, {500, "Internal Server Error"},
		{501, "Not Implemented"}, {502, "Bad Gateway"}, {503, "Service Unavailable"},
		{504, "Gateway Timeout"}, {505, "HTTP Version Not Supported"},
		{507, "Insufficient Storage"},
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Status";
}

const char *http_date(struct loop *l)
{
	time_t now = (time_t)(l->unix_ms / 1000);
	struct tm tm;

	if (l->date[0] == '\0' || (uint64_t)now != l->date_s) {
		gmtime_r(&now, &tm);
		strftime(l->date, sizeof(l->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		l->date_s = (uint64_t)now;
	}
	return l->date;
}

size_t http_chunk_head(uint8_t dst[HTTP_CHUNK_HEAD_MAX], size_t n)
{
	static const char digits[] = "0123456789abcdef";
	size_t len = 1;

	assert(n <= UINT32_MAX);
	while (n >> (4 * len) != 0)
		len++;
	for (size_t i = 0; i < len; i++)
		dst[i] = (uint8_t)digits[n >> (4 * (len - 1 - i)) & 0xf];
	dst[len] = '\r';
	dst[len + 1] = '\n';
	return len + 2;
}

/* --- the life of an exchange ----------------------------------------------------------------- */

struct exchange *exchange_new(struct conn *c)
{
	struct exchange *x = zalloc(sizeof(*x)), **p = &c->exchanges;

	if (x == NULL) {
		conn_close(c, CONN_NOMEM);
		return NULL;
	}
	x->conn = c;
	x->why = CONN_DONE;
	while (*p != NULL)
		p = &(*p)->next;
	*p = x;
	return x;
}

void exchange_retire(struct exchange *x, enum conn_end why)
{
	struct loop *l = x->conn->loop;

	if (x->conn->in != NULL && x->conn->in->x == x)
		x->conn->in->x = NULL;
	x->over = true;
	x->why = why;
	x->next = NULL;
	*l->over_tail = x;
	l->over_tail = &x->next;
}

struct exchange *exchange_next_over(struct loop *l)
{
	struct exchange *x = l->over;

	if (x == NULL)
		return NULL;
	l->over = x->next;
	if (l->over == NULL)
		l->over_tail = &l->over;
	return x;
}

void exchange_reap(struct exchange *x)
{
	const struct http_handler *handler = x->conn->env->handler;

	x->over = true;
	if (x->ops != NULL && x->ops->closed != NULL)
		x->ops->closed(x, x->why);
	if (handler->finished != NULL)
		handler->finished(x, x->why, handler->arg);
	if (x->holds) {
		buf_fini(&x->held->bytes);
		free(x->held);
	}
	free(x);
}

void exchange_reap_over(struct loop *l)
{
	struct exchange *x;

	while ((x = exchange_next_over(l)) != NULL)
		exchange_reap(x);
}

void exchange_convert(struct exchange *x)
{
	assert(x->conn->exchanges == x && x->next == NULL);
	x->conn->exchanges = NULL;
	x->ops = NULL;
	exchange_retire(x, CONN_DONE);
}

static int exchange_release_held(struct exchange *x)
{
	struct held *held = x->held;
	int r;

	if (!x->holds || x->keyed)
		return 0;
	x->holds = false;
	x->sent = held->sent;
	r = conn_write(x->conn, held->bytes.p, held->bytes.len);
	buf_fini(&held->bytes);
	free(held);
	return r;
}

/* The answers of (c) that are complete leave; input goes on. */
static void exchange_advance(struct conn *c)
{
	struct exchange *x;

	while ((x = c->exchanges) != NULL && x->complete && !c->closing) {
		c->exchanges = x->next;
		exchange_retire(x, x->why);
		if (x->close) {
			conn_close_after_flush(c, x->why);
			return;
		}
		if (c->exchanges != NULL && exchange_release_held(c->exchanges) != 0)
			return;
	}
	c->active_ms = (uint32_t)c->loop->now_ms;
	conn_input_later(c);
	if (c->exchanges == NULL && c->eof && (c->in == NULL || c->in->off == c->in->len))
		conn_close_after_flush(c, CONN_EOF);
}

/* --- alarms ---------------------------------------------------------------------------------- */

static uint64_t alarm_at(const struct exchange *x)
{
	return x->alarmed && !x->complete ? loop_time(x->conn->loop, x->alarm_ms) : UINT64_MAX;
}

uint64_t exchange_alarm_at(const struct conn *c)
{
	uint64_t first = UINT64_MAX;

	for (const struct exchange *x = c->exchanges; x != NULL; x = x->next)
		first = alarm_at(x) < first ? alarm_at(x) : first;
	return first;
}

void exchange_run_alarm(struct conn *c)
{
	struct exchange *x = c->exchanges;

	while (x != NULL && alarm_at(x) > c->loop->now_ms)
		x = x->next;
	if (x == NULL)
		return;
	x->alarmed = false;
	x->ops->alarm(x);
}

static bool exchange_dead(const struct exchange *x)
{
	return x->over || x->conn->closing;
}

/* --- what the layer above calls -------------------------------------------------------------- */

void exchange_accept(struct exchange *x, const struct exchange_ops *ops, void *user)
{
	x->ops = ops;
	x->user = user;
}

void *exchange_user(const struct exchange *x)
{
	return x->user;
}

void exchange_alarm(struct exchange *x, uint64_t after_ms)
{
	if (exchange_dead(x))
		return;
	x->alarm_ms = (uint32_t)(x->conn->loop->now_ms + after_ms);
	x->alarmed = true;
	conn_deadline(x->conn);
}

void exchange_set_note(struct exchange *x, void *note)
{
	x->note = note;
}

void *exchange_note(const struct exchange *x)
{
	return x->note;
}

struct conn *exchange_conn(const struct exchange *x)
{
	return x->conn;
}

struct loop *exchange_loop(const struct exchange *x)
{
	return x->conn->loop;
}

unsigned exchange_status(const struct exchange *x)
{
	return x->status;
}

uint64_t exchange_bytes(const struct exchange *x)
{
	return x->holds ? x->held->sent : x->sent;
}

bool exchange_chunked(const struct exchange *x)
{
	return !x->http10;
}

void exchange_close_after(struct exchange *x)
{
	x->close = true;
}

void exchange_abort(struct exchange *x, enum conn_end why)
{
	if (!exchange_dead(x))
		conn_close(x->conn, why);
}

static int exchange_hold(struct exchange *x, const void *p, size_t n)
{
	struct held *held;

	if (!x->holds) {
		if ((held = malloc(sizeof(*held))) == NULL)
			return -1;
		buf_init(&held->bytes, HELD_MAX);
		held->sent = x->sent;
		x->held = held;
		x->holds = true;
	}
	return buf_add(&x->held->bytes, p, n);
}

int exchange_keep_key(struct exchange *x, struct str key)
{
	x->keyed = true;
	return exchange_hold(x, key.p, key.n);
}

int exchange_out(struct exchange *x, const void *p, size_t n)
{
	struct conn *c = x->conn;

	if (x == c->exchanges)
		return conn_write(c, p, n);
	if (x->keyed)
		buf_reset(&x->held->bytes);	/* it is not going to be a WebSocket */
	x->keyed = false;
	if (exchange_hold(x, p, n) == 0)
		return 0;
	conn_close(c, CONN_NOMEM);
	return -1;
}

/* (n) more bytes of content. */
static void exchange_count(struct exchange *x, size_t n)
{
	uint64_t *sent = x->holds ? &x->held->sent : &x->sent;

	*sent += n;
}

static void exchange_finish(struct exchange *x)
{
	struct conn *c = x->conn;

	x->complete = true;
	/* The end must not overtake what was queued before it. */
	if (x == c->exchanges) {
		conn_fix_output(c);
		exchange_advance(c);
	}
}

static bool status_has_content(unsigned status)
{
	return status >= 200 && status != 204 && status != 304;
}

void exchange_respond(struct exchange *x, unsigned status, const struct http_field *fields,
	unsigned nfields, struct str body)
{
	bool content = status_has_content(status);

	if (exchange_dead(x) || x->begun)
		return;
	x->empty = x->head_only || !content;
	if (http1_head(x, status, fields, nfields, content ? (int64_t)body.n : 0) != 0)
		return;
	if (!x->empty && body.n > 0) {
		if (exchange_out(x, body.p, body.n) != 0)
			return;
		exchange_count(x, body.n);
	}
	exchange_finish(x);
}

void exchange_begin(struct exchange *x, unsigned status, const struct http_field *fields,
	unsigned nfields)
{
	if (exchange_dead(x) || x->begun)
		return;
	x->empty = x->head_only || !status_has_content(status);
	if (http1_head(x, status, fields, nfields, -1) == 0 && x->empty)
		exchange_finish(x);
}

bool exchange_queue(struct exchange *x, struct slice s, struct conn_owner *owner)
{
	if (exchange_dead(x))
		return false;
	assert(x->begun);
	if (x->empty || x->complete)
		return true;
	if (x == x->conn->exchanges) {
		if (!conn_queue(x->conn, s, owner))
			return false;
	} else if (exchange_out(x, s.block->bytes + s.off, s.len) != 0) {
		return false;
	}
	exchange_count(x, s.len);
	return true;
}

static int exchange_write_chunk(struct exchange *x, struct str bytes)
{
	struct buf *b = &x->conn->loop->scratch;
	uint8_t head[HTTP_CHUNK_HEAD_MAX];
	size_t n = http_chunk_head(head, bytes.n);

	buf_reset(b);
	if (bytes.n + n + 2 <= LOOP_SCRATCH) {
		if (buf_add(b, head, n) != 0 || buf_addstr(b, bytes) != 0 || buf_adds(b, "\r\n") != 0) {
			conn_close(x->conn, CONN_NOMEM);
			return -1;
		}
		return exchange_out(x, b->p, b->len);
	}
	if (exchange_out(x, head, n) != 0 || exchange_out(x, bytes.p, bytes.n) != 0)
		return -1;
	return exchange_out(x, "\r\n", 2);
}

int exchange_write(struct exchange *x, struct str bytes)
{
	if (exchange_dead(x))
		return -1;
	assert(x->begun);
	if (x->empty || x->complete || bytes.n == 0)
		return 0;
	exchange_count(x, bytes.n);
	return x->chunked ? exchange_write_chunk(x, bytes) : exchange_out(x, bytes.p, bytes.n);
}

void exchange_end(struct exchange *x)
{
	if (exchange_dead(x) || x->complete)
		return;
	assert(x->begun);
	if (http1_body_unfinished(x))
		x->close = true;
	if (x->chunked && exchange_out(x, "0\r\n\r\n", 5) != 0)
		return;
	exchange_finish(x);
}
