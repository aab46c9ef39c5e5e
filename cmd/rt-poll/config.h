/* SPDX-License-Identifier: MIT */
#ifndef RT_POLL_CONFIG_H
#define RT_POLL_CONFIG_H

/* What the command line asks for; const once it is checked. */
#include <stdbool.h>
#include <stdint.h>

#include "client.h"

struct config {
	struct client_config client;	/* must be first: client_opts set it */
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

/** Fill (c) from the command line and the environment; ends the program if that is wrong. */
void config_parse(struct config *c, int argc, char **argv);

void config_fini(struct config *c);

#endif
