/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "stop.h"

static volatile sig_atomic_t caught;
static int wake_fds[2] = { -1, -1 };

static void set_handler(int sig, void (*handler)(int))
{
	struct sigaction sa = { .sa_handler = handler };

	sigemptyset(&sa.sa_mask);
	sigaction(sig, &sa, NULL);
}

/* Restores what the signal does by default and lets it do that; safe within a handler. */
static void die_by(int sig)
{
	sigset_t set;

	set_handler(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	raise(sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void on_signal(int sig)
{
	int saved = errno;
	ssize_t n;

	if (caught != 0)
		die_by(sig == SIGALRM ? (int)caught : sig);
	caught = sig;
	/* For when the flush itself is stuck, in a write to a pipe nobody reads. */
	alarm(STOP_GRACE_MS / 1000 + 1);
	n = write(wake_fds[1], "", 1);
	(void)n;	/* if the pipe is full it is readable anyway */
	errno = saved;
}

int stop_catch(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	if (pipe2(wake_fds, O_CLOEXEC | O_NONBLOCK) != 0)
		return -1;
	set_handler(SIGALRM, on_signal);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct sigaction old;

		sigaction(signals[i], NULL, &old);
		if (old.sa_handler != SIG_IGN)
			set_handler(signals[i], on_signal);
	}
	return 0;
}

int stop_signal(void)
{
	return (int)caught;
}

int stop_fd(void)
{
	return wake_fds[0];
}

void stop_by(int sig)
{
	die_by(sig);
	_exit(128 + sig);	/* a signal that is blocked or does not kill */
}
