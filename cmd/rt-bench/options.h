/* SPDX-License-Identifier: MIT */
#ifndef RT_BENCH_OPTIONS_H
#define RT_BENCH_OPTIONS_H

/* The table of options, from which parsing and -h follow; config.c checks what was set. */
#include "opt.h"

extern const struct opt_tool options_tool;

#endif
