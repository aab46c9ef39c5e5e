/* SPDX-License-Identifier: MIT */
#ifndef RT_CONFIG_OPTIONS_H
#define RT_CONFIG_OPTIONS_H

/*
 * The options of rt-serve, those of the command line and of the configuration file: their names, what -h
 * says of them, and what each accepts. They set a struct config (config.h).
 */
#include "opt.h"

extern const struct opt_tool config_options;

#endif
