/* SPDX-License-Identifier: MIT */
#ifndef RT_CLIENT_H
#define RT_CLIENT_H

/*
 * What rt-pub, rt-sub and rt-poll share as clients: their common options, the server's URL, and
 * libcurl handles set up from them. How an answer is judged, and how long to wait before
 * the next try, is in client_judge.h and backoff.h.
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "backoff.h"
#include "buf.h"
#include "client_judge.h"
#include "opt.h"
#include "str.h"

struct token;

/** Filled by client_opts; embed it as the FIRST member of a tool's configuration struct. */
struct client_config {
	/* -s or RT_URL or the default; from client_start on with a scheme, without a last "/" */
	const char *server;
	struct curl_slist *headers;	/* -H, in order */
	const char *token_file, *token_cmd;
	const char *cacert, *cert, *key, *unix_socket;
	bool insecure;
	int64_t retry;			/* --retry: tries after the first; -1: no limit */
	uint64_t retry_max_time_ms;	/* --retry-max-time; 0: no limit */
	uint64_t connect_timeout_ms;	/* --connect-timeout, default 10 s */
	bool quiet;
	unsigned verbose;
	/* from client_start to client_end */
	struct token *token;
	char *own_url;			/* what (server) points to */
	char user_agent[64];
};

/** Options that all clients share (-s -H -k --cacert --cert --key --unix-socket --token-file
 *  --token-cmd --retry --retry-max-time --connect-timeout -q -v); (config) is the tool's struct. */
extern const struct opt client_opts[];

/** Defaults, environment included, before the options are parsed. */
void client_config_init(struct client_config *c);

/**
 * Check the combination, read the token. Call once after parsing. Ends the program with
 * EXIT_USAGE or EXIT_INPUT and a message if something is wrong. Also ignores SIGPIPE,
 * initializes libcurl and the log (warnings and errors; -q errors only; -v more, -vv all), and
 * makes sure that descriptors 0 to 2 are taken, so that no socket becomes stdout.
 */
void client_start(struct client_config *c, const char *tool);

/** Free what the options of (c) and client_start took, and libcurl's own; its handles are gone. */
void client_end(struct client_config *c);

/** Re-run --token-cmd or re-read --token-file (after a 401 once). True if the token changed. */
bool client_refresh_token(const struct client_config *c);

/**
 * Append (part) percent-encoded for a path (keeping "/"), or ?name=value or &name=value,
 * whichever (url) needs. 0, or -1 as buf_add.
 */
int client_add_path(struct buf *url, struct str part);
int client_add_query(struct buf *url, const char *name, struct str value);

/** Is it an absolute http, https, ws or wss URL? */
bool client_is_url(const char *s);

/** Can such a URL be understood? */
bool client_url_valid(const char *url);

/**
 * Append the question as one text, which a state file is bound to: the URL (NULL: the server)
 * without user and password, the unix socket, and the (n) (topics), whatever their order. 0, or
 * -1 with errno: as buf_add, or EINVAL if the URL is none.
 */
int client_question(struct buf *b, const struct client_config *c, const char *url,
	const char *const *topics, size_t n);

/**
 * (c) for a server other than the one its user meant, which a request was sent on to: without -H,
 * token and client certificate. It borrows from (c).
 */
struct client_config client_for_others(const struct client_config *c);

/**
 * A new easy handle with everything (c) asks for: TLS, unix socket, User-Agent, NOSIGNAL,
 * TCP_NODELAY, keep-alive, HTTP/1.1; ws and wss URLs become http and https. NULL without memory.
 * The headers of -H, (extra) (ends with NULL; may be NULL) and the token go into *list, which the
 * caller frees after the handle. A token from RT_TOKEN, which is in every environment below it,
 * is sent to c->server only; one that was asked for by option, wherever (url) points.
 */
CURL *client_handle(const struct client_config *c, const char *url, const char *const *extra,
	struct curl_slist **list);

#endif
