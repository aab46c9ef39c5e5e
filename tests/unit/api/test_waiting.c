/* SPDX-License-Identifier: MIT */
/*
 * Long polls on a store whose reads take longer than anybody wants to wait: requests as bytes, to
 * the routes, over a store with two ordering domains that holds its reads back.
 */
#include <stdlib.h>
#include <unistd.h>

#include "api/rate.h"
#include "api/route.h"
#include "drain.h"
#include "tests/unit/api/helper_config.h"
#include "tests/unit/net/helper_net.h"
#include "tests/unit/store/helper_twodomain.h"
#include "tests/unit/tap.h"

#define WAIT_MS 1000	/* what requests ask for */

struct site {
	struct rig rig;
	struct api_shared shared;
	struct api *api;
	struct route_listener listener;
	struct http_handler handler;
	struct config *config;
	struct buf got;
	int peer;
};

static void site_open(struct site *s)
{
	struct presence_config nobody = {.n = 0};

	*s = (struct site){.config = configured("--store", "memory:", NULL)};
	route_handler(&s->handler, &s->listener);
	rig_init(&s->rig, &s->handler);
	s->shared = (struct api_shared){
		.store = twodomain_new(), .presence = presence_new(&nobody), .rate = rate_new(),
		.apis = &s->api, .napis = 1,
	};
	atomic_init(&s->shared.config, s->config);
	s->api = api_new(&s->shared, s->rig.loop);
	buf_init(&s->got, 1 << 16);
	rig_connect(&s->rig, &s->peer, 0);
}

static void site_close(struct site *s)
{
	close(s->peer);
	ok(rig_fini(&s->rig), "nothing is left of it");
	api_free(s->api);
	store_close(s->shared.store);
	rate_free(s->shared.rate);
	presence_free(s->shared.presence);
	config_free(s->config);
	buf_fini(&s->got);
}

static void ask(struct site *s, const char *request)
{
	buf_reset(&s->got);
	rig_send(&s->rig, s->peer, request, strlen(request));
}

/* What has come since it was asked; *eof: and the connection's end. */
static const char *answer(struct site *s, bool *eof)
{
	rig_recv(&s->rig, s->peer, &s->got, 1 << 16, eof);
	return buf_cstr(&s->got);
}

static void publish(struct site *s)
{
	ask(s, "POST /topics/t HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n\r\n\"hey\"");
	ok(strstr(answer(s, NULL), "HTTP/1.1 201 ") != NULL, "published");
}

/* A long poll whose first read does not come back. */
static void begin(struct site *s)
{
	twodomain_hold(s->shared.store, true);
	ask(s, "GET /topics/t?since=all&wait=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
	eq_num(s->api->stats.long_polls, 1, "a long poll");
	rig_pass(&s->rig, WAIT_MS / 2);
	eq_str(answer(s, NULL), "", "waits");
}

/* It does now: an answer with (body). */
static void answered(struct site *s, const char *body, bool closes)
{
	const char *got;
	bool eof;

	eq_str(answer(s, &eof), "", "there is no cursor to answer with yet");
	ok(!eof, "nor a reason to hang up");
	eq_num(twodomain_finish(s->shared.store, 9), 1, "the read comes back");
	got = answer(s, &eof);
	ok(strncmp(got, "HTTP/1.1 200 ", 13) == 0, "it is answered then");
	ok(strstr(got, "\r\nLast-Event-ID: 0.0\r\n") != NULL, "with where it began");
	ok(strstr(got, body) != NULL, "and what was found");
	ok(eof == closes, "the connection %s", closes ? "ends" : "stays");
	ok(s->api->live == NULL && s->api->leaving == NULL, "it is no more among those who wait");
}

static void test_time_is_up(const char *body, bool published)
{
	struct site s;

	printf("# time is up, %s\n", published ? "there is an event" : "there is nothing");
	site_open(&s);
	if (published)
		publish(&s);
	begin(&s);
	rig_pass(&s.rig, WAIT_MS / 2 + 20);
	answered(&s, body, false);
	site_close(&s);
}

static void test_drain(const char *body, bool published)
{
	struct drain *d;
	struct site s;

	printf("# the server drains, %s\n", published ? "there is an event" : "there is nothing");
	site_open(&s);
	if (published)
		publish(&s);
	begin(&s);
	d = drain_start(&s.shared, 60000);
	rig_turn(&s.rig, 2);
	rig_pass(&s.rig, 40);
	answered(&s, body, true);
	drain_free(d);
	site_close(&s);
}

static void test_peer_ends(const char *body, bool published)
{
	struct site s;

	printf("# the client sends no more, %s\n", published ? "there is an event" : "there is nothing");
	site_open(&s);
	if (published)
		publish(&s);
	begin(&s);
	shutdown(s.peer, SHUT_WR);
	rig_turn(&s.rig, 2);
	answered(&s, body, true);
	site_close(&s);
}

/* The time that is left is waited for. */
static void test_in_time(void)
{
	struct site s;

	printf("# the read comes back in time\n");
	site_open(&s);
	begin(&s);
	eq_num(twodomain_finish(s.shared.store, 9), 1, "the read comes back");
	eq_str(answer(&s, NULL), "", "with nothing: it waits on");
	rig_pass(&s.rig, WAIT_MS / 2 + 20);
	ok(strstr(answer(&s, NULL), "\r\n\r\n[]\n") != NULL, "until time is up");
	site_close(&s);
}

int main(void)
{
	static const char nothing[] = "\r\n\r\n[]\n", event[] = ",\"data\":\"hey\"}]\n";

	test_time_is_up(nothing, false);
	test_time_is_up(event, true);
	test_drain(nothing, false);
	test_drain(event, true);
	test_peer_ends(nothing, false);
	test_peer_ends(event, true);
	test_in_time();
	return tap_done();
}
