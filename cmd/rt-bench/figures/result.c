/* SPDX-License-Identifier: MIT */
#include "figures/result.h"

#include <stdlib.h>

const char *transport_name(enum transport t)
{
	static const char *const names[TRANSPORTS] = {
		[TRANSPORT_SSE] = "sse",
		[TRANSPORT_WS] = "ws",
		[TRANSPORT_NDJSON] = "ndjson",
		[TRANSPORT_LONGPOLL] = "longpoll",
		[TRANSPORT_POLL] = "poll",
	};

	return names[t];
}

void result_group_add(struct result_group *to, const struct result_group *from)
{
	to->connects += from->connects;
	to->connect_failures += from->connect_failures;
	to->reconnects += from->reconnects;
	to->broken += from->broken;
	to->requests += from->requests;
	to->deliveries += from->deliveries;
	to->measured += from->measured;
	to->bytes += from->bytes;
	histogram_merge(&to->latency, &from->latency);
	histogram_merge(&to->connect, &from->connect);
	histogram_merge(&to->recover, &from->recover);
}

void result_fini(struct result *r)
{
	free(r->intervals);
	r->intervals = NULL;
	r->nintervals = 0;
}
