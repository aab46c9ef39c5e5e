/* SPDX-License-Identifier: MIT */
/* Preloaded: a disk that answers no read for as long as the file $HOLD_READS is there. */
#include <dlfcn.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static const char *hold;

__attribute__((constructor)) static void begin(void)
{
	hold = getenv("HOLD_READS");
}

static void wait_for_disk(void)
{
	while (hold != NULL && access(hold, F_OK) == 0)
		poll(NULL, 0, 1);
}

/* SQLite takes either. */
ssize_t pread(int fd, void *p, size_t n, off_t at)
{
	ssize_t (*real)(int, void *, size_t, off_t) =
		(ssize_t (*)(int, void *, size_t, off_t))dlsym(RTLD_NEXT, "pread");

	wait_for_disk();
	return real(fd, p, n, at);
}

ssize_t pread64(int fd, void *p, size_t n, off64_t at)
{
	ssize_t (*real)(int, void *, size_t, off64_t) =
		(ssize_t (*)(int, void *, size_t, off64_t))dlsym(RTLD_NEXT, "pread64");

	wait_for_disk();
	return real(fd, p, n, at);
}
