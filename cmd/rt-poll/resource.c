/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "exitcode.h"
#include "hash.h"
#include "log.h"
#include "poll.h"

#define HEADER_MAX 8192

/* Ask for it, if it is another one than last time. */
static int request(struct poll *p, struct buf *none_match, struct buf *modified)
{
	const char *etag = state_get(p->state, "etag");
	const char *date = state_get(p->state, "last-modified");
	const char *extra[3] = { NULL };
	size_t n = 0;

	if (etag != NULL) {
		extra[n] = poll_header(none_match, "If-None-Match", etag, false);
		if (extra[n++] == NULL)
			return poll_bad_state(p);
	}
	if (date != NULL) {
		extra[n] = poll_header(modified, "If-Modified-Since", date, false);
		if (extra[n++] == NULL)
			return poll_bad_state(p);
	}
	return fetch_get(p->fetch, p->c->url, extra, 0);
}

static int print(struct poll *p, struct str body)
{
	struct envelope_foreign f = { .data = { body.p == NULL ? "" : body.p, body.n } };
	struct envelope e;
	struct buf text;
	int r;

	buf_init(&text, SIZE_MAX);
	r = envelope_from_foreign(&text, &f) == 0 ? 0 : EXIT_RESOURCES;
	if (r == 0 && envelope_parse(&e, buf_str(&text)) != JSON_OK)
		r = EXIT_INPUT;
	if (r == 0 && output_add(&p->out, &e) != 0)
		r = EXIT_RESOURCES;
	buf_fini(&text);
	if (r != 0)
		log_error("%s", r == EXIT_INPUT ? "the answer is nested too deep" :
			"out of memory");
	return r;
}

/* A body came. Many servers give no validator, or a new one each time: the hash decides. */
static int take(struct poll *p)
{
	struct str body = fetch_body(p->fetch);
	char hex[2 * HASH_SHA256_LEN + 1];
	const char *old = state_get(p->state, "hash");
	uint8_t hash[HASH_SHA256_LEN];
	int r;

	hash_sha256(hash, body.p == NULL ? "" : body.p, body.n);
	hash_hex(hex, hash, sizeof(hash));
	if (old != NULL && strcmp(old, hex) == 0)
		return POLL_NOTHING;
	r = print(p, body);
	if (r == 0)
		r = poll_remember(p, "hash", hex);
	if (r == 0)
		r = poll_remember(p, "etag", fetch_header(p->fetch, "ETag"));
	if (r == 0)
		r = poll_remember(p, "last-modified", fetch_header(p->fetch, "Last-Modified"));
	if (r != 0) {
		output_drop(&p->out);
		return r;
	}
	p->printed++;
	r = poll_commit(p);
	return r != 0 ? r : POLL_NEW;
}

int resource_poll(struct poll *p)
{
	struct buf none_match, modified;
	int r;

	buf_init(&none_match, HEADER_MAX);
	buf_init(&modified, HEADER_MAX);
	r = request(p, &none_match, &modified);
	buf_fini(&none_match);
	buf_fini(&modified);
	if (r != 0)
		return r;
	return fetch_status(p->fetch) == 304 ? POLL_NOTHING : take(p);
}
