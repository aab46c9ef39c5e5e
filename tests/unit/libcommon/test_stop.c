/* SPDX-License-Identifier: MIT */
#include "stop.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tap.h"

/* The status of a child that runs (fn). */
static int status_of(void (*fn)(void))
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		fn();
		_exit(7);
	}
	waitpid(pid, &status, 0);
	return status;
}

static bool readable(void)
{
	struct pollfd p = { .fd = stop_fd(), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void first_asks(void)
{
	if (stop_catch() != 0 || stop_signal() != 0 || readable())
		_exit(1);
	raise(SIGTERM);
	if (stop_signal() != SIGTERM || !readable() || !readable())
		_exit(2);
	stop_by(stop_signal());
}

static void second_kills(void)
{
	stop_catch();
	raise(SIGTERM);
	raise(SIGINT);
}

static void ignored_stays(void)
{
	signal(SIGHUP, SIG_IGN);
	stop_catch();
	raise(SIGHUP);
	_exit(stop_signal() == 0 ? 0 : 1);
}

/* A flush that is stuck: the alarm, sent by hand here, kills by the signal that came first. */
static void stuck(void)
{
	stop_catch();
	raise(SIGTERM);
	raise(SIGALRM);
}

static void pipe_closed(void)
{
	signal(SIGPIPE, SIG_IGN);
	stop_by(SIGPIPE);
}

int main(void)
{
	int st = status_of(first_asks);

	ok(WIFSIGNALED(st) && WTERMSIG(st) == SIGTERM, "the first signal asks, then it ends by it");
	st = status_of(second_kills);
	ok(WIFSIGNALED(st) && WTERMSIG(st) == SIGINT, "the second one kills");
	eq_num(status_of(ignored_stays), 0, "what is ignored stays ignored");
	st = status_of(stuck);
	ok(WIFSIGNALED(st) && WTERMSIG(st) == SIGTERM, "time for the flush is limited");
	st = status_of(pipe_closed);
	ok(WIFSIGNALED(st) && WTERMSIG(st) == SIGPIPE, "an ignored signal can still end it");
	return tap_done();
}
