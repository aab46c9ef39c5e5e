/* SPDX-License-Identifier: MIT */
#ifndef RT_SUB_WSHANDSHAKE_H
#define RT_SUB_WSHANDSHAKE_H

/*
 * The opening handshake of a WebSocket client (RFC 6455, section 4.1): the request, and the head of
 * what answers it, which is collected and checked here.
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "wskey.h"

#define WSHANDSHAKE_HEAD_MAX 65536

struct wshandshake {
	char key[WSKEY_LEN + 1];
	bool asked_protocol;	/* for a subprotocol */
	struct buf head;	/* of the answer: status line and fields, up to the empty line */
};

void wshandshake_init(struct wshandshake *h);
void wshandshake_fini(struct wshandshake *h);

/**
 * Append the request for (url)'s path to (out), with (headers), which are read as libcurl reads
 * them; those of the handshake itself are left out. 0, or -1 without memory or if it is no URL.
 */
int wshandshake_request(struct wshandshake *h, struct buf *out, const char *url,
	const struct curl_slist *headers);

/**
 * Take more of the answer. 1: its head is complete with the first (*used) of the (n) bytes; 0: all
 * were taken, and more are to come; -1 as buf_add.
 */
int wshandshake_take(struct wshandshake *h, const void *p, size_t n, size_t *used);

/* --- of a complete head ------------------------------------------------------------------------ */

/** The status, or 0 if it is no HTTP/1.1. */
unsigned wshandshake_status(const struct wshandshake *h);

/** Is this 101 an answer to our request? NULL, or what is wrong. */
const char *wshandshake_check(const struct wshandshake *h);

/** A field by name, without the white space around it; p == NULL: absent. */
struct str wshandshake_field(const struct wshandshake *h, const char *name);

/** Content-Length, at most (max); 0 without one. */
size_t wshandshake_content_length(const struct wshandshake *h, size_t max);

#endif
