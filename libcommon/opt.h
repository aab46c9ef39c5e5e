/* SPDX-License-Identifier: MIT */
#ifndef RT_OPT_H
#define RT_OPT_H

/*
 * Command line options as one table per tool, from which parsing, -h, the configuration file of
 * rt-serve, and the test that compares -h with the manual and the completions all follow.
 */
#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "str.h"

/**
 * One option. (set) gets the argument (NULL for a flag) and the tool's own struct; it returns
 * NULL, or a sentence that says what would be right ("is not a number from 1 to 65535").
 */
struct opt {
	const char *name;	/* long name without dashes */
	char letter;		/* short name, or 0 */
	const char *arg;	/* name of the argument in -h, e.g. "SECONDS"; NULL: a flag */
	const char *help;	/* one line for -h; NULL: not shown */
	const char *(*set)(void *config, const char *arg);
	unsigned flags;		/* the tool's own, e.g. "may change on reload" */
};

struct opt_tool {
	const char *name;	/* "rt-sub" */
	const char *usage;	/* lines after "usage: " */
	const char *summary;	/* one sentence below it */
	const char *footer;	/* e.g. examples and "see rt-sub(1)"; may be NULL */
	const struct opt *opts;	/* ends with name == NULL */
	const struct opt *common;	/* a second table shown after the first; may be NULL */
};

/**
 * Parse argv as getopt_long does, permuting; "--" ends the options. -h/--help and -V/--version
 * print to stdout and exit 0 here. On a mistake says what is wrong and how to get help, exits 2.
 * Returns the index of the first operand in the permuted (argv).
 */
int opt_parse(const struct opt_tool *t, int argc, char **argv, void *config);

/**
 * The same with an (argv) that opt_parse took already, by a process that must not end here: 0, or -1
 * and in (why) what went wrong this time, as want of memory.
 */
int opt_parse_again(const struct opt_tool *t, int argc, char **argv, void *config, struct buf *why);

/**
 * Set one option by its long name, as from a line of a configuration file. Returns NULL, or what
 * is wrong: valid until the next call in this thread.
 */
const char *opt_set(const struct opt_tool *t, const char *name, const char *arg, void *config);

/** The table entry of a long name, or NULL. */
const struct opt *opt_find(const struct opt_tool *t, const char *name);

/** Version of all tools, from the Makefile. */
extern const char opt_version[];

/** End with EXIT_USAGE: "TOOL: (text); try TOOL -h". */
_Noreturn void opt_usage(const char *tool, const char *text);

#endif
