/* SPDX-License-Identifier: MIT */
#ifndef RT_SHELL_H
#define RT_SHELL_H

/* Commands that a user named, run by /bin/sh. */
#include <sys/types.h>

/**
 * Start (command) with (in) as its stdin (-1: /dev/null) and (out) as its stdout (-1: ours), in the
 * environment (env), with SIGPIPE, which we ignore, as it was. All other descriptors should be
 * close-on-exec. 0 and *pid, or the errno of what went wrong.
 */
int shell_spawn(const char *command, int in, int out, char **env, pid_t *pid);

#endif
