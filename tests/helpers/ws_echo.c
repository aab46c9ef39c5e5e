/* SPDX-License-Identifier: MIT */
/*
 * A WebSocket echo server made of net/ alone: proof that the layer knows no topics, and what
 * RFC 6455 test suites are run against. Beside the echo it answers plain requests:
 *
 *	GET /hello	"hello\n"
 *	POST /echo	the request's body, streamed back
 *	POST /count	the length of the request's body; may be pipelined
 *	GET /hold	an answer that stays open until the peer closes
 *
 * usage: ws_echo [ADDRESS [OPTION=VALUE ...]]	prints its URL; ends on SIGTERM and SIGINT
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/websocket.h"

/* --- WebSocket ------------------------------------------------------------------------------- */

static void echo_message(struct websocket *w, bool binary, const uint8_t *p, size_t n)
{
	websocket_send(w, binary ? WEBSOCKET_BINARY : WEBSOCKET_TEXT, (struct str){(const char *)p, n});
}

static void echo_closed(struct websocket *w, unsigned code, enum conn_end why)
{
	log_info("websocket closed: %u %s", code, conn_end_name(why));
	free(w);
}

static const struct websocket_ops echo_ops = {.message = echo_message, .closed = echo_closed};

/* --- plain requests -------------------------------------------------------------------------- */

struct request {
	uint64_t n;
};

static void count_body(struct exchange *x, const uint8_t *p, size_t n)
{
	struct request *r = exchange_user(x);

	(void)p;
	r->n += n;
}

static void count_end(struct exchange *x)
{
	struct request *r = exchange_user(x);
	char text[32];

	snprintf(text, sizeof(text), "%llu\n", (unsigned long long)r->n);
	exchange_respond(x, 200, NULL, 0, str_of(text));
}

static void copy_body(struct exchange *x, const uint8_t *p, size_t n)
{
	exchange_write(x, (struct str){(const char *)p, n});
}

static void copy_end(struct exchange *x)
{
	exchange_end(x);
}

static void hold_eof(struct exchange *x)
{
	exchange_respond(x, 200, NULL, 0, STR_LIT("bye\n"));
}

static void request_closed(struct exchange *x, enum conn_end why)
{
	log_info("exchange closed: %u %s", exchange_status(x), conn_end_name(why));
	free(exchange_user(x));
}

static const struct exchange_ops count_ops = {.body = count_body, .body_end = count_end,
	.closed = request_closed};
static const struct exchange_ops copy_ops = {.body = copy_body, .body_end = copy_end,
	.closed = request_closed};
static const struct exchange_ops hold_ops = {.peer_eof = hold_eof, .closed = request_closed};
static const struct exchange_ops plain_ops = {.closed = request_closed};

static void accept_echo(struct exchange *x)
{
	struct websocket *w = malloc(sizeof(*w));

	if (w == NULL || websocket_accept(w, x, &echo_ops, STR_NULL, NULL, 0) != 0) {
		free(w);
		exchange_abort(x, CONN_NOMEM);
	}
}

static void on_request(struct exchange *x, const struct http_request *r, void *arg)
{
	(void)arg;
	if (r->upgrade_websocket) {
		accept_echo(x);
	} else if (str_is(r->path, "/count")) {
		exchange_accept(x, &count_ops, calloc(1, sizeof(struct request)));
		if (!r->has_body)
			count_end(x);
	} else if (str_is(r->path, "/echo")) {
		exchange_accept(x, &copy_ops, NULL);
		exchange_begin(x, 200, NULL, 0);
		if (!r->has_body)
			exchange_end(x);
	} else if (str_is(r->path, "/hold")) {
		exchange_accept(x, &hold_ops, NULL);
	} else {
		exchange_accept(x, &plain_ops, NULL);
		if (str_is(r->path, "/hello"))
			exchange_respond(x, 200, NULL, 0, STR_LIT("hello\n"));
		else
			exchange_respond(x, 404, NULL, 0, STR_LIT("nothing here\n"));
	}
}

static bool may_overlap(const struct http_request *r, void *arg)
{
	(void)arg;
	return str_is(r->method, "POST");
}

/* --- the program ----------------------------------------------------------------------------- */

static struct loop *volatile main_loop;

static void on_signal(int sig)
{
	(void)sig;
	loop_stop(main_loop);
}

static int set_limit(struct conn_limits *l, struct listener_config *config, const char *option)
{
	unsigned long long v;

	if (sscanf(option, "head_ms=%llu", &v) == 1)
		l->head_ms = v;
	else if (sscanf(option, "body_ms=%llu", &v) == 1)
		l->body_ms = v;
	else if (sscanf(option, "idle_ms=%llu", &v) == 1)
		l->idle_ms = v;
	else if (sscanf(option, "heartbeat_ms=%llu", &v) == 1)
		l->heartbeat_ms = v;
	else if (sscanf(option, "max_connections=%llu", &v) == 1)
		l->max_connections = (unsigned)v;
	else if (sscanf(option, "max_per_address=%llu", &v) == 1)
		l->max_per_address = (unsigned)v;
	else if (sscanf(option, "max_message=%llu", &v) == 1)
		l->max_message = (uint32_t)v;
	else if (sscanf(option, "proxy=%llu", &v) == 1)
		config->proxy_protocol = v != 0;
	else
		return -1;
	return 0;
}

static void stop_on_signals(struct loop *l)
{
	struct sigaction sa = {.sa_handler = on_signal};

	main_loop = l;
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
}

int main(int argc, char **argv)
{
	static const struct http_handler handler = {.request = on_request, .may_overlap = may_overlap};
	struct conn_limits limits = {.max_connections = 10000, .max_head = 16384, .max_fields = 100,
		.head_ms = 10000, .body_ms = 10000, .idle_ms = 75000, .heartbeat_ms = 15000,
		.max_pipelined = 64, .max_output = 256 << 10, .max_message = 32 << 20};
	struct loop *loop = loop_new(0);
	struct listener_config config = {.loops = &loop, .nloops = 1, .limits = &limits,
		.handler = &handler};
	struct listener *l;
	struct buf why;

	log_init("ws_echo", getenv("WS_ECHO_VERBOSE") != NULL ? LOG_INFO : LOG_WARN);
	for (int i = 2; i < argc; i++) {
		if (set_limit(&limits, &config, argv[i]) != 0) {
			log_error("%s: not an option", argv[i]);
			return 2;
		}
	}
	buf_init(&why, 1024);
	if (loop == NULL || (l = listener_open(argc > 1 ? argv[1] : "127.0.0.1:0", &config, &why)) == NULL) {
		log_error("%s", why.len > 0 ? buf_cstr(&why) : "out of memory");
		return 5;
	}
	stop_on_signals(loop);
	listener_start(l);
	printf("%s\n", listener_url(l));
	fflush(stdout);
	loop_run(loop);
	listener_free(l);
	loop_free(loop);
	return 0;
}
