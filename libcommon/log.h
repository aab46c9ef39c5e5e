/* SPDX-License-Identifier: MIT */
#ifndef RT_LOG_H
#define RT_LOG_H

/*
 * Messages for people, on stderr: one line each, "tool: message", written whole with one write.
 * Every call keeps errno. Control characters that come in through arguments are escaped as
 * \xNN, so that a peer cannot drive the terminal.
 */
#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/** Set the prefix (kept by reference) and the most talkative level that is shown. */
void log_init(const char *tool, enum log_level level);
void log_set_level(enum log_level level);

/** Would a line of (level) be shown? */
bool log_shows(enum log_level level);

/** One line each, formatted as by printf, without its LF. errno stays. Any thread. */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
