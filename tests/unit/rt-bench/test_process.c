/* SPDX-License-Identifier: MIT */
#include "figures/process.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/tap.h"

#define MS UINT64_C(1000000)
#define MIB (UINT64_C(1) << 20)

static uint64_t cpu_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void burn(uint64_t ns)
{
	uint64_t until = cpu_ns(CLOCK_THREAD_CPUTIME_ID) + ns;

	while (cpu_ns(CLOCK_THREAD_CPUTIME_ID) < until)
		;
}

static void oneself(void)
{
	struct process_usage before, after;
	uint64_t clock_before, used, by_clock;

	ok(process_usage(getpid(), &before) == 0, "oneself");
	eq_num(before.processes, 1, "is one process");
	ok(before.threads >= 1, "of one thread, or more with a sanitizer");
	ok(before.pss_bytes > 4096 && before.pss_bytes < 4096 * MIB, "with some memory (%" PRIu64 ")",
		before.pss_bytes);
	clock_before = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
	burn(60 * MS);
	process_usage(getpid(), &after);
	by_clock = cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - clock_before;
	used = after.cpu_ns - before.cpu_ns;
	/* The kernel brings it up to date at its own ticks at the latest. */
	ok(used > by_clock / 2 && used < by_clock * 3 / 2,
		"60 ms of work are seen (%" PRIu64 " us)", used / 1000);
}

static char *volatile held;	/* so that the compiler does not leave it out */

static void memory(void)
{
	struct process_usage before, after;
	/* TSan touches four times as much in memory of its own. */
	const char *shadow = getenv("RT_SHADOW");
	uint64_t most = 40 * MIB * (1 + (shadow != NULL && atoi(shadow) > 1 ? (uint64_t)atoi(shadow) : 0));

	process_usage(getpid(), &before);
	held = malloc(32 * MIB);
	memset(held, 1, 32 * MIB);
	process_usage(getpid(), &after);
	ok(after.pss_bytes >= before.pss_bytes + 31 * MIB && after.pss_bytes <= before.pss_bytes + most,
		"32 MiB more are seen (%" PRIu64 ")", after.pss_bytes - before.pss_bytes);
	free(held);
}

static int to_thread[2], from_thread[2];

static void *work(void *arg)
{
	char c;

	(void)arg;
	burn(60 * MS);
	if (write(from_thread[1], "x", 1) != 1 || read(to_thread[0], &c, 1) != 1)
		return NULL;
	return NULL;
}

static void *wait_for_end(void *arg)
{
	char c;

	return read(to_thread[0], &c, 1) == 1 ? arg : NULL;
}

static void threads(void)
{
	struct process_usage before, after;
	pthread_t first, t;
	char c;

	if (pipe(to_thread) != 0 || pipe(from_thread) != 0)
		return;
	/* With the first one, TSan starts one of its own, which stays. */
	pthread_create(&first, NULL, wait_for_end, NULL);
	process_usage(getpid(), &before);
	pthread_create(&t, NULL, work, NULL);
	ok(read(from_thread[0], &c, 1) == 1, "a thread works");
	process_usage(getpid(), &after);
	eq_num(after.threads, before.threads + 1, "it is seen");
	ok(after.cpu_ns >= before.cpu_ns + 40 * MS, "and its work (%" PRIu64 " us)",
		(after.cpu_ns - before.cpu_ns) / 1000);
	ok(write(to_thread[1], "xx", 2) == 2, "it ends");
	pthread_join(t, NULL);
	pthread_join(first, NULL);
}

/* Work, hold memory, say so, and stay until nobody writes to (until) any more. */
static void hold(int ready, int until)
{
	char c;

	held = malloc(8 * MIB);
	memset(held, 1, 8 * MIB);
	burn(60 * MS);
	if (write(ready, "x", 1) != 1 || read(until, &c, 1) != 0)
		_exit(1);
	free(held);
}

/* A child with a child of its own. */
static _Noreturn void child(int ready, int until)
{
	pid_t own = fork();

	hold(ready, until);
	if (own > 0)
		waitpid(own, NULL, 0);
	_exit(0);
}

static void children(void)
{
	struct process_usage before, after;
	int ready[2], until[2], status;
	uint64_t burnt = 0;
	char c;
	pid_t pid;

	if (pipe(ready) != 0 || pipe(until) != 0)
		return;
	process_usage(getpid(), &before);
	fflush(stdout);		/* TSan writes what is in the buffer, even at _exit() */
	pid = fork();
	if (pid == 0) {
		close(until[1]);
		child(ready[1], until[0]);
	}
	for (unsigned i = 0; i < 2; i++)
		if (read(ready[0], &c, 1) == 1)
			burnt += 60 * MS;
	ok(process_usage(getpid(), &after) == 0, "with a child and a grandchild");
	eq_num(after.processes, 3, "three processes");
	ok(after.threads >= 3, "of a thread each");
	ok(after.cpu_ns >= before.cpu_ns + burnt * 2 / 3, "and the work of all (%" PRIu64 " us)",
		(after.cpu_ns - before.cpu_ns) / 1000);
	ok(after.pss_bytes >= before.pss_bytes + 15 * MIB, "and their memory");
	ok(process_usage(pid, &after) == 0 && after.processes == 2, "the child alone has one child");
	close(until[0]);
	close(until[1]);
	waitpid(pid, &status, 0);
	ok(process_usage(pid, &after) == -1 && errno == ESRCH, "then it is gone");
	process_usage(getpid(), &after);
	eq_num(after.processes, 1, "and no child is left");
}

static void zombie(void)
{
	struct process_usage u;
	siginfo_t info;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(0);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	ok(process_usage(getpid(), &u) == 0 && u.pss_bytes > 0,
		"a child that has ended does not hide the memory");
	waitpid(pid, NULL, 0);
}

int main(void)
{
	oneself();
	memory();
	threads();
	children();
	zombie();
	return tap_done();
}
