/* SPDX-License-Identifier: MIT */
#include "client_judge.h"

#include <string.h>
#include <time.h>

#include "json.h"
#include "units.h"
#include "utf8.h"

#define RETRY_AFTER_MAX_MS 3600000
#define DETAIL_MAX 512		/* of what a server says about an error */

/*
 * To libcurl a connection that ends within an answer's head is an answer without a body. So the
 * handle's private pointer says whether the empty line at the end of the newest head has come.
 */
size_t client_on_header(char *p, size_t size, size_t n, void *handle)
{
	bool ends = n > 0 && (p[0] == '\r' || p[0] == '\n');

	curl_easy_setopt(handle, CURLOPT_PRIVATE, ends ? handle : NULL);
	return size * n;
}

static bool has_whole_head(CURL *h)
{
	void *seen = NULL;

	curl_easy_getinfo(h, CURLINFO_PRIVATE, &seen);
	return seen != NULL;
}

/* The URL of a transfer for people: without user, password, path and query. */
static void add_origin(struct buf *why, CURL *h)
{
	char *url = NULL, *scheme = NULL, *host = NULL, *port = NULL;
	CURLU *u = curl_url();

	curl_easy_getinfo(h, CURLINFO_EFFECTIVE_URL, &url);
	if (u != NULL && url != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
		buf_addf(why, "%s://%s", scheme, host);
		if (curl_url_get(u, CURLUPART_PORT, &port, 0) == CURLUE_OK)
			buf_addf(why, ":%s", port);
	} else {
		buf_adds(why, "the server");
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
}

/* Failures that another try can mend. A TLS handshake is one only if the socket broke. */
static bool is_transient(CURLcode result, long os_errno)
{
	switch (result) {
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_AGAIN:
	case CURLE_OUT_OF_MEMORY:
		return true;
	case CURLE_SSL_CONNECT_ERROR:
		return os_errno != 0;
	default:
		return false;
	}
}

static enum client_verdict judge_failure(CURL *h, CURLcode result, struct buf *why)
{
	long os_errno = 0;
	bool transient;

	curl_easy_getinfo(h, CURLINFO_OS_ERRNO, &os_errno);
	transient = is_transient(result, os_errno);
	add_origin(why, h);
	buf_adds(why, result == CURLE_COULDNT_CONNECT ? " cannot be reached: " : ": ");
	if (result == CURLE_PARTIAL_FILE)
		buf_adds(why, "the connection ended in the middle of the answer");
	else if (transient && os_errno != 0)
		buf_adds(why, strerror((int)os_errno));
	else
		buf_adds(why, curl_easy_strerror(result));
	return transient ? CLIENT_RETRY : CLIENT_PROTOCOL;
}

static const char *status_name(long status)
{
	switch (status) {
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 406: return "Not Acceptable";
	case 408: return "Request Timeout";
	case 409: return "Conflict";
	case 410: return "Gone";
	case 413: return "Content Too Large";
	case 415: return "Unsupported Media Type";
	case 422: return "Unprocessable Content";
	case 429: return "Too Many Requests";
	case 500: return "Internal Server Error";
	case 502: return "Bad Gateway";
	case 503: return "Service Unavailable";
	case 504: return "Gateway Timeout";
	default: return "";
	}
}

/* What to do about it, where the server itself has not said so. */
static const char *status_hint(long status)
{
	switch (status) {
	case 401: return "give a valid token by --token-file, --token-cmd or RT_TOKEN";
	case 403: return "this token, or none, does not allow it";
	case 404: return "is the URL right, and is it an rt-serve?";
	default: return NULL;
	}
}

/* The words of an error's body: RFC 9457's detail or title, or one line of plain text. */
static bool add_detail(struct buf *why, struct str body)
{
	struct json_member m[] = { { .name = "detail" }, { .name = "error" }, { .name = "title" } };
	size_t mark = why->len;

	if (body.n == 0 || buf_adds(why, ": ") != 0)
		return false;
	if (json_check(body.p, body.n, NULL) == JSON_OK) {
		if (json_members(body, m, 3, NULL) == 0)
			for (size_t i = 0; i < 3; i++)
				if (m[i].type == JSON_STRING && m[i].raw.n > 2 &&
				    m[i].raw.n <= DETAIL_MAX)
					return json_unquote_add(why, m[i].raw) == 0;
	} else if (body.p[0] != '<' && utf8_valid(body.p, body.n)) {
		const char *nl = memchr(body.p, '\n', body.n);
		size_t n = nl == NULL ? body.n : (size_t)(nl - body.p);

		while (n > 0 && body.p[n - 1] == '\r')
			n--;
		if (n > 0 && n <= DETAIL_MAX)
			return buf_add(why, body.p, n) == 0;
	}
	why->len = mark;
	return false;
}

/* Another try cannot mend these, though RFC 9110 counts them among the server's faults. */
static bool is_retried(long status)
{
	return status == 408 || status == 409 || status == 425 || status == 429 ||
		(status >= 500 && status != 501 && status != 505);
}

/* Milliseconds that a Retry-After asks for: seconds, or until a date. 0 if it is neither. */
static uint64_t retry_after(struct str field)
{
	uint64_t seconds = 0;
	char text[64];
	time_t at, now;

	if (field.n == 0 || field.n >= sizeof(text))
		return 0;
	if (units_parse_number(field.p, field.n, 0, UINT64_MAX, &seconds) != 0) {
		memcpy(text, field.p, field.n);
		text[field.n] = '\0';
		at = curl_getdate(text, NULL);
		now = time(NULL);
		seconds = at > now ? (uint64_t)(at - now) : 0;
	}
	return seconds > RETRY_AFTER_MAX_MS / 1000 ? RETRY_AFTER_MAX_MS : seconds * 1000;
}

enum client_verdict client_judge_answer(const struct client_answer *a, struct buf *why,
	uint64_t *retry_after_ms)
{
	const char *name = status_name(a->status), *hint = status_hint(a->status);

	*retry_after_ms = 0;
	if ((a->status >= 200 && a->status < 300) || a->status == 304)
		return CLIENT_OK;
	buf_addf(why, "HTTP %ld%s%s", a->status, *name ? " " : "", name);
	if (a->status >= 300 && a->status < 400 && a->location.n > 0)
		buf_addf(why, ": it has moved to %.*s", (int)a->location.n, a->location.p);
	else if (!add_detail(why, a->body) && hint != NULL)
		buf_addf(why, ": %s", hint);
	if (!is_retried(a->status))
		return CLIENT_REFUSED;
	*retry_after_ms = retry_after(a->retry_after);
	return CLIENT_RETRY;
}

enum client_verdict client_judge(CURL *h, CURLcode result, struct str body, struct buf *why,
	uint64_t *retry_after_ms)
{
	struct client_answer a = { .body = body };
	struct curl_header *field;
	char *redirect = NULL;

	*retry_after_ms = 0;
	if (result == CURLE_OK && !has_whole_head(h))
		result = CURLE_PARTIAL_FILE;
	if (result != CURLE_OK)
		return judge_failure(h, result, why);
	curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &a.status);
	curl_easy_getinfo(h, CURLINFO_REDIRECT_URL, &redirect);
	a.location = str_of(redirect);
	if (curl_easy_header(h, "Retry-After", 0, CURLH_HEADER, -1, &field) == CURLHE_OK)
		a.retry_after = str_of(field->value);
	return client_judge_answer(&a, why, retry_after_ms);
}
