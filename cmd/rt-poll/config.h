/* SPDX-License-Identifier: MIT */
#ifndef RT_POLL_CONFIG_H
#define RT_POLL_CONFIG_H

/* What the command line asks for; const once it is checked. */
#include <stdbool.h>
#include <stdint.h>

#include "client.h"

struct poll_config {
	struct client_config client;	/* first: client_opts write to it */
	const char **topics;		/* sorted, each once */
	size_t ntopics;
	const char *url;		/* a web resource instead of topics */
	const char *state_file;
	const char *since;
	uint64_t last;			/* 0: not given */
	uint64_t count;			/* 0: no limit */
	uint64_t page;			/* events per request; 0: as the server likes */
	uint64_t every_ms, wait_ms;	/* 0: not given */
	uint64_t max_body;
	bool payload;			/* -r */
};

#endif
