/* SPDX-License-Identifier: MIT */
#include "fetch.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "exitcode.h"
#include "log.h"
#include "stop.h"
#include "transfer.h"
#include "units.h"

#define STALL_MS 60000		/* without a byte for so long it has failed */
#define MAX_REDIRECTS 10L

struct fetch {
	const struct client_config *c;
	bool follow;
	struct transfer transfer;
	struct backoff backoff;
	bool refreshed;		/* the token, since the last success */
};

struct fetch *fetch_new(const struct client_config *c, uint64_t max_body, bool follow)
{
	struct fetch *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->c = c;
	f->follow = follow;
	backoff_init(&f->backoff, BACKOFF_FIRST_MS, BACKOFF_CAP_MS);
	if (transfer_init(&f->transfer, max_body) != 0) {
		free(f);
		return NULL;
	}
	return f;
}

void fetch_free(struct fetch *f)
{
	if (f == NULL)
		return;
	transfer_fini(&f->transfer);
	free(f);
}

static int begin(struct fetch *f, const char *url, const char *const *extra, uint64_t wait_ms)
{
	struct transfer *t = &f->transfer;

	if (transfer_prepare(t, f->c, url, extra, wait_ms + STALL_MS) != 0)
		return -1;
	curl_easy_setopt(t->easy, CURLOPT_ACCEPT_ENCODING, "");
	if (f->follow) {
		curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 1L);
		curl_easy_setopt(t->easy, CURLOPT_MAXREDIRS, MAX_REDIRECTS);
	}
	return transfer_start(t);
}

/* Drive the transfer to its end. 0 and its result, or FETCH_STOPPED. */
static int finish(struct fetch *f, CURLcode *result)
{
	while (!transfer_perform(&f->transfer, result)) {
		struct curl_waitfd stop = { .fd = stop_fd(), .events = CURL_WAIT_POLLIN };

		if (stop_signal() != 0)
			return FETCH_STOPPED;
		curl_multi_poll(f->transfer.multi, &stop, 1, 60000, NULL);
	}
	return 0;
}

int fetch_sleep_until(uint64_t at_ms)
{
	for (;;) {
		struct pollfd stop = { .fd = stop_fd(), .events = POLLIN };
		uint64_t now = units_monotonic_ms(), left = at_ms > now ? at_ms - now : 0;

		if (stop_signal() != 0)
			return FETCH_STOPPED;
		if (left == 0)
			return 0;
		poll(&stop, 1, left > 3600000 ? 3600000 : (int)left);
	}
}

/* After a failure that may pass: 0 to try again, or what to return. */
static int wait_for_retry(struct fetch *f, const char *why, uint64_t retry_after_ms)
{
	int64_t wait = backoff_next(&f->backoff, f->c, retry_after_ms);

	if (wait < 0) {
		log_error("%s; giving up", why);
		return EXIT_UNREACHABLE;
	}
	if (f->backoff.tries == 1 && f->c->retry < 0)
		log_warn("%s; trying again", why);
	else
		log_info("%s; trying again in %" PRId64 " ms", why, wait);
	return fetch_sleep_until(units_monotonic_ms() + (uint64_t)wait);
}

/* Judge what the transfer came to. 0: an answer; 1: try again; else what to return. */
static int settle(struct fetch *f, CURLcode result)
{
	uint64_t retry_after_ms;
	enum client_verdict v;
	const char *why;
	struct buf text;
	int r = 0;

	buf_init(&text, 4096);
	v = transfer_judge(&f->transfer, result, &text, &retry_after_ms);
	why = buf_cstr(&text);
	if (v == CLIENT_OK) {
		backoff_success(&f->backoff);
		f->refreshed = false;
	} else if (v == CLIENT_RETRY) {
		r = wait_for_retry(f, why, retry_after_ms);
		r = r == 0 ? 1 : r;
	} else if (fetch_status(f) == 401 && v == CLIENT_REFUSED && !f->refreshed &&
	    client_refresh_token(f->c)) {
		f->refreshed = true;
		r = 1;
	} else {
		log_error("%s", f->transfer.too_large ? "the answer is larger than --max-body allows" : why);
		r = v == CLIENT_REFUSED ? EXIT_REFUSED : EXIT_PROTOCOL;
	}
	buf_fini(&text);
	return r;
}

int fetch_get(struct fetch *f, const char *url, const char *const *extra, uint64_t wait_ms)
{
	CURLcode result;
	int r;

	do {
		if (begin(f, url, extra, wait_ms) != 0) {
			log_error("out of memory");
			return EXIT_RESOURCES;
		}
		r = finish(f, &result);
		if (r != 0)
			return r;
		r = settle(f, result);
	} while (r == 1);
	return r;
}

long fetch_status(const struct fetch *f)
{
	return transfer_status(&f->transfer);
}

struct str fetch_body(const struct fetch *f)
{
	return buf_str(&f->transfer.body);
}

const char *fetch_header(struct fetch *f, const char *name)
{
	struct curl_header *h;

	if (curl_easy_header(f->transfer.easy, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
		return NULL;
	return h->value;
}

bool fetch_has_next(struct fetch *f)
{
	struct curl_header *h;
	size_t i = 0;

	while (curl_easy_header(f->transfer.easy, "Link", i, CURLH_HEADER, -1, &h) == CURLHE_OK) {
		if (strcasestr(h->value, "rel=\"next\"") != NULL ||
		    strcasestr(h->value, "rel=next") != NULL)
			return true;
		if (++i == h->amount)
			break;
	}
	return false;
}
