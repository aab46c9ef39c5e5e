/* SPDX-License-Identifier: MIT */
#include "wsclient.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wslay/wslay.h>

#include "base64.h"
#include "buf.h"
#include "hash.h"

#define HEAD_MAX 65536		/* of the answer to the handshake */
#define BODY_MAX 16384		/* of a refusal: enough for its "detail" */
#define READ_SIZE 65536
#define READS_PER_TURN 8	/* then others get their turn */
#define KEY_LEN 24		/* 16 bytes in base64 */
#define ACCEPT_LEN 28		/* a SHA-1 in base64 */

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

enum phase {
	HANDSHAKE,	/* waiting for the end of the head */
	REFUSAL,	/* waiting for the body of an answer that is not 101 */
	OPEN,
	ENDED,		/* end() was called */
};

struct wsclient {
	const struct wsclient_ops *ops;
	void *arg;
	const struct wsclient_io *io;
	void *io_arg;
	wslay_event_context_ptr frames;
	enum phase phase;
	struct buf out;		/* what goes past wslay: the request, or a close frame */
	struct buf head;	/* status line and fields; kept for wsclient_header */
	struct buf body;
	struct buf message;	/* what came of a message so far */
	char key[KEY_LEN + 1];
	bool asked_protocol;
	bool in_data;		/* the frame being received is text or binary */
	bool stopped;		/* message() wants no more for now */
	bool lost, nomem, too_big;
	int lost_errno;
	unsigned close_later;	/* code of a close that waits for the messages before it, or 0 */
	unsigned broken_code;	/* of the close frame in out, or 0 */
	unsigned reads_left;	/* in this turn */
	size_t body_len;	/* of the refusal */
	uint16_t close_code;	/* received */
	char close_reason[124];
	size_t in_len, in_at;	/* read and not yet taken by wslay */
	uint8_t in[READ_SIZE];
};

/* --- io through libcurl ----------------------------------------------------------------------- */

static ssize_t curl_result(CURLcode r, size_t n)
{
	if (r == CURLE_OK)
		return (ssize_t)n;
	errno = r == CURLE_AGAIN ? EAGAIN : ECONNRESET;
	return -1;
}

static ssize_t curl_io_recv(void *io_arg, void *p, size_t n)
{
	size_t got = 0;
	CURLcode r = curl_easy_recv(io_arg, p, n, &got);

	return curl_result(r, got);
}

static ssize_t curl_io_send(void *io_arg, const void *p, size_t n)
{
	size_t sent = 0;
	CURLcode r = curl_easy_send(io_arg, p, n, &sent);

	return curl_result(r == CURLE_OK && sent == 0 ? CURLE_AGAIN : r, sent);
}

static const struct wsclient_io curl_io = { curl_io_recv, curl_io_send };

/* --- the end ---------------------------------------------------------------------------------- */

static void finish(struct wsclient *w, enum wsclient_end how, unsigned status, const char *why)
{
	if (w->phase == ENDED)
		return;
	w->phase = ENDED;
	w->ops->end(w->arg, how, status, str_of(why));
}

static void finish_lost(struct wsclient *w)
{
	finish(w, WSCLIENT_LOST, 0, w->lost_errno != 0 ? strerror(w->lost_errno) :
		"the connection was closed without a close frame");
}

/* --- handshake: the request ------------------------------------------------------------------- */

static bool is_field(const char *line, const char *name)
{
	size_t n = strlen(name);

	return strncasecmp(line, name, n) == 0 && (line[n] == ':' || line[n] == ';');
}

/* Fields that belong to the handshake cannot be set from outside. */
static bool is_ours(const char *line)
{
	static const char *const names[] = { "Connection", "Upgrade", "Sec-WebSocket-Key",
		"Sec-WebSocket-Version", "Sec-WebSocket-Extensions" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is_field(line, names[i]))
			return true;
	return false;
}

/* As libcurl reads a header list: "Name: value"; "Name;" for an empty value; "Name:" for none. */
static int add_header(struct wsclient *w, const char *line)
{
	size_t name = strcspn(line, ":;");
	const char *value = line + name + (line[name] != '\0');

	value += strspn(value, " \t");
	if (is_ours(line) || line[name] == '\0' || (line[name] == ':' && *value == '\0'))
		return 0;
	if (is_field(line, "Sec-WebSocket-Protocol"))
		w->asked_protocol = true;
	return buf_addf(&w->out, "%.*s: %s\r\n", (int)name, line, value);
}

static bool has_field(const struct curl_slist *l, const char *name)
{
	for (; l != NULL; l = l->next)
		if (is_field(l->data, name))
			return true;
	return false;
}

static int add_basic_auth(struct wsclient *w, const char *user, const char *password)
{
	char plain[512], coded[BASE64_ENCODED_LEN(sizeof(plain))];
	int n = snprintf(plain, sizeof(plain), "%s:%s", user, password == NULL ? "" : password);

	if (n < 0 || (size_t)n >= sizeof(plain))
		return -1;
	return buf_addf(&w->out, "Authorization: Basic %.*s\r\n",
		(int)base64_encode(coded, plain, (size_t)n), coded);
}

/* The parts of the URL; what libcurl returns is freed with curl_free. */
struct url {
	char *host, *port, *path, *query, *user, *password;
};

static void url_fini(struct url *u)
{
	curl_free(u->host);
	curl_free(u->port);
	curl_free(u->path);
	curl_free(u->query);
	curl_free(u->user);
	curl_free(u->password);
}

static int url_init(struct url *u, const char *text)
{
	CURLU *h = curl_url();
	int r = -1;

	memset(u, 0, sizeof(*u));
	if (h == NULL)
		return -1;
	if (curl_url_set(h, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
	    curl_url_get(h, CURLUPART_HOST, &u->host, 0) == CURLUE_OK &&
	    curl_url_get(h, CURLUPART_PATH, &u->path, 0) == CURLUE_OK) {
		(void)curl_url_get(h, CURLUPART_PORT, &u->port, 0);
		(void)curl_url_get(h, CURLUPART_QUERY, &u->query, 0);
		(void)curl_url_get(h, CURLUPART_USER, &u->user, CURLU_URLDECODE);
		(void)curl_url_get(h, CURLUPART_PASSWORD, &u->password, CURLU_URLDECODE);
		r = 0;
	}
	curl_url_cleanup(h);
	return r;
}

static int add_request_line(struct wsclient *w, const struct url *u, bool with_host)
{
	if (buf_addf(&w->out, "GET %s%s%s HTTP/1.1\r\n", u->path, u->query != NULL ? "?" : "",
	    u->query != NULL ? u->query : "") != 0)
		return -1;
	if (!with_host)
		return 0;
	return buf_addf(&w->out, "Host: %s%s%s\r\n", u->host, u->port != NULL ? ":" : "",
		u->port != NULL ? u->port : "");
}

static int build_request(struct wsclient *w, const char *url, const struct curl_slist *headers)
{
	uint8_t nonce[16];
	struct url u;
	int r = -1;

	if (url_init(&u, url) != 0)
		goto free_url;
	hash_random(nonce, sizeof(nonce));
	w->key[base64_encode(w->key, nonce, sizeof(nonce))] = '\0';
	if (add_request_line(w, &u, !has_field(headers, "Host")) != 0 ||
	    buf_addf(&w->out, "Connection: Upgrade\r\nUpgrade: websocket\r\n"
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n", w->key) != 0)
		goto free_url;
	if (u.user != NULL && !has_field(headers, "Authorization") &&
	    add_basic_auth(w, u.user, u.password) != 0)
		goto free_url;
	for (const struct curl_slist *l = headers; l != NULL; l = l->next)
		if (add_header(w, l->data) != 0)
			goto free_url;
	r = buf_adds(&w->out, "\r\n");

free_url:
	url_fini(&u);
	return r;
}

/* --- handshake: the answer -------------------------------------------------------------------- */

/* The value of the field at (line) if it is called (name), else p == NULL. */
static struct str field_value(struct str line, const char *name)
{
	size_t n = strlen(name);
	struct str v;

	if (line.n <= n || line.p[n] != ':' || strncasecmp(line.p, name, n) != 0)
		return STR_NULL;
	v = (struct str){line.p + n + 1, line.n - n - 1};
	while (v.n > 0 && (v.p[0] == ' ' || v.p[0] == '\t')) {
		v.p++;
		v.n--;
	}
	while (v.n > 0 && strchr(" \t\r", v.p[v.n - 1]) != NULL)
		v.n--;
	return v;
}

struct str wsclient_header(const struct wsclient *w, const char *name)
{
	const char *p = (const char *)w->head.p, *end, *nl;

	if (p == NULL)
		return STR_NULL;
	end = p + w->head.len;
	for (; p < end && (nl = memchr(p, '\n', (size_t)(end - p))) != NULL; p = nl + 1) {
		struct str v = field_value((struct str){p, (size_t)(nl - p)}, name);

		if (v.p != NULL)
			return v;
	}
	return STR_NULL;
}

struct str wsclient_body(const struct wsclient *w)
{
	return buf_str(&w->body);
}

/* Is (token) one of the comma-separated values? */
static bool has_token(struct str v, const char *token)
{
	size_t len = strlen(token);

	for (size_t i = 0; i + len <= v.n; i++) {
		bool begins = i == 0 || strchr(", \t", v.p[i - 1]) != NULL;
		bool ends = i + len == v.n || strchr(", \t;", v.p[i + len]) != NULL;

		if (begins && ends && strncasecmp(v.p + i, token, len) == 0)
			return true;
	}
	return false;
}

static bool accept_matches(const struct wsclient *w)
{
	char text[KEY_LEN + sizeof(guid)], want[ACCEPT_LEN];
	unsigned char sha1[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	memcpy(text, w->key, KEY_LEN);
	memcpy(text + KEY_LEN, guid, sizeof(guid));
	if (EVP_Digest(text, sizeof(text) - 1, sha1, &n, EVP_sha1(), NULL) != 1 || n != 20)
		return false;
	base64_encode(want, sha1, n);
	return str_eq(wsclient_header(w, "Sec-WebSocket-Accept"), (struct str){want, sizeof(want)});
}

/* RFC 6455, 4.1: what the client must check. NULL, or what is wrong. */
static const char *check_answer(const struct wsclient *w)
{
	struct str upgrade = wsclient_header(w, "Upgrade");

	if (upgrade.n != 9 || strncasecmp(upgrade.p, "websocket", 9) != 0)
		return "the 101 does not upgrade to websocket";
	if (!has_token(wsclient_header(w, "Connection"), "upgrade"))
		return "the 101 has no Connection: Upgrade";
	if (!accept_matches(w))
		return "the 101 has a wrong Sec-WebSocket-Accept";
	if (wsclient_header(w, "Sec-WebSocket-Extensions").n > 0)
		return "the 101 names an extension nobody asked for";
	if (wsclient_header(w, "Sec-WebSocket-Protocol").p != NULL && !w->asked_protocol)
		return "the 101 names a subprotocol nobody asked for";
	return NULL;
}

/* The status of the answer, or 0 if it is no HTTP/1.1. */
static unsigned status_of(const struct wsclient *w)
{
	const char *p = (const char *)w->head.p;

	if (w->head.len < 12 || memcmp(p, "HTTP/1.", 7) != 0 || p[8] != ' ')
		return 0;
	for (int i = 9; i < 12; i++)
		if (p[i] < '0' || p[i] > '9')
			return 0;
	return (unsigned)((p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0'));
}

static void finish_refused(struct wsclient *w)
{
	char why[64];

	snprintf(why, sizeof(why), "the handshake was answered with HTTP %u", status_of(w));
	finish(w, WSCLIENT_REFUSED, status_of(w), why);
}

/* How much of the body to wait for. Without a length: what has come along with the head. */
static size_t content_length(const struct wsclient *w)
{
	struct str v = wsclient_header(w, "Content-Length");
	size_t n = 0;

	for (size_t i = 0; i < v.n && v.p[i] >= '0' && v.p[i] <= '9' && n < BODY_MAX; i++)
		n = n * 10 + (size_t)(v.p[i] - '0');
	return n < BODY_MAX ? n : BODY_MAX;
}

static void take_body(struct wsclient *w, const uint8_t *p, size_t n)
{
	size_t room = BODY_MAX - w->body.len;

	(void)buf_add(&w->body, p, n < room ? n : room);	/* for people only: may be missing */
	if (w->body.len >= w->body_len)
		finish_refused(w);
}

static void answered(struct wsclient *w, const uint8_t *rest, size_t n)
{
	unsigned status = status_of(w);
	const char *wrong;

	if (status == 0) {
		finish(w, WSCLIENT_BROKEN, 0, "the answer to the handshake is no HTTP/1.1");
	} else if (status == 101) {
		wrong = check_answer(w);
		if (wrong != NULL) {
			finish(w, WSCLIENT_BROKEN, 0, wrong);
			return;
		}
		w->phase = OPEN;
		memmove(w->in, rest, n);
		w->in_at = 0;
		w->in_len = n;
		w->ops->open(w->arg, w);
	} else if (status >= 200) {
		w->phase = REFUSAL;
		w->body_len = content_length(w);
		take_body(w, rest, n);
	} else {
		finish(w, WSCLIENT_BROKEN, status, "the handshake was answered with an interim status");
	}
}

/* More of the head. Its end may come anywhere in the (n) bytes at w->in. */
static void take_head(struct wsclient *w, size_t n)
{
	size_t before = w->head.len, from = before > 3 ? before - 3 : 0;
	const uint8_t *end;
	size_t head_len;

	if (buf_add(&w->head, w->in, n) != 0) {
		finish(w, errno == ENOMEM ? WSCLIENT_NOMEM : WSCLIENT_BROKEN, 0,
			"the answer to the handshake is too long");
		return;
	}
	end = memmem(w->head.p + from, w->head.len - from, "\r\n\r\n", 4);
	if (end == NULL)
		return;
	head_len = (size_t)(end - w->head.p) + 4;
	w->head.len = head_len;
	answered(w, w->in + (head_len - before), n - (head_len - before));
}

/* --- frames ----------------------------------------------------------------------------------- */

static ssize_t fill(struct wsclient *w)
{
	ssize_t n;

	if (w->reads_left == 0) {
		errno = EAGAIN;
		return -1;
	}
	w->reads_left--;
	n = w->io->recv(w->io_arg, w->in, sizeof(w->in));
	if (n <= 0) {
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
			w->reads_left = READS_PER_TURN;	/* the socket is empty: the turn is over */
			errno = EAGAIN;
			return -1;
		}
		w->lost = true;
		w->lost_errno = n < 0 ? errno : 0;
		return 0;
	}
	w->in_at = 0;
	w->in_len = (size_t)n;
	return n;
}

static ssize_t on_recv(wslay_event_context_ptr ctx, uint8_t *p, size_t n, int flags, void *arg)
{
	struct wsclient *w = arg;
	ssize_t r;

	(void)flags;
	if (w->stopped) {
		wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	if (w->in_at == w->in_len) {
		r = fill(w);
		if (r <= 0) {
			wslay_event_set_error(ctx, r < 0 ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
			return -1;
		}
	}
	if (n > w->in_len - w->in_at)
		n = w->in_len - w->in_at;
	memcpy(p, w->in + w->in_at, n);
	w->in_at += n;
	return (ssize_t)n;
}

static ssize_t on_send(wslay_event_context_ptr ctx, const uint8_t *p, size_t n, int flags,
	void *arg)
{
	struct wsclient *w = arg;
	ssize_t r = w->io->send(w->io_arg, p, n);

	(void)flags;
	if (r < 0) {
		bool later = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;

		if (!later) {
			w->lost = true;
			w->lost_errno = errno;
		}
		wslay_event_set_error(ctx, later ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
	}
	return r;
}

static int on_mask(wslay_event_context_ptr ctx, uint8_t *p, size_t n, void *arg)
{
	(void)ctx;
	(void)arg;
	hash_random(p, n);
	return 0;
}

static void on_frame_start(wslay_event_context_ptr ctx,
	const struct wslay_event_on_frame_recv_start_arg *a, void *arg)
{
	(void)ctx;
	((struct wsclient *)arg)->in_data = !wslay_is_ctrl_frame(a->opcode);
}

/* wslay does not buffer for us: one buffer is used again for every message. */
static void on_frame_chunk(wslay_event_context_ptr ctx,
	const struct wslay_event_on_frame_recv_chunk_arg *a, void *arg)
{
	struct wsclient *w = arg;

	if (!w->in_data || buf_add(&w->message, a->data, a->data_length) == 0)
		return;
	/* It limits frames only, when it does not buffer. */
	w->too_big = errno == EMSGSIZE;
	w->nomem = !w->too_big || wslay_event_queue_close(ctx, WSLAY_CODE_MESSAGE_TOO_BIG, NULL, 0) != 0;
	wslay_event_shutdown_read(ctx);
}

static void on_close(struct wsclient *w, const struct wslay_event_on_msg_recv_arg *a)
{
	size_t n = a->msg_length > 2 ? a->msg_length - 2 : 0;

	w->close_code = a->status_code;
	if (n >= sizeof(w->close_reason))
		n = sizeof(w->close_reason) - 1;
	if (n > 0)
		memcpy(w->close_reason, a->msg + 2, n);
	w->close_reason[n] = '\0';
}

static void on_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *a,
	void *arg)
{
	struct wsclient *w = arg;

	(void)ctx;
	if (w->nomem || w->too_big)
		return;
	switch (a->opcode) {
	case WSLAY_TEXT_FRAME:
	case WSLAY_BINARY_FRAME:
		if (w->ops->message(w->arg, a->opcode == WSLAY_BINARY_FRAME,
		    w->message.len > 0 ? buf_str(&w->message) : STR_LIT("")) != 0)
			w->stopped = true;
		buf_reset(&w->message);
		break;
	case WSLAY_PING:
		if (w->ops->ping != NULL)
			w->ops->ping(w->arg, (struct str){(const char *)a->msg, a->msg_length});
		break;
	case WSLAY_CONNECTION_CLOSE:
		on_close(w, a);
		break;
	default:
		break;
	}
}

static const struct wslay_event_callbacks callbacks = {
	.recv_callback = on_recv,
	.send_callback = on_send,
	.genmask_callback = on_mask,
	.on_frame_recv_start_callback = on_frame_start,
	.on_frame_recv_chunk_callback = on_frame_chunk,
	.on_msg_recv_callback = on_message,
};

/* --- what the owner calls --------------------------------------------------------------------- */

struct wsclient *wsclient_new_io(const struct wsclient_io *io, void *io_arg, const char *url,
	const struct curl_slist *headers, size_t max, const struct wsclient_ops *ops, void *arg)
{
	struct wsclient *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->ops = ops;
	w->arg = arg;
	w->io = io;
	w->io_arg = io_arg;
	buf_init(&w->out, HEAD_MAX);
	buf_init(&w->head, HEAD_MAX);
	buf_init(&w->body, BODY_MAX);
	buf_init(&w->message, max);
	if (wslay_event_context_client_init(&w->frames, &callbacks, w) != 0) {
		w->frames = NULL;
		goto free_client;
	}
	wslay_event_config_set_no_buffering(w->frames, 1);
	wslay_event_config_set_max_recv_msg_length(w->frames, max);
	if (build_request(w, url, headers) != 0)
		goto free_client;
	return w;

free_client:
	wsclient_free(w);
	return NULL;
}

struct wsclient *wsclient_new(CURL *h, const char *url, const struct curl_slist *headers,
	size_t max, const struct wsclient_ops *ops, void *arg)
{
	return wsclient_new_io(&curl_io, h, url, headers, max, ops, arg);
}

static void finish_broken(struct wsclient *w)
{
	unsigned code = w->broken_code != 0 ? w->broken_code : wslay_event_get_status_code_sent(w->frames);

	finish(w, WSCLIENT_BROKEN, code, code == WSLAY_CODE_MESSAGE_TOO_BIG ?
		"a message is over the size limit" : "the peer broke the WebSocket protocol");
}

/* After each step on the frames: is it over, and how? */
static void conclude(struct wsclient *w)
{
	bool silent = w->out.len == 0 && !wslay_event_want_write(w->frames);

	if (w->nomem)
		finish(w, WSCLIENT_NOMEM, 0, "out of memory");
	else if (wslay_event_get_close_received(w->frames) && (w->lost || silent))
		finish(w, WSCLIENT_CLOSED, w->close_code, w->close_reason);
	else if (w->lost)
		finish_lost(w);
	else if (silent && !wslay_event_want_read(w->frames))
		finish_broken(w);
}

/* wslay would send a close frame before the messages that wait. */
static void close_after_messages(struct wsclient *w)
{
	if (w->close_later == 0 || wslay_event_get_queued_msg_count(w->frames) > 0)
		return;
	if (wslay_event_queue_close(w->frames, (uint16_t)w->close_later, NULL, 0) != 0)
		w->nomem = true;
	w->close_later = 0;
}

static void send_frames(struct wsclient *w)
{
	do {
		close_after_messages(w);
		if (wslay_event_want_write(w->frames) && !w->lost && wslay_event_send(w->frames) != 0 &&
		    !w->lost)
			w->nomem = true;	/* the only failure left */
	} while (w->close_later != 0 && wslay_event_get_queued_msg_count(w->frames) == 0);
	conclude(w);
}

/*
 * On a malformed frame wslay only queues a close without a code. If nothing else is on its way,
 * ours takes its place, which says 1002.
 */
static void close_malformed(struct wsclient *w)
{
	uint8_t frame[8] = {0x88, 0x82};

	w->broken_code = WSLAY_CODE_PROTOCOL_ERROR;
	wslay_event_shutdown_read(w->frames);
	if (wslay_event_get_queued_msg_count(w->frames) > 1)
		return;
	wslay_event_shutdown_write(w->frames);
	hash_random(frame + 2, 4);
	frame[6] = frame[2] ^ (WSLAY_CODE_PROTOCOL_ERROR >> 8);
	frame[7] = frame[3] ^ (WSLAY_CODE_PROTOCOL_ERROR & 0xff);
	if (buf_add(&w->out, frame, sizeof(frame)) != 0)
		w->nomem = true;
}

static void send_out(struct wsclient *w);

static void recv_frames(struct wsclient *w)
{
	int r = wslay_event_recv(w->frames);

	if (r != 0 && !w->lost)
		close_malformed(w);
	if (w->out.len > 0)
		send_out(w);
	else
		send_frames(w);
}

/* Before the frames begin, each read goes to the head or to the body of a refusal. */
static bool recv_handshake(struct wsclient *w)
{
	ssize_t n = fill(w);

	if (n > 0) {
		w->in_len = 0;
		if (w->phase == HANDSHAKE)
			take_head(w, (size_t)n);
		else
			take_body(w, w->in, (size_t)n);
	} else if (w->lost && w->phase == REFUSAL) {
		finish_refused(w);
	} else if (w->lost) {
		finish_lost(w);
	}
	return n > 0;
}

bool wsclient_readable(struct wsclient *w)
{
	w->reads_left = READS_PER_TURN;
	while ((w->phase == HANDSHAKE || w->phase == REFUSAL) && recv_handshake(w))
		;
	if (w->phase == OPEN)
		recv_frames(w);
	return w->phase == ENDED || w->stopped || w->reads_left > 0;
}

/* The request, or the close frame after a malformed one. */
static void send_out(struct wsclient *w)
{
	ssize_t n = w->io->send(w->io_arg, w->out.p, w->out.len);

	if (n > 0) {
		buf_consume(&w->out, (size_t)n);
		if (w->phase == OPEN)
			conclude(w);
	} else if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
		w->lost = true;
		w->lost_errno = errno;
		finish_lost(w);
	}
}

void wsclient_writable(struct wsclient *w)
{
	if (w->phase == ENDED)
		return;
	if (w->out.len > 0)
		send_out(w);
	else if (w->phase == OPEN)
		send_frames(w);
}

bool wsclient_wants_write(const struct wsclient *w)
{
	if (w->phase == ENDED)
		return false;
	return w->out.len > 0 || (w->phase == OPEN &&
		(w->close_later != 0 || wslay_event_want_write(w->frames)));
}

void wsclient_resume(struct wsclient *w)
{
	w->stopped = false;
}

int wsclient_close(struct wsclient *w, unsigned code)
{
	if (w->phase != OPEN || w->close_later != 0 || wslay_event_get_close_sent(w->frames))
		return -1;
	w->close_later = code;
	close_after_messages(w);
	return w->nomem ? -1 : 0;
}

void wsclient_free(struct wsclient *w)
{
	if (w == NULL)
		return;
	if (w->frames != NULL)
		wslay_event_context_free(w->frames);
	buf_fini(&w->out);
	buf_fini(&w->head);
	buf_fini(&w->body);
	buf_fini(&w->message);
	free(w);
}
