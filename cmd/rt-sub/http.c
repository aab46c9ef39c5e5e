/* SPDX-License-Identifier: MIT */
#include "http.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "chunked.h"
#include "units.h"

#define STREAM_BUFFER (256L * 1024)
#define ERROR_MAX 16384		/* of the body of an error: enough for its "detail" */

struct http {
	struct ev_loop *loop;
	const struct client_config *config;
	CURLM *multi;
	ev_timer timer;
	struct watch *watches;
	CURL *easy;			/* NULL: no request */
	struct curl_slist *headers;
	const struct http_ops *ops;
	void *arg;
	uint64_t started_ms;
	bool large;
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

/* Tell the owner of what has ended. He may begin the next request meanwhile. */
static void check_done(struct http *h)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left)) != NULL)
		if (m->msg == CURLMSG_DONE && m->easy_handle == h->easy)
			h->ops->done(h->arg, h->broken != CURLE_OK ? h->broken : m->data.result);
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
	h->is_chunked = h->large &&
		curl_easy_header(h->easy, "Transfer-Encoding", 0, CURLH_HEADER, -1, &field) == CURLHE_OK;
	chunked_init(&h->chunked);
	if (!h->is_chunked || (field->amount == 1 && strcasecmp(field->value, "chunked") == 0))
		return CURLE_OK;
	return CURLE_BAD_CONTENT_ENCODING;
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct http *h = arg;
	bool ends = n > 0 && (p[0] == '\r' || p[0] == '\n');

	client_on_header(p, size, n, h->easy);
	if (!ends || http_status(h) < 200)
		return size * n;
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

static int start(struct http *h, const char *url, const char *const *headers,
	const struct http_ops *ops, void *arg)
{
	http_stop(h);
	h->easy = client_handle(h->config, url, headers, &h->headers);
	if (h->easy == NULL)
		return -1;
	h->ops = ops;
	h->arg = arg;
	h->started_ms = units_monotonic_ms();
	h->large = false;
	h->broken = CURLE_OK;
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

int http_get(struct http *h, const char *url, const char *const *headers, bool large,
	const struct http_ops *ops, void *arg)
{
	if (start(h, url, headers, ops, arg) != 0)
		return -1;
	curl_easy_setopt(h->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(h->easy, CURLOPT_HEADERDATA, h);
	curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, h);
	h->large = large;
	if (large) {
		curl_easy_setopt(h->easy, CURLOPT_BUFFERSIZE, STREAM_BUFFER);
		curl_easy_setopt(h->easy, CURLOPT_HTTP_TRANSFER_DECODING, 0L);
	}
	return add(h);
}

int http_connect(struct http *h, const char *url, const char *const *headers,
	const struct http_ops *ops, void *arg)
{
	if (start(h, url, headers, ops, arg) != 0)
		return -1;
	curl_easy_setopt(h->easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(h->easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(h->easy, CURLOPT_HTTPPROXYTUNNEL, 1L);	/* RFC 6455, 4.1: by CONNECT */
	curl_easy_setopt(h->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	return add(h);
}

void http_stop(struct http *h)
{
	if (h->easy != NULL) {
		curl_multi_remove_handle(h->multi, h->easy);
		curl_easy_cleanup(h->easy);
		h->easy = NULL;
	}
	curl_slist_free_all(h->headers);
	h->headers = NULL;
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
