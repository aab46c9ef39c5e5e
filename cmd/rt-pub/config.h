/* SPDX-License-Identifier: MIT */
#ifndef RT_PUB_CONFIG_H
#define RT_PUB_CONFIG_H

/* What the command line asks for; const once it is checked. */
#include <stdbool.h>
#include <stdint.h>

#include "client.h"

struct config {
	struct client_config client;	/* must be first: client_opts set it */
	const char *topic;		/* NULL: lines are envelopes, which name theirs */
	const char *type, *event_key;
	const char *message, *file;	/* -m, -f: one event instead of stdin */
	bool text, bytes;		/* -l, -b */
	bool ephemeral, ack;
	uint64_t max_line;
	uint64_t timeout_ms;		/* a request without progress for so long has failed */
};

/** Fill (c) from the command line and the environment; ends the program if that is wrong. */
void config_parse(struct config *c, int argc, char **argv);

#endif
