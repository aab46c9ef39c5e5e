/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdlib.h>

#include "config.h"
#include "exitcode.h"
#include "log.h"
#include "server.h"
#include "stdfds.h"

static int give_up(struct buf *why)
{
	if (why->len > 0)
		log_error("%.*s", (int)why->len, (const char *)why->p);
	else
		log_error("out of memory");
	buf_fini(why);
	return EXIT_INPUT;
}

/** End as whoever sent the signal expects: by it. */
static void end_by(int signum)
{
	signal(signum, SIG_DFL);
	raise(signum);
}

int main(int argc, char **argv)
{
	struct config *config;
	struct server *server;
	struct buf why;
	int signum;

	stdfds_take();
	log_init("rt-serve", LOG_WARN);
	buf_init(&why, 4096);
	config = config_load(argc, argv, &why);
	if (config == NULL)
		return give_up(&why);
	log_set_level(config_log_level(config));
	if (config->check) {
		config_free(config);
		return EXIT_DONE;
	}
	server = server_new(config, argc, argv, &why);
	if (server == NULL)
		return give_up(&why);
	buf_fini(&why);
	signum = server_run(server);
	server_free(server);
	if (signum != 0)
		end_by(signum);
	return EXIT_DONE;
}
