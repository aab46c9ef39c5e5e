/* SPDX-License-Identifier: MIT */
#ifndef RT_SUB_CONFIG_H
#define RT_SUB_CONFIG_H

/*
 * What the command line of rt-sub asks for. Constant once config_parse has returned.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client.h"

enum transport_choice {
	TRANSPORT_AUTO,
	TRANSPORT_SSE,
	TRANSPORT_WS,
	TRANSPORT_NDJSON,
	TRANSPORT_LONGPOLL,
	TRANSPORT_POLL,
};

struct format;

struct config {
	struct client_config client;	/* must be first: client_opts set it */
	const char **topics;		/* names and patterns; none if there is a url */
	size_t n_topics;
	const char *url;		/* an absolute URL instead of topics */

	const char *since, *last;	/* as given; NULL: not */
	bool latest;
	uint64_t every_ms, batch_ms;	/* 0: not asked for */

	uint64_t count;			/* -n; 0: no limit */
	bool until_end;			/* -e */
	const char *until;		/* a type */
	uint64_t idle_ms, total_ms;	/* -w, -W; 0: no limit */
	bool require, strict;

	const char *state;
	const char *format_text;	/* -F */
	struct format *format;		/* NULL: the whole envelope */
	bool raw;			/* -r */
	bool nul;			/* -0 */

	const char *command;		/* -x */
	uint64_t parallel;		/* -P */
	bool keep_going;

	enum transport_choice transport;
	uint64_t poll_interval_ms;
	uint64_t buffer_timeout_ms;
	uint64_t max_event;		/* bytes */
};

/** Fill (c) from the command line and the environment; ends the program if that is wrong. */
void config_parse(struct config *c, int argc, char **argv);

void config_fini(struct config *c);

#endif
