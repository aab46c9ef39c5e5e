/* SPDX-License-Identifier: MIT */
#include "client.h"
#include "config.h"
#include "stop.h"
#include "sub.h"

int main(int argc, char **argv)
{
	struct config config;
	struct sub *sub;
	int status, by_signal = 0;

	config_parse(&config, argc, argv);
	client_start(&config.client, "rt-sub");
	sub = sub_new(&config, &status);
	if (sub != NULL)
		status = sub_run(sub, &by_signal);
	sub_free(sub);
	client_end(&config.client);
	config_fini(&config);
	if (by_signal != 0)
		stop_by(by_signal);
	return status;
}
