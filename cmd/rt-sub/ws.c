/* SPDX-License-Identifier: MIT */
/*
 * WebSocket: libcurl connects, then the socket is ours. With rt-serve each text frame is an
 * envelope or a gap, and pings carry the cursor.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sub.h"
#include "transport.h"
#include "wsclient.h"

#define CLOSE_NORMAL 1000
#define CLOSE_TOO_BIG 1009

struct ws {
	struct sub *sub;
	struct wsclient *client;	/* NULL: not connected yet */
	char *url;
	ev_io io;
	ev_timer again;		/* reads on in the loop's next turn */
	bool paused;
};

static void read_more(struct ws *c);

/* Watch the socket for what can be done with it now. */
static void update(struct ws *c)
{
	struct ev_loop *loop = sub_loop(c->sub);
	int events = sub_is_down(c->sub) ? 0 : (c->paused ? 0 : EV_READ) |
		(wsclient_wants_write(c->client) ? EV_WRITE : 0);

	if (events == (c->io.events & (EV_READ | EV_WRITE)) && ev_is_active(&c->io))
		return;
	ev_io_stop(loop, &c->io);
	ev_io_set(&c->io, c->io.fd, events);
	if (events != 0)
		ev_io_start(loop, &c->io);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct ws *c = io->data;

	(void)loop;
	if (events & EV_WRITE)
		wsclient_writable(c->client);
	if (events & EV_READ)
		read_more(c);
	update(c);
}

static void read_more(struct ws *c)
{
	if (sub_is_down(c->sub) || c->paused)
		return;
	sub_heard(c->sub);	/* also a part of a message that takes longer than two heartbeats */
	if (!wsclient_readable(c->client))
		ev_timer_start(sub_loop(c->sub), &c->again);
}

static void on_again(struct ev_loop *loop, ev_timer *t, int events)
{
	struct ws *c = t->data;

	(void)loop;
	(void)events;
	read_more(c);
	update(c);
}

/* --- what comes ------------------------------------------------------------------------------- */

static void on_open(void *arg, struct wsclient *w)
{
	struct ws *c = arg;
	struct sub_opening o = {
		.cursor = wsclient_header(w, "Last-Event-ID"),
		.store = wsclient_header(w, "Rt-Store"),
		.heartbeat = wsclient_header(w, "Heartbeat"),
	};

	sub_opened(c->sub, &o);
}

static int on_message(void *arg, bool binary, struct str data)
{
	struct ws *c = arg;
	struct envelope_foreign f = {.data = data};

	(void)binary;	/* bytes that are no text become data_base64 in either case */
	if (sub_is_down(c->sub))
		return 1;
	if (sub_is_rt(c->sub) ? sub_record(c->sub, data, false, STR_NULL) :
	    sub_foreign(c->sub, &f, STR_NULL))
		return 1;
	return c->paused;
}

static void on_ping(void *arg, struct str payload)
{
	struct ws *c = arg;

	sub_cursor(c->sub, sub_is_rt(c->sub) ? payload : STR_NULL);
}

/* The handshake was answered with another status, of which some are worth another try. */
static void refused(struct ws *c, unsigned status)
{
	struct client_answer a = {
		.status = status,
		.body = wsclient_body(c->client),
		.location = wsclient_header(c->client, "Location"),
		.retry_after = wsclient_header(c->client, "Retry-After"),
	};

	sub_answered(c->sub, &a);
	if (!sub_is_down(c->sub))
		sub_down(c->sub, SUB_PROTOCOL, "the answer is no WebSocket", 0);
}

static void closed(struct ws *c, unsigned code, struct str why)
{
	char text[192];

	snprintf(text, sizeof(text), "the server closed the WebSocket with code %u%s%.*s", code,
		why.n > 0 ? ": " : "", (int)why.n, why.p);
	/* 1001 and 1012 to 1014: going away, restarting, try again later, bad gateway. */
	if (code == 1008 || code == 1003 || code == 1010)
		sub_down(c->sub, SUB_REFUSED, text, 0);
	else
		sub_down(c->sub, code == CLOSE_NORMAL ? SUB_CLOSED : SUB_LOST, text, 0);
}

static void on_end(void *arg, enum wsclient_end how, unsigned status, struct str why)
{
	struct ws *c = arg;
	char text[192];

	if (sub_is_down(c->sub))
		return;
	snprintf(text, sizeof(text), "%.*s", (int)why.n, why.p);
	switch (how) {
	case WSCLIENT_CLOSED:
		closed(c, status, why);
		break;
	case WSCLIENT_REFUSED:
		refused(c, status);
		break;
	case WSCLIENT_LOST:
		sub_down(c->sub, SUB_LOST, text, 0);
		break;
	case WSCLIENT_BROKEN:
		sub_down(c->sub, SUB_PROTOCOL, status == CLOSE_TOO_BIG ?
			"a message is over the limit of --max-event" : text, 0);
		break;
	case WSCLIENT_NOMEM:
		sub_down(c->sub, SUB_NOMEM, "", 0);
		break;
	}
}

static const struct wsclient_ops client_ops = { on_open, on_message, on_ping, on_end };

/* --- the connection --------------------------------------------------------------------------- */

static void on_connected(void *arg, CURLcode result)
{
	struct ws *c = arg;
	struct http *h = sub_http(c->sub);
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (result != CURLE_OK) {
		(void)sub_http_ended(c->sub, result);
		return;
	}
	curl_easy_getinfo(http_handle(h), CURLINFO_ACTIVESOCKET, &fd);
	c->client = wsclient_new(http_handle(h), c->url, http_headers(h),
		(size_t)sub_config(c->sub)->max_event, &client_ops, c);
	if (fd == CURL_SOCKET_BAD || c->client == NULL) {
		sub_down(c->sub, SUB_NOMEM, "", 0);
		return;
	}
	ev_io_set(&c->io, fd, 0);
	update(c);
}

static const struct http_ops http_ops = { NULL, NULL, on_connected };

static void stop(void *connection)
{
	struct ws *c = connection;

	ev_io_stop(sub_loop(c->sub), &c->io);
	ev_timer_stop(sub_loop(c->sub), &c->again);
	/* A word of goodbye, if the socket takes it at once. */
	if (c->client != NULL && wsclient_close(c->client, CLOSE_NORMAL) == 0)
		wsclient_writable(c->client);
	wsclient_free(c->client);
	http_stop(sub_http(c->sub));
	free(c->url);
	free(c);
}

static void *start(struct sub *s)
{
	struct request_want want = {.as = "ws"};
	struct ws *c = calloc(1, sizeof(*c));
	struct request r;
	int err;

	if (c == NULL)
		return NULL;
	c->sub = s;
	ev_init(&c->io, on_io);
	c->io.data = c;
	ev_timer_init(&c->again, on_again, 0., 0.);
	c->again.data = c;
	sub_want(s, &want);
	err = request_init(&r, sub_config(s), &want);
	if (err == 0) {
		c->url = strdup((const char *)r.url.p);
		err = c->url == NULL ? -1 : http_connect(sub_http(s), c->url, r.headers, &http_ops, c);
	}
	request_fini(&r);
	if (err != 0) {
		stop(c);
		return NULL;
	}
	sub_asking(s, TRANSPORT_ANSWER_MS);
	return c;
}

static void pause_reading(void *connection, bool on)
{
	struct ws *c = connection;

	c->paused = on;
	if (c->client == NULL)
		return;
	if (on) {
		ev_timer_stop(sub_loop(c->sub), &c->again);
	} else {
		/* Not from within: whoever lets us go on may be in the middle of something. */
		wsclient_resume(c->client);
		ev_timer_start(sub_loop(c->sub), &c->again);
	}
	update(c);
}

const struct transport transport_ws = { "WebSocket", start, pause_reading, stop };
