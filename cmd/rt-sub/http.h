/* SPDX-License-Identifier: MIT */
#ifndef RT_SUB_HTTP_H
#define RT_SUB_HTTP_H

/*
 * One HTTP request at a time, by libcurl's multi socket interface on libev. Connections are kept
 * from one request to the next.
 */
#include <curl/curl.h>
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "client.h"
#include "str.h"

struct http;

struct http_ops {
	/** The head of an answer is complete. May be NULL. */
	void (*head)(void *arg);
	/** Bytes of the body of a 200. Other than 0 aborts the request. NULL: http_connect. */
	int (*body)(void *arg, struct str bytes);
	/** The request is over, or connected; http_get may be called within, and http_stop. */
	void (*done)(void *arg, CURLcode result);
};

/** NULL without memory. */
struct http *http_new(struct ev_loop *loop, const struct client_config *c);
void http_free(struct http *h);

enum http_flags {
	HTTP_LARGE = 1,		/* an endless stream: a large buffer, body() gets each chunk as it came */
	HTTP_FOLLOW = 2,	/* follow redirects, at most REDIRECT_MAX; only the last answer is told */
};

/**
 * Ask for (url) with the (headers) (ends with NULL). What went before is dropped. Redirects take the
 * (headers) along; of the configuration, once they have left the origin of (url), only what is left
 * by client_for_others. Returns 0, or -1 without memory. Never calls back within.
 */
int http_get(struct http *h, const char *url, const char *const *headers, unsigned flags,
	const struct http_ops *ops, void *arg);

/** Only connect to where (url) is, as for a WebSocket; the connection lives until http_stop. */
int http_connect(struct http *h, const char *url, const char *const *headers,
	const struct http_ops *ops, void *arg);

/** Drop the request and its connection; nothing is called back. Not within head and body. */
void http_stop(struct http *h);

/** Stop or go on reading. Going on may call body() within. */
void http_pause(struct http *h, bool on);

/** Of the request in progress, or in done(): the status, a header field, how it went. */
long http_status(const struct http *h);
struct str http_field(const struct http *h, const char *name);
enum client_verdict http_judge(struct http *h, CURLcode result, struct buf *why,
	uint64_t *retry_after_ms);

/** Milliseconds since the request went out on its connection; 0: it has not. */
uint64_t http_sent_ms_ago(const struct http *h);

/** For http_connect: the handle and all header fields of the request. */
CURL *http_handle(const struct http *h);
const struct curl_slist *http_headers(const struct http *h);

#endif
