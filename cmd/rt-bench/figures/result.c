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

void result_fini(struct result *r)
{
	free(r->intervals);
	r->intervals = NULL;
	r->nintervals = 0;
}
