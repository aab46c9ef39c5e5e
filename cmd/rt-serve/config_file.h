/* SPDX-License-Identifier: MIT */
#ifndef RT_CONFIG_FILE_H
#define RT_CONFIG_FILE_H

/*
 * A configuration file: long options, one a line, "name value" or "name = value", flags by their
 * name alone; "#" begins a comment at the beginning of a line or after white space.
 */
#include "buf.h"
#include "opt.h"

/** Set every option of (path) on (config). 0, or -1 and "PATH:LINE: what is wrong" in (why). */
int config_file_read(const char *path, const struct opt_tool *tool, void *config, struct buf *why);

#endif
