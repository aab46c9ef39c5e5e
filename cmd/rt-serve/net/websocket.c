/* SPDX-License-Identifier: MIT */
#include "net/websocket.h"

#include <assert.h>
#include <stdlib.h>
#include <wslay/wslay.h>

#include "base64.h"
#include "net/http_internal.h"
#include "utf8.h"
#include "wskey.h"

#define CLOSE_WAIT_MS 5000	/* for the peer's answer to our close frame */
#define PINGS_MAX 3		/* acknowledged by TCP and answered by nobody */
#define CONTROL_MAX 125
#define READERS_KEEP 16
#define MESSAGE_KEEP 16384	/* a spare reader keeps at most so much buffer */

/*
 * Input of a message that is incomplete. wslay tells how the bytes are framed; whether it holds a
 * part of a frame inside is known by counting what it was given and what frames it announced.
 */
struct ws_reader {
	struct ws_reader *next;		/* in the pool */
	wslay_event_context_ptr wslay;
	struct websocket *w;
	struct buf message;
	uint64_t fed, framed;		/* bytes given; end of the last frame that began */
	uint8_t opcode;			/* of this frame */
	uint8_t nclose, close_len;	/* bytes of a close frame that are here; that it has */
	uint8_t close[CONTROL_MAX];
	bool fragmented;		/* more frames of this message are to come */
};

/* --- the handshake --------------------------------------------------------------------------- */

static bool key_ok(struct str key)
{
	uint8_t raw[WSKEY_LEN];

	return key.n == WSKEY_LEN && base64_decode(raw, key.p, key.n) == 16;
}

int websocket_check(const struct http_request *r)
{
	if (!http_has_token(r, "upgrade", "websocket") || !str_is(r->method, "GET") || r->http10)
		return 0;
	if (!http_has_token(r, "connection", "upgrade") || r->has_body)
		return 400;
	if (http_field_count(r, "sec-websocket-version") != 1
		|| !str_is(http_field(r, "sec-websocket-version"), "13"))
		return 426;
	if (http_field_count(r, "sec-websocket-key") != 1
		|| !key_ok(http_field(r, "sec-websocket-key")))
		return 400;
	return 1;
}

static int make_answer(struct buf *b, const struct exchange *x, struct str protocol,
	const struct http_field *fields, unsigned nfields)
{
	char accept[WSKEY_ACCEPT_LEN];

	wskey_accept(accept, (const char *)x->held->bytes.p);
	buf_reset(b);
	if (buf_addf(b, "HTTP/1.1 101 Switching Protocols\r\nDate: %s\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Accept: %.*s\r\n", http_date(x->conn->loop),
		(int)sizeof(accept), accept) != 0)
		return -1;
	if (protocol.p != NULL && http1_add_field(b,
		(struct http_field){STR_LIT("Sec-WebSocket-Protocol"), protocol}) != 0)
		return -1;
	for (unsigned i = 0; i < nfields; i++)
		if (http1_add_field(b, fields[i]) != 0)
			return -1;
	return buf_adds(b, "\r\n");
}

int websocket_accept(struct websocket *w, struct exchange *x, const struct websocket_ops *ops,
	struct str protocol, const struct http_field *fields, unsigned nfields)
{
	struct conn *c = x->conn;
	struct buf *b = &c->loop->scratch;

	if (x->over || x->begun || conn_over(c))
		return -1;
	assert(x->keyed);
	if (c->exchanges != x || x->next != NULL)
		return -1;
	if (make_answer(b, x, protocol, fields, nfields) != 0 || conn_write(c, b->p, b->len) != 0)
		return -1;
	*w = (struct websocket){.conn = c, .ops = ops};
	x->begun = true;
	x->status = 101;
	exchange_convert(x);
	c->ws = w;
	c->proto = &websocket_proto;
	conn_input_later(c);
	return 0;
}

struct conn *websocket_conn(const struct websocket *w)
{
	return w->conn;
}

/* --- output ---------------------------------------------------------------------------------- */

size_t websocket_head(uint8_t dst[WEBSOCKET_HEAD_MAX], unsigned opcode, uint64_t n)
{
	unsigned bytes = n < 126 ? 0 : n <= UINT16_MAX ? 2 : 8;

	dst[0] = (uint8_t)(0x80 | opcode);
	dst[1] = bytes == 0 ? (uint8_t)n : bytes == 2 ? 126 : 127;
	for (unsigned i = 0; i < bytes; i++)
		dst[2 + i] = (uint8_t)(n >> (8 * (bytes - 1 - i)));
	return 2 + bytes;
}

static int send_frame(struct websocket *w, unsigned opcode, const void *p, size_t n)
{
	uint8_t head[WEBSOCKET_HEAD_MAX + CONTROL_MAX];
	size_t len = websocket_head(head, opcode, n);

	if (n > CONTROL_MAX)
		return conn_write(w->conn, head, len) != 0 ? -1 : conn_write(w->conn, p, n);
	if (n > 0)
		memcpy(head + len, p, n);
	return conn_write(w->conn, head, len + n);
}

static void count_ping(struct websocket *w)
{
	if (w->pings < UINT8_MAX)
		w->pings++;
}

bool websocket_queue(struct websocket *w, struct slice s, struct conn_owner *owner)
{
	if (w->close_sent || !conn_queue(w->conn, s, owner))
		return false;
	if (s.len > 0 && s.block->bytes[s.off] == (0x80 | WEBSOCKET_PING))
		count_ping(w);
	return true;
}

int websocket_send(struct websocket *w, unsigned opcode, struct str payload)
{
	if (w->close_sent || conn_over(w->conn))
		return -1;
	assert((opcode & 8) == 0 || payload.n <= CONTROL_MAX);
	if (opcode == WEBSOCKET_PING)
		count_ping(w);
	return send_frame(w, opcode, payload.p, payload.n);
}

static void send_close(struct websocket *w, unsigned code, const char *reason)
{
	size_t n = strlen(reason) < CONTROL_MAX - 2 ? strlen(reason) : CONTROL_MAX - 2;
	uint8_t payload[CONTROL_MAX] = {(uint8_t)(code >> 8), (uint8_t)code};

	memcpy(payload + 2, reason, n);
	w->close_sent = true;
	/* What was queued before it still goes out. */
	conn_fix_output(w->conn);
	send_frame(w, WEBSOCKET_CLOSE, payload, code == 0 ? 0 : 2 + n);
}

void websocket_close(struct websocket *w, unsigned code, const char *reason)
{
	struct conn *c = w->conn;

	if (w->close_sent || conn_over(c))
		return;
	w->code = (uint16_t)code;
	w->close_at_ms = (uint32_t)c->loop->now_ms;
	w->paused = false;
	send_close(w, code, reason == NULL ? "" : reason);
	conn_input_later(c);
	conn_deadline(c);
	if (c->in == NULL || !c->in->busy)
		conn_update(c);
}

void websocket_pause(struct websocket *w, bool pause)
{
	struct conn *c = w->conn;

	if (w->paused == pause || w->close_sent || conn_over(c))
		return;
	w->paused = pause;
	if (!pause)
		conn_input_later(c);
	if (c->in == NULL || !c->in->busy)
		conn_update(c);
}

void websocket_alarm(struct websocket *w, uint64_t after_ms)
{
	w->alarm_ms = (uint32_t)(w->conn->loop->now_ms + after_ms);
	w->alarmed = true;
	conn_deadline(w->conn);
}

/* The peer broke the protocol, or we can't go on: say which, and end. */
static void websocket_fail(struct websocket *w, unsigned code, enum conn_end why)
{
	if (!w->close_sent) {
		w->code = (uint16_t)code;
		send_close(w, code, "");
	}
	conn_close_after_flush(w->conn, why);
}

/* --- control frames that came in ------------------------------------------------------------- */

static void send_pong(struct websocket *w, const uint8_t *p, size_t n)
{
	if (w->close_sent)
		return;
	if (!conn_stalled(w->conn)) {
		send_frame(w, WEBSOCKET_PONG, p, n);
		return;
	}
	/* RFC 6455 section 5.5.3: only the newest ping need be answered. */
	if (w->pong == NULL && (w->pong = malloc(1 + CONTROL_MAX)) == NULL)
		return;
	w->pong[0] = (uint8_t)n;
	if (n > 0)
		memcpy(w->pong + 1, p, n);
}

static bool code_ok(unsigned code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014)
		|| (code >= 3000 && code <= 4999);
}

static void on_close(struct websocket *w, const uint8_t *p, size_t n)
{
	unsigned code = n >= 2 ? (unsigned)p[0] << 8 | p[1] : 0;

	w->close_received = true;
	if (n == 1 || (n >= 2 && !code_ok(code))) {
		websocket_fail(w, WEBSOCKET_PROTOCOL_ERROR, CONN_PROTOCOL);
		return;
	}
	if (n > 2 && !utf8_valid((const char *)p + 2, n - 2)) {
		websocket_fail(w, WEBSOCKET_BAD_DATA, CONN_PROTOCOL);
		return;
	}
	if (w->close_sent) {
		conn_close_after_flush(w->conn, CONN_DONE);
		return;
	}
	w->code = code == 0 ? WEBSOCKET_NO_CODE : (uint16_t)code;
	send_close(w, code, "");
	conn_close_after_flush(w->conn, CONN_EOF);
}

/* --- wslay ----------------------------------------------------------------------------------- */

static ssize_t on_recv(wslay_event_context_ptr wslay, uint8_t *p, size_t n, int flags, void *arg)
{
	struct ws_reader *r = arg;
	struct conn *c = r->w->conn;
	struct input *in = c->in;
	size_t here = in->len - in->off;

	(void)flags;
	if (here == 0 || r->w->paused || conn_over(c) || conn_congested(c)) {
		wslay_event_set_error(wslay, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	n = n < here ? n : here;
	memcpy(p, in->p + in->off, n);
	in->off += (uint32_t)n;
	r->fed += n;
	return (ssize_t)n;
}

/* wslay answers pings and closes by itself; here that is done where stalls are known of. */
static ssize_t on_send(wslay_event_context_ptr wslay, const uint8_t *p, size_t n, int flags, void *arg)
{
	(void)wslay;
	(void)p;
	(void)flags;
	(void)arg;
	return (ssize_t)n;
}

static void on_frame_start(wslay_event_context_ptr wslay,
	const struct wslay_event_on_frame_recv_start_arg *f, void *arg)
{
	struct ws_reader *r = arg;
	uint64_t n = f->payload_length;

	(void)wslay;
	r->framed += 6 + (n < 126 ? 0 : n <= UINT16_MAX ? 2 : 8) + n;
	r->opcode = f->opcode;
	r->nclose = 0;
	r->close_len = (uint8_t)n;	/* wslay refuses control frames of over 125 before this */
	if (!wslay_is_ctrl_frame(f->opcode))
		r->fragmented = !f->fin;
}

/* wslay knows only the close codes of RFC 6455; 1012 to 1014 were registered later. */
static void on_close_chunk(struct ws_reader *r, const uint8_t *p, size_t n)
{
	if (n == 0 || n > (size_t)(r->close_len - r->nclose))
		return;
	memcpy(r->close + r->nclose, p, n);
	r->nclose += (uint8_t)n;
	if (r->nclose == r->close_len)
		on_close(r->w, r->close, r->nclose);
}

static void on_frame_chunk(wslay_event_context_ptr wslay,
	const struct wslay_event_on_frame_recv_chunk_arg *f, void *arg)
{
	struct ws_reader *r = arg;

	(void)wslay;
	if (conn_over(r->w->conn))
		return;
	if (r->opcode == WSLAY_CONNECTION_CLOSE)
		on_close_chunk(r, f->data, f->data_length);
	if (wslay_is_ctrl_frame(r->opcode))
		return;
	if (buf_add(&r->message, f->data, f->data_length) != 0)
		websocket_fail(r->w, WEBSOCKET_TOO_BIG, CONN_NOMEM);
}

static void on_msg(wslay_event_context_ptr wslay, const struct wslay_event_on_msg_recv_arg *m, void *arg)
{
	struct ws_reader *r = arg;
	struct websocket *w = r->w;

	(void)wslay;
	if (conn_over(w->conn))
		return;
	if (m->opcode == WSLAY_CONNECTION_CLOSE) {
		on_close(w, m->msg, m->msg_length);
	} else if (m->opcode == WSLAY_PING) {
		send_pong(w, m->msg, m->msg_length);
	} else if (m->opcode == WSLAY_PONG) {
		if (w->ops->pong != NULL && !w->close_sent)
			w->ops->pong(w, (struct str){(const char *)m->msg, m->msg_length});
	} else {
		if (!w->close_sent)
			w->ops->message(w, m->opcode == WSLAY_BINARY_FRAME,
				r->message.p == NULL ? (const uint8_t *)"" : r->message.p, r->message.len);
		buf_reset(&r->message);
	}
}

static const struct wslay_event_callbacks callbacks = {
	.recv_callback = on_recv,
	.send_callback = on_send,
	.on_frame_recv_start_callback = on_frame_start,
	.on_frame_recv_chunk_callback = on_frame_chunk,
	.on_msg_recv_callback = on_msg,
};

static void reader_free(struct ws_reader *r)
{
	wslay_event_context_free(r->wslay);
	buf_fini(&r->message);
	free(r);
}

static struct ws_reader *reader_take(struct websocket *w)
{
	struct loop *l = w->conn->loop;
	uint32_t max = w->conn->env->limits->max_message;
	struct ws_reader *r = l->readers.free;

	if (r != NULL) {
		l->readers.free = r->next;
		l->readers.n--;
	} else {
		if ((r = calloc(1, sizeof(*r))) == NULL)
			return NULL;
		if (wslay_event_context_server_init(&r->wslay, &callbacks, r) != 0) {
			free(r);
			return NULL;
		}
		/* Messages are gathered here, as their bytes come, not at the length they announce. */
		wslay_event_config_set_no_buffering(r->wslay, 1);
	}
	l->readers.lent++;
	wslay_event_config_set_max_recv_msg_length(r->wslay, max);
	r->message.max = max;
	r->w = w;
	w->reader = r;
	return r;
}

static bool reader_at_rest(const struct ws_reader *r)
{
	return r->fed == r->framed && !r->fragmented;
}

static void reader_give(struct websocket *w)
{
	struct loop *l = w->conn->loop;
	struct ws_reader *r = w->reader;

	w->reader = NULL;
	l->readers.lent--;
	if (l->readers.n == READERS_KEEP || !reader_at_rest(r) || conn_over(w->conn)
		|| w->close_received) {
		reader_free(r);
		return;
	}
	if (r->message.cap + r->message.skip > MESSAGE_KEEP)
		buf_fini(&r->message);
	r->fed = r->framed = 0;
	r->w = NULL;
	r->next = l->readers.free;
	l->readers.free = r;
	l->readers.n++;
}

void websocket_pool_free(struct loop *l)
{
	struct ws_reader *r;

	while ((r = l->readers.free) != NULL) {
		l->readers.free = r->next;
		reader_free(r);
	}
	l->readers.n = 0;
}

/* --- as a protocol --------------------------------------------------------------------------- */

/* wslay found something wrong: which close code it would send. */
static unsigned wslay_verdict(wslay_event_context_ptr wslay, int error)
{
	unsigned code;

	if (error == WSLAY_ERR_NOMEM)
		return WEBSOCKET_INTERNAL_ERROR;
	if (error != 0)
		return WEBSOCKET_PROTOCOL_ERROR;
	wslay_event_send(wslay);
	code = wslay_event_get_status_code_sent(wslay);
	return code == 0 || code == WEBSOCKET_BROKEN_OFF ? WEBSOCKET_PROTOCOL_ERROR : code;
}

static void websocket_input(struct conn *c)
{
	struct websocket *w = c->ws;
	struct input *in = c->in;
	struct ws_reader *r;
	int e;

	if (in->off == in->len || w->paused || conn_congested(c))
		return;
	if (w->close_received) {
		in->off = in->len;
		return;
	}
	if ((r = w->reader) == NULL && (r = reader_take(w)) == NULL) {
		conn_close(c, CONN_NOMEM);
		return;
	}
	w->pings = 0;
	e = wslay_event_recv(r->wslay);
	if (!conn_over(c) && (e != 0 || !wslay_event_get_read_enabled(r->wslay)) && !w->close_received)
		websocket_fail(w, wslay_verdict(r->wslay, e), CONN_PROTOCOL);
	/* Its own answers are not wanted, and must not pile up. */
	if (wslay_event_want_write(r->wslay))
		wslay_event_send(r->wslay);
	if (reader_at_rest(r) || conn_over(c) || w->close_received)
		reader_give(w);
}

static void websocket_eof(struct conn *c)
{
	conn_close(c, CONN_EOF);
}

static void websocket_drained(struct conn *c)
{
	struct websocket *w = c->ws;
	uint8_t *pong = w->pong;

	if (pong == NULL || conn_stalled(c))
		return;
	w->pong = NULL;
	send_pong(w, pong + 1, pong[0]);
	free(pong);
}

static bool websocket_paused(const struct conn *c)
{
	return c->ws->paused;
}

static uint64_t websocket_deadline(const struct conn *c)
{
	const struct websocket *w = c->ws;

	return w->close_sent ? loop_time(c->loop, w->close_at_ms) + CLOSE_WAIT_MS : UINT64_MAX;
}

static uint64_t websocket_alarm_at(const struct conn *c)
{
	const struct websocket *w = c->ws;

	return w->alarmed && !w->close_sent ? loop_time(c->loop, w->alarm_ms) : UINT64_MAX;
}

static void websocket_run_alarm(struct conn *c)
{
	if (websocket_alarm_at(c) > c->loop->now_ms)
		return;
	c->ws->alarmed = false;
	c->ws->ops->alarm(c->ws);
}

static void websocket_expired(struct conn *c)
{
	conn_close(c, CONN_DONE);
}

static bool websocket_open(const struct conn *c)
{
	(void)c;
	return true;
}

/*
 * TCP has acknowledged all pings (this is not called before), so the peer's machine lives; but
 * pings went unanswered for three heartbeats and nothing else came either.
 */
static void websocket_heartbeat(struct conn *c)
{
	if (c->ws->pings > PINGS_MAX && !c->ws->paused)
		conn_close(c, CONN_DEAD);
}

static void websocket_closed(struct conn *c, enum conn_end why)
{
	struct websocket *w = c->ws;

	if (w->reader != NULL)
		reader_give(w);
	free(w->pong);
	w->pong = NULL;
	c->ws = NULL;
	w->ops->closed(w, w->code == 0 ? WEBSOCKET_BROKEN_OFF : w->code, why);
}

const struct proto websocket_proto = {
	.name = "WebSocket",
	.input = websocket_input,
	.eof = websocket_eof,
	.drained = websocket_drained,
	.paused = websocket_paused,
	.deadline = websocket_deadline,
	.expired = websocket_expired,
	.alarm_at = websocket_alarm_at,
	.alarm = websocket_run_alarm,
	.open = websocket_open,
	.heartbeat = websocket_heartbeat,
	.closed = websocket_closed,
};
