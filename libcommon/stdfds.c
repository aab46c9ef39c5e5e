/* SPDX-License-Identifier: MIT */
#include "stdfds.h"

#include <fcntl.h>
#include <unistd.h>

void stdfds_take(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}
