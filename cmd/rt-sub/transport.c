/* SPDX-License-Identifier: MIT */
#include "transport.h"

#include "sub.h"

int transport_get(struct sub *s, const struct request_want *want, bool large, uint64_t limit_ms,
	const struct http_ops *ops, void *arg)
{
	/* Only somebody else's URL: where an rt-serve is, its user says. */
	unsigned flags = (large ? HTTP_LARGE : 0) | (sub_config(s)->url != NULL ? HTTP_FOLLOW : 0);
	struct request r;
	int err = request_init(&r, sub_config(s), want);

	if (err == 0)
		err = http_get(sub_http(s), (const char *)r.url.p, r.headers, flags, ops, arg);
	request_fini(&r);
	if (err == 0)
		sub_asking(s, limit_ms);
	return err;
}

int transport_lines(struct sub *s, struct line *lines, struct str bytes,
	int (*take)(void *arg, struct str line), void *arg)
{
	enum line_result r;
	struct str line;

	if (sub_is_down(s))
		return -1;
	sub_heard(s);
	while ((r = line_next(lines, &bytes, &line)) == LINE_READY)
		if (take(arg, line) != 0)
			return -1;
	if (r == LINE_TOO_LONG)
		sub_down(s, SUB_PROTOCOL, "a line is over the limit of --max-event", 0);
	else if (r == LINE_NOMEM)
		sub_down(s, SUB_NOMEM, "", 0);
	return r == LINE_MORE ? 0 : -1;
}
