/* SPDX-License-Identifier: MIT */
#include "fetch.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "exitcode.h"
#include "log.h"
#include "stop.h"
#include "units.h"

#define STALL_MS 60000		/* without a byte for so long it has failed */
#define MAX_REDIRECTS 10L

struct fetch {
	const struct client_config *c;
	bool follow;
	CURLM *multi;		/* keeps the connection from one request to the next */
	CURL *easy;
	struct curl_slist *headers;
	struct buf body;
	bool too_large;
	long status;
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
	buf_init(&f->body, max_body);
	backoff_init(&f->backoff, BACKOFF_FIRST_MS, BACKOFF_CAP_MS);
	f->multi = curl_multi_init();
	if (f->multi == NULL) {
		fetch_free(f);
		return NULL;
	}
	return f;
}

static void end_request(struct fetch *f)
{
	if (f->easy == NULL)
		return;
	curl_multi_remove_handle(f->multi, f->easy);
	curl_easy_cleanup(f->easy);
	curl_slist_free_all(f->headers);
	f->easy = NULL;
	f->headers = NULL;
}

void fetch_free(struct fetch *f)
{
	if (f == NULL)
		return;
	end_request(f);
	if (f->multi != NULL)
		curl_multi_cleanup(f->multi);
	buf_fini(&f->body);
	free(f);
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct fetch *f = arg;

	if (buf_add(&f->body, p, size * n) == 0)
		return size * n;
	f->too_large = errno == EMSGSIZE;
	return 0;
}

static int begin(struct fetch *f, const char *url, const char *const *extra, uint64_t wait_ms)
{
	end_request(f);
	buf_reset(&f->body);
	f->too_large = false;
	f->easy = client_handle(f->c, url, extra, &f->headers);
	if (f->easy == NULL)
		return -1;
	curl_easy_setopt(f->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(f->easy, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(f->easy, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(f->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(f->easy, CURLOPT_LOW_SPEED_TIME, (long)((wait_ms + STALL_MS) / 1000));
	if (f->follow) {
		curl_easy_setopt(f->easy, CURLOPT_FOLLOWLOCATION, 1L);
		curl_easy_setopt(f->easy, CURLOPT_MAXREDIRS, MAX_REDIRECTS);
	}
	if (curl_multi_add_handle(f->multi, f->easy) == CURLM_OK)
		return 0;
	curl_easy_cleanup(f->easy);
	f->easy = NULL;
	return -1;
}

/* Drive the transfer to its end. 0 and its result, or FETCH_STOPPED. */
static int transfer(struct fetch *f, CURLcode *result)
{
	int running, left;
	CURLMsg *m;

	for (;;) {
		struct curl_waitfd stop = { .fd = stop_fd(), .events = CURL_WAIT_POLLIN };

		curl_multi_perform(f->multi, &running);
		m = curl_multi_info_read(f->multi, &left);
		if (m != NULL && m->msg == CURLMSG_DONE) {
			*result = m->data.result;
			return 0;
		}
		if (stop_signal() != 0)
			return FETCH_STOPPED;
		curl_multi_poll(f->multi, &stop, 1, 60000, NULL);
	}
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
	v = client_judge(f->easy, result, buf_str(&f->body), &text, &retry_after_ms);
	why = buf_cstr(&text);
	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &f->status);
	if (v == CLIENT_OK) {
		backoff_success(&f->backoff);
		f->refreshed = false;
	} else if (v == CLIENT_RETRY) {
		r = wait_for_retry(f, why, retry_after_ms);
		r = r == 0 ? 1 : r;
	} else if (f->status == 401 && v == CLIENT_REFUSED && !f->refreshed &&
	    client_refresh_token(f->c)) {
		f->refreshed = true;
		r = 1;
	} else {
		log_error("%s", f->too_large ? "the answer is larger than --max-body allows" : why);
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
		r = transfer(f, &result);
		if (r != 0)
			return r;
		r = settle(f, result);
	} while (r == 1);
	return r;
}

long fetch_status(const struct fetch *f)
{
	return f->status;
}

struct str fetch_body(const struct fetch *f)
{
	return buf_str(&f->body);
}

const char *fetch_header(struct fetch *f, const char *name)
{
	struct curl_header *h;

	if (curl_easy_header(f->easy, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
		return NULL;
	return h->value;
}

bool fetch_has_next(struct fetch *f)
{
	struct curl_header *h;
	size_t i = 0;

	while (curl_easy_header(f->easy, "Link", i, CURLH_HEADER, -1, &h) == CURLHE_OK) {
		if (strcasestr(h->value, "rel=\"next\"") != NULL ||
		    strcasestr(h->value, "rel=next") != NULL)
			return true;
		if (++i == h->amount)
			break;
	}
	return false;
}
