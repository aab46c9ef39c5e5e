/* SPDX-License-Identifier: MIT */
#include "tests/unit/api/helper_config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ARGS_MAX 32

struct config *configured(const char *first, ...)
{
	char *argv[ARGS_MAX] = {(char *)"rt-serve", (char *)first};
	struct config *c;
	struct buf why;
	int argc = 1;
	va_list ap;

	va_start(ap, first);
	while (argv[argc] != NULL && argc < ARGS_MAX - 2)
		argv[++argc] = va_arg(ap, char *);
	va_end(ap);
	buf_init(&why, 4096);
	c = config_load(argc, argv, &why);
	if (c == NULL) {
		printf("Bail out! %s\n", buf_cstr(&why));
		exit(1);
	}
	buf_fini(&why);
	return c;
}
