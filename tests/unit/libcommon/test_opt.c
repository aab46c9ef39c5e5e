/* SPDX-License-Identifier: MIT */
#include "libcommon/opt.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tap.h"

struct config {
	const char *since, *server;
	int quiet, verbose, hidden;
};

static const char *set_since(void *config, const char *arg)
{
	((struct config *)config)->since = arg;
	return strcmp(arg, "yesterday") == 0 ? "is not a time or an age such as 10m" : NULL;
}

static const char *set_server(void *config, const char *arg)
{
	((struct config *)config)->server = arg;
	return NULL;
}

static const char *set_quiet(void *config, const char *arg)
{
	((struct config *)config)->quiet += arg == NULL;
	return ((struct config *)config)->quiet > 2 ? "is given too often" : NULL;
}

static const char *set_verbose(void *config, const char *arg)
{
	((struct config *)config)->verbose += arg == NULL;
	return NULL;
}

static const char *set_hidden(void *config, const char *arg)
{
	((struct config *)config)->hidden += arg == NULL;
	return NULL;
}

static const struct opt own[] = {
	{"since", 0, "WHEN", "start at WHEN", set_since, 5},
	{"secret", 0, NULL, NULL, set_hidden, 0},
	{.name = NULL},
};

static const struct opt common[] = {
	{"server", 's', "URL", "the server", set_server, 0},
	{"quiet", 'q', NULL, "say less", set_quiet, 0},
	{"verbose", 'v', NULL, "say more", set_verbose, 0},
	{.name = NULL},
};

static const struct opt_tool tool = {
	.name = "rt-sub",
	.usage = "rt-sub [OPTION]... TOPIC...\nrt-sub [OPTION]... URL",
	.summary = "Events as lines.",
	.footer = "See rt-sub(1).",
	.opts = own,
	.common = common,
};

#define ARGS(...) (char *[]){"rt-sub", __VA_ARGS__, NULL}

static int argc_of(char **argv)
{
	int n = 0;

	while (argv[n] != NULL)
		n++;
	return n;
}

static void parsing(void)
{
	struct config c = {0};
	char **argv = ARGS("one", "--since", "10m", "-qvv", "two", "-shttp://x", "--", "-q");
	int at = opt_parse(&tool, argc_of(argv), argv, &c);

	ok(c.quiet == 1 && c.verbose == 2, "flags in a cluster");
	eq_str(c.since, "10m", "a long option with its argument");
	eq_str(c.server, "http://x", "a short one with its argument attached");
	eq_num(at, argc_of(argv) - 3, "three operands");
	ok(strcmp(argv[at], "one") == 0 && strcmp(argv[at + 1], "two") == 0 &&
		strcmp(argv[at + 2], "-q") == 0, "permuted to the end, -- ends the options");
	c = (struct config){0};
	argv = ARGS("--since=", "--serv=y", "-");
	at = opt_parse(&tool, argc_of(argv), argv, &c);
	ok(c.since[0] == '\0' && strcmp(c.server, "y") == 0 && strcmp(argv[at], "-") == 0,
		"an empty argument, an abbreviation, a dash, and all that a second time");
}

/* Parse in a child; returns its exit status, and what it wrote to (fd) in *out. */
static int in_child(char **argv, int fd, char **out)
{
	static char text[4096];
	struct config c = {0};
	int pipe_fd[2], status;
	ssize_t n;
	size_t len = 0;
	pid_t pid;

	fflush(stdout);
	if (pipe(pipe_fd) < 0 || (pid = fork()) < 0)
		exit(1);
	if (pid == 0) {
		dup2(pipe_fd[1], fd);
		opt_parse(&tool, argc_of(argv), argv, &c);
		_exit(99);
	}
	close(pipe_fd[1]);
	while ((n = read(pipe_fd[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	close(pipe_fd[0]);
	text[len] = '\0';
	*out = text;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void refused(char **argv, const char *want)
{
	char *out;

	eq_num(in_child(argv, STDERR_FILENO, &out), 2, "exit status of a usage error");
	eq_str(out, want, "and its message");
}

static void mistakes(void)
{
	refused(ARGS("--foo"), "rt-sub: unknown option --foo; try rt-sub -h\n");
	refused(ARGS("topic", "--foo=bar", "x"), "rt-sub: unknown option --foo; try rt-sub -h\n");
	refused(ARGS("-z"), "rt-sub: unknown option -z; try rt-sub -h\n");
	refused(ARGS("-qz", "x"), "rt-sub: unknown option -z; try rt-sub -h\n");
	refused(ARGS("--ver"), "rt-sub: ambiguous option --ver; try rt-sub -h\n");
	refused(ARGS("--since"), "rt-sub: --since needs an argument, WHEN; try rt-sub -h\n");
	refused(ARGS("-s"), "rt-sub: --server needs an argument, URL; try rt-sub -h\n");
	refused(ARGS("--quiet=1"), "rt-sub: --quiet takes no argument; try rt-sub -h\n");
	refused(ARGS("--since", "yesterday"),
		"rt-sub: --since yesterday is not a time or an age such as 10m\n");
	refused(ARGS("-qqq"), "rt-sub: --quiet is given too often\n");
	refused(ARGS("--a\nb"), "rt-sub: unknown option --a\\x0ab; try rt-sub -h\n");
}

static const char help[] =
	"usage: rt-sub [OPTION]... TOPIC...\n"
	"       rt-sub [OPTION]... URL\n"
	"\n"
	"Events as lines.\n"
	"\n"
	"Options:\n"
	"      --since WHEN  start at WHEN\n"
	"\n"
	"Common options:\n"
	"  -s, --server URL  the server\n"
	"  -q, --quiet       say less\n"
	"  -v, --verbose     say more\n"
	"  -h, --help        show this help\n"
	"  -V, --version     show the version\n"
	"\n"
	"See rt-sub(1).\n";

static void help_and_version(void)
{
	char *out, version[64];

	eq_num(in_child(ARGS("-h"), STDOUT_FILENO, &out), 0, "-h succeeds");
	eq_str(out, help, "on stdout");
	eq_num(in_child(ARGS("--help", "--foo"), STDOUT_FILENO, &out), 0, "--help, whatever follows");
	eq_str(out, help, "the same");
	snprintf(version, sizeof(version), "rt-sub %s\n", opt_version);
	eq_num(in_child(ARGS("-V"), STDOUT_FILENO, &out), 0, "-V succeeds");
	eq_str(out, version, "name and version");
	eq_num(in_child(ARGS("--version"), STDOUT_FILENO, &out), 0, "--version too");
	ok(opt_version[0] >= '0' && opt_version[0] <= '9', "the version begins with a digit");
}

static void by_name(void)
{
	struct config c = {0};

	ok(opt_find(&tool, "since") == &own[0] && own[0].flags == 5, "found in the first table");
	ok(opt_find(&tool, "quiet") == &common[1], "and in the second");
	ok(opt_find(&tool, "sinc") == NULL && opt_find(&tool, "") == NULL, "whole names only");
	ok(opt_set(&tool, "since", "1h", &c) == NULL && strcmp(c.since, "1h") == 0, "set one");
	ok(opt_set(&tool, "quiet", NULL, &c) == NULL && c.quiet == 1, "set a flag");
	eq_str(opt_set(&tool, "since", "yesterday", &c),
		"since yesterday is not a time or an age such as 10m", "what is wrong");
	eq_str(opt_set(&tool, "since", NULL, &c), "since needs an argument, WHEN", "argument missing");
	eq_str(opt_set(&tool, "quiet", "yes", &c), "quiet takes no argument", "argument too many");
	eq_str(opt_set(&tool, "foo", NULL, &c), "unknown option foo; try rt-sub -h", "unknown");
}

static void again(void)
{
	struct config c = {0}, d = {0};
	char **argv = ARGS("one", "--since", "10m", "-qv", "two");
	struct buf why;

	buf_init(&why, 200);
	opt_parse(&tool, argc_of(argv), argv, &c);
	eq_num(opt_parse_again(&tool, argc_of(argv), argv, &d, &why), 0, "what was taken is taken again");
	ok(d.quiet == 1 && d.verbose == 1 && strcmp(d.since, "10m") == 0 && why.len == 0, "all of it");
	d.quiet = 2;
	eq_num(opt_parse_again(&tool, argc_of(argv), argv, &d, &why), -1, "an option that fails this time");
	eq_str(buf_cstr(&why), "--quiet is given too often", "is named, and nothing ends");
	buf_fini(&why);
}

int main(void)
{
	parsing();
	again();
	mistakes();
	help_and_version();
	by_name();
	return tap_done();
}
