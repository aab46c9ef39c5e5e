/* SPDX-License-Identifier: MIT */
#include "http.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "chunked.h"
#include "log.h"
#include "redirect.h"
#include "units.h"

#define STREAM_BUFFER (256L * 1024)
#define ERROR_MAX 16384		/* of the body of an error: enough for its "detail" */

struct http {
	struct ev_loop *loop;
	const struct client_config *config;
	struct client_config others;	/* the same for other origins than that of the URL given */
	CURLM *multi;
	ev_timer timer;
	struct watch *watches;
	CURL *easy;			/* NULL: no request */
	struct curl_slist *headers;
	const struct http_ops *ops;
	void *arg;
	uint64_t started_ms;
	/* What http_get was asked for; an answer may change the URL. */
	char *url;
	char **extra;			/* header fields of this request alone; ends with NULL */
	unsigned flags;
	unsigned redirects;		/* followed so far */
	bool has_left;			/* the origin of the first URL, if only in between */
	bool moved;			/* the answer is a redirect to follow; its body is not read */
	const char *why_not;		/* it could not be followed; or NULL */

	bool is_200;
	bool is_chunked;		/* and decoding it is ours */
	struct chunked chunked;
	CURLcode broken;		/* what is wrong with the answer, if we found it; else CURLE_OK */
	struct buf error;		/* body of an answer that is no 200 */
};

/* A socket of libcurl's. */
struct watch {
	ev_io io;
	struct http *http;
	struct watch *next, **prev;
};

/* --- libcurl and libev ------------------------------------------------------------------------ */

static CURLcode follow(struct http *h);

/* A request has ended: a redirect goes on, else the owner hears of it. */
static void end(struct http *h, CURLcode result)
{
	if (h->broken != CURLE_OK)
		result = h->broken;
	if (h->moved) {
		result = follow(h);
		if (result == CURLE_OK)
			return;
	}
	h->ops->done(h->arg, result);
}

/* Look for what has ended. The next request may begin meanwhile. */
static void check_done(struct http *h)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left)) != NULL)
		if (m->msg == CURLMSG_DONE && m->easy_handle == h->easy)
			end(h, m->data.result);
}

static void on_socket(struct ev_loop *loop, ev_io *io, int events)
{
	struct watch *w = (struct watch *)io;
	struct http *h = w->http;
	int running, mask = (events & EV_READ ? CURL_CSELECT_IN : 0) |
		(events & EV_WRITE ? CURL_CSELECT_OUT : 0);

	(void)loop;
	curl_multi_socket_action(h->multi, io->fd, mask, &running);
	check_done(h);
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int events)
{
	struct http *h = t->data;
	int running;

	(void)loop;
	(void)events;
	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	check_done(h);
}

static int set_timer(CURLM *multi, long ms, void *arg)
{
	struct http *h = arg;

	(void)multi;
	ev_timer_stop(h->loop, &h->timer);
	if (ms >= 0) {
		ev_timer_set(&h->timer, (double)ms / 1000, 0.);
		ev_timer_start(h->loop, &h->timer);
	}
	return 0;
}

static void unwatch(struct watch *w)
{
	ev_io_stop(w->http->loop, &w->io);
	*w->prev = w->next;
	if (w->next != NULL)
		w->next->prev = w->prev;
	free(w);
}

static struct watch *watch_new(struct http *h)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	ev_init(&w->io, on_socket);
	w->http = h;
	w->next = h->watches;
	w->prev = &h->watches;
	if (w->next != NULL)
		w->next->prev = &w->next;
	h->watches = w;
	return w;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct http *h = arg;
	struct watch *w = known;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w != NULL)
			unwatch(w);
		return 0;
	}
	if (w == NULL) {
		w = watch_new(h);
		if (w == NULL)
			return -1;
		curl_multi_assign(h->multi, fd, w);
	}
	ev_io_stop(h->loop, &w->io);
	ev_io_set(&w->io, fd, (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
	ev_io_start(h->loop, &w->io);
	return 0;
}

/* Commands of -x must not inherit the connection. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	(void)arg;
	(void)purpose;
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* --- the answer ------------------------------------------------------------------------------- */

/* What the head says about the body. Nobody asked for another coding than chunked. */
static CURLcode begin_body(struct http *h)
{
	struct curl_header *field;

	h->is_200 = http_status(h) == 200;
	h->is_chunked = (h->flags & HTTP_LARGE) != 0 &&
		curl_easy_header(h->easy, "Transfer-Encoding", 0, CURLH_HEADER, -1, &field) == CURLHE_OK;
	chunked_init(&h->chunked);
	if (!h->is_chunked || (field->amount == 1 && strcasecmp(field->value, "chunked") == 0))
		return CURLE_OK;
	return CURLE_BAD_CONTENT_ENCODING;
}

static bool is_to_follow(const struct http *h)
{
	return (h->flags & HTTP_FOLLOW) != 0 && redirect_is(http_status(h)) &&
		http_field(h, "Location").n > 0;
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct http *h = arg;
	bool ends = n > 0 && (p[0] == '\r' || p[0] == '\n');

	client_on_header(p, size, n, h->easy);
	if (!ends || http_status(h) < 200)
		return size * n;
	if (is_to_follow(h)) {
		h->moved = true;
		return 0;	/* its body may be of any kind, and without end */
	}
	h->broken = begin_body(h);
	if (h->broken != CURLE_OK)
		return 0;
	if (h->ops->head != NULL)
		h->ops->head(h->arg);
	return size * n;
}

static int take_body(struct http *h, struct str bytes)
{
	size_t room = ERROR_MAX - h->error.len;

	if (h->is_200)
		return h->ops->body(h->arg, bytes);
	(void)buf_add(&h->error, bytes.p, bytes.n < room ? bytes.n : room);	/* only for people */
	return 0;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct http *h = arg;
	struct str rest = {p, n}, part;
	int r;

	(void)size;
	if (!h->is_chunked)
		return take_body(h, rest) == 0 ? n : 0;
	while ((r = chunked_next(&h->chunked, &rest, &part)) > 0)
		if (take_body(h, part) != 0)
			return 0;
	if (r < 0)
		h->broken = CURLE_RECV_ERROR;	/* as libcurl has it, which looks after us */
	return r == 0 ? n : 0;
}

/* --- what the owner calls --------------------------------------------------------------------- */

#define PROBED_FDS 64

/* curl_multi_init opens a pair of sockets for itself, which commands of -x would inherit. */
static CURLM *new_multi(void)
{
	bool was_open[PROBED_FDS];
	CURLM *multi;

	for (int fd = 0; fd < PROBED_FDS; fd++)
		was_open[fd] = fcntl(fd, F_GETFD) >= 0;
	multi = curl_multi_init();
	for (int fd = 0; fd < PROBED_FDS; fd++)
		if (!was_open[fd] && fcntl(fd, F_GETFD) >= 0)
			fcntl(fd, F_SETFD, FD_CLOEXEC);
	return multi;
}

struct http *http_new(struct ev_loop *loop, const struct client_config *c)
{
	struct http *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->multi = new_multi();
	if (h->multi == NULL) {
		free(h);
		return NULL;
	}
	h->loop = loop;
	h->config = c;
	h->others = client_for_others(c);
	buf_init(&h->error, ERROR_MAX);
	ev_init(&h->timer, on_timer);
	h->timer.data = h;
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, 2L);
	return h;
}

void http_free(struct http *h)
{
	if (h == NULL)
		return;
	http_stop(h);
	curl_multi_cleanup(h->multi);
	while (h->watches != NULL)
		unwatch(h->watches);
	ev_timer_stop(h->loop, &h->timer);
	buf_fini(&h->error);
	free(h);
}

static void drop_handle(struct http *h)
{
	if (h->easy != NULL) {
		curl_multi_remove_handle(h->multi, h->easy);
		curl_easy_cleanup(h->easy);
		h->easy = NULL;
	}
	curl_slist_free_all(h->headers);
	h->headers = NULL;
}

static int prepare(struct http *h, const struct client_config *c, const char *url,
	const char *const *extra)
{
	drop_handle(h);
	h->easy = client_handle(c, url, extra, &h->headers);
	if (h->easy == NULL)
		return -1;
	h->started_ms = units_monotonic_ms();
	h->broken = CURLE_OK;
	h->moved = false;
	buf_reset(&h->error);
	curl_easy_setopt(h->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	return 0;
}

static int add(struct http *h)
{
	if (curl_multi_add_handle(h->multi, h->easy) == CURLM_OK)
		return 0;
	curl_easy_cleanup(h->easy);
	h->easy = NULL;
	return -1;
}

static int send_get(struct http *h)
{
	if (prepare(h, h->has_left ? &h->others : h->config, h->url, (const char *const *)h->extra) != 0)
		return -1;
	curl_easy_setopt(h->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(h->easy, CURLOPT_HEADERDATA, h);
	curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, h);
	if (h->flags & HTTP_LARGE) {
		curl_easy_setopt(h->easy, CURLOPT_BUFFERSIZE, STREAM_BUFFER);
		curl_easy_setopt(h->easy, CURLOPT_HTTP_TRANSFER_DECODING, 0L);
	}
	return add(h);
}

/* Ask again, where the answer sends us. CURLE_OK: that is under way. */
static CURLcode follow(struct http *h)
{
	struct str location = http_field(h, "Location");
	struct redirect to;
	int err;

	log_debug("HTTP %ld: it has moved to %.*s", http_status(h), (int)location.n, location.p);
	if (h->redirects == REDIRECT_MAX) {
		_Static_assert(REDIRECT_MAX == 20, "the message says so");
		h->why_not = "after 20 redirects";
		return CURLE_TOO_MANY_REDIRECTS;
	}
	if (redirect_resolve(&to, h->url, location.p) != 0)
		return CURLE_OUT_OF_MEMORY;
	h->why_not = to.why_not;
	if (to.url == NULL)
		return CURLE_UNSUPPORTED_PROTOCOL;
	h->redirects++;
	h->has_left |= to.leaves;
	free(h->url);
	h->url = strdup(to.url);
	curl_free(to.url);
	err = h->url == NULL ? -1 : send_get(h);
	return err == 0 ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

static void free_texts(char **texts)
{
	for (char **t = texts; t != NULL && *t != NULL; t++)
		free(*t);
	free(texts);
}

static char **copy_texts(const char *const *texts)
{
	size_t n = 0;
	char **copy;

	while (texts[n] != NULL)
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	for (size_t i = 0; copy != NULL && i < n; i++) {
		copy[i] = strdup(texts[i]);
		if (copy[i] == NULL) {
			free_texts(copy);
			return NULL;
		}
	}
	return copy;
}

static void begin(struct http *h, unsigned flags, const struct http_ops *ops, void *arg)
{
	http_stop(h);
	h->flags = flags;
	h->ops = ops;
	h->arg = arg;
	h->redirects = 0;
	h->has_left = false;
	h->why_not = NULL;
}

int http_get(struct http *h, const char *url, const char *const *headers, unsigned flags,
	const struct http_ops *ops, void *arg)
{
	begin(h, flags, ops, arg);
	h->url = strdup(url);
	h->extra = copy_texts(headers);
	return h->url == NULL || h->extra == NULL ? -1 : send_get(h);
}

int http_connect(struct http *h, const char *url, const char *const *headers,
	const struct http_ops *ops, void *arg)
{
	begin(h, 0, ops, arg);
	if (prepare(h, h->config, url, headers) != 0)
		return -1;
	curl_easy_setopt(h->easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(h->easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(h->easy, CURLOPT_HTTPPROXYTUNNEL, 1L);	/* RFC 6455, 4.1: by CONNECT */
	curl_easy_setopt(h->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	return add(h);
}

void http_stop(struct http *h)
{
	drop_handle(h);
	free(h->url);
	h->url = NULL;
	free_texts(h->extra);
	h->extra = NULL;
}

void http_pause(struct http *h, bool on)
{
	if (h->easy != NULL)
		curl_easy_pause(h->easy, on ? CURLPAUSE_RECV : CURLPAUSE_CONT);
}

long http_status(const struct http *h)
{
	long status = 0;

	if (h->easy != NULL)
		curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

struct str http_field(const struct http *h, const char *name)
{
	struct curl_header *field;

	if (h->easy == NULL || curl_easy_header(h->easy, name, 0, CURLH_HEADER, -1, &field) != CURLHE_OK)
		return STR_NULL;
	return str_of(field->value);
}

enum client_verdict http_judge(struct http *h, CURLcode result, struct buf *why,
	uint64_t *retry_after_ms)
{
	struct str location = http_field(h, "Location");

	*retry_after_ms = 0;
	if (h->easy == NULL) {
		buf_adds(why, "out of memory");
		return CLIENT_RETRY;
	}
	if (h->why_not != NULL) {
		buf_addf(why, "HTTP %ld: not followed %s", http_status(h), h->why_not);
		buf_addf(why, ": it has moved to %.*s", (int)location.n, location.p);
		return CLIENT_PROTOCOL;
	}
	return client_judge(h->easy, result, buf_str(&h->error), why, retry_after_ms);
}

uint64_t http_sent_ms_ago(const struct http *h)
{
	curl_off_t us = 0;
	uint64_t sent_ms, now_ms = units_monotonic_ms();

	if (h->easy == NULL)
		return 0;
	curl_easy_getinfo(h->easy, CURLINFO_PRETRANSFER_TIME_T, &us);
	if (us <= 0)
		return 0;
	sent_ms = h->started_ms + (uint64_t)us / 1000;
	return now_ms > sent_ms ? now_ms - sent_ms : 1;
}

CURL *http_handle(const struct http *h)
{
	return h->easy;
}

const struct curl_slist *http_headers(const struct http *h)
{
	return h->headers;
}
