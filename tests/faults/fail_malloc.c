/* SPDX-License-Identifier: MIT */
/*
 * Preloaded: while SIGUSR2 has it on, one allocation in FAIL_MALLOC (default 50) fails. The next
 * SIGUSR2 turns it off. Not those of libev, which ends the process instead of handing it on.
 */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* glibc's own, below the names that are taken over here */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static atomic_bool on;
static atomic_uint count;
static unsigned every = 50;

static void toggle(int signo)
{
	(void)signo;
	atomic_store(&on, !atomic_load(&on));
}

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("FAIL_MALLOC");

	if (text != NULL && atoi(text) > 0)
		every = (unsigned)atoi(text);
	signal(SIGUSR2, toggle);
}

/* Requests that are all alike must not fail, or go well, all at the same place. */
static uint32_t scatter(uint32_t n)
{
	n *= 2654435761u;
	n ^= n >> 15;
	n *= 0x2C1B3C6Du;
	return n ^ n >> 12;
}

static bool fails(void *caller)
{
	Dl_info info;

	if (!atomic_load(&on) || scatter(atomic_fetch_add(&count, 1)) % every != 0)
		return false;
	if (dladdr(caller, &info) != 0 && strstr(info.dli_fname, "libev") != NULL)
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t n)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(p, n);
}
