/* SPDX-License-Identifier: MIT */
#include "wsclient.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include "buf.h"
#include "hash.h"
#include "utf8.h"
#include "wshandshake.h"

#define BODY_MAX 16384		/* of a refusal: enough for its "detail" */
#define READ_SIZE 65536
#define READS_PER_TURN 8	/* then others get their turn */

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
	struct buf body;
	struct buf message;	/* what came of a message so far */
	struct wshandshake handshake;	/* kept for wsclient_header */
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
	bool in_close;		/* the frame being received is a close frame: gathered in (closing) */
	size_t nclosing;
	uint8_t closing[125];	/* RFC 6455, 5.5 */
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

/* --- the answer to the handshake ---------------------------------------------------------------- */

static void finish_refused(struct wsclient *w)
{
	char why[64];

	snprintf(why, sizeof(why), "the handshake was answered with HTTP %u",
		wshandshake_status(&w->handshake));
	finish(w, WSCLIENT_REFUSED, wshandshake_status(&w->handshake), why);
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
	unsigned status = wshandshake_status(&w->handshake);
	const char *wrong;

	if (status == 0) {
		finish(w, WSCLIENT_BROKEN, 0, "the answer to the handshake is no HTTP/1.1");
	} else if (status == 101) {
		wrong = wshandshake_check(&w->handshake);
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
		/* Without a length: what has come along with the head. */
		w->body_len = wshandshake_content_length(&w->handshake, BODY_MAX);
		take_body(w, rest, n);
	} else {
		finish(w, WSCLIENT_BROKEN, status, "the handshake was answered with an interim status");
	}
}

/* More of the head: the (n) bytes at w->in. */
static void take_head(struct wsclient *w, size_t n)
{
	size_t used;
	int r = wshandshake_take(&w->handshake, w->in, n, &used);

	if (r < 0)
		finish(w, errno == ENOMEM ? WSCLIENT_NOMEM : WSCLIENT_BROKEN, 0,
			"the answer to the handshake is too long");
	else if (r > 0)
		answered(w, w->in + used, n - used);
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
	struct wsclient *w = arg;

	(void)ctx;
	w->in_data = !wslay_is_ctrl_frame(a->opcode);
	w->in_close = a->opcode == WSLAY_CONNECTION_CLOSE;
}

static void gather_close(struct wsclient *w, const uint8_t *p, size_t n)
{
	if (n == 0 || n > sizeof(w->closing) - w->nclosing)
		return;
	memcpy(w->closing + w->nclosing, p, n);
	w->nclosing += n;
}

/* wslay does not buffer for us: one buffer is used again for every message. */
static void on_frame_chunk(wslay_event_context_ptr ctx,
	const struct wslay_event_on_frame_recv_chunk_arg *a, void *arg)
{
	struct wsclient *w = arg;

	if (w->in_close)
		gather_close(w, a->data, a->data_length);
	if (!w->in_data || buf_add(&w->message, a->data, a->data_length) == 0)
		return;
	/* It limits frames only, when it does not buffer. */
	w->too_big = errno == EMSGSIZE;
	w->nomem = !w->too_big || wslay_event_queue_close(ctx, WSLAY_CODE_MESSAGE_TOO_BIG, NULL, 0) != 0;
	wslay_event_shutdown_read(ctx);
}

static void note_close(struct wsclient *w, unsigned code, const uint8_t *why, size_t n)
{
	w->close_code = (uint16_t)code;
	if (n >= sizeof(w->close_reason))
		n = sizeof(w->close_reason) - 1;
	if (n > 0)
		memcpy(w->close_reason, why, n);
	w->close_reason[n] = '\0';
}

static void on_close(struct wsclient *w, const struct wslay_event_on_msg_recv_arg *a)
{
	static const char none[] = "no status received";	/* RFC 6455, 7.1.5 */

	if (a->msg_length < 2)
		note_close(w, WSLAY_CODE_NO_STATUS_RCVD, (const uint8_t *)none, sizeof(none) - 1);
	else
		note_close(w, a->status_code, a->msg + 2, a->msg_length - 2);
}

/*
 * Was it closed with one of the codes that came after RFC 6455: 1012 to 1014, restarting, try again
 * later, bad gateway (IANA's registry)? To wslay these are none, and the peer broke the protocol.
 */
static bool closed_for_now(struct wsclient *w)
{
	unsigned code = (unsigned)w->closing[0] << 8 | w->closing[1];

	if (w->nclosing < 2 || code < 1012 || code > 1014 || wslay_event_want_read(w->frames) ||
			!utf8_valid((const char *)w->closing + 2, w->nclosing - 2))
		return false;
	note_close(w, code, w->closing + 2, w->nclosing - 2);
	return true;
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

struct str wsclient_header(const struct wsclient *w, const char *name)
{
	return wshandshake_field(&w->handshake, name);
}

struct str wsclient_body(const struct wsclient *w)
{
	return buf_str(&w->body);
}

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
	buf_init(&w->out, WSHANDSHAKE_HEAD_MAX);
	wshandshake_init(&w->handshake);
	buf_init(&w->body, BODY_MAX);
	buf_init(&w->message, max);
	if (wslay_event_context_client_init(&w->frames, &callbacks, w) != 0) {
		w->frames = NULL;
		goto free_client;
	}
	wslay_event_config_set_no_buffering(w->frames, 1);
	wslay_event_config_set_max_recv_msg_length(w->frames, max);
	if (wshandshake_request(&w->handshake, &w->out, url, headers) != 0)
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
	else if ((wslay_event_get_close_received(w->frames) || closed_for_now(w)) && (w->lost || silent))
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
	wshandshake_fini(&w->handshake);
	buf_fini(&w->body);
	buf_fini(&w->message);
	free(w);
}
