/* SPDX-License-Identifier: MIT */
#include "transfer.h"

#include <errno.h>

int transfer_init(struct transfer *t, uint64_t max_body)
{
	*t = (struct transfer){ .multi = curl_multi_init() };
	buf_init(&t->body, max_body);
	return t->multi != NULL ? 0 : -1;
}

void transfer_fini(struct transfer *t)
{
	transfer_end(t);
	if (t->multi != NULL)
		curl_multi_cleanup(t->multi);
	t->multi = NULL;
	buf_fini(&t->body);
}

void transfer_end(struct transfer *t)
{
	if (t->easy != NULL) {
		curl_multi_remove_handle(t->multi, t->easy);
		curl_easy_cleanup(t->easy);
		t->easy = NULL;
	}
	curl_slist_free_all(t->headers);
	t->headers = NULL;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	if (buf_add(&t->body, p, size * n) == 0)
		return size * n;
	t->too_large = errno == EMSGSIZE;
	return 0;
}

int transfer_prepare(struct transfer *t, const struct client_config *c, const char *url,
	const char *const *extra, uint64_t stall_ms)
{
	transfer_end(t);
	buf_reset(&t->body);
	t->too_large = false;
	t->easy = client_handle(c, url, extra, &t->headers);
	if (t->easy == NULL)
		return -1;
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	/* A peer that vanished without a word neither takes bytes nor answers. */
	curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_TIME, (long)((stall_ms + 999) / 1000));
	return 0;
}

int transfer_start(struct transfer *t)
{
	if (curl_multi_add_handle(t->multi, t->easy) == CURLM_OK)
		return 0;
	transfer_end(t);
	return -1;
}

bool transfer_perform(struct transfer *t, CURLcode *result)
{
	int running, left;
	CURLMsg *m;

	curl_multi_perform(t->multi, &running);
	while ((m = curl_multi_info_read(t->multi, &left)) != NULL)
		if (m->msg == CURLMSG_DONE && m->easy_handle == t->easy) {
			*result = m->data.result;
			return true;
		}
	return false;
}

enum client_verdict transfer_judge(struct transfer *t, CURLcode result, struct buf *why,
	uint64_t *retry_after_ms)
{
	return client_judge(t->easy, result, buf_str(&t->body), why, retry_after_ms);
}

long transfer_status(const struct transfer *t)
{
	long status = 0;

	if (t->easy != NULL)
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}
