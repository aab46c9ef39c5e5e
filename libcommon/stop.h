/* SPDX-License-Identifier: MIT */
#ifndef RT_STOP_H
#define RT_STOP_H

/*
 * Ending by a signal, in order: the first SIGINT, SIGTERM or SIGHUP only asks for the end, so
 * that a tool can flush; the second one, or STOP_GRACE_MS and a second without the end, kills.
 */

#define STOP_GRACE_MS 5000	/* how long a tool may take to flush */

/** Begin to catch them; those that are ignored (nohup, background jobs) stay ignored. 0 or -1. */
int stop_catch(void);

/** The signal that came, or 0. */
int stop_signal(void);

/** A descriptor that is readable, for good, once a signal came: for poll. */
int stop_fd(void);

/** End the process by (sig), as if it had never been caught. SIGPIPE: a closed stdout. */
_Noreturn void stop_by(int sig);

#endif
