/* SPDX-License-Identifier: MIT */
#ifndef RT_SUB_WSCLIENT_H
#define RT_SUB_WSCLIENT_H

/*
 * A WebSocket client (RFC 6455) on a socket that libcurl has connected with CONNECT_ONLY:
 * libcurl brings TCP, TLS, proxies and unix sockets; wslay the framing; wshandshake.h the opening
 * (section 4.1); this the closing (section 7).
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "str.h"

struct wsclient;

enum wsclient_end {
	WSCLIENT_CLOSED,	/* the peer closed; see the code */
	WSCLIENT_REFUSED,	/* the handshake was answered with another status */
	WSCLIENT_LOST,		/* the connection broke or timed out */
	WSCLIENT_BROKEN,	/* the peer broke the protocol */
	WSCLIENT_NOMEM,
};

struct wsclient_ops {
	/** The handshake is done; (header) finds a field of the 101 by name, p == NULL: absent. */
	void (*open)(void *arg, struct wsclient *w);
	/** One whole message. Dies when this returns. Other than 0: stop reading for now. */
	int (*message)(void *arg, bool binary, struct str data);
	/** A ping came (it is answered already). May be NULL. */
	void (*ping)(void *arg, struct str payload);
	/** The end, once: (status) is the HTTP status or close code or 0, (why) for people. */
	void (*end)(void *arg, enum wsclient_end how, unsigned status, struct str why);
};

/**
 * On the connected easy handle (h), which stays the caller's, ask for (url)'s path with (headers,
 * each "Name: value"). Messages over (max) bytes end it with 1009. NULL without memory.
 */
struct wsclient *wsclient_new(CURL *h, const char *url, const struct curl_slist *headers,
	size_t max, const struct wsclient_ops *ops, void *arg);

/**
 * Where the bytes go instead of through libcurl. Each returns how many bytes it took, 0 at the
 * end of the stream (recv only), or -1 with errno, EAGAIN meaning not now.
 */
struct wsclient_io {
	ssize_t (*recv)(void *io_arg, void *p, size_t n);
	ssize_t (*send)(void *io_arg, const void *p, size_t n);
};

/** As wsclient_new, over (io), which must outlive it. */
struct wsclient *wsclient_new_io(const struct wsclient_io *io, void *io_arg, const char *url,
	const struct curl_slist *headers, size_t max, const struct wsclient_ops *ops, void *arg);

/** Field of the answer to the handshake; p == NULL: absent. */
struct str wsclient_header(const struct wsclient *w, const char *name);

/** What the body of a refusal says (at most 16 KiB of it); Retry-After is read as above. */
struct str wsclient_body(const struct wsclient *w);

/**
 * The socket is readable or writable: read until it would block, or write. Calls the ops. False:
 * enough for one turn, more may wait, perhaps in the TLS layer where no poll sees it; call
 * wsclient_readable again soon.
 */
bool wsclient_readable(struct wsclient *w);
void wsclient_writable(struct wsclient *w);

/** Does it wait for the socket to become writable? */
bool wsclient_wants_write(const struct wsclient *w);

/**
 * Go on after message() returned other than 0, then call wsclient_readable. What wslay had
 * already read (4 KiB at most) is still delivered before it stops.
 */
void wsclient_resume(struct wsclient *w);

/** Queue a close frame. 0, or -1 without memory, when closing, or before the handshake. */
int wsclient_close(struct wsclient *w, unsigned code);

/** Frees it without another word to the peer. (NULL) is fine. */
void wsclient_free(struct wsclient *w);

#endif
