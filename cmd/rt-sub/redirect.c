/* SPDX-License-Identifier: MIT */
#include "redirect.h"

#include <curl/curl.h>
#include <strings.h>

bool redirect_is(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool is_scheme(CURLU *u, const char *name)
{
	char *scheme = NULL;
	bool is = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		strcasecmp(scheme, name) == 0;

	curl_free(scheme);
	return is;
}

/* What cannot be told, as without memory, is not the same. */
static bool is_same(CURLU *a, CURLU *b, CURLUPart part)
{
	char *x = NULL, *y = NULL;
	bool same = curl_url_get(a, part, &x, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		curl_url_get(b, part, &y, CURLU_DEFAULT_PORT) == CURLUE_OK && strcasecmp(x, y) == 0;

	curl_free(x);
	curl_free(y);
	return same;
}

/* A Location hardly ever names the user again. */
static CURLUcode keep_user(CURLU *to, CURLU *from)
{
	static const CURLUPart parts[] = { CURLUPART_USER, CURLUPART_PASSWORD };
	CURLUcode err = CURLUE_OK;
	char *text = NULL;

	if (curl_url_get(to, CURLUPART_USER, &text, 0) != CURLUE_NO_USER) {
		curl_free(text);
		return CURLUE_OK;
	}
	for (int i = 0; i < 2 && err == CURLUE_OK; i++) {
		text = NULL;
		if (curl_url_get(from, parts[i], &text, 0) == CURLUE_OK)
			err = curl_url_set(to, parts[i], text, 0);
		curl_free(text);
	}
	return err;
}

static CURLUcode resolve(struct redirect *r, CURLU *from, CURLU *to, const char *url,
	const char *location)
{
	CURLUcode err = curl_url_set(from, CURLUPART_URL, url, 0);

	if (err == CURLUE_OK)
		err = curl_url_set(to, CURLUPART_URL, url, 0);
	if (err == CURLUE_OK)
		err = curl_url_set(to, CURLUPART_URL, location,
			CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE | CURLU_ALLOW_SPACE);
	if (err != CURLUE_OK)
		return err;
	if (!is_scheme(to, "http") && !is_scheme(to, "https"))
		return CURLUE_UNSUPPORTED_SCHEME;
	if (is_scheme(from, "https") && !is_scheme(to, "https")) {
		r->why_not = "from https to http";
		return CURLUE_OK;
	}
	r->leaves = !is_same(from, to, CURLUPART_SCHEME) || !is_same(from, to, CURLUPART_HOST) ||
		!is_same(from, to, CURLUPART_PORT);
	if (!r->leaves)
		err = keep_user(to, from);
	return err != CURLUE_OK ? err : curl_url_get(to, CURLUPART_URL, &r->url, 0);
}

int redirect_resolve(struct redirect *r, const char *url, const char *location)
{
	CURLU *from = curl_url(), *to = curl_url();
	CURLUcode err = CURLUE_OUT_OF_MEMORY;

	*r = (struct redirect){ .url = NULL };
	if (from != NULL && to != NULL)
		err = resolve(r, from, to, url, location);
	curl_url_cleanup(from);
	curl_url_cleanup(to);
	if (err != CURLUE_OK)
		r->why_not = "to what is no http or https URL";
	return err == CURLUE_OUT_OF_MEMORY ? -1 : 0;
}
