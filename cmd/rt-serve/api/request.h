/* SPDX-License-Identifier: MIT */
#ifndef RT_REQUEST_H
#define RT_REQUEST_H

/*
 * A request as the routes see it: path taken apart, query decoded, what the client accepts. The
 * raw query is decoded once; all text belongs to the request and dies with its head.
 */
#include <sys/types.h>

#include "api/api.h"

struct param {
	struct str name, value;		/* decoded */
};

#define REQUEST_MAX_PARAMS 1024

struct request {
	const struct http_request *http;
	struct api *api;
	struct param *params;
	unsigned nparams;
	/* decoded from the path and checked; p == NULL on /events and the like */
	struct str topic;
	struct str user;		/* as authenticated; p == NULL: nobody */
	const char *origin_allowed;	/* value for Access-Control-Allow-Origin, or NULL */
	struct str client;		/* address told by a trusted proxy; p == NULL: none */
	bool browser;			/* an EventSource or fetch of a browser */
};

/**
 * Percent-decode (s), to (dst), room for s.n bytes, if it has to be. False if an encoding is wrong.
 * In a query "+" is a space.
 */
bool request_decode(char *dst, struct str *s, bool plus_is_space);

/**
 * Take the query apart into (params), REQUEST_MAX_PARAMS of them, with room for the whole query at
 * (scratch). NULL, or a sentence on what is wrong.
 */
const char *request_params(struct request *r, struct param *params, char *scratch);

/**
 * First value of a query parameter, p == NULL: absent. A parameter without "=" has an empty value.
 * Here, as http_field.
 */
static inline struct str request_param(const struct request *r, const char *name)
{
	struct str wanted = str_of(name);

	for (unsigned i = 0; i < r->nparams; i++)
		if (str_eq(r->params[i].name, wanted))
			return r->params[i].value;
	return STR_NULL;
}

#endif
