/* SPDX-License-Identifier: MIT */
#include "wshandshake.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base64.h"
#include "hash.h"
#include "str.h"

void wshandshake_init(struct wshandshake *h)
{
	memset(h, 0, sizeof(*h));
	buf_init(&h->head, WSHANDSHAKE_HEAD_MAX);
}

void wshandshake_fini(struct wshandshake *h)
{
	buf_fini(&h->head);
}

/* --- the request ------------------------------------------------------------------------------ */

static bool is_field(const char *line, const char *name)
{
	size_t n = strlen(name);

	return strncasecmp(line, name, n) == 0 && (line[n] == ':' || line[n] == ';');
}

/* Fields that belong to the handshake cannot be set from outside. */
static bool is_ours(const char *line)
{
	static const char *const names[] = { "Connection", "Upgrade", "Sec-WebSocket-Key",
		"Sec-WebSocket-Version", "Sec-WebSocket-Extensions" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is_field(line, names[i]))
			return true;
	return false;
}

/* As libcurl reads a header list: "Name: value"; "Name;" for an empty value; "Name:" for none. */
static int add_header(struct wshandshake *h, struct buf *out, const char *line)
{
	size_t name = strcspn(line, ":;");
	const char *value = line + name + (line[name] != '\0');

	value += strspn(value, " \t");
	if (is_ours(line) || line[name] == '\0' || (line[name] == ':' && *value == '\0'))
		return 0;
	if (is_field(line, "Sec-WebSocket-Protocol"))
		h->asked_protocol = true;
	return buf_addf(out, "%.*s: %s\r\n", (int)name, line, value);
}

static bool has_field(const struct curl_slist *l, const char *name)
{
	for (; l != NULL; l = l->next)
		if (is_field(l->data, name))
			return true;
	return false;
}

static int add_basic_auth(struct buf *out, const char *user, const char *password)
{
	char plain[512], coded[BASE64_ENCODED_LEN(sizeof(plain))];
	int n = snprintf(plain, sizeof(plain), "%s:%s", user, password == NULL ? "" : password);

	if (n < 0 || (size_t)n >= sizeof(plain))
		return -1;
	return buf_addf(out, "Authorization: Basic %.*s\r\n",
		(int)base64_encode(coded, plain, (size_t)n), coded);
}

/* The parts of the URL; what libcurl returns is freed with curl_free. */
struct url {
	char *host, *port, *path, *query, *user, *password;
};

static void url_fini(struct url *u)
{
	curl_free(u->host);
	curl_free(u->port);
	curl_free(u->path);
	curl_free(u->query);
	curl_free(u->user);
	curl_free(u->password);
}

static int url_init(struct url *u, const char *text)
{
	CURLU *parser = curl_url();
	int r = -1;

	memset(u, 0, sizeof(*u));
	if (parser == NULL)
		return -1;
	if (curl_url_set(parser, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
	    curl_url_get(parser, CURLUPART_HOST, &u->host, 0) == CURLUE_OK &&
	    curl_url_get(parser, CURLUPART_PATH, &u->path, 0) == CURLUE_OK) {
		(void)curl_url_get(parser, CURLUPART_PORT, &u->port, 0);
		(void)curl_url_get(parser, CURLUPART_QUERY, &u->query, 0);
		(void)curl_url_get(parser, CURLUPART_USER, &u->user, CURLU_URLDECODE);
		(void)curl_url_get(parser, CURLUPART_PASSWORD, &u->password, CURLU_URLDECODE);
		r = 0;
	}
	curl_url_cleanup(parser);
	return r;
}

static int add_request_line(struct buf *out, const struct url *u, bool with_host)
{
	if (buf_addf(out, "GET %s%s%s HTTP/1.1\r\n", u->path, u->query != NULL ? "?" : "",
	    u->query != NULL ? u->query : "") != 0)
		return -1;
	if (!with_host)
		return 0;
	return buf_addf(out, "Host: %s%s%s\r\n", u->host, u->port != NULL ? ":" : "",
		u->port != NULL ? u->port : "");
}

int wshandshake_request(struct wshandshake *h, struct buf *out, const char *url,
	const struct curl_slist *headers)
{
	uint8_t nonce[16];
	struct url u;
	int r = -1;

	if (url_init(&u, url) != 0)
		goto free_url;
	hash_random(nonce, sizeof(nonce));
	h->key[base64_encode(h->key, nonce, sizeof(nonce))] = '\0';
	if (add_request_line(out, &u, !has_field(headers, "Host")) != 0 ||
	    buf_addf(out, "Connection: Upgrade\r\nUpgrade: websocket\r\n"
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n", h->key) != 0)
		goto free_url;
	if (u.user != NULL && !has_field(headers, "Authorization") &&
	    add_basic_auth(out, u.user, u.password) != 0)
		goto free_url;
	for (const struct curl_slist *l = headers; l != NULL; l = l->next)
		if (add_header(h, out, l->data) != 0)
			goto free_url;
	r = buf_adds(out, "\r\n");

free_url:
	url_fini(&u);
	return r;
}

/* --- the answer ------------------------------------------------------------------------------- */

int wshandshake_take(struct wshandshake *h, const void *p, size_t n, size_t *used)
{
	/* The end may come anywhere, so also across two reads. */
	size_t before = h->head.len, from = before > 3 ? before - 3 : 0;
	const uint8_t *end;

	if (buf_add(&h->head, p, n) != 0)
		return -1;
	end = memmem(h->head.p + from, h->head.len - from, "\r\n\r\n", 4);
	if (end == NULL)
		return 0;
	h->head.len = (size_t)(end - h->head.p) + 4;
	*used = h->head.len - before;
	return 1;
}

/* The value of the field at (line) if it is called (name), else p == NULL. */
static struct str field_value(struct str line, const char *name)
{
	size_t n = strlen(name);
	struct str v;

	if (line.n <= n || line.p[n] != ':' || strncasecmp(line.p, name, n) != 0)
		return STR_NULL;
	v = (struct str){line.p + n + 1, line.n - n - 1};
	while (v.n > 0 && (v.p[0] == ' ' || v.p[0] == '\t')) {
		v.p++;
		v.n--;
	}
	while (v.n > 0 && strchr(" \t\r", v.p[v.n - 1]) != NULL)
		v.n--;
	return v;
}

struct str wshandshake_field(const struct wshandshake *h, const char *name)
{
	const char *p = (const char *)h->head.p, *end, *nl;

	if (p == NULL)
		return STR_NULL;
	end = p + h->head.len;
	for (; p < end && (nl = memchr(p, '\n', (size_t)(end - p))) != NULL; p = nl + 1) {
		struct str v = field_value((struct str){p, (size_t)(nl - p)}, name);

		if (v.p != NULL)
			return v;
	}
	return STR_NULL;
}

/* Is (token) one of the comma-separated values? */
static bool has_token(struct str v, const char *token)
{
	size_t len = strlen(token);

	for (size_t i = 0; i + len <= v.n; i++) {
		bool begins = i == 0 || strchr(", \t", v.p[i - 1]) != NULL;
		bool ends = i + len == v.n || strchr(", \t;", v.p[i + len]) != NULL;

		if (begins && ends && strncasecmp(v.p + i, token, len) == 0)
			return true;
	}
	return false;
}

static bool accept_matches(const struct wshandshake *h)
{
	char want[WSKEY_ACCEPT_LEN];

	wskey_accept(want, h->key);
	return str_eq(wshandshake_field(h, "Sec-WebSocket-Accept"), (struct str){want, sizeof(want)});
}

/* RFC 6455, 4.1: what the client must check. */
const char *wshandshake_check(const struct wshandshake *h)
{
	struct str upgrade = wshandshake_field(h, "Upgrade");

	if (upgrade.n != 9 || strncasecmp(upgrade.p, "websocket", 9) != 0)
		return "the 101 does not upgrade to websocket";
	if (!has_token(wshandshake_field(h, "Connection"), "upgrade"))
		return "the 101 has no Connection: Upgrade";
	if (!accept_matches(h))
		return "the 101 has a wrong Sec-WebSocket-Accept";
	if (wshandshake_field(h, "Sec-WebSocket-Extensions").n > 0)
		return "the 101 names an extension nobody asked for";
	if (wshandshake_field(h, "Sec-WebSocket-Protocol").p != NULL && !h->asked_protocol)
		return "the 101 names a subprotocol nobody asked for";
	return NULL;
}

unsigned wshandshake_status(const struct wshandshake *h)
{
	const char *p = (const char *)h->head.p;

	if (h->head.len < 12 || memcmp(p, "HTTP/1.", 7) != 0 || p[8] != ' ')
		return 0;
	for (int i = 9; i < 12; i++)
		if (p[i] < '0' || p[i] > '9')
			return 0;
	return (unsigned)((p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0'));
}

size_t wshandshake_content_length(const struct wshandshake *h, size_t max)
{
	struct str v = wshandshake_field(h, "Content-Length");
	size_t n = 0;

	for (size_t i = 0; i < v.n && v.p[i] >= '0' && v.p[i] <= '9' && n < max; i++)
		n = n * 10 + (size_t)(v.p[i] - '0');
	return n < max ? n : max;
}
