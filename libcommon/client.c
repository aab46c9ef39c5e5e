/* SPDX-License-Identifier: MIT */
#include "client.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "exitcode.h"
#include "log.h"
#include "stdfds.h"
#include "token.h"
#include "units.h"

#define DEFAULT_SERVER "http://127.0.0.1:7070"

/* --- options --------------------------------------------------------------------------------- */

static const char *set_text(const char **where, const char *arg)
{
	if (*arg == '\0')
		return "must not be empty";
	*where = arg;
	return NULL;
}

#define TEXT_OPTION(member) \
	static const char *set_##member(void *config, const char *arg) \
	{ \
		return set_text(&((struct client_config *)config)->member, arg); \
	}

TEXT_OPTION(server)
TEXT_OPTION(token_file)
TEXT_OPTION(token_cmd)
TEXT_OPTION(cacert)
TEXT_OPTION(cert)
TEXT_OPTION(key)
TEXT_OPTION(unix_socket)

static const char *set_header(void *config, const char *arg)
{
	struct client_config *c = config;
	struct curl_slist *l;

	if (arg[strcspn(arg, "\r\n")] != '\0' || strcspn(arg, ":;") == 0 ||
	    strpbrk(arg, ":;") == NULL)
		return "is not a header like 'Name: value'";
	l = curl_slist_append(c->headers, arg);
	if (l == NULL)
		return "does not fit into memory";
	c->headers = l;
	return NULL;
}

static const char *set_insecure(void *config, const char *arg)
{
	(void)arg;
	((struct client_config *)config)->insecure = true;
	return NULL;
}

static const char *set_retry(void *config, const char *arg)
{
	uint64_t n;

	if (units_parse_number(arg, strlen(arg), 0, INT_MAX, &n) != 0)
		return "is not a number of tries from 0 on";
	((struct client_config *)config)->retry = (int64_t)n;
	return NULL;
}

static const char *set_retry_max_time(void *config, const char *arg)
{
	struct client_config *c = config;

	if (units_parse_duration(arg, strlen(arg), 1000, &c->retry_max_time_ms) != 0)
		return "is not a time in seconds, or like 90s, 10m";
	return NULL;
}

static const char *set_connect_timeout(void *config, const char *arg)
{
	struct client_config *c = config;

	if (units_parse_duration(arg, strlen(arg), 1000, &c->connect_timeout_ms) != 0 ||
	    c->connect_timeout_ms == 0 || c->connect_timeout_ms > INT_MAX)
		return "is not a time in seconds, or like 500ms, above 0";
	return NULL;
}

static const char *set_quiet(void *config, const char *arg)
{
	(void)arg;
	((struct client_config *)config)->quiet = true;
	return NULL;
}

static const char *set_verbose(void *config, const char *arg)
{
	(void)arg;
	((struct client_config *)config)->verbose++;
	return NULL;
}

const struct opt client_opts[] = {
	{ "server", 's', "URL", "the server (RT_URL; default " DEFAULT_SERVER ")", set_server, 0 },
	{ "header", 'H', "'NAME: VALUE'", "send this request header too", set_header, 0 },
	{ "insecure", 'k', NULL, "do not verify the server's certificate", set_insecure, 0 },
	{ "cacert", 0, "FILE", "trust the authorities in FILE (PEM)", set_cacert, 0 },
	{ "cert", 0, "FILE", "show this client certificate (PEM)", set_cert, 0 },
	{ "key", 0, "FILE", "private key of --cert", set_key, 0 },
	{ "unix-socket", 0, "PATH", "connect through this socket", set_unix_socket, 0 },
	{ "token-file", 0, "FILE", "read the bearer token from FILE (else RT_TOKEN)",
		set_token_file, 0 },
	{ "token-cmd", 0, "CMD", "run CMD for the bearer token", set_token_cmd, 0 },
	{ "retry", 0, "COUNT", "give up after COUNT tries more in a row", set_retry, 0 },
	{ "retry-max-time", 0, "SECONDS", "give up retrying after this time",
		set_retry_max_time, 0 },
	{ "connect-timeout", 0, "SECONDS", "limit for a connection to be made (default 10)",
		set_connect_timeout, 0 },
	{ "quiet", 'q', NULL, "say nothing but errors", set_quiet, 0 },
	{ "verbose", 'v', NULL, "say more; twice for even more", set_verbose, 0 },
	{ 0 },
};

void client_config_init(struct client_config *c)
{
	const char *url = getenv("RT_URL");

	memset(c, 0, sizeof(*c));
	c->server = url != NULL && *url != '\0' ? url : DEFAULT_SERVER;
	c->retry = -1;
	c->connect_timeout_ms = 10000;
}

/* --- start ----------------------------------------------------------------------------------- */

static bool has_scheme(const char *s, const char *scheme)
{
	size_t n = strlen(scheme);

	return strncasecmp(s, scheme, n) == 0 && strncmp(s + n, "://", 3) == 0 && s[n + 3] != '\0';
}

/* "host:port" means http, as to curl; "unix:/path" is what rt-serve prints for such a socket. */
static void normalize_server(struct client_config *c, const char *tool)
{
	char *url;
	size_t n;

	if (strncmp(c->server, "unix:", 5) == 0) {
		if (c->unix_socket == NULL)
			c->unix_socket = c->server + strlen("unix:");
		c->server = "http://localhost";
	}
	if (strstr(c->server, "://") == NULL) {
		if (asprintf(&url, "http://%s", c->server) < 0)
			exit(EXIT_RESOURCES);
	} else {
		url = strdup(c->server);
		if (url == NULL)
			exit(EXIT_RESOURCES);
	}
	n = strlen(url);
	while (n > 0 && url[n - 1] == '/')
		url[--n] = '\0';
	if (!has_scheme(url, "http") && !has_scheme(url, "https"))
		opt_usage(tool, "the server (-s or RT_URL) is not an http:// or https:// URL");
	if (url[strcspn(url, "?#")] != '\0')
		opt_usage(tool, "the server (-s or RT_URL) must not have a query or a fragment");
	if (!client_url_valid(url))
		opt_usage(tool, "the server (-s or RT_URL) is a URL that cannot be understood");
	c->server = c->own_url = url;
}

/* Said once at the start, rather than at the first connection or, perhaps, as a TLS error. */
static void check_file(const char *option, const char *path)
{
	if (path == NULL || strncmp(path, "pkcs11:", 7) == 0 || access(path, R_OK) == 0)
		return;
	log_error("--%s %s: %s", option, path, strerror(errno));
	exit(EXIT_INPUT);
}

void client_start(struct client_config *c, const char *tool)
{
	stdfds_take();
	log_init(tool, c->quiet ? LOG_ERROR : c->verbose == 0 ? LOG_WARN :
		c->verbose == 1 ? LOG_INFO : LOG_DEBUG);
	if (c->token_file != NULL && c->token_cmd != NULL)
		opt_usage(tool, "--token-file and --token-cmd exclude each other");
	if (c->key != NULL && c->cert == NULL)
		opt_usage(tool, "--key needs --cert");
	normalize_server(c, tool);
	check_file("cacert", c->cacert);
	check_file("cert", c->cert);
	check_file("key", c->key);
	signal(SIGPIPE, SIG_IGN);
	snprintf(c->user_agent, sizeof(c->user_agent), "%s/%s", tool, opt_version);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
		log_error("libcurl cannot be initialized");
		exit(EXIT_RESOURCES);
	}
	c->token = token_new(c->token_file, c->token_cmd);
	if (c->token == NULL)
		exit(EXIT_INPUT);
}

void client_end(struct client_config *c)
{
	curl_slist_free_all(c->headers);
	c->headers = NULL;
	c->server = NULL;
	free(c->own_url);
	c->own_url = NULL;
	token_free(c->token);
	c->token = NULL;
	curl_global_cleanup();
}

bool client_refresh_token(const struct client_config *c)
{
	return token_refresh(c->token);
}

/* --- URLs ------------------------------------------------------------------------------------ */

static int add_percent(struct buf *url, struct str part, const char *keep)
{
	static const char unreserved[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (size_t i = 0; i < part.n; i++) {
		unsigned char ch = (unsigned char)part.p[i];
		int r = ch != '\0' && (strchr(unreserved, ch) != NULL || strchr(keep, ch) != NULL) ?
			buf_addc(url, (char)ch) : buf_addf(url, "%%%02X", ch);

		if (r != 0)
			return -1;
	}
	return 0;
}

int client_add_path(struct buf *url, struct str part)
{
	return add_percent(url, part, "/$*");
}

int client_add_query(struct buf *url, const char *name, struct str value)
{
	char sep = url->len > 0 && memchr(url->p, '?', url->len) != NULL ? '&' : '?';

	if (buf_addc(url, sep) != 0 || buf_adds(url, name) != 0 || buf_addc(url, '=') != 0)
		return -1;
	return add_percent(url, value, "/$*:,");
}

bool client_is_url(const char *s)
{
	return has_scheme(s, "http") || has_scheme(s, "https") || has_scheme(s, "ws") ||
		has_scheme(s, "wss");
}

bool client_url_valid(const char *url)
{
	CURLU *u = curl_url();
	bool valid = u != NULL &&
		curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;

	curl_url_cleanup(u);
	return valid;
}

static int add_without_password(struct buf *b, const char *url)
{
	char *text = NULL;
	CURLU *u = curl_url();
	int r = -1;

	errno = u == NULL ? ENOMEM : EINVAL;
	if (u != NULL && curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_URL, &text, 0) == CURLUE_OK)
		r = buf_adds(b, text);
	curl_free(text);
	curl_url_cleanup(u);
	return r;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, each once. */
static int add_topics(struct buf *b, const char *const *topics, size_t n)
{
	const char **sorted;
	int r = 0;

	if (n == 0)
		return 0;
	sorted = malloc(n * sizeof(*sorted));
	if (sorted == NULL)
		return -1;
	memcpy(sorted, topics, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_texts);
	for (size_t i = 0; i < n && r == 0; i++)
		if (i == 0 || strcmp(sorted[i], sorted[i - 1]) != 0)
			r = buf_addf(b, " %s", sorted[i]);
	free(sorted);
	return r;
}

int client_question(struct buf *b, const struct client_config *c, const char *url,
	const char *const *topics, size_t n)
{
	if (add_without_password(b, url != NULL ? url : c->server) != 0)
		return -1;
	if (c->unix_socket != NULL && buf_addf(b, " unix:%s", c->unix_socket) != 0)
		return -1;
	return add_topics(b, topics, n);
}

/* Is (url) the server itself, or below it? */
static bool is_below(const char *server, const char *url)
{
	size_t n = strlen(server);

	return strncmp(server, url, n) == 0 && (url[n] == '\0' || strchr("/?#", url[n]) != NULL);
}

/* --- handles --------------------------------------------------------------------------------- */

static int append_header(struct curl_slist **list, const char *header)
{
	struct curl_slist *l = curl_slist_append(*list, header);

	if (l == NULL)
		return -1;
	*list = l;
	return 0;
}

static bool has_authorization(const struct curl_slist *l)
{
	for (; l != NULL; l = l->next)
		if (strncasecmp(l->data, "authorization", 13) == 0 &&
		    strchr(":;", l->data[13]) != NULL)
			return true;
	return false;
}

static int append_token(const struct client_config *c, const char *url, struct curl_slist **list)
{
	const char *token = c->token != NULL ? token_text(c->token) : NULL;
	char *header;
	int r;

	if (token == NULL || has_authorization(c->headers) ||
	    (token_is_ambient(c->token) && !is_below(c->server, url)))
		return 0;
	if (asprintf(&header, "Authorization: Bearer %s", token) < 0)
		return -1;
	r = append_header(list, header);
	free(header);
	return r;
}

struct client_config client_for_others(const struct client_config *c)
{
	struct client_config others = *c;

	others.headers = NULL;
	others.token = NULL;
	others.cert = others.key = NULL;
	return others;
}

static int build_headers(const struct client_config *c, const char *url, const char *const *extra,
	struct curl_slist **list)
{
	for (const struct curl_slist *h = c->headers; h != NULL; h = h->next)
		if (append_header(list, h->data) != 0)
			return -1;
	for (; extra != NULL && *extra != NULL; extra++)
		if (append_header(list, *extra) != 0)
			return -1;
	return append_token(c, url, list);
}

/* To libcurl without WebSocket, ws is http and wss is https. 0 or -1. */
static int set_url(CURL *h, const char *url)
{
	const char *rest = strstr(url, "://");
	char *http;
	CURLcode r;

	if (!has_scheme(url, "ws") && !has_scheme(url, "wss"))
		return curl_easy_setopt(h, CURLOPT_URL, url) == CURLE_OK ? 0 : -1;
	if (asprintf(&http, "%s%s", has_scheme(url, "wss") ? "https" : "http", rest) < 0)
		return -1;
	r = curl_easy_setopt(h, CURLOPT_URL, http);
	free(http);
	return r == CURLE_OK ? 0 : -1;
}

static void set_connection(CURL *h, const struct client_config *c)
{
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(h, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)c->connect_timeout_ms);
	curl_easy_setopt(h, CURLOPT_USERAGENT, c->user_agent);
	if (c->unix_socket != NULL)
		curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, c->unix_socket);
}

static void set_tls(CURL *h, const struct client_config *c)
{
	if (c->insecure) {
		curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (c->cacert != NULL)
		curl_easy_setopt(h, CURLOPT_CAINFO, c->cacert);
	if (c->cert != NULL)
		curl_easy_setopt(h, CURLOPT_SSLCERT, c->cert);
	if (c->key != NULL)
		curl_easy_setopt(h, CURLOPT_SSLKEY, c->key);
}

CURL *client_handle(const struct client_config *c, const char *url, const char *const *extra,
	struct curl_slist **list)
{
	CURL *h = curl_easy_init();

	*list = NULL;
	if (h == NULL)
		return NULL;
	if (set_url(h, url) != 0 || build_headers(c, url, extra, list) != 0) {
		curl_easy_cleanup(h);
		curl_slist_free_all(*list);
		*list = NULL;
		return NULL;
	}
	set_connection(h, c);
	set_tls(h, c);
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, *list);
	curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, client_on_header);
	curl_easy_setopt(h, CURLOPT_HEADERDATA, h);
	return h;
}
