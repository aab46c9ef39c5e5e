/* SPDX-License-Identifier: MIT */
#ifndef RT_ROUTE_H
#define RT_ROUTE_H

/*
 * From a request to the code that answers it: checks that every request must pass (Host, Origin),
 * then the path and the method.
 */
#include "api/api.h"

/** Which routes a listener serves. */
struct route_listener {
	bool admin;		/* --admin: figures only */
	bool figures;		/* /connections, /stats and /metrics */
};

/** The table that net calls, for a listener of this kind, which must stay. */
void route_handler(struct http_handler *h, struct route_listener *l);

#endif
